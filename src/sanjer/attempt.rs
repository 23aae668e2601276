//! One run of one job: open its settings, run its platform within its limits, and decide what it becomes.

use std::{
    sync::{Arc, OnceLock},
    time::Duration,
};

use serde_json::value::RawValue;
use tokio::sync::mpsc;
use tracing::{Instrument as _, debug, info, warn};

use super::{voice::Voice, warden};
use crate::{
    job::{Options, Status},
    outbound,
    platform::{
        Backoff, Context, Envelope, Failure, JobError, Network, OpenError, Platform, Registry, Report, Rooms, Run,
        Spec, Twins,
    },
    queue::{Claimed, Ended, Finish, Held, Limits, Plain, Queue, Ticket},
    secret::{Redactor, Sealer},
};

/// What every attempt of a process works with.
pub(super) struct Runner {
    pub(super) registry: Arc<Registry>,
    pub(super) sealer: Sealer,
    pub(super) network: Network,
    /// One for all runs of the process: they share its connections.
    pub(super) http: outbound::Client,
    pub(super) max_result: u64,
    pub(super) held: Held,
    pub(super) reports: mpsc::Sender<Envelope>,
    pub(super) finishes: mpsc::Sender<Finish>,
    /// Where checkpoints are read; there once Redis was reached, and nothing is claimed before.
    pub(super) queue: Arc<OnceLock<Queue>>,
    /// How long a run may take to stop, and the most its job may ask for.
    pub(super) cancel_grace: (Duration, Duration),
    pub(super) max_checkpoint: u64,
    /// How a run gets helpers.
    pub(super) twins: Arc<dyn Twins>,
    /// What rooms built for platforms need.
    pub(super) rooms: Rooms,
}

/// The longest wait between attempts, whoever asks for it.
const LONGEST_WAIT: Duration = Duration::from_hours(24 * 365);

/// What one run works with.
struct Prepared<'a> {
    platform: &'a Platform,
    options: Options,
    settings: String,
    redactor: Redactor,
    checkpoint: Option<Box<RawValue>>,
}

/// Why there is no run.
enum Unfit {
    /// It never can be.
    Job(Box<JobError>),
    /// Not now.
    Moment(String),
}

/// How a run ended.
#[derive(Debug)]
enum Outcome {
    Succeeded(String),
    Failed(Failure),
    /// Not the platform's word: a panic, a result too large, a platform this build does not have.
    Broken(JobError),
}

impl Runner {
    /// Runs one claimed job to its end and says what became of it.
    pub(super) async fn run(self: Arc<Self>, ticket: Ticket) {
        let job = &ticket.job;
        let mut redactor = Redactor::default();
        let (mut spec, mut options) = (&Spec::DEFAULT, Options::default());
        let outcome = match self.prepare(&ticket).await {
            Ok(prepared) => {
                redactor = prepared.redactor.clone();
                (spec, options) = (&prepared.platform.spec, prepared.options.clone());
                match self.execute(&ticket, prepared).await {
                    Some(outcome) => outcome,
                    None => return,
                }
            }
            Err(Unfit::Job(error)) => Outcome::Broken(*error),
            Err(Unfit::Moment(reason)) => Outcome::Failed(Failure::snooze(Duration::from_secs(1), reason)),
        };
        self.end(job, spec, &options, outcome, &redactor).await;
    }

