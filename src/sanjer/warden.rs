//! Keeps runs within their limits and sees to it that what shall stop does: first its token, then its task is aborted,
//! and what does not yield even then takes its process with it.
//!
//! It runs beside the jobs' threads, so it works however they spin or block.

use std::time::{Duration, Instant};

use rustix::{
    param::page_size,
    time::{ClockId, clock_gettime},
};
use serde_json::json;
use tokio::{sync::mpsc, time::sleep};

use crate::{
    job::Status,
    platform::JobError,
    queue::{Finish, Held, Hold, Step, Stop},
};

/// How often it looks.
const ROUND: Duration = Duration::from_millis(100);
/// How long an aborted task may take to yield.
const ABORT_PATIENCE: Duration = Duration::from_secs(1);

/// What this process uses.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Usage {
    /// Resident memory in bytes.
    pub(super) rss: u64,
    /// Processor time of all its threads.
    pub(super) cpu: Duration,
}

impl Usage {
    /// As it is now.
    pub(super) fn now() -> Self {
        let statm = std::fs::read_to_string("/proc/self/statm").unwrap_or_default();
        let pages: u64 = statm.split_ascii_whitespace().nth(1).and_then(|pages| pages.parse().ok()).unwrap_or(0);
        Self { rss: pages * u64::try_from(page_size()).unwrap_or(4096), cpu: cpu() }
    }
}

/// The processor time this process has used.
pub(super) fn cpu() -> Duration {
    let time = clock_gettime(ClockId::ProcessCPUTime);
    Duration::new(u64::try_from(time.tv_sec).unwrap_or(0), u32::try_from(time.tv_nsec).unwrap_or(0))
}

/// Watches until a run will not yield. `round` is called beside every look, with what the process uses if that is asked
/// for by `measure` or by a limit.
pub(super) async fn watch(held: Held, finishes: mpsc::Sender<Finish>, measure: bool, mut round: impl FnMut(Usage)) {
    loop {
        held.filled().await;
        sleep(ROUND).await;
        let usage = if measure || held.is_measured() { Usage::now() } else { Usage::default() };
        let now = Instant::now();
        let (ends, stuck) = held.patrol(|hold| step(hold, now, usage));
        for end in ends {
            if finishes.send(end).await.is_err() {
                return;
            }
        }
        if stuck {
            return;
        }
        round(usage);
    }
}

fn step(hold: &Hold, now: Instant, usage: Usage) -> Step {
    let Some((ran, limits)) = hold.run(now) else {
        // What has not begun has nothing to stop.
        return if hold.stopping(now).is_some() { Step::GiveUp } else { Step::Leave };
    };
    if let Some((why, since, aborted)) = hold.stopping(now) {
        // Memory that runs away does not wait for manners.
        let is_too_large = limits.rss.is_some_and(|limit| usage.rss > limit);
        let grace = if is_too_large { Duration::ZERO } else { limits.grace };
        return match aborted {
            // Whoever drains this process has a patience of its own.
            _ if *why == Stop::HandBack => Step::Leave,
            Some(aborted) if aborted >= ABORT_PATIENCE => Step::GiveUp,
            None if since >= grace => Step::Abort,
            _ => Step::Leave,
        };
    }
    let used = usage.cpu.saturating_sub(limits.cpu_before);
    match (limits.time, limits.rss, limits.cpu) {
        (Some(limit), ..) if ran >= limit => {
            let error = over(TIME, "s", limit.as_secs_f64(), ran.as_secs_f64());
            Step::Stop(Stop::End { status: Status::TimedOut, error })
        }
        (_, Some(limit), _) if usage.rss > limit => {
            Step::Stop(Stop::End { status: Status::Failed, error: over(MEMORY, "MiB", mib(limit), mib(usage.rss)) })
        }
        (.., Some(limit)) if used > limit => {
            let error = over(CPU, "s", limit.as_secs_f64(), used.as_secs_f64());
            Step::Stop(Stop::End { status: Status::Failed, error })
        }
        _ => Step::Leave,
    }
}

/// A limit: class and code of its error, and what was measured, in words.
type Limit = (&'static str, &'static str, &'static str);
const TIME: Limit = ("timeout", "time_limit", "ran for");
const MEMORY: Limit = ("limit", "memory_limit", "its process held");
const CPU: Limit = ("limit", "cpu_limit", "used processor time of");

#[expect(clippy::cast_precision_loss, reason = "for people")]
fn mib(bytes: u64) -> f64 {
    bytes as f64 / 1_048_576.0
}

/// Which limit, and what was measured.
fn over((class, code, what): Limit, unit: &str, limit: f64, measured: f64) -> String {
    let error = JobError {
        class: class.into(),
        code: code.into(),
        message: format!("{what} {measured:.1} {unit}, its limit is {limit:.0} {unit}"),
        detail: Some(json!({ "limit": limit, "measured": (measured * 1000.0).round() / 1000.0, "unit": unit })),
    };
    error.to_json()
}
