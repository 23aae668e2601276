//! How a sanjer died: what its jobs keep of it, so that nobody has to guess.

use std::{fs, io, os::unix::process::ExitStatusExt as _, process::ExitStatus, time::Duration};

use rustix::process::Signal;
use serde::Serialize;
use wait4::ResourceUsage;

/// What Linux counts for the control group this process is in: `oom_kill` among it. Version 2 first, then version 1.
const OOM_COUNTERS: [&str; 2] = ["/sys/fs/cgroup/memory.events", "/sys/fs/cgroup/memory/memory.oom_control"];

/// The death of one process. `lua/release.lua` adds what it knows of each job: its lease, progress and message.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Certificate {
    /// Who died.
    pub(super) sanjer: String,
    /// In words: `signal 9 (SIGKILL)`, `exit code 3`.
    pub(super) cause: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) signal: Option<i32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) exit_code: Option<i32>,
    /// Why somebody killed it, if it was its supervisor.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) killed_because: Option<&'static str>,
    /// Whether the kernel killed it for want of memory.
    pub(super) oom: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) peak_rss_bytes: Option<u64>,
    /// Processor time it had used.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) cpu_s: Option<f64>,
    /// How long it had lived.
    pub(super) wall_s: f64,
    /// When its death was seen.
    pub(super) at: String,
    /// The last lines of its standard error, secrets of its jobs masked.
    pub(super) stderr: Vec<String>,
}

impl Certificate {
    /// Of a process that was waited for.
    pub(super) fn new(
        sanjer: String,
        status: &io::Result<ExitStatus>,
        usage: Option<ResourceUsage>,
        lived: Duration,
    ) -> Self {
        let status = status.as_ref();
        Self {
            sanjer,
            cause: cause(status),
            signal: status.ok().and_then(ExitStatus::signal),
            exit_code: status.ok().and_then(ExitStatus::code),
            killed_because: None,
            oom: false,
            peak_rss_bytes: usage.map(|usage| usage.maxrss),
            cpu_s: usage.map(|usage| (usage.utime + usage.stime).as_secs_f64()),
            wall_s: (lived.as_secs_f64() * 1000.0).round() / 1000.0,
            at: format!("{:.3}", jiff::Timestamp::now()),
            stderr: Vec::new(),
        }
    }

    pub(super) fn to_json(&self) -> String {
        // Plain values: this cannot fail.
        serde_json::to_string(self).unwrap_or_default()
    }
}

/// How often the kernel has killed a process of this control group for want of memory, if it tells.
pub(super) fn oom_kills() -> Option<u64> {
    let text = OOM_COUNTERS.iter().find_map(|file| fs::read_to_string(file).ok())?;
    text.lines().find_map(|line| line.strip_prefix("oom_kill ")?.trim().parse().ok())
}

/// How a process died, in words.
fn cause(status: Result<&ExitStatus, &io::Error>) -> String {
    match status {
        Ok(status) => match (status.code(), status.signal()) {
            (Some(code), _) => format!("exit code {code}"),
            (None, Some(signal)) => {
                // rustix prints `Signal::KILL`.
                let name = Signal::from_named_raw(signal).map(|name| format!("{name:?}").replace("Signal::", "SIG"));
                name.map_or_else(
                    || format!("signal {signal}"),
                    |name| format!("signal {signal} ({})", name.replace('"', "")),
                )
            }
            (None, None) => "an unknown end".into(),
        },
        Err(error) => format!("it could not be waited for: {error}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn causes_are_named() {
        let certificate = |status| Certificate::new("a".into(), &status, None, Duration::from_millis(1500));
        let exited = certificate(Ok(ExitStatus::from_raw(3 << 8)));
        assert_eq!((exited.cause.as_str(), exited.exit_code, exited.signal), ("exit code 3", Some(3), None));
        let killed = certificate(Ok(ExitStatus::from_raw(9)));
        assert_eq!((killed.signal, killed.wall_s), (Some(9), 1.5));
        assert_eq!(killed.cause, "signal 9 (SIGKILL)");
        assert!(certificate(Err(io::Error::other("gone"))).cause.contains("gone"));
    }

    #[test]
    fn this_kernel_tells_of_oom_kills_or_does_not() {
        // Wherever the tests run, reading must not fail.
        assert!(oom_kills().is_none_or(|kills| kills < u64::MAX));
    }
}
