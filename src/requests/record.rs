//! A request as it stands: what was asked for, where every provider stands, what became of the callback.

use std::{collections::BTreeMap, fmt, str::FromStr, time::Duration};

use jiff::Timestamp;
use serde::{Deserialize, Serialize, Serializer};
use serde_json::{Map, Value};
use url::Url;

use super::{JobStatus, Join, Mode, RequestId, Tally, Verdict};
use crate::job::JobId;

/// A moment, in ms since 1970 by the clock of the store.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
pub struct At(pub u64);

impl At {
    /// This much later.
    #[must_use]
    pub fn plus(self, wait: Duration) -> Self {
        Self(self.0.saturating_add(u64::try_from(wait.as_millis()).unwrap_or(u64::MAX)))
    }

    /// How long it is from `earlier` until then; nothing if that is later.
    pub fn since(self, earlier: Self) -> Duration {
        Duration::from_millis(self.0.saturating_sub(earlier.0))
    }
}

impl fmt::Display for At {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let time = i64::try_from(self.0).ok().and_then(|ms| Timestamp::from_millisecond(ms).ok());
        write!(f, "{:.3}", time.unwrap_or(Timestamp::MAX))
    }
}

impl Serialize for At {
    /// As people and clients read it.
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// What was asked for: never changes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Order {
    /// Tells whether a repeated post is the same one: a keyed hash of its body.
    pub fingerprint: String,
    /// Who is told; nobody, if its client only reads.
    pub callback_url: Option<Url>,
    /// What it waits for.
    pub mode: Mode,
    /// How many answers are enough, for a quorum.
    pub minimum: u32,
    /// What providers are asked: query parameters.
    pub parameters: Map<String, Value>,
    /// Whom to ask, in the order in which they are shown.
    pub providers: Vec<Provider>,
    /// From its creation until it ends without those who have not answered.
    pub deadline_ms: u64,
    /// How long it can be read once it has ended.
    pub retention_ms: u64,
}

/// One whom a request asks.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Provider {
    /// Its name: that of the configuration, or the URL itself.
    pub name: String,
    /// Where it is asked.
    pub url: Url,
}

/// A request as it stands.
#[derive(Clone, Debug, PartialEq)]
pub struct Record {
    /// Its id.
    pub id: RequestId,
    /// What was asked for.
    pub order: Order,
    /// When it was accepted.
    pub created_at: At,
    /// When it ends at the latest.
    pub deadline_at: At,
    /// How many stand where.
    pub tally: Tally,
    /// Whether the deadline ended it.
    pub is_expired: bool,
    /// Where every provider stands, by name.
    pub jobs: BTreeMap<String, ProviderJob>,
    /// What became of the callback.
    pub callback: Callback,
    /// When the store looked, by its clock.
    pub now: At,
}

/// Where one provider stands.
#[derive(Clone, Debug, PartialEq)]
pub struct ProviderJob {
    /// Its status.
    pub status: JobStatus,
    /// The job of the queue that may write here.
    pub job: JobId,
    /// When it was last written.
    pub at: At,
    /// What is known beyond that.
    pub about: About,
}

/// What is known of the attempts to ask a provider.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct About {
    /// How often it was asked; polite waits do not count.
    pub attempts: u32,
    /// What it answered last.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub http_status: Option<u16>,
    /// How long its last answer took.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub duration_ms: Option<u64>,
    /// When it is asked again, in ms since 1970.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next_attempt_ms: Option<u64>,
    /// What went wrong last.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<Fault>,
    /// Bytes of its kept result.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bytes: Option<u64>,
}

/// What went wrong with a provider.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fault {
    /// For machines.
    pub code: String,
    /// For people.
    pub message: String,
}

/// What became of the callback.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Callback {
    /// Where it stands.
    pub state: Delivery,
    /// The job of the queue that may write here.
    pub job: Option<JobId>,
    /// How often it was tried since it was last asked for.
    pub attempts: u32,
    /// The last attempts, oldest first, each a line of JSON.
    pub log: Vec<Value>,
    /// When nothing more is to be done, and the request's retention began.
    pub closed_at: Option<At>,
}

/// Where a callback stands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum Delivery {
    /// Nobody is to be told.
    #[default]
    None,
    /// It is not delivered yet.
    Pending,
    /// Its receiver has it.
    Delivered,
    /// Its receiver did not take it, for as long as it was tried.
    Undelivered,
    /// Its receiver wants nothing any more.
    Gone,
}

/// Not the name of a state of a callback.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("expected NONE, PENDING, DELIVERED, UNDELIVERED or GONE")]
pub struct DeliveryError;

/// Where a whole request stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum RequestStatus {
    /// Nobody was asked yet.
    Init,
    /// It waits for answers.
    Running,
    /// What it waited for has come.
    Done,
    /// What it waited for cannot come.
    Failed,
    /// Its deadline ended it.
    Expired,
}

impl Order {
    /// When it is decided.
    pub fn join(&self) -> Join {
        Join { mode: self.mode, minimum: self.minimum }
    }
}

impl Record {
    /// Where it stands as a whole.
    pub fn status(&self) -> RequestStatus {
        match self.order.join().verdict(self.tally) {
            _ if self.is_expired => RequestStatus::Expired,
            Some(Verdict::Met) => RequestStatus::Done,
            Some(Verdict::Missed) => RequestStatus::Failed,
            None if self.jobs.values().all(|job| job.status == JobStatus::Init) => RequestStatus::Init,
            None => RequestStatus::Running,
        }
    }

    /// Whether it is decided: nothing that comes now changes how it ends.
    pub fn is_decided(&self) -> bool {
        self.is_expired || self.order.join().verdict(self.tally).is_some()
    }

    /// Whether its deadline has passed.
    pub fn is_late(&self) -> bool {
        self.deadline_at <= self.now
    }

    /// When it may be deleted, if nothing more is to be done about it.
    pub fn expires_at(&self) -> Option<At> {
        self.callback.closed_at.map(|at| at.plus(Duration::from_millis(self.order.retention_ms)))
    }

    /// Where a provider is asked.
    pub fn url_of(&self, provider: &str) -> Option<&Url> {
        self.order.providers.iter().find(|known| known.name == provider).map(|known| &known.url)
    }
}

impl Delivery {
    const ALL: [Self; 5] = [Self::None, Self::Pending, Self::Delivered, Self::Undelivered, Self::Gone];

    /// The word in records and answers.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::None => "NONE",
            Self::Pending => "PENDING",
            Self::Delivered => "DELIVERED",
            Self::Undelivered => "UNDELIVERED",
            Self::Gone => "GONE",
        }
    }
}

impl FromStr for Delivery {
    type Err = DeliveryError;

    fn from_str(text: &str) -> Result<Self, DeliveryError> {
        Self::ALL.into_iter().find(|state| state.as_str() == text).ok_or(DeliveryError)
    }
}
