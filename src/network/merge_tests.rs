use rand::{RngExt as _, SeedableRng as _, rngs::StdRng, seq::SliceRandom as _};

use super::{
    super::{
        model::{Block, INITIALIZING},
        samples::{id, node, peer},
        steady::Readings,
    },
    *,
};

fn alone(nodes: &[Node]) -> Network {
    merge(nodes, None, &Reporters::new()).0
}

/// Nodes of which each knows of every peer a little else.
fn crowd(nodes: u32, peers: u32) -> Vec<Node> {
    let one = |number: u32| {
        let mut one = node(number);
        one.entrypoints = (0..3).map(|n| format!("tcp://192.0.2.{number}:{n}")).collect();
        one.connected_peers = (0..peers).map(|n| peer(1000 + n, number)).collect();
        for peer in &mut one.connected_peers {
            peer.entrypoints.push(format!("tcp://203.0.113.{number}:1"));
        }
        one
    };
    (0..nodes).map(one).collect()
}

#[test]
fn any_order_gives_the_same_bytes() {
    let mut nodes = crowd(6, 5);
    // The same node has answered twice, once in the same millisecond and once before.
    let mut twice = nodes[3].clone();
    twice.app_version = "Hathor v9".into();
    let mut earlier = nodes[4].clone();
    earlier.received_at_ms.0 -= 1;
    earlier.connected_peers.clear();
    nodes.extend([twice, earlier]);
    let (mut random, expected) = (StdRng::seed_from_u64(7), alone(&nodes).canonical());
    let mut orders = std::collections::BTreeSet::new();
    for _ in 0..1000 {
        nodes.shuffle(&mut random);
        for node in &mut nodes {
            node.entrypoints.shuffle(&mut random);
            node.connected_peers.shuffle(&mut random);
            node.connected_peers.iter_mut().for_each(|peer| peer.entrypoints.shuffle(&mut random));
        }
        orders.insert(serde_json::to_string(&nodes).unwrap());
        assert_eq!(alone(&nodes).canonical(), expected);
    }
    assert!(orders.len() > 990, "they were different orders: {}", orders.len());
}

#[test]
fn nothing_is_saved_while_only_clocks_run() {
    let (mut random, truth) = (StdRng::seed_from_u64(11), crowd(2, 6));
    let mut readings = vec![Readings::default(); truth.len()];
    let (mut told, mut reporters, mut saves) = (Network::default(), Reporters::new(), 0);
    for round in 0..10_001_u32 {
        let mut answers = truth.clone();
        for (node, readings) in answers.iter_mut().zip(&mut readings) {
            let mut off = |start: Option<i64>| start.map(|start| start + random.random_range(-2..=2));
            node.up_since = off(node.up_since);
            node.received_at_ms.0 += u64::from(round) * 1000;
            for peer in &mut node.connected_peers {
                peer.up_since = off(peer.up_since);
                peer.last_message.0 = peer.last_message.0.map(|last| last + i64::from(round % 17));
            }
            node.connected_peers.shuffle(&mut random);
            readings.settle(node);
        }
        answers.shuffle(&mut random);
        let (network, chosen) = merge(&answers, Some(&told), &reporters);
        let same = network.canonical() == told.canonical();
        assert_eq!(network == told, same, "they compare as their bytes do");
        saves += u32::from(!same);
        if !same {
            told = network;
        }
        reporters = chosen;
    }
    assert_eq!(saves, 1, "the first, and then none in 10,000 rounds");
}

#[test]
fn a_peer_is_what_all_its_reporters_say() {
    let mut nodes = crowd(3, 1);
    let block = |height, id: &str| Some(Block { height, id: id.into() });
    let said = [
        (Some(50), Some(10), block(7, "b"), None),
        (None, Some(30), block(7, "a"), block(5, "x")),
        (Some(40), None, block(6, "c"), block(4, "y")),
    ];
    for (node, (latest, sync, best, synced)) in nodes.iter_mut().zip(said) {
        let peer = &mut node.connected_peers[0];
        (peer.latest_timestamp, peer.sync_timestamp) = (latest, sync);
        (peer.peer_best_block, peer.synced_block) = (best, synced);
    }
    let network = alone(&nodes);
    let merged = &network.peers[0];
    assert_eq!(merged.up_since, Some(1_703_001_000), "the oldest connection");
    assert_eq!(merged.last_message.0, Some(1_704_230_992));
    assert_eq!((merged.latest_timestamp, merged.sync_timestamp), (Some(50), Some(30)));
    assert_eq!((&merged.peer_best_block, &merged.synced_block), (&block(7, "a"), &block(5, "x")));
    let entrypoints = ["198.51.100.232:40403", "203.0.113.0:1", "203.0.113.1:1", "203.0.113.2:1"];
    assert_eq!(merged.entrypoints, entrypoints.map(|place| format!("tcp://{place}")));
    assert_eq!(merged.connected_to, [id(0), id(1), id(2)]);
    assert_eq!(network.nodes[0].connected_peers, [id(1000)]);
}

#[test]
fn the_word_of_one_node_counts_as_long_as_it_reports_the_peer() {
    let mut nodes = crowd(3, 1);
    nodes[0].state = INITIALIZING.into();
    let word = |nodes: &[Node], reporters: &Reporters| {
        let (network, reporters) = merge(nodes, None, reporters);
        (network.peers[0].address.rsplit(':').next().unwrap().to_owned(), reporters)
    };
    let (address, reporters) = word(&nodes, &Reporters::new());
    assert_eq!(address, "40001", "the ready node with the smallest id");
    nodes[0].state = READY.into();
    nodes[1].state = INITIALIZING.into();
    let (address, reporters) = word(&nodes, &reporters);
    assert_eq!(address, "40001", "again");
    nodes[1].connected_peers.clear();
    let (address, reporters) = word(&nodes, &reporters);
    assert_eq!(address, "40000", "it does not report the peer any more");
    nodes[1] = crowd(3, 1).swap_remove(1);
    assert_eq!(word(&nodes, &reporters).0, "40000");
    for node in &mut nodes {
        node.state = INITIALIZING.into();
    }
    assert_eq!(word(&nodes, &Reporters::new()).0, "40000", "nobody is ready");
}

#[test]
fn a_start_stays_as_it_was_told() {
    let (mut nodes, mut told) = (crowd(2, 1), Network::default());
    for (move_by, differs) in [(0, true), (2, false), (-2, false), (3, true)] {
        for node in &mut nodes {
            node.up_since = node.up_since.map(|start| start + move_by);
            node.connected_peers[0].up_since = node.connected_peers[0].up_since.map(|start| start + move_by);
        }
        let network = merge(&nodes, Some(&told), &Reporters::new()).0;
        assert_eq!(network != told, differs, "{move_by}");
        told = network;
    }
}

#[test]
fn blocks_do_change_the_network() {
    let mut nodes = crowd(2, 1);
    let before = alone(&nodes);
    nodes[0].best_block = Some(Block { height: 4_125_508, id: "00b1".into() });
    assert_ne!(alone(&nodes), before);
    assert_ne!(alone(&nodes).canonical(), before.canonical());
    assert_ne!(alone(&nodes).digested().1, before.digested().1);
}
