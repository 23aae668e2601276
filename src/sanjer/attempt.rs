//! One run of one job: open its settings, run its platform under its time limit, and decide what it becomes.

use std::{sync::Arc, time::Duration};

use serde_json::Value;
use tokio::{sync::mpsc, task::JoinHandle, time::timeout};
use tracing::{debug, info, warn};

use crate::{
    job::Status,
    platform::{Backoff, Context, Envelope, Failure, JobError, Network, Platform, Registry, Spec},
    queue::{Claimed, Finish, Held, Ticket},
    secret::{Redactor, Sealer},
};

/// How long a run may go on after its token ended, before it counts as one that will not stop.
const STOP_PATIENCE: Duration = Duration::from_secs(2);

/// What every attempt of a process works with.
pub(super) struct Runner {
    pub(super) registry: Arc<Registry>,
    pub(super) sealer: Sealer,
    pub(super) network: Network,
    pub(super) max_result: u64,
    pub(super) held: Held,
    pub(super) reports: mpsc::Sender<Envelope>,
    pub(super) finishes: mpsc::Sender<Finish>,
    /// Told when a run will not stop: the process must go.
    pub(super) stuck: tokio_util::sync::CancellationToken,
}

/// How a run ended.
#[derive(Debug)]
enum Outcome {
    Succeeded(String),
    Failed(Failure),
    /// Not the platform's word: a panic, a result too large, a platform this build does not have.
    Broken(JobError),
    TimedOut(Duration),
}

impl Runner {
    /// Runs one claimed job to its end and says what became of it.
    pub(super) async fn run(self: Arc<Self>, ticket: Ticket) {
        let job = &ticket.job;
        let Some(platform) = self.registry.get(&job.platform_id) else {
            let message = format!("this sanjer's build has no platform {:?}", job.platform_id);
            let outcome = Outcome::Broken(internal("unknown_platform", message));
            return self.end(job, &Spec::DEFAULT, outcome, &Redactor::default()).await;
        };
        let mut redactor = Redactor::default();
        let outcome = match self.open(platform, job) {
            Ok(settings) => {
                redactor = Redactor::new(platform.secrets_in(&settings));
                self.execute(platform, &ticket, settings, redactor.clone()).await
            }
            Err(error) => Outcome::Broken(*error),
        };
        self.end(job, &platform.spec, outcome, &redactor).await;
    }

    fn open(&self, platform: &Platform, job: &Claimed) -> Result<Value, Box<JobError>> {
        let stored = serde_json::from_str(&job.settings)
            .map_err(|error| Box::new(internal("bad_record", format!("the stored settings are not JSON: {error}"))))?;
        platform
            .open(stored, &self.sealer, job.id)
            .map_err(|error| Box::new(internal("cannot_open_secrets", error.to_string())))
    }

    async fn execute(&self, platform: &Platform, ticket: &Ticket, settings: Value, redactor: Redactor) -> Outcome {
        let Ticket { job, cancel } = ticket;
        let context = Context::new(job.id, job.lease, job.attempt, self.network, cancel.clone(), self.reports.clone())
            .hiding(redactor);
        // A task of its own: a run that blocks its thread holds up no other, and a panic ends only itself.
        let mut run = tokio::spawn(platform.run(context, settings));
        let limit = platform.spec.timeout.unwrap_or(Duration::MAX);
        match timeout(limit, &mut run).await {
            Ok(Ok(Ok(result))) => self.bounded(&result),
            Ok(Ok(Err(failure))) => Outcome::Failed(failure),
            Ok(Err(panic)) => Outcome::Broken(panicked(panic)),
            Err(_) => {
                cancel.cancel();
                self.stop(run).await;
                Outcome::TimedOut(limit)
            }
        }
    }

    /// Token first, then abort; what ignores both blocks its thread, and only the end of the process helps.
    async fn stop(&self, mut run: JoinHandle<crate::platform::Result<Value>>) {
        if timeout(STOP_PATIENCE, &mut run).await.is_err() {
            run.abort();
            if timeout(STOP_PATIENCE, run).await.is_err() {
                self.stuck.cancel();
            }
        }
    }

    fn bounded(&self, result: &Value) -> Outcome {
        let json = result.to_string();
        if json.len() as u64 > self.max_result {
            let message = format!(
                "the result has {} bytes, {} are allowed (jobs.max_result): rows belong into a dataset",
                json.len(),
                self.max_result
            );
            return Outcome::Broken(internal("result_too_large", message));
        }
        Outcome::Succeeded(json)
    }

