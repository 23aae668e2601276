//! What a complete crawl would find.

use std::io::{self, Write};

use serde::{Deserialize, Serialize};

use super::network::Network;
use crate::discv5::NodeId;

/// One node, as it is now. The rows of a network are in the order in which its nodes joined.
#[derive(Clone, Debug, Serialize, Deserialize, PartialEq, Eq)]
pub struct Row {
    /// Who it is.
    pub id: NodeId,
    /// Its newest record.
    pub enr: String,
    /// The record's number.
    pub seq: u64,
    /// Whether it answers.
    pub alive: bool,
    /// Whom it tells of when it is asked for every distance, as places in the rows; nobody if it does not answer.
    pub tells: Vec<u32>,
}

/// How much of it there is.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize, PartialEq, Eq)]
pub struct Extent {
    /// Rows.
    pub nodes: usize,
    /// Those that answer.
    pub alive: usize,
    /// Pairs of a node that answers and one it tells of.
    pub edges: usize,
}

impl Network {
    /// A row for each node that there ever was.
    pub fn truth(&self) -> impl Iterator<Item = Row> {
        self.members.iter().zip(&self.tables).map(|(member, table)| Row {
            id: member.id(),
            enr: member.record().to_string(),
            seq: member.record().seq(),
            alive: member.is_alive(),
            tells: if member.is_alive() { table.members().collect() } else { Vec::new() },
        })
    }

    /// Writes the rows, a line of JSON each.
    pub(super) fn write_truth(&self, out: &mut impl Write) -> io::Result<Extent> {
        let mut extent = Extent::default();
        for row in self.truth() {
            serde_json::to_writer(&mut *out, &row)?;
            out.write_all(b"\n")?;
            extent.nodes += 1;
            extent.alive += usize::from(row.alive);
            extent.edges += row.tells.len();
        }
        out.flush()?;
        Ok(extent)
    }
}
