//! `collector chaos`: a rehearsal of failures.

use std::{path::Path, process::ExitCode, time::Duration};

use comfy_table::{Table, presets::UTF8_BORDERS_ONLY};
use serde_json::json;

use super::{CliError, print, stop};
use crate::{
    chaos::{Recovery, Rehearsal, Verdict, rehearse},
    config::{Durability, Span},
};

/// Rehearse failures: kill the collector's processes at random under load, and check that no job is lost.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
It starts a collector of its own: host 1 is `collector up` with a private redis-server, further hosts are `collector
sanjer`. All live in a temporary directory; nothing else on this machine is touched. Then it posts jobs that sleep,
report, fail and return rows, cancels some, and kills (kill -9) and stalls sanjers, supervisors, the API, whole hosts
and redis-server at times and in an order that follow from the seed. In the end everybody comes back, and every job
whose post was answered 202 is looked at.

Promises that are checked:
  not lost, ends         an accepted job is there, and reaches a terminal status
  ends once, as asked    its events tell of one end, and it is the one its task spec asks for
  cancel holds           a job whose cancel was taken does not run again
  rows once              its dataset holds the rows of its last run, each once
  post repeatable        a post repeated with its Idempotency-Key leads to one job; there is none that nobody posted
  accepted               a valid task spec is accepted once the collector is back
  nothing else ends      no supervisor or API ends but those that are killed; nothing panics
A job may run more than once (at-least-once): that is counted and breaks nothing. With --durability everysec Redis may
hold back what it has answered while the disk is busy, and a kill -9 then loses it: that breaks a promise like anything
else, and is said of each such job (redis_lost_it).

What happens is told on stderr, the verdict on stdout. Exit code 0: every promise was kept; 1: one was broken (each
such job is printed with its hash, and logs and data are kept); 2: there is no verdict.

Examples:
  collector chaos
  collector chaos --duration 5m --rate 50 --hosts 3
  collector chaos --duration 5m --every 12s             one failure at a time: how long each recovery takes by itself
  collector chaos --seed 4711 --json --keep             the same acts as another run with this seed
  collector chaos --redis-url redis://127.0.0.1:6399/9  a scratch Redis of yours, which is not killed")]
pub(super) struct Args {
    /// How long jobs are posted and processes struck, like 30s or 5m; the jobs' end is waited for afterwards.
    #[arg(long, value_name = "TIME", default_value = "30s")]
    duration: Span,
    /// Repeats the acts and jobs of another run [default: a random one, which is printed first].
    #[arg(long, value_name = "N")]
    seed: Option<u64>,
    /// The time between two acts, on average. Short: failures fall into each other's recovery. Long, several times the
    /// lease: how long each recovery takes by itself.
    #[arg(long, value_name = "TIME", default_value = "1200ms")]
    every: Span,
    /// Jobs posted a second.
    #[arg(long, value_name = "JOBS_PER_S", default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..=1000))]
    rate: u32,
    /// Hosts: the first has the API and a supervisor, each other one a supervisor.
    #[arg(long, value_name = "N", default_value_t = 2, value_parser = clap::value_parser!(u16).range(1..=16))]
    hosts: u16,
    /// How long a sanjer may be silent before its jobs go to others (queue.lease): the loss of a host takes longer than
    /// this to mend.
    #[arg(long, value_name = "TIME", default_value = "3s")]
    lease: Span,
    /// What an accepted job shall have survived (redis.durability): everysec or always; replicated needs --redis-url.
    #[arg(long, value_name = "HOW", default_value = "everysec")]
    durability: Durability,
    /// An empty Redis to use instead of a private one; it must hold no key at all, and it is not killed.
    #[arg(long, value_name = "URL")]
    redis_url: Option<String>,
    /// Print the verdict as JSON.
    #[arg(long)]
    json: bool,
    /// Keep logs and data, and say where they are.
    #[arg(long)]
    keep: bool,
}

/// A rehearsal in which nothing can happen says nothing.
const SHORTEST: Duration = Duration::from_secs(1);

/// Acts that follow each other faster leave nothing to strike.
const MOST_OFTEN: Duration = Duration::from_millis(100);

/// What the columns of times mean.
const LEGEND: &str = "\
went on: jobs that ran again, and how long after the act. For redis: until the next claim of any job; for a stalled API:
until the next accepted post. A stalled sanjer keeps its jobs unless its lease runs out. Jobs of a killed sanjer run again
one by one, since one of them may have killed it; one that was alone in a killed one too often (queue.max_crashes) is
dead.
";

