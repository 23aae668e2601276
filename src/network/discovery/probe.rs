//! One host tried: is it a node of ours?

use crate::{
    network::{
        ask::{Terms, ask},
        discovery::place::fill,
        plan::Target,
    },
    outbound::Client,
};

/// A host to try.
#[derive(Clone, Debug)]
pub(super) struct Probe {
    pub(super) host: String,
    /// Who must be there, if anybody said.
    pub(super) ids: Vec<String>,
    pub(super) templates: Vec<String>,
    pub(super) terms: Terms,
    /// How such a node is asked.
    pub(super) sample: Target,
}

/// What came of it.
#[derive(Debug)]
pub(in crate::network) struct Probed {
    pub(super) host: String,
    /// Where it is a node, or why it is none.
    pub(super) found: Result<Target, String>,
}

/// Tries one template after the other.
pub(super) async fn probe(http: Client, probe: Probe) -> Probed {
    let mut reasons = Vec::new();
    for template in &probe.templates {
        let Some(target) = fill(template, &probe.host, &probe.sample) else {
            reasons.push(format!("{template}: the host does not fit"));
            continue;
        };
        match ask(&http, &target, &probe.terms).await {
            Ok(answer) if probe.ids.is_empty() || probe.ids.contains(&answer.status.node.id) => {
                return Probed { host: probe.host, found: Ok(target) };
            }
            Ok(answer) => reasons.push(format!("{template}: it is {}, another than was said", answer.status.node.id)),
            Err(error) => reasons.push(format!("{template}: {} ({error})", error.class())),
        }
    }
    Probed { host: probe.host, found: Err(reasons.join("; ")) }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::{
        config,
        devnet::hathor::{Hathor, Manner, Plan},
        network::plan::Kind,
    };

    #[tokio::test]
    async fn only_the_node_that_was_named_and_is_ours_counts() {
        rustls::crypto::ring::default_provider().install_default().ok();
        let manners = vec![(1, Manner::Elsewhere), (2, Manner::Hung), (3, Manner::Redirecting)];
        let plan = Plan { nodes: 4, connections: 4, port: 0, jitter: Duration::ZERO, manners };
        let hathor = Hathor::start(&plan).await.unwrap();
        let http = Client::new(&config::load(None, Vec::new()).unwrap().network);
        let tried = async |host: &str, ids: &[String], port: u16| {
            let terms =
                Terms { timeout: Duration::from_millis(200), max_body: 1 << 20, network: Some("devnet".into()) };
            let sample = Target { url: "http://127.0.0.1/".parse().unwrap(), kind: Kind::Hathor };
            let templates = vec![format!("http://{{host}}:{port}"), format!("http://{{host}}:{port}/below")];
            let probe_it = Probe { host: host.into(), ids: ids.to_vec(), templates, terms, sample };
            probe(http.clone(), probe_it).await.found.map(|target| target.url.to_string())
        };
        let (port, own) = (hathor.port(), hathor.id(0));
        let host = |number: usize| hathor.urls()[number].host_str().unwrap().to_owned();
        let found = Ok(hathor.urls()[0].to_string());
        assert_eq!(tried(&host(0), &[], port).await, found);
        assert_eq!(tried(&host(0), &["x".into(), own.clone()], port).await, found);
        for (host, ids, reason) in [
            (host(0), vec![hathor.id(1)], "another than was said"),
            (host(1), vec![hathor.id(1)], "wrong_network"),
            (host(2), vec![], "timeout"),
            (host(3), vec![], "it answered 302"),
            ("198.51.100.7".into(), vec![], "refused"),
            ("169.254.169.254".into(), vec![], "refused"),
            ("10.0.0.1".into(), vec![], "refused"),
            ("[::ffff:a00:1]".into(), vec![], "refused"),
            ("metadata.internal".into(), vec![], "refused"),
        ] {
            let answer = tried(&host, &ids, port).await.unwrap_err();
            assert!(answer.contains(reason), "{host}: {answer}");
        }
    }
}
