//! The rules of the crawl as tables: what happens to a node, and what that means for its freshness, its record and the
//! work that follows. And records as they come from strangers.

use secp256k1::SecretKey;

use super::{
    freshness::{Ladder, Verdict},
    ingestor::{Heard, Moment, Ponged, Told},
    node::{CURVE, Candidate, Entry, Gone, Node},
    record::{Row, client_words, fork},
};
use crate::discv5::Record;

/// The record of EIP-778.
pub(super) const EIP_778: &str = "enr:-IS4QHCYrYZbAKWCBRlAy5zzaDZXJBGkcnh4MHcBFZntXNFrdvJjX04jRzjzCBOonrkTfj499SZuOh8R33Ls8RRcy5wBgmlkgnY0gmlwhH8AAAGJc2VjcDI1NmsxoQPKY0yuDUmstAHYpMa2_oxVtw0RW_QAdpzBQA8yWM0xOIN1ZHCCdl8";

/// A record of the same node every time.
fn record(seq: u64, port: u16, pairs: &[(&[u8], Vec<u8>)]) -> Record {
    let secret = SecretKey::from_secret_bytes([7; 32]).expect("a key");
    let address: [(&[u8], Vec<u8>); 2] =
        [(b"ip", alloy_rlp::encode([127_u8, 0, 0, 1].as_slice())), (b"udp", alloy_rlp::encode(port))];
    Record::sign(&secret, seq, &[address.as_slice(), pairs].concat()).expect("a record")
}

fn candidate(seq: u64) -> Entry {
    Entry::Candidate(Candidate::new(record(seq, 9000, &[]), 0, 1))
}

/// A member since epoch 1, with record 5 and this freshness.
fn live(freshness: u32) -> Entry {
    let mut entry = candidate(5);
    assert_eq!(entry.told(Some(record(5, 9000, &[])), 1000, at(1)), Told::Found);
    node_of(&mut entry).freshness = freshness;
    entry
}

fn node_of(entry: &mut Entry) -> &mut Node {
    match entry {
        Entry::Live(node) => node,
        Entry::Candidate(_) => panic!("not a member"),
    }
}

fn at(epoch: u64) -> Moment {
    Moment { at: epoch * 1000, epoch }
}

#[test]
fn only_a_nodes_own_word_raises_its_freshness() {
    // What happens in epoch 2, and what it changes: freshness from 10, the record's number from 5.
    type Happening = fn(&mut Entry) -> String;
    let table: [(&str, Happening, u32, u64); 12] = [
        ("its own record as it was", |e| format!("{:?}", e.told(Some(record(5, 9000, &[])), 1, at(2))), 11, 5),
        (
            "its own newer record",
            |e| format!("{:?}", matches!(e.told(Some(record(6, 9000, &[])), 1, at(2)), Told::Updated(_))),
            11,
            6,
        ),
        ("its own older record", |e| format!("{:?}", e.told(Some(record(4, 9000, &[])), 1, at(2))), 10, 5),
        ("an answer without a record", |e| format!("{:?}", e.told(None, 1, at(2))), 11, 5),
        ("PONG with the same number", |e| format!("{:?}", e.ponged(5, 1, at(2))), 11, 5),
        ("PONG with a higher number", |e| format!("{:?}", e.ponged(6, 1, at(2))), 11, 5),
        ("PONG with a lower number", |e| format!("{:?}", e.ponged(4, 1, at(2))), 10, 5),
        ("a copy as it was", |e| format!("{:?}", e.hear(record(5, 9000, &[]), at(2))), 10, 5),
        ("a stale copy", |e| format!("{:?}", e.hear(record(4, 9000, &[]), at(2))), 10, 5),
        ("a newer copy", |e| format!("{:?}", e.hear(record(6, 9000, &[]), at(2))), 10, 5),
        ("another record of that number", |e| format!("{:?}", e.hear(record(5, 9001, &[]), at(2))), 10, 5),
        (
            "silence",
            |e| {
                e.silent(at(2));
                String::new()
            },
            10,
            5,
        ),
    ];
    let said = ["Same", "true", "Older", "Same", "Same", "Rose", "Older", "Known", "Stale", "Newer", "Conflicting", ""];
    for ((what, happens, freshness, seq), said) in table.into_iter().zip(said) {
        let mut entry = live(10);
        assert_eq!(happens(&mut entry), said, "{what}");
        let node = node_of(&mut entry);
        assert_eq!((node.freshness, node.enr.seq()), (freshness, seq), "{what}");
    }
}

