//! Records as they come from strangers, and a whole crawl of a network that is partly dead.

use std::{collections::HashMap, net::Ipv4Addr, time::Duration};

use discv5::Enr;
use enr::{CombinedKey, NodeId};
use serde_json::Value;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::{
    Limits, Reach,
    asker::Answer,
    crawl,
    drain::{Descent, Told},
    frontier::{Counts, Frontier},
    record::{Row, client, distance, fork, hex},
    report::{End, Tally},
};
use crate::{
    devnet::{Devnet, Shape},
    job::{JobId, Shard},
    platform::{Context, Network, Report, Run},
};

/// The record of EIP-778.
pub(super) const EIP_778: &str = "enr:-IS4QHCYrYZbAKWCBRlAy5zzaDZXJBGkcnh4MHcBFZntXNFrdvJjX04jRzjzCBOonrkTfj499SZuOh8R33Ls8RRcy5wBgmlkgnY0gmlwhH8AAAGJc2VjcDI1NmsxoQPKY0yuDUmstAHYpMa2_oxVtw0RW_QAdpzBQA8yWM0xOIN1ZHCCdl8";

fn node(seq: u64, ip: [u8; 4], key: &CombinedKey) -> Enr {
    Enr::builder().seq(seq).ip4(Ipv4Addr::from(ip)).udp4(9000).build(key).expect("a record")
}

#[test]
fn the_vector_of_eip_778_reads_right() {
    let row = Row::unasked(&EIP_778.parse().expect("the vector"));
    assert_eq!(row.node_id, "a448f24c6d18e575453db13171562b71999873db5b286df957af199ec94617f7");
    assert_eq!((row.seq, row.udp, row.tcp), (1, Some(30303), None));
    assert_eq!(row.ip, Some(Ipv4Addr::LOCALHOST.into()));
    assert_eq!((row.enr.as_str(), row.reachable), (EIP_778, None));
}

#[test]
fn hostile_records_are_refused() {
    use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD as BASE64};

    let raw = BASE64.decode(EIP_778.trim_start_matches("enr:")).expect("base64");
    let with = |change: &dyn Fn(&mut Vec<u8>)| {
        let mut raw = raw.clone();
        change(&mut raw);
        format!("enr:{}", BASE64.encode(raw))
    };
    let replace = |raw: &mut Vec<u8>, from: &[u8], to: &[u8]| {
        let at = raw.windows(from.len()).position(|window| window == from).expect("found");
        raw.splice(at..at + from.len(), to.iter().copied());
        raw[1] = u8::try_from(raw.len() - 2).expect("short");
    };
    let table = [
        ("a flipped bit of the signature", with(&|raw| raw[10] ^= 1)),
        ("301 bytes", with(&|raw| raw.resize(301, 0))),
        ("port 65536", with(&|raw| replace(raw, &[0x82, 0x76, 0x5f], &[0x83, 1, 0, 0]))),
        ("id v5", with(&|raw| replace(raw, b"v4", b"v5"))),
        ("cut", with(&|raw| raw.truncate(60))),
        ("nothing", "enr:".into()),
        ("no base64", "enr:é".into()),
    ];
    for (what, text) in table {
        assert!(text.parse::<Enr>().is_err(), "{what}");
    }
}

