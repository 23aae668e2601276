//! The configuration as a person may see it.

use super::{Config, Redis};
use crate::secret::MASK;

impl Config {
    /// As TOML, the password of Redis masked.
    pub fn to_toml(&self) -> Result<String, toml::ser::Error> {
        let mut shown = self.clone();
        shown.redis.url = self.redis.shown_url();
        toml::to_string(&shown)
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
    let (address, query) = rest.split_once('?').unwrap_or((rest, ""));
    // The last @: a password may hold one that nobody escaped.
    let address = match address.rsplit_once('@') {
        Some((user, host)) => match user.split_once(':') {
            Some((user, _)) => format!("{user}:{MASK}@{host}"),
            None => address.to_owned(),
        },
        None => address.to_owned(),
    };
    let pairs: Vec<_> = query
        .split('&')
        .filter(|pair| !pair.is_empty())
        .map(|pair| if pair.starts_with("pass=") { format!("pass={MASK}") } else { pair.to_owned() })
        .collect();
    let query = if pairs.is_empty() { String::new() } else { format!("?{}", pairs.join("&")) };
    format!("{scheme}://{address}{query}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn passwords_are_masked() {
        for (url, shown) in [
            ("", ""),
            ("127.0.0.1:8900", "127.0.0.1:8900"),
            ("redis://host:6379/1", "redis://host:6379/1"),
            ("rediss://user:pw@host", "rediss://user:••••@host"),
            ("redis://:p@w/x@host/0?protocol=3", "redis://:••••@host/0?protocol=3"),
            ("unix:///run/redis.sock?db=1&pass=pw", "unix:///run/redis.sock?db=1&pass=••••"),
        ] {
            assert_eq!(without_password(url), shown);
        }
    }
}
