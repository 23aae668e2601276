use serde_json::json;

use super::*;
use crate::crawl::samples::{full_record, record};

fn rlp(bytes: &[u8]) -> Vec<u8> {
    alloy_rlp::encode(bytes)
}

fn said(pairs: &[(&[u8], Vec<u8>)]) -> serde_json::Value {
    let mut value = serde_json::to_value(Contents::of(&record(5, pairs))).expect("JSON");
    let object = value.as_object_mut().expect("an object");
    object.remove("size");
    assert_eq!(object.remove("seq"), Some(json!(5)));
    value
}

#[test]
fn every_known_key_is_read() {
    let mut eth = Vec::new();
    alloy_rlp::encode_list::<_, [u8]>(&[&[0xa1_u8, 0xb2, 0xc3, 0xd4][..], &[0x65, 0, 0, 0]], &mut eth);
    let eth = [vec![0xc0 + u8::try_from(eth.len()).expect("short")], eth].concat();
    let no_next = b"\xc7\xc6\x84\x01\x02\x03\x04\x80".to_vec();
    for (pairs, wanted) in [
        (vec![(&b"ip"[..], rlp(&[1, 2, 3, 4]))], json!({"ip": "1.2.3.4", "unknown": []})),
        (vec![(b"ip6", rlp(&[0xfe; 16]))], json!({"ip6": "fefe:fefe:fefe:fefe:fefe:fefe:fefe:fefe", "unknown": []})),
        (vec![(b"quic", rlp(&[0x23, 0x29])), (b"quic6", rlp(&[9]))], json!({"quic": 9001, "quic6": 9, "unknown": []})),
        (vec![(b"eth", eth)], json!({"eth": {"fork_hash": "a1b2c3d4", "fork_next": 1_694_498_816}, "unknown": []})),
        (vec![(b"eth", no_next)], json!({"eth": {"fork_hash": "01020304"}, "unknown": []})),
        (
            vec![(b"attnets", rlp(&[1, 0, 0, 0, 0, 0, 0, 0x80])), (b"syncnets", rlp(&[9]))],
            json!({"attnets": [0, 63], "syncnets": [0, 3], "unknown": []}),
        ),
        (
            vec![(b"cgc", rlp(&[128])), (b"nfd", rlp(&[1, 2, 3, 0xff]))],
            json!({"cgc": 128, "nfd": "010203ff", "unknown": []}),
        ),
        (
            vec![(b"opstack", rlp(&[0x82, 0x80, 1, 0])), (b"snap", vec![0xc0])],
            json!({"opstack": {"chain_id": 16386, "version": 0}, "snap": true, "unknown": []}),
        ),
        (
            vec![(b"eth2", rlp(&[1, 2, 3, 4, 5, 6, 7, 8, 9, 0, 0, 0, 0, 0, 0, 0]))],
            json!({
                "eth2": {"fork_digest": "01020304", "next_fork_version": "05060708", "next_fork_epoch": 9},
                "unknown": [],
            }),
        ),
    ] {
        assert_eq!(said(&pairs), wanted);
    }
    let full = serde_json::to_value(Contents::of(&full_record(7))).expect("JSON");
    assert_eq!(full["client"], json!({"name": "Lighthouse", "version": "v7.0.1"}));
    assert_eq!(full["eth2"], json!({"fork_digest": "b5303f2a", "next_fork_version": "06000000"}));
    assert_eq!((&full["tcp"], &full["udp"], &full["seq"]), (&json!(9000), &json!(9001), &json!(7)));
}

#[test]
fn a_value_that_its_key_does_not_allow_stays_as_it_is() {
    let hostile: [(&[u8], Vec<u8>); 22] = [
        (b"ip", rlp(&[1, 2, 3])),
        (b"ip6", rlp(&[1; 4])),
        (b"udp", rlp(&[])),
        (b"udp", rlp(&[1, 0, 0])),
        (b"udp", rlp(&[0, 9])),
        (b"tcp", vec![0xc0]),
        (b"quic", vec![0xc1, 0x80]),
        (b"eth2", rlp(&[1; 15])),
        (b"eth2", rlp(&[1; 17])),
        (b"eth2", vec![0xc0]),
        (b"eth", rlp(&[1; 4])),
        (b"eth", vec![0xc0]),
        (b"eth", vec![0xc1, 0xc0]),
        (b"eth", b"\xc7\xc6\x83\x01\x02\x03\x81\xff".to_vec()),
        (b"attnets", rlp(&[1; 7])),
        (b"syncnets", rlp(&[1; 2])),
        (b"cgc", rlp(&[1; 9])),
        (b"nfd", rlp(&[1; 5])),
        (b"client", rlp(b"Lighthouse")),
        (b"client", vec![0xc1, 0xc0]),
        (b"snap", rlp(b"yes")),
        (b"opstack", rlp(&[0xff; 20])),
    ];
    for (key, value) in hostile {
        let name = String::from_utf8_lossy(key).into_owned();
        assert_eq!(said(&[(key, value.clone())]), json!({"unknown": [{"key": name, "rlp": hex(&value)}]}), "{name}");
    }
}

#[test]
fn keys_and_words_are_cleaned() {
    let keys = said(&[(b"", rlp(b"x")), (b"<script>", rlp(b"y")), (b"x-1", rlp(&[0xff]))]);
    let wanted = json!([
        {"key": "0x", "rlp": "78"},
        {"key": "0x3c7363726970743e", "rlp": "79"},
        {"key": "x-1", "rlp": "81ff"},
    ]);
    assert_eq!(keys["unknown"], wanted);
    let mut words = Vec::new();
    let evil: [&[u8]; 4] = [b"\x1b[31m<b>=Nimbus", &[b'a'; 90], b"\xff\xfe", b"more"];
    alloy_rlp::encode_list::<_, [u8]>(&evil, &mut words);
    assert_eq!(said(&[(b"client", words)])["client"], json!({"name": "31mbNimbus", "version": "a".repeat(32)}));
}

#[test]
fn numbers_that_are_too_large_are_none() {
    for (bytes, wanted) in [
        (&[0x7f_u8][..], Some(127)),
        (&[0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1], Some(u64::MAX)),
        (&[0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 2], None),
        (&[0x80; 11], None),
        (&[], None),
    ] {
        assert_eq!(varint(&mut { bytes }), wanted, "{bytes:?}");
    }
}
