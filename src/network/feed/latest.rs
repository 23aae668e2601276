//! A revision of the Network, ready to be sent.

use std::sync::Arc;

use bytes::Bytes;
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::sync::OnceCell;

use crate::{
    broker::BrokerError,
    network::store::{MAX_DIFFS, News, Store, Stored},
};

/// What a follower is sent.
#[derive(Clone, Debug)]
pub struct Message {
    /// The revision that a client has with it.
    pub revision: u64,
    /// What it is, and so how its JSON looks.
    pub kind: MessageKind,
    /// On one line.
    pub json: Bytes,
}

/// What a message holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MessageKind {
    /// `{"type":"network","revision":…,"data":…}`
    Network,
    /// `{"type":"diff","since":…,"revision":…,"data":…}`
    Diff,
}

impl MessageKind {
    /// Its `type`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Network => "network",
            Self::Diff => "diff",
        }
    }
}

/// The newest there is.
#[derive(Debug)]
pub(super) struct Latest {
    /// How often revisions began anew, which they do when Redis lost them.
    pub(super) era: u64,
    /// The revision that was told last; 0 if there is no Network.
    pub(super) revision: u64,
    /// `{"type":"alarms","alarms":[…]}`, on one line.
    pub(super) alarms: String,
    /// What led here, without gaps.
    diffs: Vec<Diff>,
    /// The Network as it is written, which may be of an earlier revision.
    pub(super) whole: Arc<Whole>,
}

/// The Network, once somebody wants it.
#[derive(Debug)]
pub(super) struct Whole {
    pub(super) revision: u64,
    message: OnceCell<Option<Message>>,
}

/// What one revision changed.
#[derive(Clone, Debug)]
struct Diff {
    since: u64,
    message: Message,
}

impl Latest {
    /// What there is now, by the news since `before`.
    pub(super) fn after(before: Option<&Self>, news: News) -> Self {
        let has_lost = before.is_some_and(|before| before.revision > news.revision);
        let era = before.map_or(0, |before| before.era) + u64::from(has_lost);
        let before = before.filter(|_| !has_lost);
        let mut diffs = before.map(|before| before.diffs.clone()).unwrap_or_default();
        for diff in news.diffs.into_iter().filter_map(Diff::read) {
            if diffs.last().is_some_and(|last| last.message.revision != diff.since) {
                diffs.clear();
            }
            diffs.push(diff);
        }
        if diffs.last().is_some_and(|last| last.message.revision != news.revision) {
            diffs.clear();
        }
        diffs.drain(..diffs.len().saturating_sub(MAX_DIFFS));
        let alarms: Vec<Value> = news.alarms.iter().filter_map(|alarm| serde_json::from_str(alarm).ok()).collect();
        let alarms = json!({ "type": "alarms", "alarms": alarms }).to_string();
        let same = before.map(|before| &before.whole).filter(|whole| whole.revision == news.written).cloned();
        let whole = same.unwrap_or_else(|| Arc::new(Whole { revision: news.written, message: OnceCell::new() }));
        Self { era, revision: news.revision, alarms, diffs, whole }
    }

    pub(super) fn is_other_than(&self, other: &Self) -> bool {
        let all = |latest: &Self| (latest.era, latest.revision, latest.whole.revision);
        all(self) != all(other) || self.alarms != other.alarms
    }

    /// What leads here from a revision, if that is known.
    pub(super) fn diffs_since(&self, revision: u64) -> Option<impl Iterator<Item = &Message>> {
        let first = self.diffs.iter().position(|diff| diff.since == revision)?;
        Some(self.diffs.iter().skip(first).map(|diff| &diff.message))
    }
}

impl Whole {
    /// It, or what came after; `None` if there is none. Read once for everybody.
    pub(super) async fn message(&self, store: &Store) -> Result<Option<Message>, BrokerError> {
        let message = self.message.get_or_try_init(async || store.read().await.map(whole));
        message.await.cloned()
    }
}

impl Diff {
    fn read(json: String) -> Option<Self> {
        #[derive(Deserialize)]
        struct Head {
            since: u64,
            revision: u64,
        }
        let Head { since, revision } = serde_json::from_str(&json).ok()?;
        Some(Self { since, message: Message { revision, kind: MessageKind::Diff, json: json.into() } })
    }
}

