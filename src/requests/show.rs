//! A request as clients see it.

use serde::Serialize;
use serde_json::{Map, Value};
use url::Url;

use super::{
    At, Delivery, Fault, JobStatus, Mode, Provider, ProviderJob, Record, RequestId, RequestStatus, store::Place,
};
use crate::config;

/// A whole request.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Shown {
    request_id: RequestId,
    status: RequestStatus,
    jobs: Vec<ShownJob>,
    #[serde(skip_serializing_if = "Option::is_none")]
    callback_url: Option<Url>,
    mode: Mode,
    #[serde(skip_serializing_if = "is_zero")]
    minimum: u32,
    parameters: Map<String, Value>,
    created_at: At,
    deadline_at: At,
    callback: ShownCallback,
    #[serde(skip_serializing_if = "Option::is_none")]
    expires_at: Option<At>,
}

/// One provider.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct ShownJob {
    provider: String,
    url: String,
    status: JobStatus,
    attempts: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    http_status: Option<u16>,
    #[serde(skip_serializing_if = "Option::is_none")]
    duration_ms: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    next_attempt_at: Option<At>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<Fault>,
    #[serde(skip_serializing_if = "Option::is_none")]
    result: Option<Link>,
}

/// Where a result can be read.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Link {
    bytes: u64,
    link: String,
}

/// What became of the callback.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct ShownCallback {
    state: Delivery,
    webhook_id: String,
    attempts: u32,
    deliveries: Vec<Value>,
}

/// A request in a list.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Listed {
    request_id: RequestId,
    status: RequestStatus,
    providers: u32,
    remaining: u32,
    succeeded: u32,
    callback: Delivery,
    created_at: At,
    deadline_at: At,
}

/// A piece of the list.
#[derive(Debug)]
pub struct Page {
    /// The newest first.
    pub requests: Vec<Listed>,
    /// Where the next piece begins, if there is more.
    pub next: Option<Place>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde gives it so")]
fn is_zero(number: &u32) -> bool {
    *number == 0
}

impl Shown {
    pub(super) fn of(record: &Record, public_url: &str) -> Self {
        let order = &record.order;
        let jobs = order.providers.iter().filter_map(|provider| {
            let job = record.jobs.get(&provider.name)?;
            Some(ShownJob {
                provider: provider.name.clone(),
                url: shown(provider),
                status: job.status,
                attempts: job.about.attempts,
                http_status: job.about.http_status,
                duration_ms: job.about.duration_ms,
                next_attempt_at: job.about.next_attempt_ms.map(At).filter(|_| job.status == JobStatus::Waiting),
                error: fault(job, record.is_expired),
                result: link(record, &provider.name, job, public_url),
            })
        });
        Self {
            request_id: record.id.clone(),
            status: record.status(),
            jobs: jobs.collect(),
            callback_url: order.callback_url.clone(),
            mode: order.mode,
            minimum: order.minimum,
            parameters: order.parameters.clone(),
            created_at: record.created_at,
            deadline_at: record.deadline_at,
            callback: ShownCallback {
                state: record.callback.state,
                webhook_id: record.id.webhook_id(),
                attempts: record.callback.attempts,
                deliveries: record.callback.log.clone(),
            },
            expires_at: record.expires_at(),
        }
    }
}

impl Listed {
    pub(super) fn of(record: &Record) -> Self {
        Self {
            request_id: record.id.clone(),
            status: record.status(),
            providers: record.tally.total,
            remaining: record.tally.remaining,
            succeeded: record.tally.succeeded,
            callback: record.callback.state,
            created_at: record.created_at,
            deadline_at: record.deadline_at,
        }
    }
}

/// Where the result of a provider can be read, if there is one.
pub(super) fn link(record: &Record, provider: &str, job: &ProviderJob, public_url: &str) -> Option<Link> {
    let bytes = job.about.bytes.filter(|_| job.status == JobStatus::Done)?;
    let mut query = url::form_urlencoded::Serializer::new(String::new());
    query.append_pair("id", record.id.as_str()).append_pair("provider", provider);
    Some(Link { bytes, link: format!("{}/request?{}", public_url.trim_end_matches('/'), query.finish()) })
}

/// What went wrong with a provider, why it was not waited for included.
pub(super) fn fault(job: &ProviderJob, by_deadline: bool) -> Option<Fault> {
    match job.status {
        JobStatus::Done => None,
        JobStatus::Expired => Some(if by_deadline {
            Fault { code: "deadline".into(), message: "it had not answered when the deadline passed".into() }
        } else {
            Fault { code: "not_needed".into(), message: "the request was decided without it".into() }
        }),
        _ => job.about.error.clone(),
    }
}

/// A provider's URL without what may be a token: whoever has posted it knows its path, of a configured one nobody shall.
fn shown(provider: &Provider) -> String {
    let mut url = provider.url.clone();
    if Url::parse(&provider.name).is_ok() {
        url.set_query(None);
        url.set_fragment(None);
    } else {
        config::hide(&mut url);
    }
    url.into()
}
