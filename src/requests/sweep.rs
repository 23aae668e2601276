//! Repairs what was begun and not finished. Two writes cannot be one: record and queue, decision and callback. Whoever dies
//! between them is made up for here, and so is a queue that was lost whole.
//!
//! Every host sweeps; the store tells each request to one of them at a time, and only when it is time to look after it.

use std::time::Duration;

use tokio::time::sleep;
use tokio_util::sync::CancellationToken;
use tracing::{debug, info};

use super::{At, Delivery, JobStatus, ProviderJob, Record, RequestId, Requests, RequestsError, store::Because};

/// How long it rests when there is nothing to do.
const REST: Duration = Duration::from_millis(500);

/// Requests looked after at once.
const BATCH: usize = 64;

/// Sweeps until `stop`.
pub async fn sweep(requests: Requests, stop: CancellationToken) {
    while !stop.is_cancelled() {
        match round(&requests).await {
            Ok(BATCH..) => continue,
            Ok(_) => {}
            Err(error) => debug!(%error, "cannot sweep; will keep trying"),
        }
        tokio::select! {
            () = stop.cancelled() => return,
            () = sleep(REST) => {}
        }
    }
}

/// How many requests were looked after.
async fn round(requests: &Requests) -> Result<usize, RequestsError> {
    let due = requests.store().due(BATCH, requests.sweep_after()).await?;
    let visits = due.iter().map(|id| async move {
        if let Err(error) = visit(requests, id).await {
            debug!(request.id = %id, %error, "cannot look after a request; will come back");
        }
    });
    futures_util::future::join_all(visits).await;
    Ok(due.len())
}

/// Looks after one request.
async fn visit(requests: &Requests, id: &RequestId) -> Result<(), RequestsError> {
    let Some(record) = requests.store().read(id).await? else { return Ok(requests.store().remove(id).await?) };
    if let Some(expires_at) = record.expires_at() {
        return if expires_at <= record.now {
            Ok(requests.store().remove(id).await?)
        } else {
            Ok(requests.store().postpone(id, expires_at).await?)
        };
    }
    if record.is_decided() || record.is_late() {
        let because = if record.is_decided() { Because::Decided } else { Because::Late };
        let Some(record) = requests.conclude(id, because).await? else { return Ok(()) };
        return after_callback(requests, &record).await;
    }
    for (provider, part) in &record.jobs {
        if is_stale(part, record.now, requests.sweep_after()) && !requests.is_open(part.job).await? {
            info!(request.id = %id, provider, "its job is lost; queueing another one");
            requests.restart_fetch(&record, provider, part.job).await?;
        }
    }
    let next = record.now.plus(requests.sweep_after()).min(record.deadline_at);
    Ok(requests.store().postpone(id, next).await?)
}

/// Sees to the callback of a decided request.
async fn after_callback(requests: &Requests, record: &Record) -> Result<(), RequestsError> {
    if record.callback.state != Delivery::Pending {
        return Ok(());
    }
    if let Some(job) = record.callback.job
        && !requests.is_open(job).await?
    {
        info!(request.id = %record.id, "the job of its callback is lost; queueing another one");
        requests.start_callback(record).await?;
    }
    Ok(requests.store().postpone(&record.id, record.now.plus(requests.sweep_after())).await?)
}

/// Whether nothing has happened to it for so long that its job may be lost.
fn is_stale(part: &ProviderJob, now: At, patience: Duration) -> bool {
    let since = match part.status {
        JobStatus::Init | JobStatus::Running => part.at,
        JobStatus::Waiting => At(part.about.next_attempt_ms.unwrap_or(part.at.0)),
        JobStatus::Done | JobStatus::Failed | JobStatus::Expired => return false,
    };
    since.plus(patience) <= now
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        job::{JobId, Shard},
        requests::About,
    };

    #[test]
    fn only_who_keeps_still_is_looked_for() {
        for (status, at, next, stale) in [
            (JobStatus::Init, 0, None, true),
            (JobStatus::Init, 1, None, false),
            (JobStatus::Running, 0, None, true),
            (JobStatus::Waiting, 0, Some(1), false),
            (JobStatus::Waiting, 0, Some(0), true),
            (JobStatus::Done, 0, None, false),
            (JobStatus::Failed, 0, None, false),
            (JobStatus::Expired, 0, None, false),
        ] {
            let about = About { next_attempt_ms: next, ..About::default() };
            let part = ProviderJob { status, job: JobId::new(Shard(0)), at: At(at), about };
            assert_eq!(is_stale(&part, At(30_000), Duration::from_secs(30)), stale, "{status} {at} {next:?}");
        }
    }
}
