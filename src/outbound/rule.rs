//! Why a call is not made.

use std::fmt;

use serde::Serialize;

/// The rule that a URL or an address breaks. The words are stable: they stand in errors, in the API and in records.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Rule {
    /// It is no URL at all.
    Url,
    /// The URL is longer than any is read.
    TooLong,
    /// Neither http nor https.
    Scheme,
    /// A user or a password in the URL.
    Userinfo,
    /// No host, or no name that one can have.
    Host,
    /// A port that is not in `network.ports`.
    Port,
    /// A header that the client sets itself.
    Header,
    /// `localhost` and what ends in `.localhost`, where this machine may not be called.
    Localhost,
    /// A name, where names are not looked up: without `network.allow_public` and `network.allow`.
    Name,
    /// An address of the internet, without `network.allow_public`.
    Public,
    /// Where clouds tell machines their credentials. No exception is made.
    Metadata,
    /// `0.0.0.0/8` and `::`: this very machine, for most systems.
    Unspecified,
    /// This machine.
    Loopback,
    /// The private networks of RFC 1918.
    Private,
    /// What carriers share behind their translators.
    Shared,
    /// What is valid on one cable only.
    LinkLocal,
    /// Reserved for protocols by IANA.
    Protocol,
    /// Made for examples in documents.
    Documentation,
    /// Made for measuring networks.
    Benchmarking,
    /// Groups, and everybody.
    Multicast,
    /// Assigned to nobody.
    Reserved,
    /// `192.88.99.0/24` and `2002::/16`: IPv6 carried by IPv4.
    SixToFour,
    /// `2001::/32`: IPv6 carried by UDP.
    Teredo,
    /// `64:ff9b::/96` and `64:ff9b:1::/48`: IPv4 behind a translator.
    Nat64,
    /// `::/96`: IPv4 written as IPv6, the old way.
    Ipv4Compatible,
    /// `100::/64`: a hole to throw packets into.
    Discard,
    /// `5f00::/16`: the insides of a provider's network.
    SegmentRouting,
    /// The private networks of IPv6.
    UniqueLocal,
    /// The private networks of IPv6, before.
    SiteLocal,
    /// A redirect from https to http.
    Downgrade,
    /// More redirects than are followed.
    Redirects,
}

impl Rule {
    /// Every rule, for comparing with `openapi.yaml`.
    #[cfg(test)]
    pub(super) const ALL: [Self; 31] = [
        Self::Url,
        Self::TooLong,
        Self::Scheme,
        Self::Userinfo,
        Self::Host,
        Self::Port,
        Self::Header,
        Self::Localhost,
        Self::Name,
        Self::Public,
        Self::Metadata,
        Self::Unspecified,
        Self::Loopback,
        Self::Private,
        Self::Shared,
        Self::LinkLocal,
        Self::Protocol,
        Self::Documentation,
        Self::Benchmarking,
        Self::Multicast,
        Self::Reserved,
        Self::SixToFour,
        Self::Teredo,
        Self::Nat64,
        Self::Ipv4Compatible,
        Self::Discard,
        Self::SegmentRouting,
        Self::UniqueLocal,
        Self::SiteLocal,
        Self::Downgrade,
        Self::Redirects,
    ];

    /// The rule in a few words, to stand behind what broke it.
    const fn sentence(self) -> &'static str {
        match self {
            Self::Url => "is no URL",
            Self::TooLong => "is too long for a URL",
            Self::Scheme => "is not http or https",
            Self::Userinfo => "user and password have no place in a URL",
            Self::Host => "is no host",
            Self::Port => "is not one of network.ports",
            Self::Header => "is a header that the client sets itself",
            Self::Localhost => "is a name of this machine, which is not called here unless network.allow holds it",
            Self::Name => "is a name, and none is looked up without network.allow_public or network.allow",
            Self::Public => "is an address outside this machine, and calling those needs network.allow_public = true",
            Self::Metadata => "is where clouds tell their machines' credentials, and is never called",
            Self::Unspecified => "stands for this machine",
            Self::Loopback => "is this machine, which is not called here unless network.allow holds it",
            Self::Private => "is in a private network that network.allow does not hold",
            Self::Shared => "is in a carrier's shared network",
            Self::LinkLocal => "is link-local",
            Self::Protocol => "is reserved for protocols",
            Self::Documentation => "is made for documentation",
            Self::Benchmarking => "is made for benchmarks",
            Self::Multicast => "is multicast",
            Self::Reserved => "is not assigned to the internet",
            Self::SixToFour => "is a 6to4 address",
            Self::Teredo => "is a Teredo address",
            Self::Nat64 => "is an IPv4 address behind NAT64",
            Self::Ipv4Compatible => "is an IPv4 address written as IPv6",
            Self::Discard => "is discard-only",
            Self::SegmentRouting => "is a segment routing identifier",
            Self::UniqueLocal => "is in a private network (unique local) that network.allow does not hold",
            Self::SiteLocal => "is site-local",
            Self::Downgrade => "a redirect from https to http is not followed",
            Self::Redirects => "redirects too often",
        }
    }

    /// The stable word: `link_local`.
    pub fn word(self) -> String {
        // A variant without fields is its name; this cannot fail.
        serde_json::to_value(self).ok().and_then(|word| word.as_str().map(str::to_owned)).unwrap_or_default()
    }
}

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.sentence())
    }
}

/// What broke which rule. Trying again does not help. It never holds more of a URL than its scheme, host or port.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{subject} {rule}")]
pub struct Refusal {
    /// The rule.
    pub rule: Rule,
    /// What broke it: an address, a name, a port.
    pub subject: String,
}

impl Refusal {
    pub(super) fn new(rule: Rule, subject: impl fmt::Display) -> Self {
        // A name may be as long as a URL.
        Self { rule, subject: subject.to_string().chars().take(300).collect() }
    }
}
