//! A table (RFC 4180) that a spreadsheet can open without running what a record says.

use crate::{
    crawl::{
        node::Node,
        record::{client_words, endpoint, fork},
        summary::{Time, rtt_ms},
    },
    csv::field,
};

/// The first line.
pub const HEAD: &str = "node_id,ip,udp,tcp,client,version,fork,seq,freshness,missed,rtt_ms,first_seen,last_seen,\
                        last_checked,up_since,neighbours,enr\r\n";

/// A node's line.
pub fn line(node: &Node, neighbours: u64) -> String {
    let (ip, udp, tcp) = endpoint(&node.enr);
    let mut words = client_words(&node.enr).unwrap_or_default().into_iter();
    let fields = [
        node.enr.id().to_string(),
        ip.map(|ip| ip.to_string()).unwrap_or_default(),
        udp.map(|port| port.to_string()).unwrap_or_default(),
        tcp.map(|port| port.to_string()).unwrap_or_default(),
        words.next().unwrap_or_default(),
        words.next().unwrap_or_default(),
        fork(&node.enr).unwrap_or_default(),
        node.enr.seq().to_string(),
        node.freshness.to_string(),
        node.missed.to_string(),
        rtt_ms(node).to_string(),
        Time(node.first_seen).to_string(),
        Time(node.last_seen).to_string(),
        Time(node.last_checked).to_string(),
        Time(node.up_since).to_string(),
        neighbours.to_string(),
        node.enr.to_string(),
    ];
    format!("{}\r\n", fields.map(|text| field(&text)).join(","))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::crawl::samples::{node, record};

    #[test]
    fn a_line_is_as_long_as_the_head() {
        let text = line(&node(7, 3), 16);
        assert_eq!(text.split(',').count(), HEAD.split(',').count());
        let id = node(7, 3).enr.id();
        let start =
            format!("{id},203.0.113.7,9001,9000,Lighthouse,v7.0.1,eth2/b5303f2a,7,3,0,1.234,2023-11-14T22:13:20.123Z");
        assert!(text.starts_with(&start), "{text}");
        assert!(text.ends_with("\r\n"));
    }

    #[test]
    fn no_record_is_a_formula() {
        let mut words = Vec::new();
        let evil: [&[u8]; 2] = [b"-1+1", b"=1"];
        alloy_rlp::encode_list::<_, [u8]>(&evil, &mut words);
        let node = Node { enr: record(9, &[(b"client", words)]), ..node(9, 1) };
        assert!(line(&node, 0).contains(",\"'-1+1\",1,"), "{}", line(&node, 0));
    }
}
