//! What would become of a call, without making it.

use std::net::IpAddr;

use tokio::time::timeout;
use url::{Host, Url};

use super::{Client, Refusal, Rule, resolver::LookupError};

/// Addresses that are told. All are judged.
const MAX_TOLD: usize = 32;

/// What would become of a call now. A name may have other addresses when it is really called, and is judged again then.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verdict {
    /// The addresses that were judged; of very many the first.
    pub addresses: Vec<IpAddr>,
    /// What of it.
    pub finding: Finding,
}

/// What a check finds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Finding {
    /// It may be called.
    Allowed,
    /// It may not.
    Refused(Refusal),
    /// Its name has no address now: why.
    Unknown(String),
}

impl Client {
    /// Judges a URL by every rule that a call would be judged by. Asks name servers, connects to nobody.
    pub async fn check(&self, url: &str) -> Verdict {
        let refused = |refusal| Verdict { addresses: Vec::new(), finding: Finding::Refused(refusal) };
        let Ok(url) = Url::parse(url) else { return refused(Refusal::new(Rule::Url, "the text")) };
        let literal = match url.host() {
            Some(Host::Ipv4(ip)) => vec![ip.into()],
            Some(Host::Ipv6(ip)) => vec![ip.into()],
            _ => Vec::new(),
        };
        let url = match self.policy().admit(&url) {
            Ok(url) => url,
            Err(refusal) => return Verdict { addresses: literal, ..refused(refusal) },
        };
        let Some(Host::Domain(name)) = url.host() else {
            return Verdict { addresses: literal, finding: Finding::Allowed };
        };
        let Ok((mut addresses, verdict)) = timeout(self.connect_timeout(), self.guarded().look_up(name)).await else {
            return Verdict { addresses: Vec::new(), finding: Finding::Unknown("no name server answers".into()) };
        };
        addresses.truncate(MAX_TOLD);
        let finding = match verdict {
            Ok(()) => Finding::Allowed,
            Err(LookupError::Refused(refusal)) => Finding::Refused(refusal),
            Err(LookupError::Unknown(reason)) => Finding::Unknown(reason.to_string()),
        };
        Verdict { addresses, finding }
    }
}
