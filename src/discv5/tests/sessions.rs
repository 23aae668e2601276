//! How sessions begin, end and begin again, and what becomes of questions meanwhile.

use std::time::Duration;

use tokio::sync::oneshot::error::TryRecvError;

use super::responder::{Heard, Scene, TIMEOUT, responder};
use crate::discv5::{
    ask::AskError,
    codec::{Message, RequestId},
    pacing::Pace,
    session::Identity,
};

fn pong(id: RequestId) -> Message<'static> {
    Message::Pong { id, seq: 1, ip: "127.0.0.1".parse().expect("an address"), port: 9 }
}

/// A session, with nothing asked.
fn acquainted(scene: &mut Scene) {
    let mut answered = scene.ping();
    let id = scene.shake_hands();
    scene.say(&pong(id));
    assert!(answered.try_recv().expect("an answer").is_ok());
}

/// The ids of the questions in packets.
fn ids(scene: &mut Scene, packets: &[Vec<u8>]) -> Vec<RequestId> {
    let heard = packets.iter().map(|packet| scene.peer.hear(packet));
    heard
        .map(|heard| match heard {
            Heard::Message { bytes, .. } => Message::decode(&bytes).expect("a message").id(),
            Heard::Sealed(_) => panic!("the packet does not open"),
        })
        .collect()
}

#[test]
fn one_question_opens_the_session_and_the_others_wait_for_it() {
    let mut scene = Scene::new();
    let mut answers = [scene.ping(), scene.ping(), scene.ping()];
    let id = scene.shake_hands();
    assert!(scene.sent().is_empty());
    scene.say(&pong(id));
    let packets = scene.sent();
    for id in ids(&mut scene, &packets) {
        scene.say(&pong(id));
    }
    assert!(answers.iter_mut().all(|answer| answer.try_recv().is_ok_and(|answer| answer.is_ok())));
    let counters = scene.engine.counters();
    assert_eq!((counters.sessions, counters.handshakes, counters.whoareyou), (1, 1, 1));
    assert!(scene.engine.contacts.is_empty() && scene.engine.nonces.is_empty() && scene.engine.calls.is_empty());
}

#[test]
fn a_kept_session_needs_no_handshake_and_the_oldest_goes_first() {
    let mut scene = Scene::with(|manners| manners.sessions = 1);
    acquainted(&mut scene);
    acquainted_again(&mut scene);
    let other = responder(&scene.engine, 2);
    let first = std::mem::replace(&mut scene.peer, other);
    acquainted(&mut scene);
    scene.peer = first;
    let _answered = scene.ping();
    assert!(matches!(scene.heard(), Heard::Sealed(_)), "random bytes");
    assert_eq!(scene.engine.counters().sessions, 2);
}

fn acquainted_again(scene: &mut Scene) {
    let mut answered = scene.ping();
    let id = scene.asked();
    scene.say(&pong(id));
    assert!(answered.try_recv().expect("an answer").is_ok());
}

#[test]
fn a_peer_that_lost_its_session_gets_a_new_one_and_every_question_once_more() {
    let mut scene = Scene::new();
    acquainted(&mut scene);
    let mut answers = [scene.ping(), scene.ping(), scene.ping()];
    let packets = scene.sent();
    scene.peer.keys = None;
    let nonces: Vec<_> = packets
        .iter()
        .map(|packet| match scene.peer.hear(packet) {
            Heard::Sealed(nonce) => nonce,
            Heard::Message { .. } => panic!("there is no session"),
        })
        .collect();
    // It asks who we are for the second packet, then for the third; nobody answers the first.
    let third = scene.peer.whoareyou(&nonces[2]);
    let second = scene.peer.whoareyou(&nonces[1]);
    scene.receive(second.clone());
    scene.receive(third);
    let id = scene.asked();
    // The same challenge again is none.
    scene.receive(second);
    assert!(scene.sent().is_empty());
    scene.say(&pong(id));
    let packets = scene.sent();
    assert_eq!(packets.len(), 2);
    for id in ids(&mut scene, &packets) {
        scene.say(&pong(id));
    }
    assert!(answers.iter_mut().all(|answer| answer.try_recv().is_ok_and(|answer| answer.is_ok())));
    let counters = scene.engine.counters();
    assert_eq!((counters.sessions, counters.handshakes, counters.whoareyou, counters.retries), (2, 2, 3, 0));
}

#[test]
fn a_peer_that_always_asks_who_we_are_gets_two_handshakes() {
    let mut scene = Scene::new();
    let mut answered = scene.ping();
    for _ in 0..2 {
        let packets = scene.sent();
        scene.peer.keys = None;
        // Only the nonce is of interest: forget whatever the handshake packet says.
        let nonce = match scene.peer.hear(&packets[0]) {
            Heard::Sealed(nonce) => nonce,
            Heard::Message { handshake, .. } => {
                assert!(handshake);
                let mut packet = packets[0].clone();
                crate::discv5::packet::Packet::decode(&mut packet, scene.peer.me.id()).expect("a packet").nonce
            }
        };
        let challenge = scene.peer.whoareyou(&nonce);
        scene.receive(challenge);
    }
    let packets = scene.sent();
    let mut packet = packets[0].clone();
    let nonce = crate::discv5::packet::Packet::decode(&mut packet, scene.peer.me.id()).expect("a packet").nonce;
    let challenge = scene.peer.whoareyou(&nonce);
    scene.receive(challenge);
    assert!(scene.sent().is_empty(), "no third");
    scene.pass(TIMEOUT);
    assert_eq!(answered.try_recv().expect("an answer"), Err(AskError::Silent));
}

