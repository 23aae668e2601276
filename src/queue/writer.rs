//! Writes what the jobs of one sanjer say and how their runs end, in batches: one script call for all reports, one
//! for all ends, however many there are.
//!
//! Order: what a job said before it ended is written before its end. Progress is merged to the newest and written at
//! most ten times a second per job. While Redis is away the writer keeps what it has and tries again; its channels
//! are bounded, so the jobs wait with it.

use std::{collections::HashMap, time::Duration};

use serde_json::{Map, Value, json};
use tokio::{
    sync::mpsc,
    time::{Instant, sleep_until},
};
use tokio_util::sync::CancellationToken;
use tracing::{error, warn};

use super::{BATCH, Backoff, Finish, Held, Queue, Said, Stop, Written};
use crate::{
    broker::BrokerError,
    job::{JobId, Shard, Status},
    platform::{Envelope, Event, Report},
    watch::Tally,
};

/// At most one progress per job in this time.
const PROGRESS_EVERY: Duration = Duration::from_millis(100);

/// Reports taken into one call; each is at most a few hundred rows.
const REPORTS: usize = 64;

/// What a writer works with.
#[derive(Debug)]
pub struct Writer {
    queue: Queue,
    sanjer: String,
    held: Held,
    tally: Tally,
    reports: mpsc::Receiver<Envelope>,
    finishes: mpsc::Receiver<Finish>,
    /// How many calls wrote reports.
    calls: u64,
    /// Per running job that said something: what is not written yet, and what must be remembered.
    jobs: HashMap<JobId, Speaker>,
}

#[derive(Debug)]
struct Speaker {
    lease: u64,
    progress: Option<(f64, String)>,
    written: Option<(f64, String)>,
    progress_due: Instant,
    metadata: Map<String, Value>,
}

impl Writer {
    /// A writer for one sanjer; how long runs took goes to `tally`.
    pub fn new(
        queue: Queue,
        sanjer: String,
        held: Held,
        tally: Tally,
        reports: mpsc::Receiver<Envelope>,
        finishes: mpsc::Receiver<Finish>,
    ) -> Self {
        Self { queue, sanjer, held, tally, reports, finishes, calls: 0, jobs: HashMap::new() }
    }

    /// Writes until nobody can say anything more and everything said is written.
    pub async fn run(mut self) {
        loop {
            let mut finishes = Vec::new();
            let mut reports = Vec::new();
            let next_progress = self.next_progress();
            tokio::select! {
                biased;
                taken = self.finishes.recv_many(&mut finishes, BATCH) => {
                    if taken == 0 {
                        return;
                    }
                }
                Some(report) = self.reports.recv() => reports.push(report),
                () = sleep_until(next_progress.unwrap_or_else(Instant::now)), if next_progress.is_some() => {}
            }
            // A job reports before it ends, so whatever it said is in the channel by now.
            let limit = if finishes.is_empty() { REPORTS } else { self.reports.len() };
            while reports.len() < limit
                && let Ok(report) = self.reports.try_recv()
            {
                reports.push(report);
            }
            self.write_reports(reports, &finishes).await;
            self.write_finishes(finishes).await;
        }
    }

    fn next_progress(&self) -> Option<Instant> {
        self.jobs.values().filter(|job| job.progress.is_some()).map(|job| job.progress_due).min()
    }

    async fn write_reports(&mut self, reports: Vec<Envelope>, finishes: &[Finish]) {
        let mut said: Vec<Said> = reports.into_iter().filter_map(|envelope| self.take(envelope)).collect();
        said.extend(self.due_progress(finishes));
        let mut by_shard: HashMap<Shard, Vec<Said>> = HashMap::new();
        for said in said {
            by_shard.entry(said.id.shard()).or_default().push(said);
        }
        for (shard, said) in by_shard {
            for said in said.chunks(REPORTS) {
                self.calls += 1;
                let written = persist(|| self.queue.report(shard, &self.sanjer, self.calls, said)).await;
                for (said, written) in said.iter().zip(written) {
                    if written == Written::Refused {
                        warn!(job.id = %said.id, lease = said.lease, "a write was refused: the job is another's now");
                        self.held.stop(said.id, said.lease, Stop::HandBack);
                        self.jobs.remove(&said.id);
                    }
                }
            }
        }
    }

