//! Who may be called back, and with which secrets.

use url::Url;

use super::{Secret, SecretError, Secrets};
use crate::{
    config::{CallbackTo, Config},
    secret::Sealer,
};

/// Receivers by the configuration, and everybody else.
#[derive(Clone, Debug)]
pub(super) struct Receivers {
    named: Vec<(Url, Secrets)>,
    to: CallbackTo,
}

impl Receivers {
    pub(super) fn new(config: &Config) -> Self {
        let named = config.callbacks.values().filter_map(|receiver| {
            // The configuration was checked.
            Some((receiver.url.clone(), receiver.secrets.parse().ok()?))
        });
        Self { named: named.collect(), to: config.requests.callback_to }
    }

    /// Whether the operator lets clients have this URL called.
    pub(super) fn may_call(&self, url: &Url) -> bool {
        self.to == CallbackTo::Any || self.named_for(url).is_some()
    }

    /// What deliveries to this URL are signed with: the secrets of the configuration, or one that follows from its origin
    /// and the key that the collector's hosts share.
    pub(super) fn secrets(&self, url: &Url, hash: impl Fn(&[u8]) -> String) -> Result<Secrets, SecretError> {
        if let Some(secrets) = self.named_for(url) {
            return Ok(secrets.clone());
        }
        // A zero byte: no key of a client can be hashed to the same.
        let hash = hash(format!("callback\0{}", url.origin().ascii_serialization()).as_bytes());
        let bytes = data_encoding::HEXLOWER.decode(hash.as_bytes()).map_err(|_| SecretError)?;
        Secret::new(bytes).map(Secrets::from)
    }

    /// Those of the longest URL that this one is below.
    fn named_for(&self, url: &Url) -> Option<&Secrets> {
        let fitting = self.named.iter().filter(|(base, _)| is_below(url, base));
        fitting.max_by_key(|(base, _)| base.path().len()).map(|(_, secrets)| secrets)
    }
}

/// What this collector signs deliveries to a URL with: for who sets its receiver up.
pub fn secrets_for(url: &Url, config: &Config, sealer: &Sealer) -> Result<Secrets, SecretError> {
    Receivers::new(config).secrets(url, |bytes| sealer.keyed_hash(bytes))
}

/// Whether `url` is `base` or in the directory that it names.
fn is_below(url: &Url, base: &Url) -> bool {
    let directory = base.path().trim_end_matches('/');
    let rest = url.path().strip_prefix(directory);
    url.origin() == base.origin() && rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_receiver_stands_for_what_is_below_it() {
        for (url, base, below) in [
            ("https://a.example/hooks/1", "https://a.example/hooks/", true),
            ("https://a.example/hooks", "https://a.example/hooks/", true),
            ("https://a.example/hooks?x=1", "https://a.example/hooks", true),
            ("https://a.example/anything", "https://a.example", true),
            ("https://a.example:443/hooks/1", "https://a.example/hooks", true),
            ("https://a.example/hooksters", "https://a.example/hooks", false),
            ("https://a.example/hooks/../admin", "https://a.example/hooks", false),
            ("http://a.example/hooks", "https://a.example/hooks", false),
            ("https://a.example:8443/hooks", "https://a.example/hooks", false),
            ("https://a.example.evil/hooks", "https://a.example/hooks", false),
            ("https://a.example@evil/hooks", "https://a.example/hooks", false),
        ] {
            assert_eq!(is_below(&url.parse().unwrap(), &base.parse().unwrap()), below, "{url}");
        }
    }
}
