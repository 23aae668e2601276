//! What comes of answers, right and wrong ones.

use std::time::Duration;

use tokio::sync::oneshot::error::TryRecvError;

use super::responder::{Scene, TIMEOUT};
use crate::discv5::{
    ask::{AskError, Completeness, Dropped},
    codec::{Message, RequestId},
    record::{
        MAX_SIZE, Record,
        tests::{public, rlp, signed},
    },
    session::random_secret,
};

/// A session, and FINDNODE [256] asked under it.
fn asked(scene: &mut Scene) -> (tokio::sync::oneshot::Receiver<Result<crate::discv5::Nodes, AskError>>, RequestId) {
    let answered = scene.find_node(&[256]);
    let id = scene.shake_hands();
    (answered, id)
}

fn nodes(id: RequestId, total: u64, records: &[Record]) -> Message<'_> {
    Message::Nodes { id, total, records: records.iter().map(Record::rlp).collect() }
}

#[test]
fn all_packets_of_an_answer_are_waited_for_in_any_order() {
    let mut scene = Scene::new();
    let (mut answered, id) = asked(&mut scene);
    let records: Vec<Record> = (0..16).map(|_| scene.peer.neighbour(256)).collect();
    let mut packets: Vec<Vec<u8>> = records.chunks(3).map(|some| scene.peer.say(&nodes(id, 6, some))).collect();
    packets.reverse();
    for packet in packets {
        assert_eq!(answered.try_recv(), Err(TryRecvError::Empty));
        // The same packet twice is one packet.
        scene.receive(packet.clone());
        scene.receive(packet);
    }
    let answer = answered.try_recv().expect("an answer").expect("nodes");
    assert_eq!(answer.completeness, Completeness::Whole);
    assert_eq!(answer.records.len(), 16);
    assert!(records.iter().all(|record| answer.records.contains(record)));
    let counters = scene.engine.counters();
    assert_eq!((counters.unasked, counters.records, counters.answered, counters.sessions), (6, 16, 1, 1));
    assert_eq!(scene.engine.open(), 0);
}

#[test]
fn a_total_of_0_is_1_and_one_of_255_is_16() {
    let mut scene = Scene::new();
    let (mut answered, id) = asked(&mut scene);
    scene.say(&nodes(id, 0, &[]));
    assert_eq!(answered.try_recv().expect("an answer").expect("nodes").completeness, Completeness::Whole);

    let mut answered = scene.find_node(&[256]);
    let id = scene.asked();
    let record = scene.peer.neighbour(256);
    scene.say(&nodes(id, 255, std::slice::from_ref(&record)));
    scene.pass(TIMEOUT / 2);
    assert_eq!(answered.try_recv(), Err(TryRecvError::Empty));
    scene.pass(TIMEOUT / 2);
    let answer = answered.try_recv().expect("an answer").expect("nodes");
    assert_eq!(answer.completeness, Completeness::Partial { packets: 1, announced: 16 });
    assert_eq!(answer.records, [record]);
    assert_eq!(scene.engine.counters().partial, 1);
}

#[test]
fn bad_records_are_dropped_and_counted_and_the_good_ones_kept() {
    let mut scene = Scene::new();
    let (mut answered, id) = asked(&mut scene);
    let good = scene.peer.neighbour(256);
    let (scheme, v4, key) = (rlp(b"id"), rlp(b"v4"), rlp(b"secp256k1"));
    let mut flipped = scene.peer.neighbour(256).rlp().to_vec();
    flipped[10] ^= 1;
    let unsorted = signed(&[b"\x01", &key, &public(), &scheme, &v4]);
    let other_scheme = signed(&[b"\x01", &scheme, &rlp(b"v5"), &key, &public()]);
    let long = (0..200)
        .map(|size| signed(&[b"\x01", &scheme, &v4, &key, &public(), &rlp(b"z"), &rlp(&vec![7; size])]))
        .find(|record| record.len() == MAX_SIZE + 1)
        .expect("301 bytes");
    let records = vec![flipped.as_slice(), &unsorted, good.rlp(), &other_scheme, &long];
    scene.say(&Message::Nodes { id, total: 1, records });
    let answer = answered.try_recv().expect("an answer").expect("nodes");
    assert_eq!(answer.records, [good]);
    assert_eq!(answer.dropped, Dropped { bad: 4, ..Dropped::default() });
    assert_eq!(scene.engine.counters().bad_records, 4);
}

#[test]
fn a_record_with_a_port_of_65536_is_a_record_without_a_port() {
    let mut scene = Scene::new();
    let (mut answered, id) = asked(&mut scene);
    let pairs: [(&[u8], _); 2] = [(b"ip", rlp(&[1, 2, 3, 4])), (b"udp", alloy_rlp::encode(65536_u32))];
    let record = (0..1000)
        .map(|_| Record::sign(&random_secret(), 1, &pairs).expect("a record"))
        .find(|record| scene.peer.me.id().distance(record.id()) == 256)
        .expect("a record at that distance");
    scene.say(&nodes(id, 1, std::slice::from_ref(&record)));
    let answer = answered.try_recv().expect("an answer").expect("nodes");
    assert_eq!(answer.records, [record]);
    assert_eq!(answer.records[0].udp4_socket(), None);
}

