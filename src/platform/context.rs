//! What a running job may say and ask: the one handle a platform gets.
//!
//! Everything it says goes through one bounded channel as a [`Report`]; who reads the other end decides where it
//! goes (a sanjer's writer: Redis; `collector platforms run`: the terminal). A full channel makes the job wait:
//! that is the back pressure that keeps a chatty platform from eating memory.

use std::{
    any::Any,
    fmt,
    sync::{Arc, Mutex, PoisonError},
};

use futures_util::future::BoxFuture;
use serde::{Serialize, de::DeserializeOwned};
use serde_json::{Map, Value, value::RawValue};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::Rooms;
use crate::{
    broker::Broker,
    job::JobId,
    outbound::{Client, Gate},
    secret::Redactor,
};

/// Which rows a dataset holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Tag {
    /// As they came from the source.
    Original,
    /// As the platform worked them out.
    Processed,
}

impl Tag {
    /// The word used in Redis and in the API.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Original => "original",
            Self::Processed => "processed",
        }
    }
}

/// One thing a running job said.
#[derive(Debug)]
pub enum Report {
    /// How far it is (0–1) and what it does now.
    Progress {
        /// 0–1, never backwards within an attempt.
        fraction: f64,
        /// What it does now; at most [`MAX_MESSAGE`] bytes.
        message: String,
    },
    /// One key of the job's `metadata`.
    Metadata {
        /// The key.
        key: String,
        /// Its value; replaces the old one.
        value: Value,
    },
    /// A line for the job's log; at most [`MAX_MESSAGE`] bytes.
    Log(String),
    /// A tracing event of the run.
    Traced(Event),
    /// The run goes on from the checkpoint of an earlier one, with the rows that had written by then.
    Resumed,
    /// Where the job is: what its next run begins with, as JSON text.
    Checkpoint(String),
    /// Rows to append to a dataset, each one JSON text.
    Dataset {
        /// Which dataset.
        tag: Tag,
        /// The rows.
        rows: Vec<Box<RawValue>>,
    },
}

/// A tracing event, as a job's log has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// In lower case.
    pub level: &'static str,
    /// Where in the code it was made.
    pub target: String,
    /// Its message and its fields; at most [`MAX_MESSAGE`] bytes.
    pub line: String,
}

/// A report and who said it: `lease` is the fencing token of the write it becomes.
#[derive(Debug)]
pub struct Envelope {
    /// The job.
    pub job: JobId,
    /// The claim under which it was said.
    pub lease: u64,
    /// What was said.
    pub report: Report,
}

/// Bytes of a progress message or a log line; the rest is cut and marked with `…`.
pub const MAX_MESSAGE: usize = 2000;

/// Bytes of a metadata key.
const MAX_KEY: usize = 100;
/// Bytes of a metadata value as JSON.
const MAX_VALUE: usize = 16 * 1024;

/// What the operator allows a job to reach.
#[derive(Clone, Copy, Debug, Default)]
pub struct Network {
    /// Whether addresses outside this machine may be contacted (`network.allow_public`).
    pub allow_public: bool,
}

/// Where platforms keep what outlives their jobs.
#[derive(Clone, Debug)]
pub struct Redis {
    /// The way to it.
    pub broker: Broker,
    /// Shards that its keys are parted into.
    pub shards: u16,
}

/// Makes jobs like a running one. Whoever runs jobs brings it; this room knows no queue.
pub trait Twins: fmt::Debug + Send + Sync {
    /// Another job like `of`, but for these settings; one for each `name`.
    fn make<'a>(&'a self, of: JobId, name: &'a str, changes: Map<String, Value>)
    -> BoxFuture<'a, super::Result<JobId>>;
}

/// One run of one job.
#[derive(Clone, Debug)]
pub struct Run {
    /// The job.
    pub job: JobId,
    /// The claim: the fencing token of everything it says.
    pub lease: u64,
    /// Which attempt it is; 1 is the first.
    pub attempt: u32,
    /// What it may reach.
    pub network: Network,
    /// How it calls others.
    pub http: Client,
    /// Where it keeps what outlives it; `None` where there is no Redis.
    pub redis: Option<Redis>,
    /// How it gets helpers; `None` where there is no queue.
    pub twins: Option<Arc<dyn Twins>>,
    /// What rooms built for platforms need.
    pub rooms: Rooms,
    /// Where an earlier run of the job said it was.
    pub checkpoint: Option<Box<RawValue>>,
    /// Bytes a checkpoint may have as JSON.
    pub max_checkpoint: u64,
}

