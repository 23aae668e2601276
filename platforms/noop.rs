//! Does nothing, in as many ways as a test can ask for.
//!
//! It sleeps, counts, spins, allocates, logs, appends rows and fails as its settings say; all of them are optional.
//!
//! ```json
//! {
//!   "platform_id": "noop",
//!   "settings": { "sleep_ms": 2000, "steps": 20, "rows": 10, "on": "yesterday" }
//! }
//! ```
use std::time::{Duration, Instant};

use crate::platform::prelude::*;

pub const PLATFORM: Spec = Spec { timeout: Some(minutes(15)), ..Spec::DEFAULT };

/// Bytes of the pages that are touched so that allocated memory is really used.
const PAGE: usize = 4096;

#[derive(Default, Deserialize, Serialize, JsonSchema)]
#[serde(default)]
pub struct Settings {
    /// How long it sleeps in all, in milliseconds.
    #[schemars(range(max = 600_000))]
    sleep_ms: u64,
    /// In how many steps it sleeps, each with a progress message.
    #[schemars(range(max = 1000))]
    steps: u32,
    /// How it ends instead of succeeding.
    fail_with: Option<Ending>,
    /// It fails only while the attempt is not above this; 0 means always.
    #[schemars(range(max = 1000))]
    fail_attempts: u32,
    /// Whether it goes on sleeping when it is told to stop.
    deaf: bool,
    /// Whether it says after every step where it is; its next run goes on from there.
    checkpoint: bool,
    /// How long it keeps its thread busy, deaf to everything, in milliseconds.
    #[schemars(range(max = 600_000))]
    spin_ms: u64,
    /// How long it blocks its thread, deaf to everything, in milliseconds.
    #[schemars(range(max = 600_000))]
    block_ms: u64,
    /// How much memory it holds until it ends, in MiB.
    #[schemars(range(max = 65_536))]
    allocate_mb: usize,
    /// How many lines it logs.
    #[schemars(range(max = 100_000))]
    log_lines: u32,
    /// How many tracing events it makes.
    #[schemars(range(max = 100_000))]
    trace_lines: u32,
    /// The text of a tracing event that is a warning.
    #[schemars(length(max = 1000))]
    warn: Option<String>,
    /// How many rows it appends to the dataset processed.
    #[schemars(range(max = 100_000))]
    rows: u32,
    /// A line it prints on standard error.
    #[schemars(length(max = 1000))]
    print: Option<String>,
    /// The code with which `exit` ends the process.
    #[schemars(range(min = 0, max = 255))]
    exit_code: u8,
    /// A secret; only its length is reported.
    secret: Option<Secret>,
    /// Text of any kind, ignored; makes the settings as large as a test wants them.
    #[schemars(length(max = 100_000))]
    padding: Option<String>,
    /// A date; reported as it was understood.
    on: Option<Date>,
}

#[derive(Clone, Copy, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Ending {
    /// The settings are at fault.
    Settings,
    /// May work later.
    Transient,
    /// Too early; run again after a second.
    Snooze,
    /// Will never work.
    Fatal,
    /// A bug.
    Panic,
    /// Ends the whole process with `exit_code`.
    Exit,
    /// Ends the whole process by a signal.
    Abort,
}

#[derive(Serialize, JsonSchema)]
pub struct Report {
    /// When it began, in microseconds since 1970.
    started_us: i64,
    attempt: u32,
    slept_ms: u64,
    /// After which step it began.
    resumed_after: u32,
    rows: u32,
    secret_length: Option<usize>,
    on: Option<String>,
}

#[derive(Serialize)]
struct Row {
    n: u32,
}

pub async fn _run(job: Context, settings: Settings) -> Result<Report> {
    let started_us = jiff::Timestamp::now().as_microsecond();
    let held = allocate(settings.allocate_mb);
    for n in 1..=settings.log_lines {
        job.log(format!("line {n} of {}", settings.log_lines)).await;
    }
    for n in 1..=settings.trace_lines {
        tracing::info!(n, of = settings.trace_lines, "traced");
    }
    if let Some(text) = &settings.warn {
        tracing::warn!("{text}");
    }
    if let Some(line) = &settings.print {
        eprintln!("{line}");
    }
    let resumed_after = sleep(&job, &settings).await?;
    spin(Duration::from_millis(settings.spin_ms));
    std::thread::sleep(Duration::from_millis(settings.block_ms));
    let rows: Vec<Row> = (1..=settings.rows).map(|n| Row { n }).collect();
    job.dataset(Tag::Processed, &rows).await?;
    if settings.fail_attempts == 0 || job.attempt() <= settings.fail_attempts {
        end(&settings)?;
    }
    drop(held);
    Ok(Report {
        started_us,
        attempt: job.attempt(),
        slept_ms: settings.sleep_ms,
        resumed_after,
        rows: settings.rows,
        secret_length: settings.secret.map(|secret| secret.expose().chars().count()),
        on: settings.on.map(|date| date.to_string()),
    })
}

fn allocate(mebibytes: usize) -> Vec<u8> {
    let mut memory = vec![0; mebibytes << 20];
    memory.iter_mut().step_by(PAGE).for_each(|byte| *byte = 1);
    std::hint::black_box(memory)
}

/// Returns the step after which it began.
async fn sleep(job: &Context, settings: &Settings) -> Result<u32> {
    let steps = settings.steps.max(1);
    let pause = Duration::from_millis(settings.sleep_ms) / steps;
    let resumed_after = job.resume().unwrap_or(0);
    for step in resumed_after + 1..=steps {
        tokio::select! {
            () = tokio::time::sleep(pause) => {}
            () = job.cancelled().cancelled(), if !settings.deaf => break,
        }
        if settings.steps > 0 {
            job.progress(f64::from(step) / f64::from(steps), format!("step {step} of {steps}")).await;
        }
        if settings.checkpoint {
            job.checkpoint(&step).await?;
        }
    }
    Ok(resumed_after)
}

fn spin(time: Duration) {
    let start = Instant::now();
    while start.elapsed() < time {
        std::hint::spin_loop();
    }
}

fn end(settings: &Settings) -> Result<()> {
    match settings.fail_with {
        None => Ok(()),
        Some(Ending::Settings) => Err(Failure::settings("/fail_with", "asked to blame the settings")),
        Some(Ending::Transient) => Err(Failure::transient("asked_to_fail", "asked to fail")),
        Some(Ending::Snooze) => Err(Failure::snooze(seconds(1), "asked to snooze")),
        Some(Ending::Fatal) => Err(Failure::fatal("asked_to_fail", "asked to fail for good")),
        Some(Ending::Panic) => panic!("asked to panic"),
        Some(Ending::Exit) => std::process::exit(settings.exit_code.into()),
        Some(Ending::Abort) => std::process::abort(),
    }
}
