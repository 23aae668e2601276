//! The callback of a request, as a job of the queue with its own schedule: delivers once, under one id for ever.

use std::time::Duration;

use jiff::Timestamp;
use reqwest::header::HeaderValue;
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::{Value, json};

use super::{
    Answer, At, Deliver, Delivery, Door, JobStatus, Record, RequestId, Requests, RequestsError,
    fetch::call,
    show::{fault, link},
    store::{Attempt, Because},
};
use crate::{
    outbound,
    platform::{Context, Failure, Result},
};

/// The type of the event that a callback tells.
const EVENT: &str = "request.finished";

/// What became of a delivery.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Told {
    /// DELIVERED, UNDELIVERED or GONE; nothing if there was nothing left to do.
    state: Option<String>,
}

/// Delivers the callback of a request.
pub async fn deliver(job: &Context, id: &str) -> Result<Told> {
    let door = job.room::<Door>()?;
    let requests = door.enter().await?;
    let id: RequestId = id.parse().map_err(|_| Failure::settings("/request", "expected the id of a request"))?;
    // Whoever decided it may have died before those were ended whom it does not need.
    let record = requests.store().settle(&id, Because::Decided).await.map_err(RequestsError::from)?;
    let record = record.ok_or_else(|| Failure::fatal("unknown_request", "there is no such request"))?;
    let (Delivery::Pending, true) = (record.callback.state, record.callback.job == Some(job.id())) else {
        return Ok(Told { state: None });
    };
    let body = body(requests, &record).await?.to_string();
    let (answer, message, duration) = post(job, requests, &record, body).await?;

    let attempts = record.callback.attempts + 1;
    let now = record.now.plus(duration);
    let schedule = &job.http().schedules().callback;
    let (state, wait) = match answer.for_delivery() {
        Deliver::Delivered => (Delivery::Delivered, None),
        Deliver::Gone => (Delivery::Gone, None),
        Deliver::Fail => (Delivery::Undelivered, None),
        Deliver::Retry(asked) => match schedule.delay(attempts, asked) {
            Some(wait) => (Delivery::Pending, Some(wait)),
            None => (Delivery::Undelivered, None),
        },
    };
    let line = json!({
        "at": record.now,
        "attempt": attempts,
        "httpStatus": answer.status(),
        "durationMs": u64::try_from(duration.as_millis()).unwrap_or(u64::MAX),
        "outcome": answer.code(),
        "error": (answer.code() != "ok").then_some(&message),
        "nextAttemptAt": wait.map(|wait| now.plus(wait)),
    });
    let attempt = Attempt { job: job.id(), state, line: without_nulls(line) };
    let is_ours = requests.store().record(&id, &attempt).await.map_err(RequestsError::from)?;
    match wait {
        Some(wait) if is_ours => Err(Failure::Transient { code: answer.code(), message, retry_after: Some(wait) }),
        _ => Ok(Told { state: is_ours.then(|| state.as_str().to_owned()) }),
    }
}

/// Sends it, signed. What the receiver says in the body of its answer is nobody's business.
async fn post(job: &Context, requests: &Requests, record: &Record, body: String) -> Result<(Answer, String, Duration)> {
    let missing = || Failure::fatal("no_callback", "this request has no callbackUrl");
    let url = record.order.callback_url.clone().ok_or_else(missing)?;
    let secrets = requests.secrets(&url).map_err(|error| Failure::fatal("no_secret", error.to_string()))?;
    let (id, timestamp) = (record.id.webhook_id(), seconds_now());
    let signature = secrets.sign(&id, timestamp, body.as_bytes());
    let mut request = outbound::Request::post(url, body);
    for (name, value) in
        [("webhook-id", id), ("webhook-timestamp", timestamp.to_string()), ("webhook-signature", signature)]
    {
        let value = HeaderValue::from_str(&value).map_err(|error| Failure::fatal("bad_header", error.to_string()))?;
        request.headers.insert(name, value);
    }
    // An answer says no more than its status.
    request.max_body = Some(MAX_ANSWER);
    let started = tokio::time::Instant::now();
    // To be left alone for a while is nobody's failure.
    let sent = call(job, request).await?.map_err(|wait| Failure::snooze(wait.after, wait.because.to_string()))?;
    let (answer, message) = Answer::of(sent.as_ref());
    Ok((answer, message, started.elapsed()))
}

/// Bytes of a receiver's answer that are read.
const MAX_ANSWER: u64 = 64 << 10;

/// The time of this attempt by this host's clock, as the standard wants it.
fn seconds_now() -> u64 {
    u64::try_from(Timestamp::now().as_second()).unwrap_or(0)
}

/// What the receiver is told: the same on every delivery.
async fn body(requests: &Requests, record: &Record) -> Result<Value> {
    let limits = &requests.config().requests;
    let (mut results, mut inline) = (Vec::new(), 0);
    let mut finished_at = record.created_at;
    for provider in &record.order.providers {
        let Some(job) = record.jobs.get(&provider.name) else { continue };
        finished_at = finished_at.max(job.at);
        let mut result = json!({
            "provider": provider.name,
            "status": job.status,
            "httpStatus": job.about.http_status,
            "attempts": job.about.attempts,
            "durationMs": job.about.duration_ms,
            "error": fault(job, record.is_expired),
        });
        let bytes = job.about.bytes.unwrap_or(0);
        let fits = bytes <= limits.max_inline.0 && inline + bytes <= limits.max_callback.0;
        let kept = match job.status {
            JobStatus::Done if fits => {
                let kept = requests.store().result(&record.id, &provider.name).await.map_err(RequestsError::from)?;
                kept.map(|text| serde_json::from_str::<Value>(&text)).transpose()?
            }
            _ => None,
        };
        if let Some(object) = result.as_object_mut() {
            match kept {
                Some(kept) => {
                    inline += bytes;
                    object.insert("result".into(), kept);
                }
                None => {
                    object.insert("link".into(), json!(link(record, &provider.name, job, &limits.public_url)));
                }
            }
        }
        results.push(without_nulls(result));
    }
    let expired: Vec<&str> = record
        .order
        .providers
        .iter()
        .map(|provider| provider.name.as_str())
        .filter(|name| record.jobs.get(*name).is_some_and(|job| job.status == JobStatus::Expired))
        .collect();
    Ok(json!({
        "type": EVENT,
        "timestamp": At::to_string(&finished_at),
        "data": {
            "requestId": record.id,
            "status": record.status(),
            "mode": record.order.mode,
            "createdAt": record.created_at,
            "deadlineAt": record.deadline_at,
            "results": results,
            "expired": expired,
        },
    }))
}

fn without_nulls(mut value: Value) -> Value {
    if let Some(object) = value.as_object_mut() {
        object.retain(|_, member| !member.is_null());
    }
    value
}
