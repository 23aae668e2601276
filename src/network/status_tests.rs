use serde_json::{Value, json};

use super::{super::samples::id, *};

const RECEIPT: Receipt = Receipt { middle: 1_704_231_000.4 };

/// A status as a node of today gives it, with one peer.
fn status() -> Value {
    json!({
        "server": {
            "id": id(1), "app_version": "Hathor v0.72.0", "state": "READY", "network": "mainnet", "uptime": 507_065.206,
            "entrypoints": ["tcp://18.196.44.159:40403"],
        },
        "peers_whitelist": [id(9)],
        "known_peers": [
            {"id": id(2), "entrypoints": ["tcp://18.192.65.149:40403"], "last_seen": 2.18, "flags": []},
            {"id": id(3), "entrypoints": [], "last_seen": 1.09, "flags": ["retries_exceeded"]},
        ],
        "connections": {
            "connected_peers": [{
                "id": id(2), "app_version": "Hathor v0.71.0", "current_time": 1_704_230_998.216, "uptime": 512_211.85,
                "address": "35.172.220.95:48202", "state": "READY", "rtt": [0.101, 0.099], "last_message": 0.105,
                "plugins": {"node-block-sync": {
                    "is_enabled": true, "peer_best_block": {"height": 4_125_507, "id": "00b0"},
                    "synced_block": {"height": 4_125_506, "id": "00af"}, "synced": true, "state": "syncing-mempool",
                    "mempool": {"tips_count": 1, "tips": ["00ab"], "has_more": false, "is_synced": true},
                }},
                "warning_flags": ["no_entrypoints"], "protocol_version": "sync-v2", "peer_best_blockchain": [[4_125_507, "00b0"]],
            }],
            "handshaking_peers": [{"address": "1.2.3.4:54321", "state": "HELLO", "uptime": 0.001, "app_version": "Unknown"}],
            "connecting_peers": [{"deferred": "<bound method>", "address": "1.2.3.4:40403"}],
        },
        "dag": {
            "first_timestamp": 1_577_836_800, "latest_timestamp": 1_704_230_988,
            "best_block_tips": [{"hash": "00b0", "height": 4_125_507}],
            "best_block": {"hash": "00b0", "height": 4_125_507}, "best_blockchain": [[4_125_507, "00b0"]],
        },
    })
}

fn read_value(value: &Value) -> Result<Status, StatusError> {
    read(value.to_string().as_bytes(), RECEIPT)
}

fn peer_of(value: &Value) -> Peer {
    let mut status = read_value(value).unwrap();
    assert_eq!((status.skipped, status.node.connected_peers.len()), (0, 1), "{value}");
    status.node.connected_peers.remove(0)
}

#[test]
fn a_status_of_today_is_read_whole() {
    let Status { node, skipped, hints } = read_value(&status()).unwrap();
    assert_eq!(skipped, 0);
    // 1704230998.216 - 507065.206, by the node's own clock rather than ours.
    let wanted = json!({
        "id": id(1), "app_version": "Hathor v0.72.0", "up_since": 1_703_723_933, "state": "READY", "network": "mainnet",
        "first_timestamp": 1_577_836_800, "latest_timestamp": 1_704_230_988,
        "best_block": {"height": 4_125_507, "id": "00b0"}, "entrypoints": ["tcp://18.196.44.159:40403"],
        "known_peers": [id(2), id(3)],
        "connected_peers": [{
            "id": id(2), "app_version": "Hathor v0.71.0", "up_since": 1_703_718_786, "address": "35.172.220.95:48202",
            "state": "READY", "last_message": 1_704_230_998, "protocol_version": "sync-v2", "latest_timestamp": null,
            "sync_timestamp": null, "peer_best_block": {"height": 4_125_507, "id": "00b0"},
            "synced_block": {"height": 4_125_506, "id": "00af"}, "warning_flags": ["no_entrypoints"],
            "entrypoints": ["tcp://18.192.65.149:40403"],
        }],
        "received_at_ms": 1_704_231_000_400_u64,
    });
    assert_eq!(serde_json::to_value(&node).unwrap(), wanted);
    let places: Vec<_> = hints.iter().map(|hint| (hint.id.clone(), hint.place.as_str())).collect();
    assert_eq!(places, [(id(2), "35.172.220.95:48202"), (id(2), "tcp://18.192.65.149:40403")]);
}

#[test]
fn what_others_do_not_have_may_be_missing() {
    let mut old = status();
    let peer = old.pointer_mut("/connections/connected_peers/0").and_then(Value::as_object_mut).unwrap();
    for name in ["current_time", "rtt", "protocol_version", "peer_best_blockchain", "warning_flags"] {
        peer.remove(name);
    }
    peer["plugins"] =
        json!({"node-sync-timestamp": {"is_enabled": true, "latest_timestamp": 7, "synced_timestamp": 6}});
    old["dag"] = json!({"first_timestamp": 5, "latest_timestamp": 9});
    for name in ["peers_whitelist", "known_peers"] {
        old.as_object_mut().unwrap().remove(name);
    }
    let node = read_value(&old).unwrap().node;
    // By our clock: 1704231000.4 - 507065.206.
    assert_eq!((node.up_since, node.best_block, node.latest_timestamp), (Some(1_703_723_935), None, Some(9)));
    let peer = peer_of(&old);
    assert_eq!((peer.up_since, peer.last_message.0), (Some(1_703_718_789), Some(1_704_231_000)));
    assert_eq!((peer.latest_timestamp, peer.sync_timestamp), (Some(7), Some(6)));
    assert_eq!((peer.peer_best_block, peer.synced_block), (None, None));
    assert_eq!((peer.protocol_version.as_str(), peer.entrypoints.len()), ("sync-v1.1", 0));
}

