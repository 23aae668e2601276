//! Names: what a name server says when it is asked before is not what it says later.

use std::{collections::VecDeque, net::SocketAddr, sync::Mutex};

use reqwest::dns::{Addrs, Name, Resolve, Resolving};

use super::*;

/// A name server that answers by script, whatever it is asked, and remembers what it was asked.
#[derive(Default)]
pub(super) struct Script {
    answers: Mutex<VecDeque<Vec<IpAddr>>>,
    asked: Mutex<Vec<String>>,
}

impl Script {
    /// These answers, one after the other; then none.
    pub(super) fn new(answers: &[&[&str]]) -> Arc<Self> {
        let answers = answers.iter().map(|answer| answer.iter().map(|text| ip(text)).collect()).collect();
        Arc::new(Self { answers: Mutex::new(answers), asked: Mutex::default() })
    }

    pub(super) fn silent() -> Arc<Self> {
        Arc::default()
    }

    fn asked(&self) -> Vec<String> {
        self.asked.lock().unwrap().clone()
    }
}

impl Resolve for Script {
    fn resolve(&self, name: Name) -> Resolving {
        self.asked.lock().unwrap().push(name.as_str().to_owned());
        let answer = self.answers.lock().unwrap().pop_front();
        Box::pin(async move {
            let answer = answer.ok_or("no such name")?;
            Ok(Box::new(answer.into_iter().map(|ip| SocketAddr::new(ip, 1))) as Addrs)
        })
    }
}

fn at(name: &str, port: u16) -> Url {
    url(&format!("http://{name}:{port}/"))
}

#[tokio::test]
async fn a_name_that_changes_its_mind_is_not_followed() {
    let ours = Server::start(|_| Reply::new("200 OK", b"ours")).await;
    let port = ours.address.port();
    // The same port of another address of this machine: what an attacker is after.
    let inner = Server::at(&format!("127.0.0.2:{port}"), |_| Reply::new("200 OK", b"secret")).await;
    let names = Script::new(&[&["127.0.0.1"], &["127.0.0.2"], &["127.0.0.1", "127.0.0.2"], &["127.0.0.1"]]);
    let client = client(&network(true, &["127.0.0.1/32"]), names.clone());

    let verdict = client.check(at("rebind.example", port).as_str()).await;
    assert_eq!((verdict.finding, verdict.addresses), (Finding::Allowed, vec![ip("127.0.0.1")]));
    let changed = client.send(Request::get(at("rebind.example", port))).await;
    assert_eq!(rule(&changed), Rule::Loopback);
    let mixed = client.send(Request::get(at("rebind.example", port))).await;
    assert_eq!(rule(&mixed), Rule::Loopback, "one address that is refused refuses all");
    assert_eq!((ours.heads().len(), inner.heads().len()), (0, 0), "nobody was called");

    let answer = client.send(Request::get(at("rebind.example.", port))).await.unwrap();
    assert_eq!(&answer.body[..], b"ours");
    assert_eq!(names.asked(), ["rebind.example"; 4], "once for each connection, never again behind our back");
    let head = ours.heads().concat();
    assert!(head.contains(&format!("host: rebind.example:{port}\r\n")), "{head}");
}

#[tokio::test]
async fn every_answer_is_judged() {
    for (answer, expected) in [
        (&["10.0.0.1"][..], Rule::Private),
        (&["8.8.8.8", "169.254.169.254"], Rule::Metadata),
        (&["8.8.8.8", "::ffff:192.168.0.1"], Rule::Private),
        (&["2606:4700::1111", "64:ff9b::a00:1"], Rule::Nat64),
        (
            &["8.8.8.8", "8.8.8.8", "8.8.8.8", "8.8.8.8", "8.8.8.8", "8.8.8.8", "8.8.8.8", "8.8.8.8", "::1"],
            Rule::Loopback,
        ),
    ] {
        let client = client(&network(true, &[]), Script::new(&[answer, answer]));
        let verdict = client.check("http://example.org").await;
        let Finding::Refused(refusal) = &verdict.finding else { panic!("{verdict:?}") };
        assert_eq!((refusal.rule, verdict.addresses.len()), (expected, answer.len()));
        assert_eq!(rule(&client.send(Request::get(url("http://example.org"))).await), expected);
    }
}

#[tokio::test]
async fn without_an_address_it_may_pass_later() {
    let client = client(&network(true, &[]), Script::new(&[&[]]));
    for _ in 0..2 {
        let error = client.send(Request::get(url("http://example.org"))).await.unwrap_err();
        assert!(matches!(error, Error::Lookup(_)) && error.may_pass(), "{error:?}");
    }
    assert!(matches!(client.check("http://example.org").await.finding, Finding::Unknown(_)));
}

#[tokio::test]
async fn a_name_server_that_is_silent_is_not_waited_for() {
    struct Silence;
    impl Resolve for Silence {
        fn resolve(&self, _: Name) -> Resolving {
            Box::pin(std::future::pending())
        }
    }
    rustls::crypto::ring::default_provider().install_default().ok();
    let connect_timeout = config::Span(std::time::Duration::from_millis(20));
    let network = config::Network { connect_timeout, ..network(true, &[]) };
    let client = Client::with_resolver(&network, Arc::new(Silence));
    let error = client.send(Request::get(url("http://example.org"))).await.unwrap_err();
    assert!(matches!(error, Error::Timeout { after } if after == connect_timeout.0), "{error:?}");
    assert!(matches!(client.check("http://example.org").await.finding, Finding::Unknown(_)));
}

#[tokio::test]
async fn this_machine_needs_no_name_server() {
    let server = Server::start(|_| Reply::new("200 OK", b"here")).await;
    let names = Script::silent();
    let here = client(&network(false, &[]), names.clone());
    for name in ["localhost", "provider-7.localhost", "LOCALHOST."] {
        let answer = here.send(Request::get(at(name, server.address.port()))).await.unwrap();
        assert_eq!(&answer.body[..], b"here", "{name}");
    }
    assert_eq!(rule(&here.send(Request::get(url("http://example.org"))).await), Rule::Name);
    assert!(names.asked().is_empty(), "{:?}", names.asked());
}

#[tokio::test]
async fn the_systems_resolver_is_asked() {
    let names = resolver::System::new();
    let found = names.resolve("localhost".parse().unwrap()).await.unwrap();
    assert!(found.map(|address| address.ip()).all(|ip| ip.is_loopback()));
}
