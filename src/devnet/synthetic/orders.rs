//! Orders to a network: one JSON object a line, and one as the answer.
//!
//! ```json
//! {"order": "tick", "leave": 0.1, "bump": 0.2}
//! {"order": "truth", "path": "truth.jsonl"}
//! {"order": "counters"}
//! ```

use std::{
    fs::File,
    io::{self, BufWriter},
    path::PathBuf,
};

use serde::Deserialize;
use serde_json::json;

use super::{network::Network, tick::Tick};

#[derive(Debug, Deserialize)]
#[serde(tag = "order", rename_all = "snake_case", deny_unknown_fields)]
enum Order {
    Tick(Tick),
    /// Into the answer, or into a file: with many nodes it is large.
    Truth {
        path: Option<PathBuf>,
    },
    Counters,
}

/// Does what a line says. What cannot be done is answered with `{"error": …}`.
pub fn obey(network: &mut Network, line: &str) -> String {
    let answer = match serde_json::from_str(line) {
        Ok(Order::Tick(tick)) => {
            network.tick(tick).map(|ticked| json!({ "tick": ticked })).map_err(|error| error.to_string())
        }
        Ok(Order::Truth { path: None }) => Ok(json!({ "truth": network.truth().collect::<Vec<_>>() })),
        Ok(Order::Truth { path: Some(path) }) => {
            write(network, &path).map_err(|error| format!("cannot write {}: {error}", path.display()))
        }
        Ok(Order::Counters) => Ok(json!({ "counters": network.counters() })),
        Err(error) => Err(error.to_string()),
    };
    answer.unwrap_or_else(|error| json!({ "error": error })).to_string()
}

fn write(network: &Network, path: &std::path::Path) -> io::Result<serde_json::Value> {
    let extent = network.write_truth(&mut BufWriter::new(File::create(path)?))?;
    Ok(json!({ "truth": { "path": path, "extent": extent } }))
}
