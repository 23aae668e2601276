use rand::{RngExt as _, SeedableRng as _, rngs::StdRng, seq::SliceRandom as _};

use super::{
    super::{
        model::{Block, INITIALIZING},
        samples::{id, merged, node, peer},
        steady::Readings,
    },
    *,
};

/// The Network of all of them by the rules alone: everything anew.
fn anew<'a>(
    nodes: impl IntoIterator<Item = &'a Node>,
    before: Option<&Network>,
    reporters: &Reporters,
) -> (Network, Reporters) {
    let nodes: BTreeMap<&str, &Node> = nodes.into_iter().map(|node| (node.id.as_str(), node)).collect();
    let mut reports: BTreeMap<&str, Vec<(&Node, &Peer)>> = BTreeMap::new();
    for node in nodes.values() {
        for peer in &node.connected_peers {
            reports.entry(&peer.id).or_default().push((node, peer));
        }
    }
    let told_of_node: BTreeMap<&str, Option<i64>> =
        before.into_iter().flat_map(|before| &before.nodes).map(|node| (node.id.as_str(), node.up_since)).collect();
    let told_of_peer: BTreeMap<&str, Option<i64>> =
        before.into_iter().flat_map(|before| &before.peers).map(|peer| (peer.id.as_str(), peer.up_since)).collect();
    let (mut peers, mut chosen) = (Vec::with_capacity(reports.len()), Reporters::new());
    for (id, reports) in reports {
        let Some((reporter, word)) = choose(&reports, reporters.get(id).map(String::as_str)) else { continue };
        chosen.insert(id.to_owned(), reporter.id.clone());
        peers.push(super::peer(word, &reports, told_of_peer.get(id).copied().flatten()));
    }
    let node = |one: &&Node| super::node(one, told_of_node.get(one.id.as_str()).copied().flatten());
    (Network { nodes: nodes.values().map(node).collect(), peers }, chosen)
}

/// The Network of these nodes, of which one may have answered several times.
fn alone(nodes: &[Node]) -> Network {
    let mut answers: BTreeMap<&str, Vec<Arc<Node>>> = BTreeMap::new();
    for node in nodes {
        answers.entry(&node.id).or_default().push(Arc::new(node.clone()));
    }
    merged(answers.values().filter_map(|all| newest(all.iter())).map(|node| Node::clone(node))).moment().network()
}

#[test]
fn what_was_merged_piece_by_piece_is_what_all_of_it_makes() {
    let (mut random, mut settled, mut changes) = (StdRng::seed_from_u64(23), 0, 0);
    for _ in 0..20 {
        let mut said: BTreeMap<String, Node> = BTreeMap::new();
        let (mut merged, mut told, mut reporters) = (Merged::default(), Network::default(), Reporters::new());
        let mut applied = Network::default();
        for _ in 0..300 {
            match random.random_range(0..10) {
                0 => {
                    let gone = id(random.random_range(0..8));
                    assert_eq!(merged.remove(&gone), said.remove(&gone).is_some());
                }
                // What was told may not be written: then another goes on from something older.
                1 if random.random_range(0..10) == 0 => {
                    merged.resume(told.clone(), reporters.clone());
                    applied = told.clone();
                }
                2..=5 => {
                    let (expected, chosen) = anew(said.values(), Some(&told), &reporters);
                    let difference = merged.settle();
                    let moment = merged.moment();
                    assert_eq!(moment.network().json(), expected.json());
                    assert_eq!(moment.reporters, chosen);
                    assert_eq!(difference.is_empty(), told == expected, "it is told only if it differs");
                    apply(&mut applied, &difference);
                    assert_eq!(applied, expected, "the differences lead there");
                    changes += u32::from(!difference.is_empty());
                    settled += 1;
                    (told, reporters) = (expected, chosen);
                }
                _ => {
                    let node = some_node(&mut random, &said);
                    let mut shuffled = node.clone();
                    shuffled.connected_peers.shuffle(&mut random);
                    assert_eq!(merged.put(shuffled.into()), said.get(&node.id) != Some(&node));
                    said.insert(node.id.clone(), node);
                }
            }
        }
    }
    assert!(settled > changes && changes > 1000, "both happened: {changes} of {settled}");
}

