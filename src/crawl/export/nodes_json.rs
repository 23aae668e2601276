//! go-ethereum's `nodes.json`: an object by node id, indented by four spaces, times in whole seconds.

use serde::Serialize;

use crate::crawl::{node::Node, summary::Time};

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Entry {
    seq: u64,
    record: String,
    /// go-ethereum counts checks that went well and halves that when one does not; ours is the like of it.
    #[serde(skip_serializing_if = "is_zero")]
    score: u32,
    first_response: String,
    last_response: String,
    last_check: String,
}

/// A node as a member of the object, without the comma before it.
pub fn entry(node: &Node) -> Result<String, serde_json::Error> {
    let entry = Entry {
        seq: node.enr.seq(),
        record: node.enr.to_string(),
        score: node.freshness,
        first_response: seconds(node.first_seen),
        last_response: seconds(node.last_seen),
        last_check: seconds(node.last_checked),
    };
    let mut json = Vec::new();
    let indent = serde_json::ser::PrettyFormatter::with_indent(b"    ");
    entry.serialize(&mut serde_json::Serializer::with_formatter(&mut json, indent))?;
    let json = String::from_utf8_lossy(&json).replace('\n', "\n    ");
    Ok(format!("\n    \"{}\": {json}", node.enr.id()))
}

/// RFC 3339, cut to the second.
fn seconds(ms: u64) -> String {
    format!("{:.0}", Time(ms - ms % 1000).timestamp())
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks for it")]
fn is_zero(number: &u32) -> bool {
    *number == 0
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::crawl::samples::node;

    #[test]
    fn an_entry_looks_as_go_ethereum_writes_it() {
        let (id, enr) = (node(7, 3).enr.id(), node(7, 3).enr);
        let wanted = format!(
            r#"
    "{id}": {{
        "seq": 7,
        "record": "{enr}",
        "score": 3,
        "firstResponse": "2023-11-14T22:13:20Z",
        "lastResponse": "2023-11-14T22:14:20Z",
        "lastCheck": "2023-11-14T22:14:21Z"
    }}"#
        );
        assert_eq!(entry(&node(7, 3)).expect("JSON"), wanted);
        assert!(!entry(&node(7, 0)).expect("JSON").contains("score"), "0 is left out there");
    }
}