#[test]
fn a_challenge_from_elsewhere_or_for_nothing_is_ignored() {
    let mut scene = Scene::new();
    let _answered = scene.ping();
    let Heard::Sealed(nonce) = scene.heard() else { panic!("there is a session") };
    let mut challenge = scene.peer.whoareyou(&nonce);
    let elsewhere = "127.0.0.9:9000".parse().expect("an address");
    scene.engine.receive(scene.now, elsewhere, &mut challenge);
    let unknown = scene.peer.whoareyou(&[7; 12]);
    scene.receive(unknown);
    assert!(scene.sent().is_empty());
    let counters = scene.engine.counters();
    assert_eq!((counters.strangers, counters.whoareyou), (2, 0));
}

#[test]
fn an_answer_under_another_key_is_none() {
    let mut scene = Scene::new();
    let mut answered = scene.ping();
    let id = scene.shake_hands();
    // Somebody else at the same address, who saw the handshake but has not the key.
    let keys = scene.peer.keys.expect("a session");
    scene.receive(scene.peer.say_under(&keys.read, &pong(id).encode()));
    scene.receive(scene.peer.say_under(&[0; 16], &pong(id).encode()));
    let me = std::mem::replace(&mut scene.peer.me, Identity::anonymous().expect("an identity"));
    scene.say(&pong(id));
    assert_eq!(answered.try_recv(), Err(TryRecvError::Empty));
    let counters = scene.engine.counters();
    assert_eq!((counters.strangers, counters.sessions), (3, 0));
    scene.peer.me = me;
    scene.say(&pong(id));
    assert!(answered.try_recv().expect("an answer").is_ok());
}

#[test]
fn silence_after_the_handshake_is_silence_after_every_retry() {
    let mut scene = Scene::with(|manners| manners.retries = 1);
    let mut answers = [scene.ping(), scene.ping()];
    scene.shake_hands();
    scene.pass(TIMEOUT);
    // The retry begins from the start: the peer may have forgotten.
    scene.peer.keys = None;
    scene.shake_hands();
    scene.pass(TIMEOUT);
    for answer in &mut answers {
        assert_eq!(answer.try_recv().expect("an answer"), Err(AskError::Silent), "those that waited as well");
    }
    let counters = scene.engine.counters();
    assert_eq!((counters.timeouts, counters.retries, counters.silent, counters.handshakes), (2, 1, 2, 2));
    assert_eq!(counters.silent_after_answer, 0);
    assert!(scene.engine.contacts.is_empty() && scene.engine.nonces.is_empty() && scene.engine.calls.is_empty());
}

#[test]
fn under_a_session_one_silence_is_one_questions() {
    let mut scene = Scene::with(|manners| manners.retries = 1);
    acquainted(&mut scene);
    let mut lost = scene.ping();
    assert_eq!(scene.sent().len(), 1);
    scene.pass(TIMEOUT / 2);
    let mut kept = scene.ping();
    let id = scene.asked();
    scene.pass(TIMEOUT / 2);
    assert_eq!(scene.sent().len(), 1, "the first question again");
    scene.say(&pong(id));
    assert!(kept.try_recv().expect("an answer").is_ok());
    scene.pass(TIMEOUT);
    assert_eq!(lost.try_recv().expect("an answer"), Err(AskError::Silent));
    let counters = scene.engine.counters();
    assert_eq!((counters.silent, counters.silent_after_answer), (1, 1));
}

#[test]
fn no_packet_goes_before_its_time() {
    let mut scene = Scene::with(|manners| manners.ip_pace = Some(Pace::POLITE));
    acquainted(&mut scene);
    let mut answers: Vec<_> = (0..20).map(|_| scene.find_node(&[256])).collect();
    let start = scene.now;
    let mut times = Vec::new();
    while scene.engine.open() > 0 {
        let packets = scene.sent();
        for id in ids(&mut scene, &packets) {
            times.push((scene.now - start).as_millis());
            scene.say(&Message::Nodes { id, total: 1, records: vec![] });
        }
        scene.pass(Duration::from_millis(1));
    }
    assert!(answers.iter_mut().all(|answer| answer.try_recv().is_ok_and(|answer| answer.is_ok())));
    // One token went for the session: six at once, and then one every seventh of a second.
    let due: Vec<u128> = (0..20_u128).map(|n| n.saturating_sub(5) * 1000 / 7).collect();
    assert_eq!(times.len(), 20);
    for (time, due) in times.iter().zip(due) {
        assert!((due..due + 3).contains(time), "{times:?}");
    }
    assert_eq!(scene.engine.counters().paced, 14);
}

#[test]
fn a_question_that_nobody_waits_for_is_not_sent() {
    let mut scene = Scene::new();
    let _first = scene.ping();
    drop(scene.ping());
    let id = scene.shake_hands();
    scene.say(&pong(id));
    assert!(scene.sent().is_empty());
    assert_eq!(scene.engine.open(), 0);
}

#[test]
fn the_client_does_not_ask_itself() {
    let mut scene = Scene::new();
    scene.peer.me = scene.engine.me.clone();
    let mut answered = scene.ping();
    assert_eq!(answered.try_recv().expect("an answer"), Err(AskError::Itself));
    assert!(scene.sent().is_empty());
}