fn whole(stored: Stored) -> Option<Message> {
    let Stored { json, revision, .. } = stored;
    // Lines end messages; whoever wrote the key may have laid it out in several.
    let is_line = !json.is_empty() && !json.contains(['\n', '\r']);
    let compact = || serde_json::from_str::<Value>(&json).map(|value| value.to_string()).ok();
    let data = if is_line { json } else { compact()? };
    let json = format!("{{\"type\":\"network\",\"revision\":{revision},\"data\":{data}}}").into();
    Some(Message { revision, kind: MessageKind::Network, json })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn news(revision: u64, diffs: &[(u64, u64)]) -> News {
        let diffs = diffs
            .iter()
            .map(|(since, revision)| format!(r#"{{"type":"diff","since":{since},"revision":{revision},"data":{{}}}}"#));
        News { revision, written: 1, last_event: String::new(), alarms: Vec::new(), diffs: diffs.collect() }
    }

    fn way(latest: &Latest, since: u64) -> Option<Vec<u64>> {
        Some(latest.diffs_since(since)?.map(|message| message.revision).collect())
    }

    #[test]
    fn diffs_lead_from_where_a_follower_is_or_there_are_none() {
        let mut latest = Latest::after(None, news(3, &[]));
        assert_eq!(way(&latest, 2), None);
        latest = Latest::after(Some(&latest), news(5, &[(3, 4), (4, 5)]));
        assert_eq!((way(&latest, 3), way(&latest, 4)), (Some(vec![4, 5]), Some(vec![5])));
        assert_eq!((way(&latest, 5), way(&latest, 2), way(&latest, 9)), (None, None, None));
        latest = Latest::after(Some(&latest), news(6, &[(5, 6)]));
        assert_eq!(way(&latest, 3), Some(vec![4, 5, 6]));
        // Too much was different.
        latest = Latest::after(Some(&latest), news(7, &[]));
        assert_eq!((way(&latest, 3), way(&latest, 6)), (None, None));
        latest = Latest::after(Some(&latest), news(9, &[(8, 9)]));
        assert_eq!((way(&latest, 7), way(&latest, 8)), (None, Some(vec![9])));
    }

    #[test]
    fn a_network_is_kept_until_another_is_written() {
        let written = |revision, written| News { written, ..news(revision, &[]) };
        let first = Latest::after(None, written(3, 3));
        let told = Latest::after(Some(&first), written(4, 3));
        assert!(Arc::ptr_eq(&first.whole, &told.whole) && told.is_other_than(&first));
        let saved = Latest::after(Some(&told), written(4, 4));
        assert!(!Arc::ptr_eq(&saved.whole, &told.whole) && saved.is_other_than(&told));
        assert!(!Latest::after(Some(&saved), written(4, 4)).is_other_than(&saved));
        // Redis lost it, and what is there now has the same number by chance.
        let other = Latest::after(Some(&Latest::after(Some(&saved), written(0, 0))), written(4, 4));
        assert!(!Arc::ptr_eq(&saved.whole, &other.whole) && other.era == saved.era + 1);
    }

    #[test]
    fn only_the_last_diffs_are_kept() {
        let mut latest = Latest::after(None, news(1, &[]));
        for revision in 2..100 {
            latest = Latest::after(Some(&latest), news(revision, &[(revision - 1, revision)]));
        }
        assert_eq!(latest.diffs.len(), MAX_DIFFS);
        assert_eq!(way(&latest, 98), Some(vec![99]));
    }

    #[test]
    fn what_is_no_diff_is_none() {
        for bad in ["", "{", r#"{"since":1}"#, r#"{"since":-1,"revision":2}"#] {
            let mut news = news(2, &[]);
            news.diffs = vec![bad.into()];
            assert_eq!(way(&Latest::after(None, news), 1), None, "{bad}");
        }
    }

    #[test]
    fn a_network_is_one_line() {
        let stored = |json: &str| Stored { json: json.into(), revision: 7, saved_at_ms: 0, checked_at_ms: 0 };
        let text = |json| whole(stored(json)).map(|message| String::from_utf8_lossy(&message.json).into_owned());
        let expected = r#"{"type":"network","revision":7,"data":{"nodes":[]}}"#;
        assert_eq!(text(r#"{"nodes":[]}"#).as_deref(), Some(expected));
        assert_eq!(text("{\n  \"nodes\": []\r\n}").as_deref(), Some(expected));
        assert_eq!((text(""), text("{\n")), (None, None));
    }
}
