//! An Ethereum node read through the same model: one batch of JSON-RPC calls, each of which the node may refuse.

use serde::Deserialize;
use serde_json::{Value, value::RawValue};
use sha2::{Digest as _, Sha256};
use url::Url;

use super::{
    model::{Block, INITIALIZING, Node, Peer, READY, Volatile, is_id},
    status::{Hint, Receipt, Status, StatusError},
};

/// All calls at once; answers are known by these ids.
pub(super) const QUESTION: &str = r#"[
{"jsonrpc":"2.0","id":1,"method":"web3_clientVersion","params":[]},
{"jsonrpc":"2.0","id":2,"method":"eth_chainId","params":[]},
{"jsonrpc":"2.0","id":3,"method":"eth_blockNumber","params":[]},
{"jsonrpc":"2.0","id":4,"method":"eth_getBlockByNumber","params":["latest",false]},
{"jsonrpc":"2.0","id":5,"method":"eth_syncing","params":[]},
{"jsonrpc":"2.0","id":6,"method":"net_peerCount","params":[]},
{"jsonrpc":"2.0","id":7,"method":"admin_peers","params":[]}]"#;

/// Peers that are read of one answer.
const MAX_PEERS: usize = 5000;
/// Bytes of one text.
const MAX_TEXT: usize = 512;

/// An answer to one call; an error has no result.
#[derive(Deserialize)]
struct Answer<'a> {
    id: u64,
    #[serde(borrow)]
    result: Option<&'a RawValue>,
}

#[derive(Deserialize)]
struct Latest {
    number: String,
    hash: String,
    timestamp: String,
}

#[derive(Deserialize)]
struct Admin {
    id: String,
    #[serde(default)]
    name: String,
    network: Option<AdminNetwork>,
    #[serde(default)]
    caps: Vec<String>,
    enode: Option<String>,
}

#[derive(Deserialize)]
struct AdminNetwork {
    #[serde(rename = "remoteAddress")]
    remote_address: String,
}

/// Reads the answers of the node at `url`. It must answer one call at least that says what it is.
pub(super) fn read(body: &[u8], url: &Url, receipt: Receipt) -> Result<Status, StatusError> {
    let answers: Vec<Answer<'_>> = serde_json::from_slice(body)?;
    let answer = |id: u64| answers.iter().find(|answer| answer.id == id).and_then(|answer| answer.result);
    let text = |id| answer(id).and_then(|raw| serde_json::from_str::<String>(raw.get()).ok()).filter(|text| fits(text));
    let app_version = text(1).ok_or(StatusError::Bounds("web3_clientVersion"))?;
    let latest = answer(4).and_then(|raw| serde_json::from_str::<Latest>(raw.get()).ok()).filter(|it| fits(&it.hash));
    let told =
        latest.as_ref().and_then(|latest| Some(Block { height: number(&latest.number)?, id: latest.hash.clone() }));
    let best_block = told.or_else(|| Some(Block { height: number(&text(3)?)?, id: String::new() }));
    let (mut skipped, mut hints, mut peers) = (0, Vec::new(), Vec::new());
    let listed: Option<Vec<&RawValue>> = answer(7).and_then(|raw| serde_json::from_str(raw.get()).ok());
    for raw in listed.iter().flatten().take(MAX_PEERS) {
        match peer(raw) {
            Some(peer) => peers.push(peer),
            None => skipped += 1,
        }
    }
    peers.sort_unstable_by(|a: &Peer, b| (&a.id, &a.address).cmp(&(&b.id, &b.address)));
    peers.dedup_by(|later, earlier| later.id == earlier.id);
    hints.extend(peers.iter().map(|peer| Hint { id: peer.id.clone(), place: peer.address.clone() }));
    let is_syncing =
        answer(5).is_some_and(|raw| serde_json::from_str::<Value>(raw.get()).is_ok_and(|it| it.is_object()));
    let node = Node {
        id: id_of(url),
        app_version,
        up_since: None,
        state: if is_syncing { INITIALIZING } else { READY }.into(),
        network: text(2)
            .and_then(|chain| number(&chain))
            .map_or_else(|| "unknown".into(), |chain| format!("eip155:{chain}")),
        first_timestamp: None,
        latest_timestamp: latest.and_then(|latest| i64::try_from(number(&latest.timestamp)?).ok()),
        best_block,
        entrypoints: Vec::new(),
        known_peers: Vec::new(),
        connected_peers: peers,
        peer_count: text(6).and_then(|count| number(&count)),
        received_at_ms: Volatile(milliseconds(receipt)),
    };
    Ok(Status { node, skipped, hints })
}