#[test]
fn freshness_rises_once_an_epoch() {
    let mut entry = live(10);
    for _ in 0..3 {
        assert_eq!(entry.ponged(5, 1, at(2)), Ponged::Same);
        entry.told(Some(record(5, 9000, &[])), 1, at(2));
    }
    assert_eq!(node_of(&mut entry).freshness, 11);
    entry.ponged(5, 1, at(3));
    assert_eq!(node_of(&mut entry).freshness, 12);
}

#[test]
fn silence_costs_by_the_ladder_once_an_epoch() {
    let ladder = Ladder { percent: vec![0, 5, 20, 40, 80, 100], threshold: 0 };
    let mut entry = live(100);
    let mut seen = Vec::new();
    for epoch in 2..=7 {
        entry.silent(at(epoch));
        entry.silent(at(epoch));
        let node = node_of(&mut entry);
        let verdict = ladder.close(node, epoch);
        assert_eq!(ladder.close(node, epoch), Verdict::Stays, "an end counts once");
        seen.push((node.freshness, verdict));
    }
    let stays = |freshness| (freshness, Verdict::Stays);
    assert_eq!(seen, [stays(100), stays(95), stays(76), stays(45), stays(9), (0, Verdict::Leaves)]);

    // Rounded up, one at least; an answer forgives; an epoch in which nobody asked costs nothing.
    let mut entry = live(3);
    for (epoch, asked, answers, freshness) in
        [(2, true, false, 3), (3, true, false, 2), (4, false, false, 2), (5, true, true, 3), (6, true, false, 3)]
    {
        if answers {
            entry.ponged(5, 1, at(epoch));
        } else if asked {
            entry.silent(at(epoch));
        }
        let node = node_of(&mut entry);
        assert_eq!(ladder.close(node, epoch), Verdict::Stays);
        assert_eq!(node.freshness, freshness, "epoch {epoch}");
    }
    let early = Ladder { percent: vec![0, 50], threshold: 4 };
    let node = node_of(&mut entry);
    (node.freshness, node.missed, node.checked) = (9, 1, 7);
    assert_eq!((early.close(node, 7), node.freshness), (Verdict::Leaves, 4));
}

#[test]
fn a_curve_is_bounded() {
    let ladder = Ladder { percent: vec![0], threshold: 0 };
    let mut entry = live(1);
    for epoch in 2..100 {
        entry.ponged(5, 1, at(epoch));
        ladder.close(node_of(&mut entry), epoch);
    }
    let curve = &node_of(&mut entry).curve;
    assert_eq!((curve.len(), curve.last()), (CURVE, Some(&99)));
}

#[test]
fn a_candidate_is_asked_ever_more_rarely_and_never_a_member_by_hearsay() {
    let mut entry = candidate(5);
    let mut next = Vec::new();
    let mut epoch = 1;
    for _ in 0..9 {
        entry.silent(at(epoch));
        let Entry::Candidate(candidate) = &entry else { panic!("a member") };
        next.push(candidate.next - epoch);
        epoch = candidate.next;
    }
    assert_eq!(next, [1, 2, 4, 8, 16, 32, 64, 64, 64]);
    // A copy of the same record changes nothing; a newer one with the same address waits its turn as well.
    assert_eq!(entry.hear(record(5, 9000, &[]), at(300)), Heard::Known);
    assert_eq!(entry.hear(record(6, 9000, &[]), at(300)), Heard::Noted);
    // Another address is worth a try, but not any number of them.
    let heard: Vec<Heard> =
        (7..11).map(|seq| entry.hear(record(seq, 9000 + u16::try_from(seq).expect("small"), &[]), at(300))).collect();
    assert_eq!(heard, [Heard::Newer, Heard::Newer, Heard::Noted, Heard::Noted]);
    assert!(entry.live().is_none());
    // One that could not be asked at all, its address being refused, may be worth a try now.
    let mut refused = Entry::Candidate(Candidate { refused: true, ..Candidate::new(record(5, 9000, &[]), 0, 1) });
    assert_eq!(refused.hear(record(6, 9000, &[]), at(1)), Heard::Noted);
    assert_eq!(refused.hear(record(7, 9001, &[]), at(1)), Heard::Newer);
    assert_eq!(entry.told(None, 1, at(301)), Told::Found);
    assert_eq!(node_of(&mut entry).enr.seq(), 10);
}

