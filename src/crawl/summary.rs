//! One node as a list shows it.

use std::net::IpAddr;

use jiff::Timestamp;
use serde::{Serialize, Serializer};

use super::{
    metrics::rounded,
    node::{Candidate, Gone, Node},
    record::{client, endpoint, fork},
};
use crate::discv5::{NodeId, Record};

/// Where a node stands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Membership {
    /// A member of the live set.
    #[default]
    Live,
    /// Only heard of, or asked in vain.
    Candidate,
    /// A former member of the live set.
    Gone,
}

/// Not one of the three.
#[derive(Debug, thiserror::Error)]
#[error("expected live, candidate or gone")]
pub struct MembershipError;

impl std::str::FromStr for Membership {
    type Err = MembershipError;

    fn from_str(text: &str) -> Result<Self, MembershipError> {
        match text {
            "live" => Ok(Self::Live),
            "candidate" => Ok(Self::Candidate),
            "gone" => Ok(Self::Gone),
            _ => Err(MembershipError),
        }
    }
}

/// A time of the store: milliseconds since 1970, as ISO 8601.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Time(pub u64);

impl Time {
    /// Unless it is 0, which is never.
    fn known(ms: u64) -> Option<Self> {
        (ms > 0).then_some(Self(ms))
    }

    /// As a point in time; what lies beyond all calendars is its end.
    pub fn timestamp(self) -> Timestamp {
        i64::try_from(self.0).ok().and_then(|ms| Timestamp::from_millisecond(ms).ok()).unwrap_or(Timestamp::MAX)
    }
}

impl std::fmt::Display for Time {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:.3}", self.timestamp())
    }
}

impl Serialize for Time {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// A node in a list. What only a member has is absent from others.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[expect(missing_docs, reason = "documented field by field in openapi.yaml")]
pub struct Summary {
    pub node_id: NodeId,
    pub state: Membership,
    pub enr: String,
    pub seq: u64,
    pub ip: Option<IpAddr>,
    pub udp: Option<u16>,
    pub tcp: Option<u16>,
    pub client: Option<String>,
    pub fork: Option<String>,
    #[serde(flatten)]
    pub life: Life,
}

/// What is known beside the record.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(untagged)]
pub enum Life {
    Member {
        first_seen: Time,
        last_seen: Time,
        last_checked: Time,
        up_since: Time,
        freshness: u32,
        missed: u32,
        rtt_ms: f64,
        neighbours: u64,
        #[serde(skip_serializing_if = "Option::is_none")]
        gone_at: Option<Time>,
    },
    Candidate {
        #[serde(skip_serializing_if = "Option::is_none")]
        first_seen: Option<Time>,
        heard_at: Time,
        tries: u32,
        refused: bool,
    },
}

impl Summary {
    /// A member that told of so many neighbours.
    pub fn live(node: &Node, neighbours: u64) -> Self {
        Self::of(&node.enr, Membership::Live, Life::member(node, neighbours, None))
    }

    /// A former member.
    pub fn gone(gone: &Gone) -> Self {
        Self::of(&gone.node.enr, Membership::Gone, Life::member(&gone.node, 0, Time::known(gone.gone_at)))
    }

    /// One that was only heard of.
    pub fn candidate(candidate: &Candidate) -> Self {
        let life = Life::Candidate {
            first_seen: candidate.first_seen.and_then(Time::known),
            heard_at: Time(candidate.heard_at),
            tries: candidate.tries,
            refused: candidate.refused,
        };
        Self::of(&candidate.enr, Membership::Candidate, life)
    }

    fn of(record: &Record, state: Membership, life: Life) -> Self {
        let (ip, udp, tcp) = endpoint(record);
        Self {
            node_id: record.id(),
            state,
            enr: record.to_string(),
            seq: record.seq(),
            ip,
            udp,
            tcp,
            client: client(record),
            fork: fork(record),
            life,
        }
    }
}

impl Life {
    fn member(node: &Node, neighbours: u64, gone_at: Option<Time>) -> Self {
        Self::Member {
            first_seen: Time(node.first_seen),
            last_seen: Time(node.last_seen),
            last_checked: Time(node.last_checked),
            up_since: Time(node.up_since),
            freshness: node.freshness,
            missed: node.missed,
            rtt_ms: rtt_ms(node),
            neighbours,
            gone_at,
        }
    }
}

/// The quickest answer to a node's last check, in milliseconds.
pub(super) fn rtt_ms(node: &Node) -> f64 {
    rounded(std::time::Duration::from_micros(node.rtt_us).as_secs_f64() * 1000.0)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::crawl::samples::{candidate, node};

    #[test]
    fn each_state_shows_what_it_has() {
        let live = serde_json::to_value(Summary::live(&node(7, 3), 16)).expect("JSON");
        assert_eq!((&live["state"], &live["neighbours"], &live["rtt_ms"]), (&json!("live"), &json!(16), &json!(1.234)));
        assert_eq!((&live["first_seen"], &live["fork"]), (&json!("2023-11-14T22:13:20.123Z"), &json!("eth2/b5303f2a")));
        assert!(live.get("gone_at").is_none());
        let gone = Gone { node: node(7, 3), gone_at: 1_700_000_090_000 };
        let gone = serde_json::to_value(Summary::gone(&gone)).expect("JSON");
        assert_eq!((&gone["state"], &gone["gone_at"]), (&json!("gone"), &json!("2023-11-14T22:14:50.000Z")));
        let heard = serde_json::to_value(Summary::candidate(&candidate(7))).expect("JSON");
        assert_eq!((&heard["state"], &heard["tries"]), (&json!("candidate"), &json!(0)));
        assert!(heard.get("first_seen").is_none() && heard.get("freshness").is_none());
    }

    #[test]
    fn a_time_beyond_all_calendars_is_their_end() {
        assert_eq!(Time(0).to_string(), "1970-01-01T00:00:00.000Z");
        assert!(Time(u64::MAX).to_string().starts_with("9999-12-"));
    }
}
