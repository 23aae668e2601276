use std::net::Ipv4Addr;

use super::*;
use crate::discv5::{record::Record, session::tests::bytes};

const FIRST: &str = "enr:-HW4QBzimRxkmT18hMKaAL3IcZF1UcfTMPyi3Q1pxwZZbcZVRI8DC5infUAB_UauARLOJtYTxaagKoGmIjzQxO2qUygBgmlkgnY0iXNlY3AyNTZrMaEDymNMrg1JrLQB2KTGtv6MVbcNEVv0AHacwUAPMljNMTg";
const SECOND: &str = "enr:-HW4QNfxw543Ypf4HXKXdYxkyzfcxcO-6p9X986WldfVpnVTQX1xlTnWrktEWUbeTZnmgOuAY_KUhbVV1Ft98WoYUBMBgmlkgnY0iXNlY3AyNTZrMaEDDiy3QkHAxPyOgWbxp5oF1bDdlYE6dLCUUp8xfVw50jU";
const BOTH: &str = "04f8f20101f8eef875b8401ce2991c64993d7c84c29a00bdc871917551c7d330fca2dd0d69c706596dc655448f030b98a77d4001fd46ae0112ce26d613c5a6a02a81a6223cd0c4edaa53280182696482763489736563703235366b31a103ca634cae0d49acb401d8a4c6b6fe8c55b70d115bf400769cc1400f3258cd3138f875b840d7f1c39e376297f81d7297758c64cb37dcc5c3beea9f57f7ce9695d7d5a67553417d719539d6ae4b445946de4d99e680eb8063f29485b555d45b7df16a1850130182696482763489736563703235366b31a1030e2cb74241c0c4fc8e8166f1a79a05d5b0dd95813a74b094529f317d5c39d235";

fn one() -> RequestId {
    RequestId::new(&[1]).expect("an id")
}

#[test]
fn messages_are_those_of_the_vectors() {
    let (first, second): (Record, Record) = (FIRST.parse().expect("a record"), SECOND.parse().expect("a record"));
    let ip = IpAddr::V4(Ipv4Addr::LOCALHOST);
    let table = [
        ("01c20101", Message::Ping { id: one(), seq: 1 }),
        ("02ca0101847f000001821388", Message::Pong { id: one(), seq: 1, ip, port: 5000 }),
        ("03c501c3820100", Message::FindNode { id: one(), distances: vec![256] }),
        ("03c601c40181ff80", Message::FindNode { id: one(), distances: vec![1, 255, 0] }),
        ("04c30101c0", Message::Nodes { id: one(), total: 1, records: vec![] }),
        (BOTH, Message::Nodes { id: one(), total: 1, records: vec![first.rlp(), second.rlp()] }),
        ("05c8018361626382ffff", Message::TalkRequest { id: one(), protocol: b"abc", request: &[0xff, 0xff] }),
        ("06c20180", Message::TalkResponse { id: one(), response: &[] }),
    ];
    for (hex, message) in table {
        assert_eq!(message.encode(), bytes(hex), "{message:?}");
        assert_eq!(Message::decode(&bytes(hex)).as_ref(), Ok(&message), "{hex}");
        assert_eq!(message.id(), one());
    }
}

#[test]
fn a_record_that_is_none_does_not_lose_the_others() {
    let good: Record = FIRST.parse().expect("a record");
    let table: [(&[u8], &[&[u8]]); 4] = [
        // Not even a list, and a long list of nothing: they are items, so the next one is found.
        (&[7], &[&[7]]),
        (&[0xc3, 1, 2, 3], &[&[0xc3, 1, 2, 3]]),
        // Says it is longer than what is left: the rest is one bad record.
        (&[0xf8, 0xff], &[&[0xf8, 0xff]]),
        (&[0xb8, 0x00, 1, 2], &[&[0xb8, 0x00, 1, 2]]),
    ];
    for (bad, expected) in table {
        let content = [good.rlp(), bad].concat();
        let list = [&[1, 3][..], &list_of(&content)].concat();
        let message = [&[NODES][..], &list_of(&list)].concat();
        let records = [&[good.rlp()], expected].concat();
        assert_eq!(Message::decode(&message), Ok(Message::Nodes { id: one(), total: 3, records }));
    }
    let between = [good.rlp(), &[7], good.rlp()].concat();
    let message = [&[NODES][..], &list_of(&[&[1, 3][..], &list_of(&between)].concat())].concat();
    let records = vec![good.rlp(), &[7], good.rlp()];
    assert_eq!(Message::decode(&message), Ok(Message::Nodes { id: one(), total: 3, records }));
}

#[test]
fn an_ipv4_address_in_an_ipv6_one_is_seen_as_what_it_is() {
    let mapped = Message::Pong { id: one(), seq: 1, ip: "::ffff:1.2.3.4".parse().expect("an address"), port: 9 };
    let decoded = Message::Pong { id: one(), seq: 1, ip: "1.2.3.4".parse().expect("an address"), port: 9 };
    assert_eq!(Message::decode(&mapped.encode()), Ok(decoded));
    let loopback = Message::Pong { id: one(), seq: 1, ip: "::1".parse().expect("an address"), port: 9 };
    assert_eq!(Message::decode(&loopback.encode()), Ok(loopback.clone()));
}

#[test]
fn what_is_no_message_is_refused_by_its_cause() {
    let table = [
        ("", MessageError::Empty),
        ("01", MessageError::Rlp),
        ("00c20101", MessageError::Kind(0)),
        ("07c20101", MessageError::Kind(7)),
        ("01820101", MessageError::Rlp),
        ("01c2010101", MessageError::Rlp),
        ("01c3010101", MessageError::Rlp),
        ("01c101", MessageError::Rlp),
        ("01cb8901020304050607080901", MessageError::RequestId),
        ("01cb0189ffffffffffffffffff", MessageError::Rlp),
        ("02c90101837f0000821388", MessageError::Address),
        ("02cb0101847f00000183010000", MessageError::Rlp),
        ("03c501c3820101", MessageError::Distance(257)),
        ("03c601c483010000", MessageError::Rlp),
        ("03c20101", MessageError::Rlp),
        ("04c20101", MessageError::Rlp),
        ("04c3010101", MessageError::Rlp),
        ("05c20101", MessageError::Rlp),
        ("06c201c0", MessageError::Rlp),
    ];
    for (hex, error) in table {
        assert_eq!(Message::decode(&bytes(hex)), Err(error), "{hex}");
    }
}