#[test]
fn who_has_left_is_a_candidate_and_may_come_back() {
    let mut entry = live(1);
    entry.leave(at(9));
    let Entry::Candidate(candidate) = &entry else { panic!("still a member") };
    assert_eq!((candidate.first_seen, candidate.next), (Some(1000), 10));
    entry.told(Some(record(8, 9000, &[])), 1, at(12));
    let node = node_of(&mut entry);
    assert_eq!((node.first_seen, node.up_since, node.freshness, node.enr.seq()), (1000, 12_000, 1, 8));
}

#[test]
fn a_newer_copy_is_tried_first_and_dropped_if_it_leads_nowhere() {
    let mut entry = live(4);
    assert_eq!(entry.hear(record(6, 9001, &[]), at(2)), Heard::Newer);
    assert_eq!(entry.best().seq(), 6);
    assert_eq!(entry.hear(record(6, 9001, &[]), at(2)), Heard::Known);
    // The node itself tells of an even newer one.
    entry.told(Some(record(7, 9002, &[])), 1, at(2));
    assert_eq!((entry.best().seq(), node_of(&mut entry).heard.is_none()), (7, true));
}

#[test]
fn what_is_stored_reads_back() {
    let mut entry = live(4);
    entry.hear(record(6, 9001, &[]), at(2));
    let node = node_of(&mut entry).clone();
    let json = serde_json::to_string(&node).expect("JSON");
    assert_eq!(serde_json::from_str::<Node>(&json).expect("a node"), node);
    let gone = Gone { node, gone_at: 7 };
    let json = serde_json::to_string(&gone).expect("JSON");
    assert_eq!(serde_json::from_str::<Gone>(&json).expect("gone"), gone);
    let candidate = Candidate { refused: true, ..Candidate::new(record(1, 9000, &[]), 3, 4) };
    let json = serde_json::to_string(&candidate).expect("JSON");
    assert_eq!(serde_json::from_str::<Candidate>(&json).expect("a candidate"), candidate);
}

#[test]
fn the_vector_of_eip_778_reads_right() {
    let row = Row::unasked(&EIP_778.parse().expect("the vector"));
    assert_eq!(row.node_id.to_string(), "a448f24c6d18e575453db13171562b71999873db5b286df957af199ec94617f7");
    assert_eq!((row.seq, row.udp, row.tcp), (1, Some(30303), None));
    assert_eq!(row.ip, Some(std::net::Ipv4Addr::LOCALHOST.into()));
    assert_eq!((row.enr.as_str(), row.reachable), (EIP_778, None));
}

#[test]
fn clients_and_forks_are_read_where_the_record_says() {
    let words = |words: &[&str]| alloy_rlp::encode(words.iter().map(ToString::to_string).collect::<Vec<_>>());
    let said = |key: &'static [u8], value: Vec<u8>| {
        let record = record(1, 9000, &[(key, value)]);
        (client_words(&record).map(|words| words.join(" ")), fork(&record))
    };
    let eth: [u8; 8] = [0xc7, 0xc6, 0x84, 1, 2, 3, 4, 0x80];
    let table = [
        (b"client".as_slice(), words(&["geth", "v1"]), Some("geth v1"), None),
        (b"client", words(&["\u{1b}[31m<b>", "1"]), Some("31mb 1"), None),
        (b"client", words(&[&"x".repeat(99)]), Some(&*"x".repeat(32)), None),
        (b"client", words(&["", "v1"]), None, None),
        (b"client", alloy_rlp::encode(7_u64), None, None),
        (b"eth2", alloy_rlp::encode([7_u8; 16].as_slice()), None, Some("eth2/07070707")),
        (b"eth2", alloy_rlp::encode([7_u8; 3].as_slice()), None, None),
        (b"eth", eth.to_vec(), None, Some("eth/01020304")),
        (b"eth", alloy_rlp::encode(1_u64), None, None),
    ];
    for (key, value, client, fork) in table {
        let said = said(key, value);
        assert_eq!((said.0.as_deref(), said.1.as_deref()), (client, fork), "{}", String::from_utf8_lossy(key));
    }
}