impl Run {
    /// The only run of a job that stands nowhere.
    pub fn unrecorded(job: JobId, network: Network, http: Client, redis: Option<Redis>) -> Self {
        let (twins, checkpoint, rooms) = (None, None, Rooms::default());
        Self { job, lease: 1, attempt: 1, network, http, redis, twins, rooms, checkpoint, max_checkpoint: u64::MAX }
    }
}

/// The handle of one run of one job. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Context {
    inner: Arc<Inner>,
    /// Keeps the job's secrets out of what it says.
    redactor: Arc<Redactor>,
}

#[derive(Debug)]
struct Inner {
    run: Run,
    cancelled: CancellationToken,
    reports: mpsc::Sender<Envelope>,
    /// The furthest progress said so far, so that it never goes backwards.
    furthest: Mutex<f64>,
}

impl Context {
    /// A handle for one run.
    pub fn new(run: Run, cancelled: CancellationToken, reports: mpsc::Sender<Envelope>) -> Self {
        let inner = Arc::new(Inner { run, cancelled, reports, furthest: Mutex::new(0.0) });
        Self { inner, redactor: Arc::default() }
    }

    /// The same handle, which replaces these secrets in messages and log lines.
    #[must_use]
    pub fn hiding(mut self, redactor: Redactor) -> Self {
        self.redactor = Arc::new(redactor);
        self
    }

    /// The job this is a run of.
    pub fn id(&self) -> JobId {
        self.inner.run.job
    }

    /// Which claim of the job this is: rises with every run of it.
    pub fn lease(&self) -> u64 {
        self.inner.run.lease
    }

    /// Which attempt this is; 1 is the first.
    pub fn attempt(&self) -> u32 {
        self.inner.run.attempt
    }

    /// What the operator allows this job to reach.
    pub fn network(&self) -> Network {
        self.inner.run.network
    }

    /// The client of every outgoing HTTP call: it goes only where the operator allows, and reads no more than it shall.
    pub fn http(&self) -> &Client {
        &self.inner.run.http
    }

    /// Whom to leave alone for a while, as all processes see it.
    pub fn gate(&self) -> super::Result<Gate> {
        let redis = self.redis()?;
        Ok(self.http().gate(redis.broker.clone(), redis.shards))
    }

    /// Where this platform may keep what outlives its jobs, under keys of its own.
    pub fn redis(&self) -> super::Result<&Redis> {
        let missing =
            || super::Failure::fatal("no_redis", "this platform keeps what it finds in Redis, and there is none");
        self.inner.run.redis.as_ref().ok_or_else(missing)
    }

    /// Gets this job a helper: another one with its settings and options, but for these settings. However often it is
    /// asked for under one `name`, there is one.
    pub async fn twin(&self, name: &str, changes: Map<String, Value>) -> super::Result<JobId> {
        let missing = || super::Failure::fatal("no_queue", "there is no queue here that could take another job");
        self.inner.run.twins.as_ref().ok_or_else(missing)?.make(self.id(), name, changes).await
    }

    /// What the room built for this platform needs of whoever runs jobs, by its type.
    pub fn room<T: Any + Send + Sync>(&self) -> super::Result<Arc<T>> {
        let missing = || super::Failure::fatal("no_room", "this platform runs only as a job of a collector");
        self.inner.run.rooms.get().ok_or_else(missing)
    }

    /// Ends when the job shall stop: await it beside long work, or pass it on.
    pub fn cancelled(&self) -> &CancellationToken {
        &self.inner.cancelled
    }

    /// Says how far the job is (0–1, never backwards) and what it does now.
    pub async fn progress(&self, fraction: f64, message: impl Into<String>) {
        let fraction = {
            let mut furthest = self.inner.furthest.lock().unwrap_or_else(PoisonError::into_inner);
            // `max` also swallows a NaN, which no client could read.
            *furthest = furthest.max(fraction.clamp(0.0, 1.0));
            *furthest
        };
        self.report(Report::Progress { fraction, message: self.shown(&message.into()) }).await;
    }