    /// Merges progress and metadata into what is remembered; everything else is to be written as it is.
    fn take(&mut self, envelope: Envelope) -> Option<Said> {
        let Envelope { job: id, lease, report } = envelope;
        let speaker = self.jobs.entry(id).or_insert_with(|| Speaker::new(lease));
        if speaker.lease != lease {
            *speaker = Speaker::new(lease);
        }
        let (kind, values) = match report {
            Report::Progress { fraction, message } => {
                speaker.progress = Some((fraction, message));
                return None;
            }
            Report::Metadata { key, value } => {
                speaker.metadata.insert(key, value);
                ("metadata", vec![Value::Object(speaker.metadata.clone()).to_string()])
            }
            Report::Log(line) => {
                let at = jiff::Timestamp::now();
                ("log", vec![json!({"type": "log", "at": format!("{at:.3}"), "line": line}).to_string()])
            }
            Report::Traced(Event { level, target, line }) => {
                let at = format!("{:.3}", jiff::Timestamp::now());
                let line = json!({"type": "log", "at": at, "line": line, "level": level, "target": target});
                ("log", vec![line.to_string()])
            }
            Report::Resumed => ("resumed", Vec::new()),
            Report::Checkpoint(json) => ("checkpoint", vec![json]),
            Report::Dataset { tag, rows } => (tag.as_str(), rows.into_iter().map(|row| row.get().to_owned()).collect()),
        };
        Some(Said { id, lease, kind, values })
    }

    /// Progress whose time has come, or whose job ends now.
    fn due_progress(&mut self, finishes: &[Finish]) -> Vec<Said> {
        let now = Instant::now();
        let mut due = Vec::new();
        for (id, job) in &mut self.jobs {
            let end = finishes.iter().find(|finish| finish.id == *id).map(|finish| finish.status);
            if end == Some(Status::Succeeded) {
                job.complete();
            }
            if (end.is_some() || job.progress_due <= now)
                && let Some((fraction, message)) = job.progress.take()
            {
                job.progress_due = now + PROGRESS_EVERY;
                job.written = Some((fraction, message.clone()));
                let event = json!({"type": "progress", "progress": fraction, "message": message}).to_string();
                let values = vec![fraction.to_string(), message, event];
                due.push(Said { id: *id, lease: job.lease, kind: "progress", values });
            }
        }
        due
    }

    async fn write_finishes(&mut self, finishes: Vec<Finish>) {
        let mut by_shard: HashMap<Shard, Vec<Finish>> = HashMap::new();
        for mut finish in finishes {
            // Who has said something may have left a checkpoint.
            finish.plain = finish.plain.filter(|_| !self.jobs.contains_key(&finish.id));
            by_shard.entry(finish.id.shard()).or_default().push(finish);
        }
        for (shard, finishes) in by_shard {
            let written = persist(|| self.queue.finish(shard, &self.sanjer, &finishes)).await;
            for (finish, written) in finishes.iter().zip(written) {
                if written == Written::Refused {
                    warn!(job.id = %finish.id, lease = finish.lease, "an end was refused: the job is another's now");
                }
                self.jobs.remove(&finish.id);
                let ran = self.held.remove(finish.id, finish.lease);
                if let Some(ran) = ran.filter(|_| written != Written::Refused) {
                    self.tally.ran(ran);
                }
            }
        }
    }
}

impl Speaker {
    fn new(lease: u64) -> Self {
        Self { lease, progress: None, written: None, progress_due: Instant::now(), metadata: Map::new() }
    }

    /// Somebody who read half of its progress shall not be left there when it has succeeded.
    fn complete(&mut self) {
        let unfinished = self.written.take().filter(|(fraction, _)| *fraction < 1.0);
        let last = self.progress.take().or(unfinished);
        self.progress = last.map(|(_, message)| (1.0, message));
    }
}

/// Tries until Redis takes it. Every write is fenced and tells its repetition apart, so repeating is harmless.
async fn persist<T, F>(write: impl Fn() -> F) -> T
where
    F: Future<Output = Result<T, BrokerError>>,
{
    let never = CancellationToken::new();
    let mut backoff = Backoff::default();
    loop {
        match write().await {
            Ok(written) => return written,
            Err(error) if error.is_unavailable() => warn!(error = %error, "cannot write; will keep trying"),
            Err(error) => error!(error = %error, "a write failed; will keep trying"),
        }
        backoff.wait(&never).await;
    }
}
