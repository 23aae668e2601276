//! What merging costs, and that its result depends on nothing but what the nodes say.

use std::{collections::BTreeSet, sync::Arc, time::Instant};

use anyhow::Context as _;
use rand::{RngExt as _, SeedableRng as _, rngs::StdRng, seq::SliceRandom as _};

use super::{Figure, bar, figure};
use crate::{
    config,
    devnet::hathor::{Hathor, Plan},
    network::{Merged, Node, Readings, Receipt, read},
    outbound::{Client, Request},
};

/// Rounds in which only clocks run.
const ROUNDS: u32 = 10_000;
/// Nodes in those, so that it takes no hour.
const FEW: usize = 8;
/// Orders of the same answers.
const ORDERS: u32 = 1000;
/// Merges of everything, and of every node, that are timed.
const MERGES: u32 = 20;

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
    let (mut merged, mut all, mut one) = (merge(&answers), 0.0, 0.0);
    for round in 1..=MERGES {
        // Every node has begun anew, and so have all its connections.
        for node in &mut answers {
            node.up_since = node.up_since.map(|start| start + 100);
            node.connected_peers.iter_mut().for_each(|peer| peer.up_since = peer.up_since.map(|start| start + 100));
        }
        let again = answers.clone();
        let start = Instant::now();
        merge(&again);
        all += start.elapsed().as_secs_f64();
        let start = Instant::now();
        for node in again {
            merged.put(Arc::new(node));
            anyhow::ensure!(!merged.settle().is_empty(), "a change in round {round} was not seen");
        }
        one += start.elapsed().as_secs_f64();
    }
    let (all, one) = (all / f64::from(MERGES), one / f64::from(MERGES));
    Ok(vec![
        figure("nodes", f64::from(nodes)),
        figure("peers", merged.peers() as f64),
        figure("reading all statuses once, ms", reading * 1000.0),
        figure("merging all of them at once, ms", all * 1000.0),
        figure("merging what one node changed, ms", one * 1000.0 / f64::from(nodes)),
        bar("merging a change of every node a second, % of a core", one * 100.0, 25.0),
        bar("different bytes in 1,000 orders, less one", (orders(&answers) - 1) as f64, 0.0),
        bar("saves in 10,000 rounds in which clocks run", f64::from(saves(&answers).context("no nodes")?), 0.0),
    ])
}

fn merge(answers: &[Node]) -> Merged {
    let mut merged = Merged::default();
    for node in answers {
        merged.put(Arc::new(node.clone()));
    }
    merged.settle();
    merged
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
        bytes.insert(merge(&answers).moment().network().canonical());
    }
    bytes.len()
}

/// How often a Network would be saved in which only clocks run, after the first time.
fn saves(answers: &[Node]) -> Option<u32> {
    let (mut random, answers) = (StdRng::seed_from_u64(2), few(answers));
    let mut readings = vec![Readings::default(); answers.len()];
    let (mut merged, mut saves) = (Merged::default(), 0_u32);
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
        for node in now {
            merged.put(Arc::new(node));
        }
        saves += u32::from(!merged.settle().is_empty());
    }
    saves.checked_sub(1)
}

fn few(answers: &[Node]) -> Vec<Node> {
    answers.iter().take(FEW).cloned().collect()
}