    /// Everything a run needs, or why there cannot be one.
    async fn prepare(&self, ticket: &Ticket) -> Result<Prepared<'_>, Unfit> {
        let job = &ticket.job;
        let platform = self.registry.get(&job.platform_id).ok_or_else(|| {
            Unfit::job("unknown_platform", format!("this sanjer's build has no platform {:?}", job.platform_id))
        })?;
        let damaged = |what: &str, error: serde_json::Error| {
            Unfit::job("bad_record", format!("the stored {what} are not JSON that this version knows: {error}"))
        };
        let options: Options = match &job.options {
            Some(stored) => serde_json::from_str(stored).map_err(|error| damaged("options", error))?,
            None => Options::default(),
        };
        if let Some(option) = options.needs_own_process().filter(|_| !ticket.alone) {
            let message = format!("{option} can be kept only in a pool of one slot, and this one has more");
            return Err(Unfit::job("needs_own_process", message));
        }
        let opened = platform.open_text(&job.settings, &self.sealer, job.id).map_err(|error| match error {
            OpenError::Damaged(error) => damaged("settings", error),
            OpenError::Sealed(error) => Unfit::job("cannot_open_secrets", error.to_string()),
        })?;
        let (settings, redactor) = (opened.json, Redactor::new(opened.secrets));
        let checkpoint = if job.lease > 1 { self.checkpoint(job).await? } else { None };
        Ok(Prepared { platform, options, settings, redactor, checkpoint })
    }

    /// Where an earlier run of the job was.
    async fn checkpoint(&self, job: &Claimed) -> Result<Option<Box<RawValue>>, Unfit> {
        let Some(queue) = self.queue.get() else { return Ok(None) };
        let stored = queue.checkpoint(job.id).await.map_err(|error| Unfit::Moment(error.to_string()))?;
        let parse = |text: String| serde_json::from_str(&text);
        stored.map(parse).transpose().map_err(|error| Unfit::job("bad_record", format!("the checkpoint: {error}")))
    }

    /// `None` if the job was ended before it began.
    async fn execute(&self, ticket: &Ticket, prepared: Prepared<'_>) -> Option<Outcome> {
        let Ticket { job, cancel, .. } = ticket;
        let Prepared { platform, options, settings, redactor, checkpoint } = prepared;
        let resumes = checkpoint.is_some();
        let run = Run {
            job: job.id,
            lease: job.lease,
            attempt: job.attempt,
            network: self.network,
            http: self.http.clone(),
            redis: self.queue.get().map(Queue::redis),
            twins: Some(self.twins.clone()),
            rooms: self.rooms.clone(),
            checkpoint,
            max_checkpoint: self.max_checkpoint,
        };
        let context = Context::new(run, cancel.clone(), self.reports.clone()).hiding(redactor);
        if resumes {
            let news = Envelope { job: job.id, lease: job.lease, report: Report::Resumed };
            // A writer that has ended ends the process with it.
            self.reports.send(news).await.ok();
        }
        let most_time = platform.timeout(&settings);
        // A task of its own: a run that blocks its thread holds up no other, and a panic ends only itself.
        let (voice, span) = Voice::of(context.clone());
        let run = tokio::spawn(platform.run(context, settings).instrument(span));
        let (grace, most) = self.cancel_grace;
        let limits = Limits {
            time: options.timeout_s.map(Duration::from_secs).or(most_time),
            rss: options.max_rss_mb.map(|mebibytes| mebibytes << 20),
            cpu: options.max_cpu_s.map(Duration::from_secs),
            cpu_before: options.max_cpu_s.map_or(Duration::ZERO, |_| warden::cpu()),
            grace: options.cancel_grace_s.map_or(grace, Duration::from_secs).min(most),
        };
        if !self.held.started(job.id, job.lease, run.abort_handle(), limits) {
            run.abort();
            voice.end().await;
            return None;
        }
        let ended = run.await;
        voice.end().await;
        Some(match ended {
            Ok(Ok(result)) => self.bounded(result),
            Ok(Err(failure)) => Outcome::Failed(failure),
            // Aborted, or a panic: whoever aborted it knows what it becomes.
            Err(error) => Outcome::Broken(panicked(error)),
        })
    }

    fn bounded(&self, json: String) -> Outcome {
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

    async fn end(&self, job: &Claimed, spec: &Spec, options: &Options, outcome: Outcome, redactor: &Redactor) {
        let finish = match self.held.end(job.id, job.lease) {
            Ended::Before => return,
            Ended::Stopped(stop) => stop.finish(job.id, job.lease),
            Ended::ByItself => decide(job, spec.backoff, options, outcome, redactor, rand::random_range(0.0..=1.0)),
        };
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

/// What a run's outcome makes of its job, without what that keeps secret. `jitter` (0–1) picks the wait below the
/// backoff's ceiling.
fn decide(
    job: &Claimed,
    backoff: Backoff,
    options: &Options,
    outcome: Outcome,
    redactor: &Redactor,
    jitter: f64,
) -> Finish {
    let (status, json, wait) = match outcome {
        Outcome::Succeeded(json) => {
            (Status::Succeeded, redactor.redact_json(&json), Duration::from_secs(options.retention_s.unwrap_or(0)))
        }
        Outcome::Broken(error) => (Status::Failed, error.hiding(redactor).to_json(), Duration::ZERO),
        Outcome::Failed(failure) => {
            let json = failure.to_error().hiding(redactor).to_json();
            match failure {
                Failure::Snooze { wait, .. } => (Status::Snoozed, json, wait),
                Failure::Transient { retry_after, .. } if job.attempt < job.max_attempts => {
                    let backoff = options.backoff(backoff);
                    let wait = retry_after.unwrap_or_else(|| backoff.ceiling(job.attempt).mul_f64(jitter));
                    (Status::Retrying, json, wait.min(LONGEST_WAIT))
                }
                _ => (Status::Failed, json, Duration::ZERO),
            }
        }
    };
    let ms = u64::try_from(wait.as_millis()).unwrap_or(u64::MAX);
    // What an earlier run has left has to be looked for.
    let plain = (status == Status::Succeeded && job.lease == 1)
        .then(|| Plain { platform_id: job.platform_id.clone(), attempt: job.attempt });
    Finish { id: job.id, lease: job.lease, status, json, ms, plain }
}

impl Unfit {
    fn job(code: &str, message: String) -> Self {
        Self::Job(Box::new(internal(code, message)))
    }
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
            options: None,
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
            (1, Outcome::Broken(internal("x", String::new())), Status::Failed, 0),
        ];
        let backoff = Backoff { base: seconds(1), cap: seconds(60) };
        for (attempt, outcome, status, delay_ms) in table {
            let text = format!("{outcome:?} at attempt {attempt}");
            let finish = decide(&job(attempt), backoff, &Options::default(), outcome, &Redactor::default(), 0.5);
            assert_eq!((finish.status, finish.ms, finish.lease), (status, delay_ms, 7), "{text}");
        }
        let options = Options { base_s: Some(30), cap_s: Some(40), retention_s: Some(2), ..Options::default() };
        for (outcome, ms) in [(Outcome::Failed(transient()), 20_000), (Outcome::Succeeded("{}".into()), 2000)] {
            assert_eq!(decide(&job(2), backoff, &options, outcome, &Redactor::default(), 0.5).ms, ms);
        }
        // A message is cut after it was searched: what is left of it must not be the beginning of a secret.
        let (long, secrets) = (format!("{}hunter2", "x".repeat(1993)), Redactor::new(["hunter2".to_owned()]));
        let failed = Outcome::Failed(Failure::fatal("no", long));
        let finish = decide(&job(1), backoff, &options, failed, &secrets, 0.5);
        assert!(!finish.json.contains("xh"), "{}", finish.json);
        assert_eq!(serde_json::from_str::<JobError>(&finish.json).unwrap().code, "no");
    }
}