#[test]
fn records_at_another_distance_are_dropped_and_counted() {
    let mut scene = Scene::new();
    let (mut answered, id) = asked(&mut scene);
    let (right, wrong) = (scene.peer.neighbour(256), scene.peer.neighbour(255));
    let records = [right.clone(), wrong, scene.peer.me.record().clone(), right.clone()];
    scene.say(&nodes(id, 1, &records));
    let answer = answered.try_recv().expect("an answer").expect("nodes");
    assert_eq!(answer.records, [right], "each once");
    assert_eq!(answer.dropped, Dropped { wrong_distance: 2, ..Dropped::default() });

    let mut answered = scene.find_node(&[0]);
    let id = scene.asked();
    let own = scene.peer.me.record().clone();
    scene.say(&nodes(id, 1, &[own.clone(), scene.peer.neighbour(256)]));
    assert_eq!(answered.try_recv().expect("an answer").expect("nodes").records, [own]);
}

#[test]
fn an_answer_does_not_grow_without_bound() {
    let mut scene = Scene::new();
    let (mut answered, id) = asked(&mut scene);
    let records: Vec<Record> = (0..40).map(|_| scene.peer.neighbour(256)).collect();
    for some in records.chunks(8) {
        scene.say(&nodes(id, 5, some));
    }
    let answer = answered.try_recv().expect("an answer").expect("nodes");
    assert_eq!((answer.records.len(), answer.dropped.surplus), (32, 8));
}

#[test]
fn answers_to_nothing_that_was_asked_are_counted_and_do_nothing() {
    let mut scene = Scene::new();
    let (mut answered, id) = asked(&mut scene);
    let pong = |id| Message::Pong { id, seq: 7, ip: "127.0.0.1".parse().expect("an address"), port: 9 };
    let wrong = [
        nodes(RequestId::from(7), 1, &[]),
        nodes(RequestId::new(b"short").expect("an id"), 1, &[]),
        // The right id, but not what it asks for.
        pong(id),
        Message::TalkResponse { id, response: &[] },
    ];
    for message in &wrong {
        scene.say(message);
    }
    assert_eq!(scene.engine.counters().unasked, 4);
    assert_eq!(answered.try_recv(), Err(TryRecvError::Empty));
    let answer = scene.peer.say(&nodes(id, 1, &[]));
    scene.receive(answer.clone());
    assert!(answered.try_recv().expect("an answer").is_ok());
    scene.receive(answer);
    assert_eq!(scene.engine.counters().unasked, 5, "a replayed answer");
}

#[test]
fn garbage_is_counted_and_does_nothing() {
    let mut scene = Scene::new();
    let (mut answered, id) = asked(&mut scene);
    let answer = scene.peer.say(&nodes(id, 1, &[]));
    for size in [0, 1, 62, 63, answer.len() - 1] {
        scene.receive(answer[..size].to_vec());
    }
    scene.receive(vec![0; 1280]);
    scene.receive([answer.clone(), vec![0; 1281]].concat());
    let key = scene.peer.keys.expect("a session").write;
    // Sealed as it should be, and not a message.
    scene.receive(scene.peer.say_under(&key, b"\x04garbage"));
    scene.receive(scene.peer.say_under(&key, b""));
    let counters = scene.engine.counters();
    // Cut after its header, it is a packet that does not open.
    assert_eq!((counters.undecodable, counters.strangers), (8, 1));
    scene.receive(answer);
    assert!(answered.try_recv().expect("an answer").is_ok());
}

#[test]
fn who_is_not_asked_gets_no_word() {
    let mut scene = Scene::new();
    let (_answered, _) = asked(&mut scene);
    let stranger = super::responder::responder(&scene.engine, 2);
    let mut datagram = stranger.say_under(&[7; 16], b"\x01\xc2\x01\x01");
    scene.engine.receive(scene.now, stranger.address, &mut datagram);
    let mut random = vec![9; 200];
    scene.engine.receive(scene.now, stranger.address, &mut random);
    assert!(scene.sent().is_empty());
    assert_eq!(scene.engine.counters().strangers, 1);
}

#[test]
fn a_peer_with_a_session_gets_replies_but_not_many() {
    let mut scene = Scene::new();
    let mut answered = scene.ping();
    let id = scene.shake_hands();
    scene.say(&Message::Pong { id, seq: 7, ip: "10.1.2.3".parse().expect("an address"), port: 9 });
    let pong = answered.try_recv().expect("an answer").expect("a pong");
    assert_eq!((pong.seq, pong.seen_as), (7, ("10.1.2.3".parse().expect("an address"), 9)));

    let id = RequestId::from(5);
    let (seq, ip) = (scene.engine.me.record().seq(), scene.peer.address.ip());
    let talk = Message::TalkRequest { id, protocol: b"x", request: b"y" };
    let table = [
        (Message::Ping { id, seq: 1 }, Message::Pong { id, seq, ip, port: 9000 }),
        (Message::FindNode { id, distances: vec![256] }, Message::Nodes { id, total: 1, records: vec![] }),
        (talk, Message::TalkResponse { id, response: &[] }),
    ];
    for (question, reply) in &table {
        scene.say(question);
        let super::responder::Heard::Message { bytes, .. } = scene.heard() else { panic!("sealed otherwise") };
        assert_eq!(Message::decode(&bytes).as_ref(), Ok(reply));
    }
    for _ in 0..100 {
        scene.say(&table[0].0);
    }
    assert_eq!(scene.sent().len(), 2, "five in all, at first");
    scene.pass(Duration::from_secs(1));
    for _ in 0..100 {
        scene.say(&table[0].0);
    }
    assert_eq!(scene.sent().len(), 2, "two a second, after that");
    assert_eq!(scene.engine.counters().replies, 7);
}