/// Such a node does not say who it is: it is known by where it is asked.
fn id_of(url: &Url) -> String {
    Sha256::digest(url.as_str()).iter().fold(String::with_capacity(64), |hex, byte| format!("{hex}{byte:02x}"))
}

fn peer(raw: &RawValue) -> Option<Peer> {
    let admin: Admin = serde_json::from_str(raw.get()).ok()?;
    let id = admin.id.trim_start_matches("0x").to_ascii_lowercase();
    let address = admin.network.map(|network| network.remote_address).unwrap_or_default();
    let protocol = admin.caps.into_iter().filter(|cap| cap.starts_with("eth/")).max().unwrap_or_default();
    let entrypoints: Vec<String> = admin.enode.into_iter().collect();
    let bounded = [&admin.name, &address, &protocol].into_iter().chain(&entrypoints).all(|text| fits(text));
    (is_id(&id) && bounded).then(|| Peer {
        id,
        app_version: admin.name,
        address,
        state: READY.into(),
        protocol_version: protocol,
        entrypoints,
        ..Peer::default()
    })
}

fn fits(text: &str) -> bool {
    text.len() <= MAX_TEXT
}

/// `0x1f`.
fn number(text: &str) -> Option<u64> {
    u64::from_str_radix(text.strip_prefix("0x")?, 16).ok()
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a time after 1970")]
fn milliseconds(receipt: Receipt) -> u64 {
    (receipt.middle * 1000.0).max(0.0) as u64
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const RECEIPT: Receipt = Receipt { middle: 1.7e9 };

    fn read_values(values: &[(u64, Value)]) -> Result<Status, StatusError> {
        let answers: Vec<Value> =
            values.iter().map(|(id, result)| json!({"jsonrpc": "2.0", "id": id, "result": result})).collect();
        read(json!(answers).to_string().as_bytes(), &"http://127.0.0.1:8545".parse().unwrap(), RECEIPT)
    }

    #[test]
    fn the_question_is_json() {
        let question: Vec<Value> = serde_json::from_str(QUESTION).unwrap();
        assert_eq!(question.iter().map(|call| call["id"].as_u64().unwrap()).collect::<Vec<_>>(), [1, 2, 3, 4, 5, 6, 7]);
    }

    #[test]
    fn a_node_that_answers_everything_is_read_whole() {
        let peer = json!({
            "id": "ab".repeat(32), "name": "Geth/v1.14.0", "caps": ["eth/67", "eth/68", "snap/1"],
            "enode": "enode://00@192.0.2.1:30303", "network": {"localAddress": "x", "remoteAddress": "192.0.2.1:30303"},
        });
        let status = read_values(&[
            (5, json!(false)),
            (1, json!("anvil/v1.0.0")),
            (2, json!("0x7a69")),
            (3, json!("0x10")),
            (4, json!({"number": "0x11", "hash": "0xabc", "timestamp": "0x6553f100"})),
            (6, json!("0x2")),
            (7, json!([peer, {"id": "short"}, peer])),
        ])
        .unwrap();
        let node = &status.node;
        assert_eq!((status.skipped, node.connected_peers.len(), node.peer_count), (1, 1, Some(2)));
        assert_eq!(node.best_block, Some(Block { height: 17, id: "0xabc".into() }));
        assert_eq!((node.network.as_str(), node.state.as_str()), ("eip155:31337", READY));
        assert_eq!((node.latest_timestamp, node.up_since), (Some(1_700_000_000), None));
        assert_eq!(node.connected_peers[0].protocol_version, "eth/68");
        assert!(is_id(&node.id));
    }

    #[test]
    fn every_method_but_one_may_be_refused() {
        let node = read_values(&[(1, json!("x"))]).unwrap().node;
        assert_eq!((node.best_block, node.peer_count, node.network.as_str()), (None, None, "unknown"));
        let node =
            read_values(&[(1, json!("x")), (3, json!("0x5")), (4, json!(null)), (5, json!({"x": 1}))]).unwrap().node;
        assert_eq!((node.best_block.map(|block| block.height), node.state.as_str()), (Some(5), INITIALIZING));
        for bad in [&[][..], &[(1, json!(7))], &[(3, json!("0x5"))], &[(1, json!("x".repeat(513)))]] {
            assert!(read_values(bad).is_err());
        }
        let refused = br#"[{"jsonrpc":"2.0","id":1,"result":"x"},{"jsonrpc":"2.0","id":2,"error":{"code":-32601}}]"#;
        assert!(read(refused, &"http://a".parse().unwrap(), RECEIPT).is_ok());
        for body in [&b"{}"[..], b"[1]", b""] {
            assert!(read(body, &"http://a".parse().unwrap(), RECEIPT).is_err());
        }
    }
}
