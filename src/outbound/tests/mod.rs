//! Every rule and every trick, against real sockets and a resolver that says what the test wants.

mod answers;
mod names;
mod redirects;
mod server;
mod tls;
mod urls;

use std::{net::IpAddr, sync::Arc};

use url::Url;

use self::{
    names::Script,
    server::{Reply, Server},
};
use super::*;
use crate::config;

/// `[network]` as an operator may have it.
fn network(allow_public: bool, allow: &[&str]) -> config::Network {
    let mut network = config::defaults().unwrap().network;
    network.allow_public = allow_public;
    network.allow.0 = allow.iter().map(|net| net.parse().unwrap()).collect();
    network
}

/// A client that asks no name server but `names`.
fn client(network: &config::Network, names: Arc<Script>) -> Client {
    rustls::crypto::ring::default_provider().install_default().ok();
    Client::with_resolver(network, names)
}

/// One that lives on this machine.
fn local() -> Client {
    client(&network(false, &[]), Script::silent())
}

fn url(text: &str) -> Url {
    Url::parse(text).unwrap()
}

fn ip(text: &str) -> IpAddr {
    text.parse().unwrap()
}

/// The rule that a call broke.
fn rule(result: &Result<Response, Error>) -> Rule {
    match result {
        Err(Error::Refused(refusal)) => refusal.rule,
        other => panic!("not refused: {other:?}"),
    }
}
