//! Whom a call is made to.

use std::fmt;

use url::Url;

/// Scheme, host and port of a URL: what is polite towards, and what fails, as one.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Endpoint(String);

impl Endpoint {
    /// That of a URL. Equal endpoints are written the same, with the port that the scheme stands for.
    pub fn of(url: &Url) -> Self {
        let host = url.host_str().unwrap_or_default().trim_end_matches('.');
        Self(format!("{}://{host}:{}", url.scheme(), url.port_or_known_default().unwrap_or(0)))
    }

    /// `https://example.org:443`.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_endpoint_is_written_one_way() {
        for (url, endpoint) in [
            ("https://Example.org/a?b#c", "https://example.org:443"),
            ("https://example.org.:443", "https://example.org:443"),
            ("http://example.org", "http://example.org:80"),
            ("http://0x7f.1:8080/", "http://127.0.0.1:8080"),
            ("http://[::0001]/", "http://[::1]:80"),
        ] {
            assert_eq!(Endpoint::of(&Url::parse(url).unwrap()).as_str(), endpoint);
        }
    }
}