    /// Adds a line to the job's log.
    pub async fn log(&self, line: impl Into<String>) {
        self.report(Report::Log(self.shown(&line.into()))).await;
    }

    /// Adds a tracing event to the job's log.
    pub(crate) async fn traced(&self, event: Event) {
        let event = self.shown_event(event);
        self.report(Report::Traced(event)).await;
    }

    /// The same without waiting: false if there is no room.
    pub(crate) fn try_traced(&self, event: Event) -> bool {
        let report = Report::Traced(self.shown_event(event));
        self.inner.reports.try_send(self.envelope(report)).is_ok()
    }

    fn shown_event(&self, event: Event) -> Event {
        Event { line: self.shown(&event.line), target: cut(event.target), ..event }
    }

    /// Sets one key of the job's metadata. A key of more than 100 bytes or a value of more than 16 KiB (as JSON) is
    /// dropped, and the job's log says so: metadata is for a glance, datasets are for data.
    pub async fn metadata(&self, key: impl Into<String>, value: impl Into<Value>) {
        let (key, value) = (key.into(), value.into());
        let bytes = value.to_string().len();
        if key.len() > MAX_KEY {
            self.log(format!("metadata dropped: a key may have {MAX_KEY} bytes, this one has {}", key.len())).await;
        } else if bytes > MAX_VALUE {
            self.log(format!("metadata {key} dropped: a value may have {MAX_VALUE} bytes, this one has {bytes}")).await;
        } else {
            self.report(Report::Metadata { key, value }).await;
        }
    }

    /// Appends rows to a dataset. A run starts with empty datasets, or, if it goes on from a checkpoint, with the rows
    /// that were there then.
    pub async fn dataset<R: Serialize>(&self, tag: Tag, rows: &[R]) -> super::Result<()> {
        // In bounded pieces, so that no single write holds Redis for long.
        for piece in rows.chunks(200) {
            let rows = piece.iter().map(serde_json::value::to_raw_value).collect::<Result<_, _>>()?;
            self.report(Report::Dataset { tag, rows }).await;
        }
        Ok(())
    }

    /// Where an earlier run of this job was, if it said so and this version still understands it.
    pub fn resume<T: DeserializeOwned>(&self) -> Option<T> {
        let checkpoint = self.inner.run.checkpoint.as_ref()?;
        serde_json::from_str(checkpoint.get())
            .inspect_err(
                |error| tracing::warn!(job.id = %self.id(), %error, "a checkpoint is of no use; beginning anew"),
            )
            .ok()
    }

    /// Says where the job is, so that its next run, should there be one, goes on from there ([`Context::resume`]).
    /// It replaces the one before; what it says must not be secret. One of more than `jobs.max_checkpoint` is an error.
    pub async fn checkpoint<T: Serialize>(&self, state: &T) -> super::Result<()> {
        let json = serde_json::to_string(state)?;
        let (bytes, most) = (json.len() as u64, self.inner.run.max_checkpoint);
        if bytes > most {
            let message = format!("the checkpoint has {bytes} bytes, {most} are allowed (jobs.max_checkpoint)");
            return Err(super::Failure::fatal("checkpoint_too_large", message));
        }
        self.report(Report::Checkpoint(json)).await;
        Ok(())
    }

    /// Text as it may leave the job: without secrets, and bounded.
    fn shown(&self, text: &str) -> String {
        cut(self.redactor.redact(text))
    }

    fn envelope(&self, report: Report) -> Envelope {
        Envelope { job: self.inner.run.job, lease: self.inner.run.lease, report }
    }

    async fn report(&self, report: Report) {
        if self.inner.reports.send(self.envelope(report)).await.is_err() {
            // Nobody listens any more: the process is ending and will hand this job back.
            self.inner.cancelled.cancel();
        }
    }
}

/// Text of at most [`MAX_MESSAGE`] bytes.
pub(super) fn cut(mut text: String) -> String {
    if text.len() > MAX_MESSAGE {
        let end = text.floor_char_boundary(MAX_MESSAGE - '…'.len_utf8());
        text.truncate(end);
        text.push('…');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_text_is_cut_at_a_character() {
        let text = cut("é".repeat(MAX_MESSAGE));
        assert!(text.len() <= MAX_MESSAGE && text.ends_with("é…"));
        assert_eq!(cut("short".into()), "short");
    }
}
