//! The tables that others query, and what a write of the store means for them.

use jiff::Timestamp;
use serde::Deserialize;
use tracing::warn;

use crate::{
    crawl::{
        metrics::{as_float, rounded},
        node::Node,
        record::{client, endpoint, fork},
        store::{self, EpochCounts},
    },
    discv5::NodeId,
    storage::{Cell, Change, Column, Kind, Table},
};

/// The live set: a row a node.
pub(super) static NODES: Table = Table {
    name: "crawl_nodes",
    columns: &[
        Column { name: "network", kind: Kind::Text },
        // The first hexadecimal digit of the node's id, as a number: what one owner writes.
        Column { name: "part", kind: Kind::Integer },
        Column { name: "node_id", kind: Kind::Text },
        Column { name: "enr", kind: Kind::Text },
        // 64 bits without a sign, which no SQL type holds.
        Column { name: "seq", kind: Kind::Text },
        Column { name: "ip", kind: Kind::Text },
        Column { name: "udp", kind: Kind::Integer },
        Column { name: "tcp", kind: Kind::Integer },
        Column { name: "client", kind: Kind::Text },
        Column { name: "fork", kind: Kind::Text },
        Column { name: "freshness", kind: Kind::Integer },
        Column { name: "missed", kind: Kind::Integer },
        Column { name: "rtt_ms", kind: Kind::Real },
        Column { name: "first_seen", kind: Kind::Time },
        Column { name: "up_since", kind: Kind::Time },
        Column { name: "last_seen", kind: Kind::Time },
        Column { name: "last_checked", kind: Kind::Time },
    ],
    key: &["network", "part", "node_id"],
};

/// Who told of whom: a row a pair.
pub(super) static NEIGHBOURS: Table = Table {
    name: "crawl_neighbours",
    columns: &[
        Column { name: "network", kind: Kind::Text },
        Column { name: "part", kind: Kind::Integer },
        Column { name: "node_id", kind: Kind::Text },
        Column { name: "neighbour", kind: Kind::Text },
    ],
    key: &["network", "part", "node_id", "neighbour"],
};

/// Former records of nodes: a row a record.
pub(super) static RECORDS: Table = Table {
    name: "crawl_records",
    columns: &[
        Column { name: "network", kind: Kind::Text },
        Column { name: "node_id", kind: Kind::Text },
        Column { name: "seq", kind: Kind::Text },
        Column { name: "enr", kind: Kind::Text },
        Column { name: "until", kind: Kind::Time },
    ],
    key: &["network", "node_id", "seq"],
};

/// What was counted: a row an epoch.
pub(super) static EPOCHS: Table = Table {
    name: "crawl_epochs",
    columns: &[
        Column { name: "network", kind: Kind::Text },
        Column { name: "epoch", kind: Kind::Integer },
        Column { name: "started_at", kind: Kind::Time },
        Column { name: "closed_at", kind: Kind::Time },
        Column { name: "counts", kind: Kind::Json },
    ],
    key: &["network", "epoch"],
};

/// A former record, as the store has it.
#[derive(Deserialize)]
struct Former {
    seq: u64,
    enr: String,
    until: u64,
}

/// What one network's rows begin with.
#[derive(Clone, Debug)]
pub(super) struct Rows {
    pub(super) network: String,
}

impl Rows {
    /// What a write of the store means for the tables.
    pub(super) fn of(&self, part: u8, change: &store::Change) -> Vec<Change> {
        match change {
            store::Change::Node(id, json) => match serde_json::from_str(json) {
                Ok(node) => vec![self.node(part, *id, &node)],
                Err(error) => {
                    warn!(node = %id, %error, "a node cannot be mirrored");
                    Vec::new()
                }
            },
            store::Change::Edges(id, ids) => self.edges(part, *id, &store::unpack(ids)),
            store::Change::Gone(id, _) => {
                [&NODES, &NEIGHBOURS].map(|table| Change::Remove { table, prefix: self.prefix(part, *id) }).into()
            }
            store::Change::History(id, line) => self.record(*id, line).into_iter().collect(),
            _ => Vec::new(),
        }
    }

    pub(super) fn node(&self, part: u8, id: NodeId, node: &Node) -> Change {
        let (ip, udp, tcp) = endpoint(&node.enr);
        let number = |port: Option<u16>| Cell::from(port.map(i64::from));
        let mut row = self.prefix(part, id);
        row.extend([
            node.enr.to_string().into(),
            node.enr.seq().to_string().into(),
            ip.map(|ip| ip.to_string()).into(),
            number(udp),
            number(tcp),
            client(&node.enr).into(),
            fork(&node.enr).into(),
            node.freshness.into(),
            node.missed.into(),
            rounded(as_float(node.rtt_us) / 1000.0).into(),
            time(node.first_seen),
            time(node.up_since),
            time(node.last_seen),
            time(node.last_checked),
        ]);
        Change::Put { table: &NODES, row }
    }

    pub(super) fn edges(&self, part: u8, id: NodeId, neighbours: &[NodeId]) -> Vec<Change> {
        let put = neighbours.iter().map(|neighbour| {
            let mut row = self.prefix(part, id);
            row.push(neighbour.to_string().into());
            Change::Put { table: &NEIGHBOURS, row }
        });
        std::iter::once(Change::Remove { table: &NEIGHBOURS, prefix: self.prefix(part, id) }).chain(put).collect()
    }

    /// A line of a node's history.
    pub(super) fn record(&self, id: NodeId, line: &str) -> Option<Change> {
        let former: Former = serde_json::from_str(line).ok()?;
        let network = self.network.clone().into();
        let row =
            vec![network, id.to_string().into(), former.seq.to_string().into(), former.enr.into(), time(former.until)];
        Some(Change::Put { table: &RECORDS, row })
    }

    pub(super) fn epoch(&self, counts: &EpochCounts) -> Change {
        let at = |name: &str| counts.counts.get(name).map_or(Cell::Null, |ms| time(*ms));
        let json = serde_json::to_value(&counts.counts).unwrap_or_default();
        let number = i64::try_from(counts.epoch).unwrap_or(i64::MAX);
        let row = vec![self.network.clone().into(), number.into(), at("started_at"), at("closed_at"), json.into()];
        Change::Put { table: &EPOCHS, row }
    }

    /// Everything of one part goes, before it is written anew.
    pub(super) fn clear(&self, table: &'static Table, part: u8) -> Change {
        Change::Remove { table, prefix: vec![self.network.clone().into(), i64::from(part).into()] }
    }

    fn prefix(&self, part: u8, id: NodeId) -> Vec<Cell> {
        vec![self.network.clone().into(), i64::from(part).into(), id.to_string().into()]
    }
}

fn time(ms: u64) -> Cell {
    let ms = i64::try_from(ms).unwrap_or(i64::MAX);
    Timestamp::from_millisecond(ms).ok().into()
}
