//! What a node says when it is asked.

use serde_json::{Value, json};

use super::{
    manner::Manner,
    world::{Node, PEERS, World, address, block, id},
};

/// The status of a node by its clock, in seconds since 1970; `chance` gives numbers of 0 to 1.
pub(super) fn status(world: &World, node: &Node, now: f64, mut chance: impl FnMut() -> f64) -> Value {
    let manner = node.manner;
    let jitter = world.jitter.as_secs_f64();
    let mut age = |since: f64| (now - since + jitter * chance().mul_add(2.0, -1.0)).max(0.0);
    let uptime = age(node.since);
    let ages: Vec<(u32, f64)> = node.connected.iter().map(|(peer, since)| (*peer, age(*since))).collect();
    let height = if manner == Manner::Behind { world.height.saturating_sub(100) } else { world.height };
    let connected: Vec<Value> = (0..)
        .zip(ages)
        .map(|(place, (peer, age))| match manner {
            Manner::Malformed if place % 3 == 0 => json!({"id": 7, "address": null}),
            _ => connected(world, manner, peer, age, now, chance()),
        })
        .collect();
    let known: Vec<Value> = match manner {
        Manner::Forgetful => Vec::new(),
        _ => node.connected.iter().map(|(peer, _)| known(manner, *peer)).collect(),
    };
    let own = node.id.as_str();
    let number = world.nodes.iter().position(|other| other.id == own).and_then(|place| u32::try_from(place).ok());
    let mut dag = json!({"first_timestamp": 1_577_836_800, "latest_timestamp": world.latest});
    if manner != Manner::Old {
        set(&mut dag, "best_block_tips", json!([{"hash": block(height), "height": height}]));
        set(&mut dag, "best_block", json!({"hash": block(height), "height": height}));
        set(&mut dag, "best_blockchain", json!([[height, block(height)]]));
    }
    json!({
        "server": {
            "id": own,
            "app_version": if manner == Manner::Old { "Hathor v0.40.0" } else { "Hathor v0.72.0" },
            "state": if manner == Manner::Behind { "INITIALIZING" } else { "READY" },
            "network": if manner == Manner::Elsewhere { "elsewhere" } else { "devnet" },
            "uptime": uptime,
            "entrypoints": number.map(|number| vec![entrypoint(number)]).unwrap_or_default(),
        },
        "peers_whitelist": [],
        "known_peers": known,
        "connections": {
            "connected_peers": connected,
            "handshaking_peers": [{"address": "127.0.0.1:54321", "state": "HELLO", "uptime": 0.001, "app_version": "Unknown"}],
            "connecting_peers": [{"deferred": "<bound method>", "address": "127.0.0.1:40403"}],
        },
        "dag": dag,
    })
}

fn connected(world: &World, manner: Manner, peer: u32, age: f64, now: f64, chance: f64) -> Value {
    let best = json!({"height": world.height, "id": block(world.height)});
    let mut told = json!({
        "id": id(peer),
        "app_version": "Hathor v0.71.0",
        "uptime": age,
        "address": place(peer),
        "state": "READY",
        "last_message": (chance * 30.0).min(age),
        "plugins": {"node-block-sync": {
            "is_enabled": true, "peer_best_block": best, "synced_block": best, "synced": true, "state": "syncing-mempool",
        }},
        "warning_flags": [],
    });
    if manner == Manner::SyncV1 || manner == Manner::Old {
        set(
            &mut told,
            "plugins",
            json!({"node-sync-timestamp": {
                "is_enabled": true, "latest_timestamp": world.latest, "synced_timestamp": world.latest,
            }}),
        );
    }
    if manner != Manner::Old {
        set(&mut told, "current_time", json!(now));
        let rtt = if manner == Manner::Large { vec![0.123_456_789_012_345_6; 200] } else { vec![0.1, 0.11] };
        set(&mut told, "rtt", json!(rtt));
        set(
            &mut told,
            "protocol_version",
            json!(match manner {
                Manner::SyncV1 => "sync-v1.1",
                Manner::UnknownProtocol => "sync-v9",
                _ => "sync-v2",
            }),
        );
        set(&mut told, "peer_best_blockchain", json!([[world.height, block(world.height)]]));
    }
    told
}

fn known(manner: Manner, peer: u32) -> Value {
    let mut known = json!({"id": id(peer), "entrypoints": [entrypoint(peer)]});
    if manner != Manner::Old {
        set(&mut known, "last_seen", json!(1.5));
        set(&mut known, "flags", json!([]));
    }
    known
}

/// Peers that are no nodes stand where nobody is: addresses for documentation.
fn entrypoint(number: u32) -> String {
    match node(number) {
        Some(number) => format!("tcp://{}:40403/?id={}", address(number), id(number.into())),
        None => format!("tcp://198.51.100.{}:40403", number % 256),
    }
}

fn place(number: u32) -> String {
    match node(number) {
        Some(number) => format!("{}:48202", address(number)),
        None => format!("198.51.100.{}:{}", number % 256, 1024 + number % 50_000),
    }
}

fn node(number: u32) -> Option<u16> {
    (number < PEERS).then(|| u16::try_from(number).ok()).flatten()
}

/// Sets a member of an object.
fn set(object: &mut Value, name: &str, value: Value) {
    if let Some(members) = object.as_object_mut() {
        members.insert(name.to_owned(), value);
    }
}
