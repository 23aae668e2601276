//! `GET /network…`, `GET /node…`: full nodes as `node_status` keeps them, in the shapes of the service that had these
//! paths before.
//!
//! In: requests. Out: what the store holds; to followers the newest of it. Invariants: errors have that service's shape,
//! `{"error": "not_found"}`; followers of one Network cost one reader of Redis in all; who is slow gets the newest only.

mod events;
mod node;
mod socket;
mod whole;

use axum::{
    Json,
    http::StatusCode,
    response::{IntoResponse, Response},
};
use serde_json::json;
use tokio::sync::OwnedSemaphorePermit;

pub(super) use self::{
    events::events,
    node::{node, nodes},
    socket::socket,
    whole::{gone, network},
};
use super::{Api, problem::Problem, query::Known, stream};
use crate::{
    broker::BrokerError,
    network::{Feeds, Prefix, Store, Wanted},
};

/// Everything that is known of full nodes.
#[derive(Default)]
pub(super) struct Networks {
    feeds: Feeds,
}

/// A request that was not answered as asked.
#[derive(Debug)]
pub(super) struct Fault {
    status: StatusCode,
    error: &'static str,
    detail: Option<String>,
}

/// In which shape the client wants it.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Format {
    /// Times.
    Plain,
    /// Ages, as before.
    Legacy,
}

impl Api {
    /// The Network that is meant.
    fn store(&self, query: &Known) -> Result<Store, Fault> {
        let prefix = query.parsed::<Prefix>("prefix")?.unwrap_or_default();
        Ok(Store::new(self.jobs.queue().broker().clone(), prefix))
    }
}

impl Format {
    fn of(query: &Known) -> Result<Self, Fault> {
        match query.text("format") {
            None => Ok(Self::Plain),
            Some("legacy") => Ok(Self::Legacy),
            Some(_) => Err(Fault::bad_query("format: expected legacy, or none")),
        }
    }
}

/// One of the streams that may be open at once.
fn permit(api: &Api) -> Result<OwnedSemaphorePermit, Fault> {
    stream::permit(api).map_err(|_| Fault::new(StatusCode::SERVICE_UNAVAILABLE, "too_many_streams"))
}

/// What a follower wants to be told of a change.
fn wanted(query: &Known) -> Result<Wanted, Fault> {
    Ok(if query.parsed::<bool>("diff")?.unwrap_or(false) { Wanted::Diffs } else { Wanted::Networks })
}

impl Fault {
    const NOT_FOUND: Self = Self::new(StatusCode::NOT_FOUND, "not_found");

    const fn new(status: StatusCode, error: &'static str) -> Self {
        Self { status, error, detail: None }
    }

    fn bad_query(detail: impl Into<String>) -> Self {
        Self { detail: Some(detail.into()), ..Self::new(StatusCode::BAD_REQUEST, "bad_query") }
    }
}

impl From<Problem> for Fault {
    fn from(problem: Problem) -> Self {
        Self::bad_query(problem.into_detail())
    }
}

impl From<BrokerError> for Fault {
    fn from(error: BrokerError) -> Self {
        match error {
            BrokerError::Unavailable { .. } => {
                tracing::warn!(%error, "cannot answer a request");
                Self::new(StatusCode::SERVICE_UNAVAILABLE, "redis_unavailable")
            }
            BrokerError::Refused(_) => {
                tracing::error!(%error, "cannot answer a request");
                Self::new(StatusCode::INTERNAL_SERVER_ERROR, "internal")
            }
        }
    }
}

impl IntoResponse for Fault {
    fn into_response(self) -> Response {
        let mut body = json!({ "error": self.error });
        if let (Some(detail), Some(body)) = (self.detail, body.as_object_mut()) {
            body.insert("detail".into(), detail.into());
        }
        let mut response = (self.status, Json(body)).into_response();
        if self.status == StatusCode::SERVICE_UNAVAILABLE {
            response.headers_mut().insert("retry-after", super::problem::RETRY_AFTER);
        }
        response
    }
}

/// Seconds since 1970.
fn now() -> f64 {
    std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).map_or(0.0, |since| since.as_secs_f64())
}
