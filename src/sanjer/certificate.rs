//! How a sanjer died: what its jobs keep of it, so that nobody has to guess.

use std::{fs, io, os::unix::process::ExitStatusExt as _, process::ExitStatus, time::Duration};

use rustix::process::Signal;
use serde::Serialize;
use wait4::ResourceUsage;

/// Where Linux counts `oom_kill` for everything: used where it does not tell of our own control group.
const OOM_OF_ALL: &str = "/proc/vmstat";

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
    let groups = fs::read_to_string("/proc/self/cgroup").unwrap_or_default();
    let count = |file: String| {
        let text = fs::read_to_string(file).ok()?;
        text.lines().find_map(|line| line.strip_prefix("oom_kill ")?.trim().parse().ok())
    };
    groups.lines().filter_map(counter).chain([OOM_OF_ALL.to_owned()]).find_map(count)
}

/// The file with the count of a control group, from a line of `/proc/self/cgroup`: `0::PATH` of version 2,
/// `4:memory:PATH` of version 1.
fn counter(line: &str) -> Option<String> {
    let mut parts = line.splitn(3, ':').skip(1);
    let (controllers, path) = (parts.next()?, parts.next()?.trim_end_matches('/'));
    match controllers {
        "" => Some(format!("/sys/fs/cgroup{path}/memory.events")),
        _ if controllers.split(',').any(|controller| controller == "memory") => {
            Some(format!("/sys/fs/cgroup/memory{path}/memory.oom_control"))
        }
        _ => None,
    }
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
    fn the_count_of_our_own_group_is_found() {
        for (line, file) in [
            ("0::/", Some("/sys/fs/cgroup/memory.events")),
            ("0::/system.slice/c.service", Some("/sys/fs/cgroup/system.slice/c.service/memory.events")),
            ("4:memory:/a/b", Some("/sys/fs/cgroup/memory/a/b/memory.oom_control")),
            ("4:cpu,memory:/", Some("/sys/fs/cgroup/memory/memory.oom_control")),
            ("9:name=systemd:/", None),
            ("nonsense", None),
        ] {
            assert_eq!(counter(line).as_deref(), file, "{line}");
        }
        assert!(oom_kills().is_some(), "every Linux from 4.13 on counts them");
    }
}
