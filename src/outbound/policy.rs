//! Where outgoing calls may go. Pure.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::IpNet;
use url::{Host, Url};

use super::{
    Endpoint, Refusal, Rule,
    address::{hidden, is_metadata, special},
};
use crate::config::{self, PortRange};

/// Bytes of a URL.
const MAX_URL: usize = 8 << 10;

/// What is reached without an exception.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reach {
    /// This machine alone: without `network.allow_public`.
    Loopback,
    /// The internet, and then not this machine: its own services trust whoever comes from it, and a URL of a stranger
    /// must not borrow that trust.
    Public,
}

/// What may be called. The address decides, however it was written or found; `network.allow` names exceptions.
///
/// | `network.allow_public` | this machine | the internet | private and special addresses |
/// |---|---|---|---|
/// | `false` | yes | no | no |
/// | `true` | no | yes | no |
/// | either, in `network.allow` | yes | yes | yes, but never where clouds tell their machines' credentials |
#[derive(Clone, Debug)]
pub struct Policy {
    reach: Reach,
    allow: Vec<IpNet>,
    ports: Vec<PortRange>,
}

impl Policy {
    /// The operator's.
    pub fn new(network: &config::Network) -> Self {
        let reach = if network.allow_public { Reach::Public } else { Reach::Loopback };
        Self { reach, allow: network.allow.0.clone(), ports: network.ports.0.clone() }
    }

    /// Whether this address may be called.
    pub fn judge(&self, ip: IpAddr) -> Result<(), Refusal> {
        let ip = ip.to_canonical();
        if is_metadata(ip) || hidden(ip).any(|inner| is_metadata(inner.into())) {
            return Err(Refusal::new(Rule::Metadata, ip));
        }
        if self.allow.iter().any(|net| net.contains(&ip)) {
            // The operator has a translator; what is behind it is judged as if it were not there.
            return hidden(ip).try_for_each(|inner| self.judge(inner.into()));
        }
        match (special(ip), self.reach) {
            (Some(Rule::Loopback), Reach::Loopback) | (None, Reach::Public) => Ok(()),
            (Some(rule), _) => Err(Refusal::new(rule, ip)),
            (None, Reach::Loopback) => Err(Refusal::new(Rule::Public, ip)),
        }
    }

    /// Whether this URL may be called, as far as it says itself: a name's addresses are judged when it is connected to.
    /// Returns it as it is called: without a fragment, and without a dot behind the name.
    pub fn admit(&self, url: &Url) -> Result<Url, Refusal> {
        if url.as_str().len() > MAX_URL {
            return Err(Refusal::new(Rule::TooLong, format_args!("a URL of {} bytes", url.as_str().len())));
        }
        if !matches!(url.scheme(), "http" | "https") {
            return Err(Refusal::new(Rule::Scheme, format_args!("{}:", url.scheme())));
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err(Refusal::new(Rule::Userinfo, "…@:"));
        }
        let port = url.port_or_known_default().unwrap_or(0);
        if !self.ports.iter().any(|range| range.contains(port)) {
            return Err(Refusal::new(Rule::Port, format_args!("port {port}")));
        }
        let mut url = url.clone();
        url.set_fragment(None);
        match url.host().map(|host| host.to_owned()) {
            Some(Host::Ipv4(ip)) => self.judge(ip.into())?,
            Some(Host::Ipv6(ip)) => self.judge(ip.into())?,
            Some(Host::Domain(name)) => {
                let bare = self.admit_name(&name)?;
                if bare.len() < name.len() {
                    url.set_host(Some(bare)).map_err(|_| Refusal::new(Rule::Host, &name))?;
                }
            }
            None => return Err(Refusal::new(Rule::Host, "nothing")),
        }
        Ok(url)
    }

    /// Whether a redirect from one URL to the other may be followed, and the URL to call then.
    pub(super) fn redirect(&self, from: &Url, location: &str) -> Result<Url, Refusal> {
        let to = from.join(location).map_err(|_| Refusal::new(Rule::Url, "the Location of a redirect"))?;
        if from.scheme() == "https" && to.scheme() == "http" {
            return Err(Refusal::new(Rule::Downgrade, Endpoint::of(&to)));
        }
        self.admit(&to)
    }

    /// The name without the dot that may stand behind it, if it may be looked up.
    pub(super) fn admit_name<'a>(&self, name: &'a str) -> Result<&'a str, Refusal> {
        let bare = name.strip_suffix('.').unwrap_or(name);
        let is_name = (1..=253).contains(&bare.len()) && bare.split('.').all(|label| (1..=63).contains(&label.len()));
        if !is_name {
            return Err(Refusal::new(Rule::Host, format_args!("{name:?}")));
        }
        if is_localhost(bare) {
            let here = self.local().next();
            return here.map(|_| bare).ok_or_else(|| Refusal::new(Rule::Localhost, bare));
        }
        // Asking a name server is a call to the outside too.
        if self.reach == Reach::Loopback && self.allow.is_empty() {
            return Err(Refusal::new(Rule::Name, bare));
        }
        Ok(bare)
    }

    /// The addresses of this machine that may be called.
    pub(super) fn local(&self) -> impl Iterator<Item = IpAddr> {
        let both = [Ipv4Addr::LOCALHOST.into(), Ipv6Addr::LOCALHOST.into()];
        both.into_iter().filter(|ip| self.judge(*ip).is_ok())
    }
}

/// The names of this machine (RFC 6761), which no name server is asked about.
pub(super) fn is_localhost(bare: &str) -> bool {
    let last = bare.rsplit('.').next().unwrap_or(bare);
    last.eq_ignore_ascii_case("localhost")
}
