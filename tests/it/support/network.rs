//! A crawled network, written with the documented keys of the store and nothing else: whoever has Redis can.

#![allow(dead_code, reason = "only tests of the crawl fill a store")]

use enr::{CombinedKey, Enr, k256};
use redis::aio::MultiplexedConnection;
use serde_json::{Value, json};

use super::Collector;

/// When everything in the store happened, ms since 1970.
pub(crate) const THEN: u64 = 1_700_000_000_000;

pub(crate) type Record = Enr<CombinedKey>;

/// The record of a key of its own, with an address of its own.
pub(crate) fn record(number: u32) -> Record {
    let mut secret = [1; 32];
    secret[28..].copy_from_slice(&number.to_be_bytes());
    let key = CombinedKey::from(k256::ecdsa::SigningKey::from_bytes(&secret.into()).unwrap());
    let [.., c, d] = number.to_be_bytes();
    let mut builder = Enr::builder();
    builder.ip4([198, 51, c, d].into()).udp4(9000).tcp4(9001).seq(u64::from(number) + 1);
    if number.is_multiple_of(2) {
        let eth2 = [&[0xb5, 0x30, 0x3f, 0x2a, 6, 0, 0, 0][..], &[0xff; 8]].concat();
        builder.add_value("eth2", &bytes::Bytes::from(eth2));
    }
    builder.build(&key).unwrap()
}

pub(crate) fn id(record: &Record) -> String {
    collector::discv5::NodeId(record.node_id().raw()).to_string()
}

pub(crate) fn live(record: &Record, freshness: u32) -> Value {
    json!({
        "enr": record.to_base64(), "first_seen": THEN, "up_since": THEN, "last_seen": THEN + 60_000,
        "last_checked": THEN + 60_000, "drained_at": 0, "freshness": freshness, "missed": 0, "rtt_us": 1500,
        "checked": 3, "answered": 3, "tracked": 2, "curve": [1, 2, freshness],
    })
}

/// A network in a collector's Redis.
pub(crate) struct Network {
    pub(crate) redis: MultiplexedConnection,
    name: &'static str,
}

impl Network {
    pub(crate) async fn new(collector: &Collector, name: &'static str, began_at: u64) -> Self {
        let mut network = Self { redis: collector.redis().await, name };
        let _: () =
            redis::cmd("HSET").arg("{etlas:0}:crawls").arg(name).arg(0).query_async(&mut network.redis).await.unwrap();
        let about = network.key("about");
        let mut hset = redis::cmd("HSET");
        hset.arg(about).arg("root").arg("test").arg("epoch").arg(3).arg("started_at").arg(THEN).arg("began").arg(1);
        hset.arg("began_at").arg(began_at).arg("closed").arg(2).arg("last").arg(0);
        network.run(&hset).await;
        network
    }

    pub(crate) fn key(&self, name: &str) -> String {
        format!("{{etlas:0}}:crawl:{}:{name}", self.name)
    }

    pub(crate) async fn run(&mut self, command: &redis::Cmd) {
        let _: redis::Value = command.query_async(&mut self.redis).await.unwrap();
    }

    /// Writes a field of one of the hashes that are parted by node ids.
    pub(crate) async fn put(&mut self, hash: &str, id: &str, value: impl redis::ToRedisArgs) {
        let part = u8::from_str_radix(&id[..1], 16).unwrap();
        let key = self.key(&format!("{hash}:{part}"));
        self.run(redis::cmd("HSET").arg(key).arg(id).arg(value)).await;
    }

    pub(crate) async fn knows(&mut self, record: &Record, neighbours: &[&Record]) {
        let told: Vec<u8> = neighbours.iter().flat_map(|other| other.node_id().raw()).collect();
        self.put("neighbours", &id(record), told).await;
    }
}
