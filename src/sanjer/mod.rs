//! Who runs jobs.
//!
//! The [supervisor](supervise) of a host spawns one OS process per sanjer by re-executing this binary, watches each
//! with `wait`, and gives back what a dead one held. A sanjer (`process`) claims jobs of its pool, runs each as an
//! `attempt` within the limits that its `warden` keeps, and reports to Redis. When one dies, an `undertaker` gives back
//! what it held with a `certificate` of how. A `reaper` does for other hosts what `wait` does for this one; a `janitor`
//! ends what waited too long and deletes what is over.
//!
//! Invariants: a sanjer ends when its supervisor does; whatever takes a process away, its jobs are queued again; a
//! job's threads never carry heartbeats.

mod attempt;
mod certificate;
mod child;
mod janitor;
mod orders;
mod pool;
mod presence;
mod process;
mod reaper;
mod submission;
mod supervisor;
mod undertaker;
mod vitals;
mod voice;
mod warden;

pub use self::{
    orders::{Start, read_start},
    process::run,
    supervisor::{Host, Supervisor, supervise},
    voice::{listener, without_runs},
};

/// The command that starts a sanjer; for supervisors, not for people.
pub const PROCESS_COMMAND: &str = "sanjer-process";

/// Exit code of a sanjer that gave up: a job of it would not stop, or it was declared dead. Nobody else is to blame.
const EXIT_GAVE_UP: i32 = 75;