    async fn end(&self, job: &Claimed, spec: &Spec, outcome: Outcome, redactor: &Redactor) {
        // A job that is being handed back says nothing more.
        if !self.held.end(job.id, job.lease) {
            return;
        }
        let mut finish = decide(job, spec.backoff, outcome, rand::random_range(0.0..=1.0));
        finish.json = redactor.redact(&finish.json);
        match finish.status {
            // The common case, thousands a second: a line each would cost more than the job.
            Status::Succeeded => debug!(job.id = %job.id, platform = job.platform_id, "job succeeded"),
            status => info!(job.id = %job.id, platform = job.platform_id, %status, error = finish.json, "job ended"),
        }
        if self.finishes.send(finish).await.is_err() {
            warn!(job.id = %job.id, "the process ended before the end of a run was written");
        }
    }
}

/// What a run's outcome makes of its job. `jitter` (0–1) picks the wait below the backoff's ceiling.
fn decide(job: &Claimed, backoff: Backoff, outcome: Outcome, jitter: f64) -> Finish {
    let (status, json, delay) = match outcome {
        Outcome::Succeeded(json) => (Status::Succeeded, json, Duration::ZERO),
        Outcome::Broken(error) => (Status::Failed, error_json(&error), Duration::ZERO),
        Outcome::TimedOut(limit) => {
            let message = format!("ran longer than its limit of {} s", limit.as_secs());
            let error = JobError { class: "timeout".into(), code: "time_limit".into(), message, detail: None };
            (Status::TimedOut, error_json(&error), Duration::ZERO)
        }
        Outcome::Failed(failure) => {
            let json = error_json(&failure.to_error());
            match failure {
                Failure::Snooze { wait, .. } => (Status::Snoozed, json, wait),
                Failure::Transient { retry_after, .. } if job.attempt < job.max_attempts => {
                    let wait = retry_after.unwrap_or_else(|| backoff.ceiling(job.attempt).mul_f64(jitter));
                    (Status::Retrying, json, wait)
                }
                _ => (Status::Failed, json, Duration::ZERO),
            }
        }
    };
    let delay_ms = u64::try_from(delay.as_millis()).unwrap_or(u64::MAX);
    Finish { id: job.id, lease: job.lease, status, json, delay_ms }
}

fn internal(code: &str, message: String) -> JobError {
    JobError { class: "internal".into(), code: code.into(), message, detail: None }
}

fn panicked(error: tokio::task::JoinError) -> JobError {
    let message = match error.try_into_panic() {
        Ok(panic) => {
            let text = panic.downcast_ref::<&str>().map(ToString::to_string);
            text.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_else(|| "no message".into())
        }
        Err(error) => error.to_string(),
    };
    internal("panicked", format!("the platform panicked: {message}"))
}

fn error_json(error: &JobError) -> String {
    // Plain strings and values: this cannot fail.
    serde_json::to_string(error).unwrap_or_else(|_| r#"{"class":"internal","code":"unprintable","message":""}"#.into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        job::{JobId, Shard},
        platform::seconds,
    };

    fn job(attempt: u32) -> Claimed {
        Claimed {
            id: JobId::new(Shard(0)),
            lease: 7,
            platform_id: "noop".into(),
            attempt,
            max_attempts: 3,
            settings: "{}".into(),
        }
    }

    #[test]
    fn the_failure_decides_what_happens_next() {
        let transient = || Failure::transient("gone", "gone");
        let told = |secs| Failure::Transient { code: "busy", message: "busy".into(), retry_after: Some(seconds(secs)) };
        let table = [
            (1, Outcome::Succeeded("{}".into()), Status::Succeeded, 0),
            (1, Outcome::Failed(Failure::settings("/a", "bad")), Status::Failed, 0),
            (1, Outcome::Failed(Failure::fatal("no", "no")), Status::Failed, 0),
            (1, Outcome::Failed(transient()), Status::Retrying, 500),
            (2, Outcome::Failed(transient()), Status::Retrying, 1000),
            (3, Outcome::Failed(transient()), Status::Failed, 0),
            (1, Outcome::Failed(told(9)), Status::Retrying, 9000),
            (3, Outcome::Failed(Failure::snooze(seconds(60), "early")), Status::Snoozed, 60_000),
            (1, Outcome::TimedOut(seconds(5)), Status::TimedOut, 0),
            (1, Outcome::Broken(internal("x", String::new())), Status::Failed, 0),
        ];
        let backoff = Backoff { base: seconds(1), cap: seconds(60) };
        for (attempt, outcome, status, delay_ms) in table {
            let text = format!("{outcome:?} at attempt {attempt}");
            let finish = decide(&job(attempt), backoff, outcome, 0.5);
            assert_eq!((finish.status, finish.delay_ms, finish.lease), (status, delay_ms, 7), "{text}");
        }
    }
}