/// Rehearses, and prints the verdict.
pub(super) async fn run(args: Args) -> Result<ExitCode, CliError> {
    for (flag, value, least) in [("--duration", args.duration, SHORTEST), ("--every", args.every, MOST_OFTEN)] {
        if value.0 < least {
            return Err(CliError::Start(format!("{flag} {value}: expected at least {}", Span(least))));
        }
    }
    let stop = stop::on_signal()?;
    let rehearsal = Rehearsal {
        // Short enough to be typed again.
        seed: args.seed.unwrap_or_else(|| rand::random::<u32>().into()),
        duration: args.duration.0,
        every: args.every.0,
        rate: args.rate,
        hosts: args.hosts,
        lease: args.lease.0,
        durability: args.durability,
        redis_url: args.redis_url,
        keep: args.keep,
    };
    eprintln!("seed {}", rehearsal.seed);
    let tell = |at: Duration, what: &str| eprintln!("{:6.1} s  {what}", at.as_secs_f64());
    let rehearsed = rehearse(&rehearsal, &stop, tell).await.map_err(|error| CliError::Start(error.to_string()))?;
    let (verdict, kept) = (&rehearsed.verdict, rehearsed.kept.as_deref());
    print(&if args.json { as_json(verdict, kept)? } else { as_text(verdict, kept) })?;
    Ok(if verdict.broken.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn as_json(verdict: &Verdict, kept: Option<&Path>) -> Result<String, CliError> {
    let mut value = serde_json::to_value(verdict).map_err(|error| CliError::Start(error.to_string()))?;
    if let Some(members) = value.as_object_mut() {
        members.insert("kept".into(), json!(kept));
    }
    Ok(format!("{value}\n"))
}

fn as_text(verdict: &Verdict, kept: Option<&Path>) -> String {
    let mut jobs = table();
    jobs.set_header(["what", "count"]);
    let mut row = |name: &str, count: String| {
        jobs.add_row([name.to_owned(), count]);
    };
    row("posts accepted", verdict.accepted.to_string());
    row("answers \"not now\", posts repeated", verdict.refused.to_string());
    row("no answer, posts repeated", verdict.unanswered.to_string());
    row("longest time without an accepted post", seconds(Some(verdict.longest_silence_ms)));
    for (status, count) in &verdict.ended {
        row(&format!("jobs {status}"), count.to_string());
    }
    row("jobs lost", verdict.lost.to_string());
    row("jobs that have not ended", verdict.unfinished.to_string());
    row("runs more than asked for", verdict.extra_runs.to_string());

    let mut strikes = table();
    strikes.set_header(["struck", "times", "went on", "p50", "p99", "longest"]);
    for (kind, Recovery { acts, recovered, p50_ms, p99_ms, max_ms }) in &verdict.strikes {
        let times = [*p50_ms, *p99_ms, *max_ms].map(seconds);
        strikes.add_row([kind.to_string(), acts.to_string(), recovered.to_string()].into_iter().chain(times));
    }
    let mut parts = vec![format!("{jobs}\n\n{strikes}\n{LEGEND}")];
    for broken in &verdict.broken {
        let job = broken.job.map_or_else(String::new, |job| format!(" by job {job}"));
        let fields = broken.hash.iter().map(|(field, value)| format!("  {field}: {value}\n"));
        parts.push(format!("BROKEN: \"{}\"{job}: {}\n{}", broken.promise, broken.detail, fields.collect::<String>()));
    }
    let outcome = match verdict.broken.len() {
        0 => "every promise was kept".to_owned(),
        1 => "one promise was broken".to_owned(),
        broken => format!("{broken} promises were broken"),
    };
    let excused = verdict.broken.iter().filter(|broken| broken.redis_lost_it).count();
    if excused > 0 {
        parts.push(format!(
            "{excused} of these by what redis-server had answered and not yet written when it was killed\n"
        ));
    }
    parts.push(format!("{outcome} (seed {}, {} s)\n", verdict.seed, verdict.duration_s));
    parts.extend(kept.map(|kept| format!("logs and data: {}\n", kept.display())));
    parts.join("\n")
}

fn table() -> Table {
    let mut table = Table::new();
    table.load_style(UTF8_BORDERS_ONLY);
    table
}

fn seconds(ms: Option<i64>) -> String {
    #[expect(clippy::cast_precision_loss, reason = "a time within one run")]
    ms.map_or_else(String::new, |ms| format!("{:.2} s", ms as f64 / 1000.0))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::{
        chaos::{Broken, Kind, Promise},
        job::{JobId, Shard},
    };

    fn verdict(broken: Vec<Broken>) -> Verdict {
        let recovery = Recovery { acts: 3, recovered: 2, p50_ms: Some(1234), p99_ms: Some(2000), max_ms: Some(2000) };
        Verdict {
            seed: 7,
            duration_s: 30.0,
            accepted: 10,
            refused: 1,
            unanswered: 2,
            longest_silence_ms: 1500,
            ended: BTreeMap::from([("succeeded", 9)]),
            lost: broken.len() as u64,
            unfinished: 0,
            extra_runs: 4,
            strikes: BTreeMap::from([(Kind::Host, recovery)]),
            broken,
        }
    }

    #[test]
    fn a_broken_promise_is_shown_with_its_job_and_hash() {
        let job = JobId::new(Shard(0));
        let hash = BTreeMap::from([("status".to_owned(), "running".to_owned())]);
        let broken = Broken {
            promise: Promise::Ends,
            job: Some(job),
            detail: "it is still running".into(),
            redis_lost_it: false,
            hash,
        };
        let text = as_text(&verdict(vec![broken]), Some(Path::new("/tmp/chaos-1")));
        for part in [
            &format!("BROKEN: \"ends\" by job {job}: it is still running\n  status: running\n"),
            "one promise was broken (seed 7, 30 s)",
            "logs and data: /tmp/chaos-1",
            "1.23 s",
        ] {
            assert!(text.contains(part), "{part:?} is not in\n{text}");
        }
        assert!(as_text(&verdict(Vec::new()), None).ends_with("every promise was kept (seed 7, 30 s)\n"));
    }

    #[test]
    fn json_says_where_the_logs_are() {
        let value: serde_json::Value =
            serde_json::from_str(&as_json(&verdict(Vec::new()), Some(Path::new("/tmp/x"))).unwrap()).unwrap();
        assert_eq!((&value["kept"], &value["strikes"]["host"]["p50_ms"]), (&json!("/tmp/x"), &json!(1234)));
    }
}
