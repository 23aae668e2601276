//! What merging costs, and that its result depends on nothing but what the nodes say.

use std::{collections::BTreeSet, time::Instant};

use anyhow::Context as _;
use rand::{RngExt as _, SeedableRng as _, rngs::StdRng, seq::SliceRandom as _};

use super::{Figure, bar, figure};
use crate::{
    config,
    devnet::hathor::{Hathor, Plan},
    network::{Network, Node, Readings, Receipt, Reporters, merge, read},
    outbound::{Client, Request},
};

/// Rounds in which only clocks run.
const ROUNDS: u32 = 10_000;
/// Nodes in those, so that it takes no hour.
const FEW: usize = 8;
/// Orders of the same answers.
const ORDERS: u32 = 1000;
/// Merges that are timed.
const MERGES: u32 = 50;

pub(super) async fn measure(nodes: u16, connections: u16) -> anyhow::Result<Vec<Figure>> {
    let plan = Plan { nodes, connections, port: 0, jitter: std::time::Duration::ZERO, manners: Vec::new() };
    let hathor = Hathor::start(&plan).await?;
    let http = Client::new(&config::defaults()?.network);
    let (mut answers, mut reading) = (Vec::new(), 0.0);
    for url in hathor.urls() {
        let response = http.send(Request::get(url.join("v1a/status")?)).await?;
        let start = Instant::now();
        answers.push(read(&response.body, Receipt { middle: 0.0 })?.node);
        reading += start.elapsed().as_secs_f64();
    }
    let merged = merge(&answers, None, &Reporters::new());
    let start = Instant::now();
    for _ in 0..MERGES {
        let (network, _) = merge(&answers, Some(&merged.0), &merged.1);
        anyhow::ensure!(network == merged.0, "the same answers made another network");
    }
    // One merge a second.
    let merging = start.elapsed().as_secs_f64() / f64::from(MERGES);
    Ok(vec![
        figure("nodes", f64::from(nodes)),
        figure("peers", merged.0.peers.len() as f64),
        figure("reading all statuses once, ms", reading * 1000.0),
        figure("merging and comparing once, ms", merging * 1000.0),
        bar("merging and comparing every second, % of a core", merging * 100.0, 25.0),
        bar("different bytes in 1,000 orders, less one", (orders(&answers) - 1) as f64, 0.0),
        bar("saves in 10,000 rounds in which clocks run", f64::from(saves(&answers).context("no nodes")?), 0.0),
    ])
}

/// How many different bytes come of the same answers in different orders.
fn orders(answers: &[Node]) -> usize {
    let (mut random, mut answers) = (StdRng::seed_from_u64(1), few(answers));
    let mut bytes = BTreeSet::new();
    for _ in 0..ORDERS {
        answers.shuffle(&mut random);
        for node in &mut answers {
            node.connected_peers.shuffle(&mut random);
        }
        bytes.insert(merge(&answers, None, &Reporters::new()).0.canonical());
    }
    bytes.len()
}

/// How often a Network would be saved in which only clocks run, after the first time.
fn saves(answers: &[Node]) -> Option<u32> {
    let (mut random, answers) = (StdRng::seed_from_u64(2), few(answers));
    let mut readings = vec![Readings::default(); answers.len()];
    let (mut told, mut reporters, mut saves) = (Network::default(), Reporters::new(), 0_u32);
    for round in 0..=ROUNDS {
        let mut now = answers.clone();
        for (node, readings) in now.iter_mut().zip(&mut readings) {
            let mut off = |start: Option<i64>| start.map(|start| start + random.random_range(-2..=2));
            node.up_since = off(node.up_since);
            for peer in &mut node.connected_peers {
                peer.up_since = off(peer.up_since);
                peer.last_message.0 = Some(i64::from(round));
            }
            readings.settle(node);
        }
        let (network, chosen) = merge(&now, Some(&told), &reporters);
        saves += u32::from(network != told);
        (told, reporters) = (network, chosen);
    }
    saves.checked_sub(1)
}

fn few(answers: &[Node]) -> Vec<Node> {
    answers.iter().take(FEW).cloned().collect()
}
