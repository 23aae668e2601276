//! Processes of this machine, as `/proc` shows them: who is whose child, and signals that reach only whom they mean.

use std::{fs, path::Path};

use rustix::process::{Pid, Signal, kill_process};

/// Whether processes can be seen here at all.
pub(super) fn visible() -> bool {
    Path::new("/proc/self/stat").exists()
}

/// The living children of `parent` whose command line has `word`, in the order of their ids.
pub(super) fn children(parent: u32, word: &str) -> Vec<u32> {
    let Ok(entries) = fs::read_dir("/proc") else { return Vec::new() };
    let processes = entries.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok());
    let mut children: Vec<u32> = processes.filter(|pid| parent_of(*pid) == Some(parent) && is(*pid, word)).collect();
    children.sort_unstable();
    children
}

/// Whether a process lives and its command line has `word`. One that has ended has no command line any more.
pub(super) fn is(pid: u32, word: &str) -> bool {
    let line = fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
    String::from_utf8_lossy(&line).contains(word)
}

/// Signals a process if it is still the one that is meant; says whether it was.
pub(super) fn signal(pid: u32, word: &str, signal: Signal) -> bool {
    let target = i32::try_from(pid).ok().and_then(Pid::from_raw);
    is(pid, word) && target.is_some_and(|target| kill_process(target, signal).is_ok())
}

fn parent_of(pid: u32) -> Option<u32> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The name stands in brackets and may hold anything; after it come the state and the parent.
    stat.rsplit_once(')')?.1.split_whitespace().nth(1)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use super::*;

    #[test]
    fn a_signal_reaches_only_whom_it_means() {
        let mut child = Command::new("sleep").arg("60.125").spawn().unwrap();
        let pid = child.id();
        assert_eq!(children(std::process::id(), "60.125"), [pid]);
        assert!(!signal(pid, "another program", Signal::KILL));
        assert!(is(pid, "sleep"));
        assert!(signal(pid, "60.125", Signal::KILL));
        child.wait().unwrap();
        assert!(!signal(pid, "60.125", Signal::KILL));
    }
}