#[test]
fn clients_and_forks_are_read_where_the_record_says() {
    let key = CombinedKey::generate_secp256k1();
    let said = |name: &str| vec![name.to_owned(), "v1".to_owned()];
    let of = |change: &dyn Fn(&mut enr::Builder<CombinedKey>)| {
        let mut builder = Enr::builder();
        change(&mut builder);
        let record = builder.build(&key).expect("a record");
        (client(&record), fork(&record))
    };
    let named = |name: &str| Some(name.to_owned());
    assert_eq!(of(&|_| {}), (None, None));
    assert_eq!(
        of(&|b| {
            b.add_value("client", &said("geth"));
        }),
        (named("geth"), None)
    );
    assert_eq!(
        of(&|b| {
            b.add_value("client", &said("\u{1b}[31m<b>"));
        })
        .0,
        named("31mb")
    );
    assert_eq!(
        of(&|b| {
            b.add_value("client", &said(&"x".repeat(99)));
        })
        .0,
        named(&"x".repeat(32))
    );
    assert_eq!(
        of(&|b| {
            b.add_value("client", &7_u64);
        })
        .0,
        None
    );
    assert_eq!(
        of(&|b| {
            b.add_value("eth2", &[7_u8; 16]);
        })
        .1,
        named("eth2/07070707")
    );
    assert_eq!(
        of(&|b| {
            b.add_value("eth2", &[7_u8; 3]);
        })
        .1,
        None
    );
    let eth = [0xc7, 0xc6, 0x84, 1, 2, 3, 4, 0x80];
    assert_eq!(
        of(&|b| {
            b.add_value_rlp("eth", eth.to_vec().into());
        })
        .1,
        named("eth/01020304")
    );
}

#[test]
fn distance_is_the_highest_bit_that_differs() {
    let id = |first: u8, last: u8| {
        let mut raw = [0; 32];
        (raw[0], raw[31]) = (first, last);
        NodeId::from(raw)
    };
    for (b, wanted) in [(id(0, 0), 0), (id(0, 1), 1), (id(0, 0xff), 8), (id(1, 1), 249), (id(0x80, 0), 256)] {
        assert_eq!(distance(&id(0, 0), &b), wanted);
    }
}

#[test]
fn a_descent_ends_where_nothing_is_left() {
    let walk = |answers: &dyn Fn(u64) -> Option<usize>| {
        let (mut descent, mut asked) = (Descent::new(), Vec::new());
        while let Some(distance) = descent.next() {
            asked.push(distance);
            match answers(distance) {
                Some(records) => descent.answered(records),
                None => descent.unanswered(),
            }
        }
        asked
    };
    assert_eq!(walk(&|_| Some(0)), [256, 255, 254]);
    assert_eq!(walk(&|_| None), [256, 255]);
    assert_eq!(walk(&|_| Some(5)).last(), Some(&239));
    assert_eq!(walk(&|d| Some(usize::from(d == 254))).last(), Some(&251));
    assert_eq!(walk(&|d| (d % 2 == 0).then_some(1)).len(), 18);
}

#[test]
fn records_that_nobody_asked_for_are_dropped() {
    let (key, other) = (CombinedKey::generate_secp256k1(), CombinedKey::generate_secp256k1());
    let (me, stranger) = (node(1, [127, 0, 0, 1], &key), node(1, [127, 0, 0, 2], &other));
    let right = distance(&me.node_id(), &stranger.node_id());
    let answer = |records: &[&Enr]| Answer {
        records: records.iter().map(|record| (*record).clone()).collect(),
        took: Duration::from_millis(2),
    };
    let mut told = Told::nothing(me.node_id());
    told.add_own(answer(&[&stranger, &me]));
    assert_eq!((told.bad_records, told.own.is_some()), (1, true));
    assert_eq!(told.add_neighbours(right - 1, answer(&[&stranger])), 0);
    assert_eq!(told.add_neighbours(right, answer(&[&stranger, &me, &stranger])), 2);
    assert_eq!((told.bad_records, told.neighbours.len()), (3, 1));
}

