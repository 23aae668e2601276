//! Which nodes are wanted: what a list and an export can be narrowed down to.

use std::net::IpAddr;

use ipnet::IpNet;

use super::{
    node::{Candidate, Gone, Node},
    record::{client, endpoint, fork},
};
use crate::discv5::Record;

/// Everything that is given must fit.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    /// As in [`Stats::forks`](super::Stats): `eth2/b5303f2a`, or the digest or hash alone.
    pub fork: Option<String>,
    /// The client's name in the record, in any case.
    pub client: Option<String>,
    /// The subnet of the address in the record.
    pub subnet: Option<IpNet>,
    /// At least so fresh; who is no member has 0.
    pub freshness_min: u32,
    /// Answered at this time (ms since 1970) or later; of a candidate, when somebody told of it.
    pub seen_since: u64,
}

impl Filter {
    /// Whether a member of the live set is wanted.
    pub fn fits(&self, node: &Node) -> bool {
        node.freshness >= self.freshness_min && node.last_seen >= self.seen_since && self.fits_record(&node.enr)
    }

    /// Whether a candidate is wanted.
    pub fn fits_candidate(&self, candidate: &Candidate) -> bool {
        self.freshness_min == 0 && candidate.heard_at >= self.seen_since && self.fits_record(&candidate.enr)
    }

    /// Whether a former member is wanted.
    pub fn fits_gone(&self, gone: &Gone) -> bool {
        self.freshness_min == 0 && gone.node.last_seen >= self.seen_since && self.fits_record(&gone.node.enr)
    }

    fn fits_record(&self, record: &Record) -> bool {
        let fits_fork = |wanted: &String| {
            fork(record)
                .is_some_and(|fork| fork == *wanted || fork.split_once('/').is_some_and(|(_, hex)| hex == wanted))
        };
        let fits_client = |wanted: &String| client(record).is_some_and(|name| name.eq_ignore_ascii_case(wanted));
        let fits_subnet = |subnet: &IpNet| endpoint(record).0.is_some_and(|ip| holds(subnet, ip));
        self.fork.as_ref().is_none_or(fits_fork)
            && self.client.as_ref().is_none_or(fits_client)
            && self.subnet.as_ref().is_none_or(fits_subnet)
    }
}

/// An IPv4 address may be written as an IPv6 one; it lies in the same subnet.
fn holds(subnet: &IpNet, ip: IpAddr) -> bool {
    subnet.contains(&ip) || subnet.contains(&ip.to_canonical())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::crawl::samples::{candidate, node, record};

    #[test]
    fn everything_that_is_given_must_fit() {
        let node = node(7, 3);
        let filter = |change: fn(&mut Filter)| {
            let mut filter = Filter::default();
            change(&mut filter);
            filter
        };
        for (what, fits, filter) in [
            ("nothing", true, Filter::default()),
            ("its fork", true, filter(|f| f.fork = Some("eth2/b5303f2a".into()))),
            ("its digest", true, filter(|f| f.fork = Some("b5303f2a".into()))),
            ("the start of its digest", false, filter(|f| f.fork = Some("b530".into()))),
            ("another layer", false, filter(|f| f.fork = Some("eth/b5303f2a".into()))),
            ("its client", true, filter(|f| f.client = Some("LIGHTHOUSE".into()))),
            ("another client", false, filter(|f| f.client = Some("Light".into()))),
            ("its subnet", true, filter(|f| f.subnet = "203.0.113.0/24".parse().ok())),
            ("its address", true, filter(|f| f.subnet = "203.0.113.7/32".parse().ok())),
            ("all of IPv6", false, filter(|f| f.subnet = "::/0".parse().ok())),
            ("another subnet", false, filter(|f| f.subnet = "203.0.112.0/24".parse().ok())),
            ("as fresh", true, filter(|f| f.freshness_min = 3)),
            ("fresher", false, filter(|f| f.freshness_min = 4)),
            ("seen then", true, filter(|f| f.seen_since = 1_700_000_060_000)),
            ("seen later", false, filter(|f| f.seen_since = 1_700_000_060_001)),
            ("two, and one does not fit", false, filter(|f| (f.freshness_min, f.client) = (1, Some("x".into())))),
        ] {
            assert_eq!(filter.fits(&node), fits, "{what}");
        }
    }

    #[test]
    fn who_is_no_member_has_no_freshness() {
        let heard = candidate(9);
        assert!(Filter::default().fits_candidate(&heard));
        assert!(!Filter { freshness_min: 1, ..Filter::default() }.fits_candidate(&heard));
        assert!(!Filter { seen_since: heard.heard_at + 1, ..Filter::default() }.fits_candidate(&heard));
        let gone = Gone { node: node(7, 3), gone_at: 1 };
        assert!(Filter::default().fits_gone(&gone));
        assert!(!Filter { freshness_min: 1, ..Filter::default() }.fits_gone(&gone));
    }

    #[test]
    fn a_record_without_what_is_asked_for_does_not_fit() {
        let bare = record(1, &[]);
        assert!(Filter::default().fits_record(&bare));
        assert!(!Filter { fork: Some("b5303f2a".into()), ..Filter::default() }.fits_record(&bare));
        assert!(!Filter { client: Some("lighthouse".into()), ..Filter::default() }.fits_record(&bare));
        assert!(!Filter { subnet: "0.0.0.0/0".parse().ok(), ..Filter::default() }.fits_record(&bare));
    }
}
