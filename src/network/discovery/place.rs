//! What host is meant, and where it may tell its status. Pure.

use url::{Host, Url};

use crate::network::{model::is_id, plan::Target, status::Hint};

/// A host, and which peer is said to be there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) host: String,
    pub(super) id: String,
}

/// Reads `tcp://host:port/?id=…` or `ip:port`.
pub(super) fn read(hint: &Hint) -> Option<Place> {
    let text = if hint.place.contains("://") { hint.place.clone() } else { format!("tcp://{}", hint.place) };
    let url = Url::parse(&text).ok()?;
    let host = host(url.host_str()?)?;
    let named = url.query_pairs().find(|(name, _)| name == "id").map(|(_, id)| id.to_ascii_lowercase());
    match named {
        // An entry point that says whose it is means that one.
        Some(id) => is_id(&id).then_some(Place { host, id }),
        None => Some(Place { host, id: hint.id.clone() }),
    }
}

/// A host as URLs have it; `tcp` is no scheme whose hosts are read by the rules of the web.
pub(super) fn host(text: &str) -> Option<String> {
    let host = Host::parse(text).ok()?;
    let text = host.to_string();
    (text.len() <= 253).then_some(text)
}

/// A template with a host in it.
pub(super) fn fill(template: &str, host: &str, sample: &Target) -> Option<Target> {
    let url = Url::parse(&template.replace("{host}", host)).ok()?;
    // Nothing in a host may have become anything else.
    (url.host_str() == Some(host)).then_some(Target { url, kind: sample.kind })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::network::{plan::Kind, samples::id};

    fn place(text: &str) -> Option<(String, String)> {
        read(&Hint { id: id(1), place: text.into() }).map(|place| (place.host, place.id))
    }

    #[test]
    fn hosts_are_read_as_they_are_meant() {
        let own = |host: &str| Some((host.to_owned(), id(1)));
        for (text, meant) in [
            ("tcp://18.196.44.159:40403", own("18.196.44.159")),
            ("35.172.220.95:48202", own("35.172.220.95")),
            ("tcp://node.example:40403", own("node.example")),
            ("[2001:db8::1]:40403", own("[2001:db8::1]")),
            ("tcp://0x7f.1:40403", own("127.0.0.1")),
            ("tcp://2130706433:1", own("127.0.0.1")),
            ("", None),
            ("tcp://", None),
            ("tcp://a b:1", None),
            ("tcp://a/../b@c:1", own("a")),
        ] {
            assert_eq!(place(text), meant, "{text}");
        }
        let named = format!("tcp://a.example:1/?id={}", id(2));
        assert_eq!(place(&named), Some(("a.example".into(), id(2))));
        assert_eq!(place("tcp://a.example:1/?id=short"), None);
    }

    #[test]
    fn a_template_takes_a_host_and_nothing_else() {
        let sample = Target { url: "http://127.0.0.1/".parse().unwrap(), kind: Kind::Hathor };
        let filled = |template: &str, host: &str| fill(template, host, &sample).map(|target| target.url.to_string());
        assert_eq!(filled("http://{host}:8080", "10.0.0.1").as_deref(), Some("http://10.0.0.1:8080/"));
        assert_eq!(filled("https://{host}", "[::1]").as_deref(), Some("https://[::1]/"));
        for host in ["a:1", "a/b", "u@a", "a?b", "a#b", ""] {
            assert_eq!(filled("http://{host}:8080", host), None, "{host}");
        }
    }
}
