//! One pool of one host: its processes, one warm spare, and what happens when one of them dies.
//!
//! The spare is a whole process that has connected and waits; while it waits it runs suspects, alone. When a serving
//! process dies, the spare serves in its place at once, and a new spare is started.

use std::{
    collections::HashMap,
    io,
    path::PathBuf,
    process::{ExitStatus, Stdio},
    time::Duration,
};

use rustix::process::Signal;
use tokio::{
    io::{AsyncBufReadExt, AsyncWriteExt, BufReader},
    process::{ChildStdin, Command},
    sync::mpsc,
    time::{Instant, sleep_until, timeout},
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use tracing::{error, info, warn};

use super::{
    EXIT_GAVE_UP, PROCESS_COMMAND,
    orders::{self, DRAIN, SERVE, Start},
};
use crate::{
    config::{Config, PoolSize},
    platform::JobError,
    queue::{Backoff, Blame, Lane, Queue},
};

/// A process that lived at least this long did not die of its start: its replacement starts at once.
const HEALTHY: Duration = Duration::from_secs(10);
/// The longest pause before a replacement that keeps dying is started again.
const LONGEST_PAUSE: Duration = Duration::from_secs(30);
/// How much longer than its own grace a draining process may take before it is killed.
const KILL_MARGIN: Duration = Duration::from_secs(12);

/// The shortest pause after a start that failed.
const START_AGAIN: Duration = Duration::from_millis(500);
/// What Linux calls the program of whoever asks, wherever its file is now.
const RUNNING_PROGRAM: &str = "/proc/self/exe";

/// A pool as its supervisor runs it.
pub(super) struct Pool {
    pub(super) name: String,
    pub(super) size: PoolSize,
    pub(super) config: Config,
    pub(super) queue: Queue,
    pub(super) stop: CancellationToken,
    /// Hand-backs under way; they outlive the pool until Redis has taken them.
    pub(super) hand_backs: TaskTracker,
}

/// One living process.
struct Sanjer {
    name: String,
    lane: Lane,
    started: Instant,
    stdin: ChildStdin,
}

/// The death of one.
struct Death {
    pid: u32,
    status: io::Result<ExitStatus>,
}

impl Pool {
    /// Keeps the pool at its size until told to stop; then drains it.
    pub(super) async fn run(self) {
        let (deaths_in, mut deaths) = mpsc::channel(8);
        let mut living: HashMap<u32, Sanjer> = HashMap::new();
        let mut quick_deaths = 0;
        // When to start what is missing. Deaths before then are seen to at once: their jobs wait for nothing.
        let mut refill_at = Some(Instant::now());
        loop {
            let death = tokio::select! {
                () = self.stop.cancelled() => break,
                Some(death) = deaths.recv() => death,
                () = sleep_until(refill_at.unwrap_or_else(Instant::now)), if refill_at.is_some() => {
                    refill_at = None;
                    if let Err(error) = self.refill(&deaths_in, &mut living).await {
                        error!(pool = self.name, error = %error, "cannot start a sanjer; will keep trying");
                        quick_deaths += 1;
                        refill_at = Some(Instant::now() + self.pause(quick_deaths).max(START_AGAIN));
                    }
                    continue;
                }
            };
            let Some(dead) = living.remove(&death.pid) else { continue };
            quick_deaths = if dead.started.elapsed() < HEALTHY { quick_deaths + 1 } else { 0 };
            self.bury(&dead, &death.status);
            if dead.lane == Lane::Queue {
                promote_spare(&mut living).await;
            }
            refill_at = Some(Instant::now() + self.pause(quick_deaths));
        }
        self.drain(living, deaths).await;
    }

    /// Starts what is missing: serving processes first, then the spare.
    async fn refill(&self, deaths: &mpsc::Sender<Death>, living: &mut HashMap<u32, Sanjer>) -> io::Result<()> {
        let serving = living.values().filter(|sanjer| sanjer.lane == Lane::Queue).count();
        let spares = living.len() - serving;
        let missing = std::iter::repeat_n(Lane::Queue, usize::from(self.size.processes).saturating_sub(serving))
            .chain(std::iter::repeat_n(Lane::Alone, 1_usize.saturating_sub(spares)));
        for lane in missing {
            let (pid, sanjer) = self.spawn(lane, deaths.clone()).await?;
            living.insert(pid, sanjer);
        }
        Ok(())
    }

    /// The first replacement starts at once; one that keeps dying waits longer each time.
    fn pause(&self, quick_deaths: u32) -> Duration {
        if quick_deaths < 2 {
            return Duration::ZERO;
        }
        let pause = Duration::from_millis(250).saturating_mul(1 << quick_deaths.min(10)).min(LONGEST_PAUSE);
        warn!(pool = self.name, deaths = quick_deaths, pause_ms = pause.as_millis(), "sanjers keep dying");
        pause
    }

    async fn spawn(&self, lane: Lane, deaths: mpsc::Sender<Death>) -> io::Result<(u32, Sanjer)> {
        let mut child = Command::new(own_program()?)
            .arg(PROCESS_COMMAND)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            // A group of its own: Ctrl-C in the terminal must reach the supervisor alone.
            .process_group(0)
            .spawn()?;
        let (Some(pid), Some(mut stdin), Some(stderr)) = (child.id(), child.stdin.take(), child.stderr.take()) else {
            return Err(io::Error::other("the new process has no pipes"));
        };
        let start = Start {
            config: self.config.clone(),
            pool: self.name.clone(),
            slots: self.size.slots,
            lane,
            started_at: u64::try_from(jiff::Timestamp::now().as_millisecond()).unwrap_or(0),
        };
        let name = orders::name(&orders::host(), pid, start.started_at);
        tokio::spawn(relay(stderr));
        tokio::spawn(async move {
            let status = child.wait().await;
            deaths.send(Death { pid, status }).await.ok();
        });
        let introduction = serde_json::to_string(&start)? + "\n";
        stdin.write_all(introduction.as_bytes()).await?;
        info!(sanjer = name, pool = self.name, lane = lane.as_str(), "started a sanjer");
        Ok((pid, Sanjer { name, lane, started: Instant::now(), stdin }))
    }

    /// Gives back what a dead process held; keeps trying while Redis is away.
    fn bury(&self, dead: &Sanjer, status: &io::Result<ExitStatus>) {
        let cause = cause(status);
        warn!(sanjer = dead.name, pool = self.name, cause, "a sanjer died");
        let gave_up = matches!(status, Ok(status) if matches!(status.code(), Some(0 | EXIT_GAVE_UP)));
        let blame = match (gave_up, dead.lane, self.size.slots) {
            (true, ..) => Blame::Nobody,
            (false, Lane::Alone, _) | (false, Lane::Queue, 1) => Blame::Alone,
            (false, Lane::Queue, _) => Blame::Suspects,
        };
        let error = JobError {
            class: "crash".into(),
            code: "killed_its_process".into(),
            message: format!("its process, which ran nothing else, died too often; last: {cause}"),
            detail: None,
        };
        let error = serde_json::to_string(&error).unwrap_or_else(|_| "null".into());
        self.hand_backs.spawn(hand_back(self.queue.clone(), dead.name.clone(), blame, error));
    }

    /// Tells every process to drain, waits for their deaths, kills what does not go, and gives back what is left.
    async fn drain(&self, mut living: HashMap<u32, Sanjer>, mut deaths: mpsc::Receiver<Death>) {
        for sanjer in living.values_mut() {
            tell(sanjer, DRAIN).await;
        }
        let all_gone = async {
            while !living.is_empty()
                && let Some(death) = deaths.recv().await
            {
                if let Some(dead) = living.remove(&death.pid) {
                    self.hand_backs.spawn(hand_back(self.queue.clone(), dead.name, Blame::Nobody, "null".into()));
                }
            }
        };
        if timeout(self.config.sanjers.stop_grace.0 + KILL_MARGIN, all_gone).await.is_ok() {
            return;
        }
        for (pid, sanjer) in living {
            warn!(sanjer = sanjer.name, "did not drain in time; killing it");
            kill(pid);
            self.hand_backs.spawn(hand_back(self.queue.clone(), sanjer.name, Blame::Nobody, "null".into()));
        }
    }
}

/// This binary. After an upgrade another one stands in its place, or none: then what runs here is started once more.
fn own_program() -> io::Result<PathBuf> {
    let program = std::env::current_exe()?;
    Ok(if program.exists() { program } else { RUNNING_PROGRAM.into() })
}

async fn promote_spare(living: &mut HashMap<u32, Sanjer>) {
    if let Some(spare) = living.values_mut().find(|sanjer| sanjer.lane == Lane::Alone) {
        tell(spare, SERVE).await;
        spare.lane = Lane::Queue;
        info!(sanjer = spare.name, "the spare serves");
    }
}

async fn tell(sanjer: &mut Sanjer, order: &str) {
    // One that cannot hear is dying: its death is on its way.
    if let Err(error) = sanjer.stdin.write_all(format!("{order}\n").as_bytes()).await {
        warn!(sanjer = sanjer.name, order, error = %error, "a sanjer cannot be told");
    }
}

async fn hand_back(queue: Queue, sanjer: String, blame: Blame, error: String) {
    let never = CancellationToken::new();
    for shard in queue.shards() {
        let mut backoff = Backoff::default();
        loop {
            match queue.release(shard, &sanjer, blame, &error).await {
                Ok(0) => break,
                Ok(jobs) => {
                    info!(sanjer, jobs, "handed back the jobs of a dead sanjer");
                    break;
                }
                Err(error) => {
                    warn!(sanjer, error = %error, "cannot hand back; will keep trying");
                    backoff.wait(&never).await;
                }
            }
        }
    }
}

/// Passes a process's standard error on, line by line, as it is.
async fn relay(stderr: tokio::process::ChildStderr) {
    let mut lines = BufReader::new(stderr).lines();
    while let Ok(Some(line)) = lines.next_line().await {
        eprintln!("{line}");
    }
}

/// How a process died, in words: `signal 9 (SIGKILL)`, `exit code 3`.
fn cause(status: &io::Result<ExitStatus>) -> String {
    use std::os::unix::process::ExitStatusExt;
    match status {
        Ok(status) => match (status.code(), status.signal()) {
            (Some(code), _) => format!("exit code {code}"),
            (None, Some(signal)) => {
                let name = Signal::from_named_raw(signal).map_or_else(String::new, |name| format!(" ({name:?})"));
                format!("signal {signal}{name}")
            }
            (None, None) => "an unknown end".into(),
        },
        Err(error) => format!("it could not be waited for: {error}"),
    }
}

fn kill(pid: u32) {
    let target = i32::try_from(pid).ok().and_then(rustix::process::Pid::from_raw);
    if let Some(target) = target
        && let Err(error) = rustix::process::kill_process(target, Signal::KILL)
    {
        warn!(pid, error = %error, "cannot kill a process");
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::process::ExitStatusExt;

    use super::*;

    #[test]
    fn causes_are_named() {
        assert_eq!(cause(&Ok(ExitStatus::from_raw(3 << 8))), "exit code 3");
        assert!(cause(&Ok(ExitStatus::from_raw(9))).starts_with("signal 9"));
        assert!(cause(&Err(io::Error::other("gone"))).contains("gone"));
    }
}
