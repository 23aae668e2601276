//! Where requests are kept: the source of truth, whatever becomes of the queue.
//!
//! In: orders, and what becomes of every provider. Out: records as they stand.
//! Invariants: every change is one conditional update, so that of two writers one is told that it came late; the one
//! update that decides a request says so; nothing is ever scanned; a result lies beside its record, never in it.

#[cfg(test)]
pub(crate) mod contract;
#[cfg(feature = "dynamodb")]
mod dynamo;
mod redis;

use std::{fmt, time::Duration};

use futures_util::future::BoxFuture;
use serde_json::Value;

#[cfg(feature = "dynamodb")]
pub use self::dynamo::DynamoStore;
pub use self::redis::RedisStore;
use super::{About, At, Delivery, JobStatus, Order, Record, RequestId};
use crate::{broker::BrokerError, job::JobId};

/// What a store answers.
pub type Answer<'a, T> = BoxFuture<'a, Result<T, StoreError>>;

/// Attempts to deliver a callback that are remembered.
pub const MAX_LOG: usize = 20;

/// How long after its deadline a request is deleted at the latest, however its callback fares; its retention comes on top.
pub(super) const LONGEST_DELIVERY: Duration = Duration::from_hours(14 * 24);

/// Keeps requests.
pub trait RequestStore: fmt::Debug + Send + Sync {
    /// Writes a request with all its jobs, unless there is one with this id. It is looked after within so long.
    fn create<'a>(
        &'a self,
        id: &'a RequestId,
        order: &'a Order,
        jobs: &'a [JobId],
        within: Duration,
    ) -> Answer<'a, Created>;

    /// A request as it stands.
    fn read<'a>(&'a self, id: &'a RequestId) -> Answer<'a, Option<Record>>;

    /// Writes what became of one provider, unless it has ended or belongs to another job by now.
    fn advance<'a>(&'a self, id: &'a RequestId, step: &'a Step) -> Answer<'a, Advanced>;

    /// What a provider answered, as JSON text.
    fn result<'a>(&'a self, id: &'a RequestId, provider: &'a str) -> Answer<'a, Option<String>>;

    /// Ends all who have not ended, if that is so; the record then.
    fn settle<'a>(&'a self, id: &'a RequestId, because: Because) -> Answer<'a, Option<Record>>;

    /// Gives a task to another job of the queue; false if that one did not have it, or there is nothing left to do.
    fn assign<'a>(&'a self, id: &'a RequestId, task: Task<'a>, from: Option<JobId>, to: JobId) -> Answer<'a, bool>;

    /// Writes what became of an attempt to deliver; false if it was another job's by now.
    fn record<'a>(&'a self, id: &'a RequestId, attempt: &'a Attempt) -> Answer<'a, bool>;

    /// Makes a callback undelivered again, whatever became of it; the record then, or nothing if it is not decided or
    /// there is nobody to tell.
    fn reopen<'a>(&'a self, id: &'a RequestId) -> Answer<'a, Option<Record>>;

    /// Requests that it is time to look after, at most so many. Nobody else is told of them for `lease`.
    fn due(&self, limit: usize, lease: Duration) -> Answer<'_, Vec<RequestId>>;

    /// Looks after it no sooner than then.
    fn postpone<'a>(&'a self, id: &'a RequestId, until: At) -> Answer<'a, ()>;

    /// The newest requests, after a place that an earlier page ended at.
    fn list<'a>(&'a self, after: Option<&'a Place>, limit: usize) -> Answer<'a, Vec<Place>>;

    /// Deletes a request and all that belongs to it.
    fn remove<'a>(&'a self, id: &'a RequestId) -> Answer<'a, ()>;
}

/// A store could not do what it was asked for.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// Redis.
    #[error(transparent)]
    Broker(#[from] BrokerError),
    /// The store cannot be reached or cannot serve now.
    #[error("the store of requests is unavailable: {0}")]
    Unavailable(String),
    /// The store refused: a mistake of ours.
    #[error("the store of requests refused: {0}")]
    Refused(String),
    /// What stands there is no request.
    #[error("the record of request {id} is damaged: {field}")]
    Damaged {
        /// The request.
        id: RequestId,
        /// Where.
        field: String,
    },
}

impl StoreError {
    /// Whether the same may work later.
    pub fn is_unavailable(&self) -> bool {
        match self {
            Self::Broker(error) => error.is_unavailable(),
            Self::Unavailable(_) => true,
            Self::Refused(_) | Self::Damaged { .. } => false,
        }
    }
}

/// What became of a new request.
#[derive(Debug, PartialEq)]
pub enum Created {
    /// It is written.
    New(Box<Record>),
    /// There is one with this id: of the same order, if the fingerprints are the same.
    Known {
        /// The other one's.
        fingerprint: String,
    },
}

/// What became of one provider.
#[derive(Clone, Debug)]
pub struct Step {
    /// Its name.
    pub provider: String,
    /// The job that says so; `None` is somebody from outside.
    pub job: Option<JobId>,
    /// Where it stands now.
    pub status: JobStatus,
    /// What is known beyond that.
    pub about: About,
    /// What it answered, as JSON text; with DONE only.
    pub result: Option<String>,
}

/// What became of a step.
#[derive(Debug, PartialEq)]
pub enum Advanced {
    /// It is written, and this is the record then.
    Now(Box<Record>),
    /// It had ended before, and this is the record.
    Over(Box<Record>),
    /// Another job has it.
    Superseded,
    /// There is no such request, or it does not ask this provider.
    Unknown,
}

/// Why those who have not ended are to be ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Because {
    /// The request is decided, and does not need them any more.
    Decided,
    /// The deadline has passed; nothing happens if it has not.
    Late,
}

/// What a job of the queue may be for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Task<'a> {
    /// Asking this provider.
    Fetch(&'a str),
    /// Telling the client.
    Callback,
}

/// An attempt to deliver a callback.
#[derive(Clone, Debug)]
pub struct Attempt {
    /// The job that made it.
    pub job: JobId,
    /// Where the callback stands now.
    pub state: Delivery,
    /// What is remembered of it.
    pub line: Value,
}

/// A place in the list: newest first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// When the request was accepted.
    pub created_at: At,
    /// Its id.
    pub id: RequestId,
}

impl Place {
    /// Sorts newest first, then by id, and keeps so many of those behind `after`.
    pub(super) fn newest(mut places: Vec<Self>, after: Option<&Self>, limit: usize) -> Vec<Self> {
        let key = |place: &Self| (std::cmp::Reverse(place.created_at), place.id.clone());
        places.retain(|place| after.is_none_or(|after| key(place) > key(after)));
        places.sort_by_key(key);
        places.truncate(limit);
        places
    }
}
