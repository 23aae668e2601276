//! A graph in GraphML: who is there, and who told of whom.

use std::fmt::Write as _;

use crate::{
    crawl::{
        node::Node,
        record::{client_words, endpoint, fork},
        summary::{Time, rtt_ms},
    },
    discv5::NodeId,
};

/// Everything before the nodes.
pub const HEAD: &str = r#"<?xml version="1.0" encoding="UTF-8"?>
<graphml xmlns="http://graphml.graphdrawing.org/xmlns">
  <key id="ip" for="node" attr.name="ip" attr.type="string"/>
  <key id="udp" for="node" attr.name="udp" attr.type="int"/>
  <key id="client" for="node" attr.name="client" attr.type="string"/>
  <key id="version" for="node" attr.name="version" attr.type="string"/>
  <key id="fork" for="node" attr.name="fork" attr.type="string"/>
  <key id="freshness" for="node" attr.name="freshness" attr.type="long"/>
  <key id="rtt_ms" for="node" attr.name="rtt_ms" attr.type="double"/>
  <key id="first_seen" for="node" attr.name="first_seen" attr.type="string"/>
  <key id="last_seen" for="node" attr.name="last_seen" attr.type="string"/>
  <graph id="network" edgedefault="directed">
"#;

/// Everything after the edges.
pub const FOOT: &str = "  </graph>\n</graphml>\n";

/// A node.
pub fn node(node: &Node) -> String {
    let (ip, udp, _) = endpoint(&node.enr);
    let mut words = client_words(&node.enr).unwrap_or_default().into_iter();
    let data = [
        ("ip", ip.map(|ip| ip.to_string())),
        ("udp", udp.map(|port| port.to_string())),
        ("client", words.next()),
        ("version", words.next()),
        ("fork", fork(&node.enr)),
        ("freshness", Some(node.freshness.to_string())),
        ("rtt_ms", Some(rtt_ms(node).to_string())),
        ("first_seen", Some(Time(node.first_seen).to_string())),
        ("last_seen", Some(Time(node.last_seen).to_string())),
    ];
    let mut text = format!("    <node id=\"{}\">", node.enr.id());
    for (key, value) in data {
        if let Some(value) = value.filter(|value| !value.is_empty()) {
            // Writing to a string cannot fail.
            write!(text, "<data key=\"{key}\">{}</data>", escaped(&value)).unwrap_or_default();
        }
    }
    text.push_str("</node>\n");
    text
}

/// One node told of another.
pub fn edge(from: NodeId, to: NodeId) -> String {
    format!("    <edge source=\"{from}\" target=\"{to}\"/>\n")
}

/// Text between tags: markup is escaped, characters that XML does not have at all are left out.
fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\t' | '\n' | '\r' => out.push(' '),
            '\0'..='\x1f' | '\u{fffe}' | '\u{ffff}' => {}
            other => out.push(other),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::crawl::samples;

    #[test]
    fn a_node_and_an_edge() {
        let one = samples::node(7, 3);
        let (id, other) = (one.enr.id(), samples::node(8, 1).enr.id());
        assert_eq!(
            node(&one),
            format!(
                "    <node id=\"{id}\"><data key=\"ip\">203.0.113.7</data><data key=\"udp\">9001</data>\
                 <data key=\"client\">Lighthouse</data><data key=\"version\">v7.0.1</data>\
                 <data key=\"fork\">eth2/b5303f2a</data><data key=\"freshness\">3</data>\
                 <data key=\"rtt_ms\">1.234</data><data key=\"first_seen\">2023-11-14T22:13:20.123Z</data>\
                 <data key=\"last_seen\">2023-11-14T22:14:20.000Z</data></node>\n"
            )
        );
        assert_eq!(edge(id, other), format!("    <edge source=\"{id}\" target=\"{other}\"/>\n"));
        // Every key that a node uses is declared.
        for key in node(&one).split("key=\"").skip(1).filter_map(|rest| rest.split('"').next()) {
            assert!(HEAD.contains(&format!("<key id=\"{key}\" for=\"node\"")), "{key}");
        }
    }

    #[test]
    fn markup_is_text() {
        assert_eq!(escaped("</data><x y=\"&\">\0\x1b\n\u{ffff}ä"), "&lt;/data&gt;&lt;x y=&quot;&amp;&quot;&gt; ä");
    }
}
