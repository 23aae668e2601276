//! Whom a request may be addressed to. A page on the web can make a name of its own lead to this machine and then
//! talk to what listens on loopback as if it were the page's own server; only the `Host` it sends tells.

use std::net::{IpAddr, Ipv6Addr};

use axum::{
    extract::{Request, State},
    http::{header, uri::Authority},
    middleware::Next,
    response::{IntoResponse as _, Response},
};

use super::{
    Api,
    problem::{Code, Problem},
};
use crate::config;

/// The names this API answers to; none if it answers to all.
#[derive(Debug)]
pub(super) struct Hosts(Option<Vec<String>>);

impl Hosts {
    /// On a loopback address only loopback names and `api.hosts`; elsewhere any, unless `api.hosts` names some.
    pub(super) fn new(api: &config::Api) -> Self {
        let names: Vec<String> =
            api.hosts.split(',').map(|name| name.trim().to_ascii_lowercase()).filter(|name| !name.is_empty()).collect();
        Self((api.listen.ip().is_loopback() || !names.is_empty()).then_some(names))
    }

    /// Whether `authority`, a host with or without a port, is one of them.
    fn admit(&self, authority: &str) -> bool {
        let Some(names) = &self.0 else { return true };
        let Ok(authority) = authority.parse::<Authority>() else { return false };
        let host = authority.host().trim_end_matches('.').to_ascii_lowercase();
        let literal = host.strip_prefix('[').and_then(|host| host.strip_suffix(']'));
        let is_loopback = match literal {
            Some(literal) => literal.parse::<Ipv6Addr>().is_ok_and(|ip| ip.is_loopback()),
            None => host.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback()),
        };
        host == "localhost" || is_loopback || names.contains(&host)
    }
}

/// Refuses what is addressed to somebody else.
pub(super) async fn ours(State(api): State<Api>, request: Request, next: Next) -> Response {
    let named = match request.uri().authority() {
        Some(authority) => Some(authority.as_str()),
        None => request.headers().get(header::HOST).map(|host| host.to_str().unwrap_or_default()),
    };
    // Without a name (HTTP/1.0) it is no browser.
    if named.is_none_or(|named| api.hosts.admit(named)) {
        return next.run(request).await;
    }
    Problem::new(Code::UnknownHost, "if this name leads here rightly, add it to api.hosts").into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hosts(listen: &str, hosts: &str) -> Hosts {
        let overrides = vec![
            ("api.listen".to_owned(), listen.to_owned()),
            ("api.allow_insecure".to_owned(), "true".to_owned()),
            ("api.hosts".to_owned(), hosts.to_owned()),
        ];
        Hosts::new(&config::load(None, overrides).unwrap().api)
    }

    #[test]
    fn only_our_names_are_ours() {
        let (private, named) = (hosts("127.0.0.1:8900", ""), hosts("[::1]:8900", " Queue.example , other"));
        for host in ["localhost", "LOCALHOST:8900", "localhost.", "127.0.0.1:1", "127.1.2.3", "[::1]", "[::1]:8900"] {
            assert!(private.admit(host) && named.admit(host), "{host}");
        }
        for host in ["queue.example", "QUEUE.example:80", "other"] {
            assert!(!private.admit(host) && named.admit(host), "{host}");
        }
        for host in ["", "evil.example", "localhost.evil.example", "10.0.0.1", "[::2]", "a b", "127.0.0.1.evil.example"]
        {
            assert!(!private.admit(host) && !named.admit(host), "{host}");
        }
    }

    #[test]
    fn elsewhere_any_name_is_ours_until_some_are_named() {
        assert!(hosts("0.0.0.0:8900", "").admit("anything.example"));
        let named = hosts("0.0.0.0:8900", "queue.example");
        assert!(named.admit("queue.example") && !named.admit("anything.example"));
    }
}