#[test]
fn the_frontier_asks_everybody_once() {
    let keys: Vec<_> = (0..4).map(|_| CombinedKey::generate_secp256k1()).collect();
    let mut frontier = Frontier::new(Reach::Loopback, 3);
    let first = node(1, [127, 0, 0, 1], &keys[0]);
    frontier.hear(first.clone());
    frontier.hear(first.clone());
    frontier.hear(node(1, [10, 0, 0, 1], &keys[1]));
    frontier.hear(node(1, [127, 0, 0, 3], &keys[2]));
    frontier.hear(node(1, [127, 0, 0, 4], &keys[3]));
    assert!(frontier.overflowed());
    assert_eq!(frontier.next(), Some(first.clone()));
    let lost = frontier.next().expect("the third");
    assert_eq!(frontier.next(), None);
    assert!(frontier.answered(&first.node_id(), Some(node(5, [127, 0, 0, 1], &keys[0]))));
    frontier.unanswered(&lost.node_id());
    let counts = Counts { known: 3, asked: 3, reachable: 1, unreachable: 1, refused: 1 };
    assert_eq!(frontier.counts(), counts);
    // A newer record elsewhere is worth another try, but not for ever.
    for (seq, tried) in [(2, true), (3, true), (4, false)] {
        frontier.hear(node(seq, [127, 0, 1, u8::try_from(seq).expect("small")], &keys[2]));
        assert_eq!(frontier.next().is_some(), tried, "seq {seq}");
        frontier.unanswered(&lost.node_id());
    }
    assert!(frontier.exhausted());
}

#[test]
fn in_public_an_address_is_asked_for_one_node_at_a_time() {
    let keys: Vec<_> = (0..2).map(|_| CombinedKey::generate_secp256k1()).collect();
    let mut frontier = Frontier::new(Reach::Public, 9);
    for key in &keys {
        frontier.hear(node(1, [8, 8, 8, 8], key));
    }
    let first = frontier.next().expect("one");
    assert_eq!(frontier.next(), None);
    frontier.unanswered(&first.node_id());
    assert!(frontier.next().is_some());
}

#[test]
fn names_in_a_report_are_bounded() {
    let key = CombinedKey::generate_secp256k1();
    let mut tally = Tally::default();
    for i in 0..100 {
        let name = vec![format!("client{i}"), "v1".to_owned()];
        tally.reachable(&Enr::builder().add_value("client", &name).build(&key).expect("a record"));
    }
    let counts = Counts { known: 100, asked: 100, reachable: 90, unreachable: 10, refused: 0 };
    let report = tally.report(counts, End::TimeUp, true, Duration::from_secs(4));
    assert_eq!((report.clients.len(), report.clients.get("other")), (65, Some(&36)));
    assert_eq!((report.nodes_per_s, report.complete.nodes, report.complete.edges), (25.0, false, false));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_crawl_finds_every_node_and_tells_the_dead() {
    let network = Devnet::start(Shape { nodes: 64, dead: 6 }).await.expect("a network");
    let (reports, mut said) = mpsc::channel(64);
    let job =
        Context::new(Run::unrecorded(JobId::new(Shard(0)), Network::default()), CancellationToken::new(), reports);
    let listening = tokio::spawn(async move {
        let mut rows = HashMap::new();
        while let Some(envelope) = said.recv().await {
            let Report::Dataset { rows: new, .. } = envelope.report else { continue };
            for row in new {
                let row: Value = serde_json::from_str(row.get()).expect("JSON");
                assert!(rows.insert(row["node_id"].as_str().expect("an id").to_owned(), row).is_none(), "one row each");
            }
        }
        rows
    });
    let limits = Limits {
        concurrency: 16,
        request_timeout: Duration::from_secs(1),
        retries: 1,
        max_nodes: 1000,
        max_duration: Duration::from_mins(2),
    };
    let bootnode = network.bootnode().expect("a bootnode").to_base64();
    let report = crawl(&job, &[bootnode], limits).await.expect("a report");
    drop(job);
    let rows = listening.await.expect("rows");
    for (records, reachable) in [(network.live(), true), (network.dead().to_vec(), false)] {
        for record in records {
            let id = hex(&record.node_id().raw());
            assert_eq!(rows.get(&id).map(|row| &row["reachable"]), Some(&Value::Bool(reachable)), "{id}");
        }
    }
    assert_eq!((report.found, report.reachable, report.unreachable, report.refused), (64, 58, 6, 0));
    assert!(report.complete.nodes && !report.clients.is_empty() && report.forks.contains_key("eth2/b5303f2a"));
    assert!(rows.values().filter(|row| row["reachable"] == true).all(|row| row["neighbours"][0].is_string()));
}