#[test]
fn protocols_that_are_not_known_are_marked() {
    for (said, plugins, told) in [
        (json!("sync-v1"), json!({}), "sync-v1"),
        (json!("sync-v1.1"), json!({}), "sync-v1.1"),
        (json!("sync-v2"), json!({}), "sync-v2"),
        (json!("sync-v9"), json!({}), "sync-v9 (unsupported)"),
        (json!(null), json!({"node-block-sync": {}}), "sync-v2"),
        (json!(null), json!({"other": 1}), "unknown (unsupported)"),
    ] {
        let mut status = status();
        let peer = &mut status["connections"]["connected_peers"][0];
        (peer["protocol_version"], peer["plugins"]) = (said, plugins);
        assert_eq!(peer_of(&status).protocol_version, told);
    }
}

#[test]
fn a_bad_peer_costs_nobody_else() {
    let good = status()["connections"]["connected_peers"][0].clone();
    let with = |name: &str, value: Value| {
        let mut peer = good.clone();
        peer[name] = value;
        peer
    };
    let bad = [
        json!(null),
        json!([]),
        json!({}),
        with("id", json!("short")),
        with("id", json!(id(2).to_uppercase().replace('0', "G"))),
        with("uptime", json!("long")),
        with("uptime", json!(-1e300)),
        with("uptime", json!(1e300)),
        with("address", json!(null)),
        with("state", json!("x".repeat(513))),
        with("warning_flags", json!(vec!["x"; 65])),
        with("warning_flags", json!({})),
        with("plugins", json!([])),
        with("plugins", json!({"node-block-sync": {"peer_best_block": {"height": -1, "id": "x"}}})),
        with("protocol_version", json!(2)),
    ];
    for peer in &bad {
        let mut status = status();
        status["connections"]["connected_peers"] = json!([peer, good.clone()]);
        status["known_peers"].as_array_mut().unwrap().push(json!({"id": 5}));
        let read = read_value(&status).unwrap();
        assert_eq!((read.skipped, read.node.connected_peers.len()), (2, 1), "{peer}");
    }
}

#[test]
fn a_bad_document_is_refused() {
    for (place, value) in [
        ("/server/id", json!("f0e1")),
        ("/server/id", json!(null)),
        ("/server/uptime", json!("1")),
        ("/server/uptime", json!(1e300)),
        ("/server/uptime", json!(-1e300)),
        ("/server/state", json!(7)),
        ("/server/app_version", json!("x".repeat(513))),
        ("/server/entrypoints", json!(vec!["x"; 65])),
        ("/server", json!(null)),
        ("/connections", json!({})),
        ("/connections/connected_peers", json!("none")),
        ("/known_peers", json!({})),
        ("/dag", json!({})),
        ("/dag/best_block", json!({"height": 1})),
        ("/dag/latest_timestamp", json!(1.5)),
    ] {
        let mut status = status();
        *status.pointer_mut(place).unwrap() = value;
        assert!(read_value(&status).is_err(), "{place}");
    }
    for body in [&b""[..], b"{", b"[]", b"\xff\xfe", b"null", "[".repeat(100_000).as_bytes()] {
        assert!(read(body, RECEIPT).is_err());
    }
}

#[test]
fn a_state_that_is_not_known_is_kept() {
    let mut status = status();
    status["server"]["state"] = json!("DREAMING");
    assert_eq!(read_value(&status).unwrap().node.state, "DREAMING");
}

#[test]
fn two_connections_to_one_peer_are_one_whichever_stands_first() {
    let mut status = status();
    let peer = status["connections"]["connected_peers"][0].clone();
    let other = |state: &str, uptime: f64, address: &str| {
        let mut other = peer.clone();
        (other["state"], other["uptime"], other["address"]) = (json!(state), json!(uptime), json!(address));
        other
    };
    let mut several = [
        other("HELLO", 9e5, "a:1"),
        other("READY", 10.0, "b:1"),
        other("READY", 20.0, "d:1"),
        other("READY", 20.0, "c:1"),
    ];
    for _ in 0..several.len() {
        several.rotate_left(1);
        status["connections"]["connected_peers"] = json!(several);
        assert_eq!(peer_of(&status).address, "c:1");
    }
}

#[test]
fn nothing_is_read_without_a_bound() {
    let mut status = status();
    let peer = status["connections"]["connected_peers"][0].clone();
    let many: Vec<Value> = (0..MAX_PEERS + 7)
        .map(|n| {
            let mut peer = peer.clone();
            peer["id"] = json!(id(u32::try_from(n).unwrap()));
            peer
        })
        .collect();
    status["connections"]["connected_peers"] = json!(many);
    let read = read_value(&status).unwrap();
    assert_eq!((read.skipped, read.node.connected_peers.len()), (7, MAX_PEERS));
}