/// A node that says this or that of some peers, often much as before.
fn some_node(random: &mut StdRng, said: &BTreeMap<String, Node>) -> Node {
    let number = random.random_range(0..8);
    let mut one = said.get(&id(number)).cloned().unwrap_or_else(|| node(number));
    if random.random_range(0..3) == 0 {
        one.state = if random.random_range(0..2) == 0 { READY } else { INITIALIZING }.into();
        one.up_since = one.up_since.map(|start| start + random.random_range(-4..=4));
        one.connected_peers = (0..random.random_range(0..12))
            // Nodes are peers of each other too.
            .map(|_| peer(random.random_range(0..20), number))
            .map(|peer| (peer.id.clone(), peer))
            .collect::<BTreeMap<_, _>>()
            .into_values()
            .collect();
    }
    for peer in &mut one.connected_peers {
        peer.last_message.0 = (random.random_range(0..9) > 0).then(|| random.random_range(0..1000));
        if random.random_range(0..6) == 0 {
            peer.up_since = Some(random.random_range(0..6));
        }
    }
    one
}

/// Does what a patch says.
fn apply(network: &mut Network, difference: &Difference) {
    let patch: serde_json::Value = serde_json::from_str(&difference.patch().unwrap()).unwrap();
    let ids = |list: &str| serde_json::from_value::<Vec<String>>(patch[list].clone()).unwrap();
    let left = (ids("nodes_left"), ids("peers_left"));
    let now: Network = serde_json::from_value(patch).unwrap();
    network.nodes.retain(|old| !left.0.contains(&old.id) && now.nodes.iter().all(|new| new.id != old.id));
    network.peers.retain(|old| !left.1.contains(&old.id) && now.peers.iter().all(|new| new.id != old.id));
    network.nodes.extend(now.nodes);
    network.peers.extend(now.peers);
    network.nodes.sort_by(|a, b| a.id.cmp(&b.id));
    network.peers.sort_by(|a, b| a.id.cmp(&b.id));
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
    let (mut merged, mut told, mut saves) = (Merged::default(), Network::default(), 0);
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
        for node in answers {
            merged.put(node.into());
        }
        let (is_same, network) = (merged.settle().is_empty(), merged.moment().network());
        let same = network.canonical() == told.canonical();
        assert_eq!((network == told, is_same), (same, same), "they compare as their bytes do");
        saves += u32::from(!same);
        if !same {
            told = network;
        }
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
    let word = |merged: &mut Merged, nodes: &[Node]| {
        for node in nodes {
            merged.put(node.clone().into());
        }
        merged.settle();
        merged.moment().network().peers[0].address.rsplit(':').next().unwrap().to_owned()
    };
    let mut merged = Merged::default();
    assert_eq!(word(&mut merged, &nodes), "40001", "the ready node with the smallest id");
    nodes[0].state = READY.into();
    nodes[1].state = INITIALIZING.into();
    assert_eq!(word(&mut merged, &nodes), "40001", "again");
    nodes[1].connected_peers.clear();
    assert_eq!(word(&mut merged, &nodes), "40000", "it does not report the peer any more");
    nodes[1] = crowd(3, 1).swap_remove(1);
    assert_eq!(word(&mut merged, &nodes), "40000");
    for node in &mut nodes {
        node.state = INITIALIZING.into();
    }
    assert_eq!(word(&mut Merged::default(), &nodes), "40000", "nobody is ready");
}

#[test]
fn a_start_stays_as_it_was_told() {
    let (mut nodes, mut merged) = (crowd(2, 1), Merged::default());
    for (move_by, differs) in [(0, true), (2, false), (-2, false), (3, true)] {
        for node in &mut nodes {
            node.up_since = node.up_since.map(|start| start + move_by);
            node.connected_peers[0].up_since = node.connected_peers[0].up_since.map(|start| start + move_by);
            merged.put(node.clone().into());
        }
        assert_eq!(!merged.settle().is_empty(), differs, "{move_by}");
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
