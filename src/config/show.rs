//! The configuration as a person may see it.

use url::Url;

use super::{Config, Redis};
use crate::secret::MASK;

impl Config {
    /// As TOML, the password of Redis masked.
    pub fn to_toml(&self) -> Result<String, toml::ser::Error> {
        toml::to_string(&self.shown())
    }

    /// As JSON for anybody who asks: what a provider's URL says besides its place may be a key, so that is masked too.
    pub fn to_json(&self) -> Result<serde_json::Value, serde_json::Error> {
        let mut shown = self.shown();
        for provider in shown.providers.values_mut() {
            hide(&mut provider.url);
        }
        for receiver in shown.callbacks.values_mut() {
            hide(&mut receiver.url);
        }
        serde_json::to_value(shown)
    }

    fn shown(&self) -> Self {
        let mut shown = self.clone();
        shown.redis.url = self.redis.shown_url();
        for receiver in shown.callbacks.values_mut() {
            MASK.clone_into(&mut receiver.secrets);
        }
        shown
    }
}

/// What stands in a URL for what is not shown: the other mask would be escaped.
const HIDDEN: &str = "***";

/// Masks all of a URL but its place: keys stand in passwords, in paths (`/v3/<key>`) and in parameters.
pub fn hide(url: &mut Url) {
    if url.password().is_some() {
        // It cannot fail: there is one.
        url.set_password(Some(HIDDEN)).ok();
    }
    if !matches!(url.path(), "" | "/") {
        url.set_path(HIDDEN);
    }
    if url.query().is_some() {
        url.set_query(Some(HIDDEN));
    }
}

impl Redis {
    /// The URL with its password masked: for logs and messages.
    pub fn shown_url(&self) -> String {
        without_password(&self.url)
    }
}

/// Masks `user:password@` and `?pass=` of anything that looks like a URL; other text stays as it is.
pub(super) fn without_password(text: &str) -> String {
    let Some((scheme, rest)) = text.split_once("://") else { return text.to_owned() };
    let mut pieces = Vec::new();
    // By hand: what is no URL at all may hold a password too.
    for (n, piece) in rest.split(['?', '&']).enumerate() {
        match piece.split_once('=') {
            Some((name, _)) if n > 0 && name.contains("pass") => pieces.push(format!("{name}={MASK}")),
            _ if n > 0 && piece.is_empty() => {}
            _ => pieces.push(piece.to_owned()),
        }
    }
    let mut address = pieces.remove(0);
    if !pieces.is_empty() {
        address = format!("{address}?{}", pieces.join("&"));
    }
    // The last @: a password may hold one that nobody escaped.
    if let Some((user, host)) = address.rsplit_once('@')
        && let Some((user, _)) = user.split_once(':')
    {
        address = format!("{user}:{MASK}@{host}");
    }
    format!("{scheme}://{address}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_in_urls_are_hidden() {
        for (url, shown) in [
            ("https://a.example:8443", "https://a.example:8443/"),
            ("https://a.example/v3/s3cret", "https://a.example/***"),
            ("https://a.example/?key=s3cret", "https://a.example/?***"),
            ("https://me:s3cret@a.example/", "https://me:***@a.example/"),
        ] {
            let mut url: Url = url.parse().unwrap();
            hide(&mut url);
            assert_eq!(url.as_str(), shown);
        }
    }

    #[test]
    fn passwords_are_masked() {
        for (url, shown) in [
            ("", ""),
            ("127.0.0.1:8900", "127.0.0.1:8900"),
            ("redis://host:6379/1", "redis://host:6379/1"),
            ("rediss://user:pw@host", "rediss://user:••••@host"),
            ("redis://:p@w/x@host/0?protocol=3", "redis://:••••@host/0?protocol=3"),
            ("redis://:p?w&x@host", "redis://:••••@host"),
            ("unix:///run/redis.sock?db=1&pass=pw", "unix:///run/redis.sock?db=1&pass=••••"),
            ("unix:///run/redis.sock?pass=p@w", "unix:///run/redis.sock?pass=••••"),
            ("redis+cluster://:pw@a:1,b:2", "redis+cluster://:••••@a:1,b:2"),
            ("redis+cluster://a:1,:pw@b:2", "redis+cluster://a:••••@b:2"),
            (
                "redis+sentinel://me:pw@a:1,b:2/m?db=1&sentinel_user=s&sentinel_pass=pw",
                "redis+sentinel://me:••••@a:1,b:2/m?db=1&sentinel_user=s&sentinel_pass=••••",
            ),
        ] {
            assert_eq!(without_password(url), shown);
        }
    }
}
