//! `/request`: one request, many providers, one callback. The paths and shapes are another system's, its errors
//! (`{"error": …}`) included; `GET /providers/get` is ours.
//!
//! In: requests. Out: answers from [`Requests`](crate::requests::Requests). Invariants: a post is accepted wholly or not at
//! all; a write is conditional, so that what has ended stays.

mod list;
mod one;
mod post;
mod providers;
mod put;

pub(super) use self::{
    list::list,
    one::get,
    post::{accept, redeliver},
    providers::providers,
    put::put,
};
use super::{
    Api,
    problem::{Code, Problem},
    query::{Known, bad},
};
use crate::requests::{RequestId, Requests, RequestsError, StoreError};

impl Api {
    /// The requests, once their store has been reached.
    pub(super) async fn requests(&self) -> Result<&Requests, Problem> {
        let open = || Requests::open(self.jobs.clone(), &self.config);
        Ok(self.requests.get_or_try_init(open).await?)
    }
}

/// The request that is meant.
fn request_id(query: &Known) -> Result<RequestId, Problem> {
    query.parsed("id")?.ok_or_else(|| bad("id is missing"))
}

impl From<RequestsError> for Problem {
    fn from(error: RequestsError) -> Self {
        let text = error.to_string();
        match error {
            RequestsError::Refused(_) | RequestsError::Reused => Self::new(Code::InvalidBody, text),
            RequestsError::Unknown => Self::new(Code::NotFound, text),
            RequestsError::Conflict(_) => Self::new(Code::WrongStatus, text),
            RequestsError::Store(error) => error.into(),
            RequestsError::Queue(refusal) => refusal.into(),
            RequestsError::Read(error) => error.into(),
        }
    }
}

impl From<StoreError> for Problem {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Broker(error) => error.into(),
            StoreError::Unavailable(_) => {
                tracing::warn!(%error, "cannot answer a request");
                Self::new(Code::RedisUnavailable, "try again in a moment")
            }
            StoreError::Refused(_) | StoreError::Damaged { .. } => Self::internal(&error),
        }
    }
}
