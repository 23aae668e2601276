use super::*;
use crate::crawl::{
    Node,
    samples::{candidate, node, record},
};

/// A member whose record says nothing.
fn bare(number: u8) -> Node {
    Node { enr: record(number, &[]), ..node(number, 1) }
}

fn view(nodes: impl IntoIterator<Item = Node>) -> View {
    View { nodes: nodes.into_iter().map(|node| (node.enr.id(), node)).collect(), ..View::default() }
}

fn epoch(epoch: u64, counts: &[(&str, u64)]) -> EpochCounts {
    EpochCounts { epoch, counts: counts.iter().map(|(name, n)| ((*name).to_owned(), *n)).collect() }
}

/// Ids of nodes that are in the half of this last bit.
fn half(bit: u8) -> Vec<NodeId> {
    let ids = (1..=99).map(|number| record(number, &[]).id());
    ids.filter(|id| id.0.last().is_some_and(|byte| byte & 1 == bit)).collect()
}

#[test]
fn the_estimate_is_chapmans() {
    // Everybody is named by both halves: nobody is missing.
    let all = Estimate::chapman(100.0, 100.0, 100.0, 100.0);
    assert_eq!((all.nodes, all.error, all.covered), (100.0, 0.0, 1.0));
    // (51 × 61) / 31 − 1, and the root of 51 × 61 × 20 × 30 / (31² × 32).
    let half = Estimate::chapman(50.0, 60.0, 30.0, 80.0);
    assert_eq!((half.nodes, half.error, half.covered), (99.355, 15.27, 0.805));
    assert_eq!(Estimate::chapman(0.0, 0.0, 0.0, 0.0), Estimate::default());
}

#[test]
fn a_breakdown_has_the_most_frequent_names() {
    let numbered = (0..100).map(|n| format!("a{n:03}"));
    let names = breakdown(numbered.clone().chain(std::iter::repeat_n("lighthouse".to_owned(), 50)));
    // However many made up a name of their own, and however early those come.
    assert_eq!(names.get("lighthouse"), Some(&50));
    assert_eq!((names.len(), names.get(OTHER), names.values().sum::<u64>()), (65, Some(&37), 150));
    assert!(names.contains_key("a062") && !names.contains_key("a063"), "the first of equals");
    // One may be called like the rest.
    let other = breakdown(numbered.chain(std::iter::repeat_n(OTHER.to_owned(), 5)));
    assert_eq!((other.len(), other.get(OTHER)), (64, Some(&42)));
    let (few, rest) = largest(["b", "a", "b"].map(str::to_owned).into_iter());
    assert_eq!((few, rest), (BTreeMap::from([("a".to_owned(), 1), ("b".to_owned(), 2)]), 0));
}

#[test]
fn a_subnet_is_that_of_its_address() {
    for (ip, wanted) in [
        ("203.0.113.7", "203.0.113.0/24"),
        ("0.0.0.0", "0.0.0.0/24"),
        ("255.255.255.255", "255.255.255.0/24"),
        ("2001:db8:1:2:3::9", "2001:db8:1::/48"),
        ("::1", "::/48"),
    ] {
        assert_eq!(subnet(ip.parse().expect("an address")), wanted);
    }
}

#[test]
fn a_network_is_added_up() {
    let mut view = view([node(1, 1), node(2, 1), bare(3)]);
    view.about.insert("epoch".into(), "7".into());
    (view.gone, view.sessions) = (4, BTreeMap::from([(8, 2)]));
    for (number, refused) in [(10, true), (11, false)] {
        let heard = crate::crawl::Candidate { refused, ..candidate(number) };
        view.candidates.insert(heard.enr.id(), heard);
    }
    view.epochs = vec![epoch(6, &[("stale_copies", 3), ("edges", 6)]), epoch(7, &[("stale_copies", 2), ("edges", 4)])];
    view.metrics = BTreeMap::from([("a".into(), r#"{"work":1}"#.into()), ("b".into(), "{".into())]);
    let ids: Vec<NodeId> = view.nodes.keys().copied().collect();
    let mut graph = Graph::default();
    graph.add(ids[0], &ids[1..]);
    graph.add(ids[1], &[ids[2], candidate(10).enr.id()]);
    let stats = Stats::of(&view, &graph);
    assert_eq!((stats.epoch, stats.nodes, stats.candidates, stats.refused, stats.gone), (7, 3, 2, 1, 4));
    assert_eq!((stats.edges, stats.stale_copy_rate), (4, 0.5));
    // Records that say nothing are not counted as anything.
    assert_eq!(stats.clients, BTreeMap::from([("Lighthouse".into(), 2)]));
    assert_eq!(stats.forks, BTreeMap::from([("eth2/b5303f2a".into(), 2)]));
    assert_eq!(stats.subnets, BTreeMap::from([("203.0.113.0/24".into(), 2)]));
    // One is named by nobody, one once, one twice; candidates are no members.
    assert_eq!(stats.in_degree, BTreeMap::from([(0, 1), (1, 1), (2, 1)]));
    assert_eq!((stats.epochs.len(), stats.session_minutes), (2, BTreeMap::from([(8, 2)])));
    assert_eq!(stats.members.keys().collect::<Vec<_>>(), ["a"], "what cannot be read is left out");
    // Nobody told of anybody yet: no division by zero.
    let empty = Stats::of(&View::default(), &Graph::default());
    assert_eq!((empty.stale_copy_rate, empty.estimate), (0.0, Estimate::default()));
}

#[test]
fn the_estimate_compares_what_two_halves_say() {
    let (even, odd) = (half(0), half(1));
    let live: Vec<Node> = (1..=3).map(bare).collect();
    let ids: Vec<NodeId> = live.iter().map(|node| node.enr.id()).collect();
    let view = view(live);
    // What one half says, and the other; how many of three that makes.
    for (by_even, by_odd, wanted) in [
        (&ids[..], &ids[..], (3.0, 0.0, 1.0)),
        (&ids[..2], &ids[1..], (3.5, 1.96 * 0.75_f64.sqrt(), 3.0 / 3.5)),
        (&ids[..0], &ids[..], (3.0, 0.0, 1.0)),
    ] {
        let mut graph = Graph::default();
        graph.add(even[0], by_even);
        graph.add(even[1], by_even);
        graph.add(odd[0], by_odd);
        let Estimate { nodes, error, covered } = InDegrees::of(&view, &graph).estimate();
        let wanted = (rounded(wanted.0), rounded(wanted.1), rounded(wanted.2));
        assert_eq!((nodes, error, covered), wanted, "{} and {}", by_even.len(), by_odd.len());
    }
}

#[test]
fn degrees_are_rounded_down_to_powers_of_two() {
    let one = bare(1);
    let id = one.enr.id();
    let view = view([one]);
    for (tellers, degree) in [(0, 0), (1, 1), (2, 2), (3, 2), (4, 4), (7, 4), (8, 8), (9, 8)] {
        let mut graph = Graph::default();
        for teller in 0..tellers {
            graph.add(NodeId([teller; 32]), &[id]);
        }
        assert_eq!(InDegrees::of(&view, &graph).histogram(), BTreeMap::from([(degree, 1)]), "{tellers}");
    }
}
