//! Which addresses a crawl may contact. Records are signed by whoever made them, so an address in one is only a claim:
//! a peer may name anybody's.

use std::net::SocketAddr;

use super::node::Entry;
use crate::{discv5::Record, outbound::special};

/// Where a crawl may go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reach {
    /// This machine alone.
    Loopback,
    /// The internet, and nothing else: never this machine or its private networks because a peer said so.
    Public,
}

impl Reach {
    /// Whether this address may be contacted.
    pub fn allows(self, address: SocketAddr) -> bool {
        address.port() != 0
            && match self {
                Self::Loopback => address.ip().is_loopback(),
                Self::Public => special(address.ip()).is_none(),
            }
    }

    /// Where the node of this record may be contacted; by IPv4 if it can be, which more of us can send to.
    pub fn address(self, record: &Record) -> Option<SocketAddr> {
        record.udp4_socket().into_iter().chain(record.udp6_socket()).find(|address| self.allows(*address))
    }

    /// Where a node is asked: where its newest record says, or the one before that, or else where it answered last.
    pub(super) fn of(self, entry: &Entry) -> Option<SocketAddr> {
        let said = self.address(entry.best()).or_else(|| self.address(entry.record()));
        said.or_else(|| entry.live()?.address.filter(|address| self.allows(*address)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::crawl::samples::{candidate, full_record, node, record};

    #[test]
    fn a_node_is_asked_where_one_of_its_records_says_or_where_it_answered() {
        let here: SocketAddr = "8.8.8.8:9000".parse().expect("an address");
        let (mut moved, bare) = (node(7, 1), record(9, &[]));
        let public = |seq| {
            let [ip, udp] = [alloy_rlp::encode([9, 9, 9, seq].as_slice()), alloy_rlp::encode(9001_u16)];
            record(seq, &[(b"ip", ip), (b"udp", udp)])
        };
        let of = |node: &crate::crawl::Node| Reach::Public.of(&Entry::Live(Box::new(node.clone())));
        moved.enr = public(7);
        assert_eq!(of(&moved), "9.9.9.7:9001".parse().ok());
        moved.heard = Some(public(8));
        assert_eq!(of(&moved), "9.9.9.8:9001".parse().ok());
        // What others tell of may name no address, or one where nobody goes.
        for heard in [bare.clone(), full_record(8)] {
            moved.heard = Some(heard);
            assert_eq!(of(&moved), "9.9.9.7:9001".parse().ok());
        }
        (moved.enr, moved.heard) = (bare, None);
        assert_eq!(of(&moved), None);
        moved.address = Some(here);
        assert_eq!(of(&moved), Some(here));
        moved.address = "127.0.0.1:9000".parse().ok();
        assert_eq!(of(&moved), None, "never where it may not go");
        assert_eq!(Reach::Public.of(&Entry::Candidate(candidate(7))), None);
    }

    #[test]
    fn each_reach_allows_its_own_addresses_alone() {
        let neither = "0.0.0.0:1 0.1.2.3:1 10.0.0.1:1 100.64.0.1:1 100.127.9.9:1 169.254.169.254:80 172.16.0.1:1 \
                       192.0.0.8:1 192.0.2.1:1 192.88.99.1:1 192.168.1.1:1 198.18.0.1:1 198.51.100.1:1 203.0.113.1:1 \
                       224.0.0.1:1 240.0.0.1:1 255.255.255.255:1 8.8.8.8:0 127.0.0.1:0 [::]:1 [::ffff:8.8.8.8]:1 \
                       [::ffff:127.0.0.1]:1 [64:ff9b::808:808]:1 [100::1]:1 [2001::1]:1 [2001:db8::1]:1 [2002:808::1]:1 \
                       [3fff:1::1]:1 [fc00::1]:1 [fe80::1]:1 [ff02::1]:1 [2a00::1]:0";
        let table = neither.split_whitespace().map(|text| (text, false, false)).chain([
            ("127.0.0.1:9000", true, false),
            ("127.200.3.4:1", true, false),
            ("[::1]:9000", true, false),
            ("8.8.8.8:9000", false, true),
            ("100.128.0.1:9000", false, true),
            ("172.32.0.1:9000", false, true),
            ("223.255.255.254:65535", false, true),
            ("[2001:4860::1]:9000", false, true),
            ("[2a00:1450::1]:9000", false, true),
        ]);
        for (text, loopback, public) in table {
            let address: SocketAddr = text.parse().expect("an address");
            assert_eq!(Reach::Loopback.allows(address), loopback, "{text} on loopback");
            assert_eq!(Reach::Public.allows(address), public, "{text} in public");
        }
    }
}
