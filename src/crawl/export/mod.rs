//! A network as files that others read. Pure text, a piece at a time: whoever writes them decides how much is in memory.
//!
//! In: nodes, in the order of their ids. Out: text in one of the [`Format`]s. Invariants: what a record's maker chose is
//! escaped as its format demands; a format's pieces, one after the other, are one whole document.

mod csv;
mod enrtree;
mod graphml;
mod nodes_json;

pub use self::{
    csv::{HEAD as CSV_HEAD, line as csv_line},
    enrtree::{Domain, DomainError, Signer, Tree, record_line},
    graphml::{FOOT as GRAPHML_FOOT, HEAD as GRAPHML_HEAD, edge as graphml_edge, node as graphml_node},
    nodes_json::entry as nodes_json_entry,
};

/// What a network can be written as.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// What `devp2p discv5 crawl` of go-ethereum keeps.
    NodesJson,
    /// A table (RFC 4180).
    Csv,
    /// An object a line.
    JsonLines,
    /// A graph: nodes, and who told of whom.
    GraphMl,
    /// The zone of a DNS tree (EIP-1459).
    EnrTree,
}

/// Not a format.
#[derive(Debug, thiserror::Error)]
#[error("expected nodes.json, csv, jsonl, graphml or enrtree")]
pub struct FormatError;

impl std::str::FromStr for Format {
    type Err = FormatError;

    fn from_str(text: &str) -> Result<Self, FormatError> {
        match text {
            "nodes.json" => Ok(Self::NodesJson),
            "csv" => Ok(Self::Csv),
            "jsonl" => Ok(Self::JsonLines),
            "graphml" => Ok(Self::GraphMl),
            "enrtree" => Ok(Self::EnrTree),
            _ => Err(FormatError),
        }
    }
}

impl Format {
    /// Its media type.
    pub const fn media_type(self) -> &'static str {
        match self {
            Self::NodesJson => "application/json",
            Self::Csv => "text/csv",
            Self::JsonLines => "application/jsonl",
            Self::GraphMl => "application/graphml+xml",
            Self::EnrTree => "text/plain",
        }
    }

    /// What a file's name ends with.
    pub const fn file_ending(self) -> &'static str {
        match self {
            Self::NodesJson => "nodes.json",
            Self::Csv => "csv",
            Self::JsonLines => "jsonl",
            Self::GraphMl => "graphml",
            Self::EnrTree => "enrtree.zone",
        }
    }
}
