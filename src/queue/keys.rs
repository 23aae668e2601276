//! Where everything lies in Redis. Every key of a shard begins with `{etlas:<shard>}:`, so that a script, which
//! gets that prefix as its only key, sees one Cluster slot.
//!
//! | key after the prefix | type | holds |
//! |---|---|---|
//! | `job:<id>` | hash | all that is known of a job |
//! | `job:<id>:log`, `:original`, `:processed` | list | log lines and dataset rows, each JSON; only if used |
//! | `job:<id>:checkpoint` | string | where a job was that goes on later, JSON; only while it has not ended |
//! | `queue:<pool>` | zset | waiting jobs by `queued_at_ms − priority × window`, then id |
//! | `alone:<pool>` | zset | the same for suspects, which run in a process of one slot |
//! | `delayed:<pool>` | zset | scheduled, retrying and snoozed jobs by the time they are due |
//! | `held:<sanjer>` | set | what a sanjer runs: `<id> <lease>` |
//! | `stops:<sanjer>` | zset | jobs it shall stop, by when its supervisor ends it if it has not |
//! | `ttl` | zset | jobs that may not wait longer than this |
//! | `sanjers` | zset | sanjers by the end of their lease |
//! | `sanjer:<name>` | hash | pool, lane, slots, host, pid, started_at, version; `reported`: number of its last call that wrote reports; in shard 0 also state, rss, cpu_ms, `gathered`: number of its last call that wrote counts, `asked`: what is asked of it and the number of that, `asks` |
//! | `tombstones` | zset | names declared dead, by when; a claim of theirs is refused |
//! | `done:<platform>:<status>:<kept>` | zset | finished jobs by when they ended; kept so many ms, or `own`: as `expiry` says |
//! | `done` | set | `<platform>:<status>:<kept>` of the above that hold jobs |
//! | `expiry` | zset | finished jobs with a `retention_s` of their own by when they are deleted |
//! | `error:<code>:<platform>:<status>` | zset | jobs that failed, timed out or are dead by when they ended |
//! | `errors` | zset | `<code>:<platform>:<status>` of the above that hold jobs (score 0) |
//! | `platform:<id>` | zset | every job of a platform by id (score 0) |
//! | `platforms` | set | platforms that have, or had, jobs |
//! | `labels`, `clients` | zset | `<label>\0<job id>`, `<_id>\0<job id>` of jobs that have one (score 0) |
//! | `events` | stream | field = event JSON, value = ids of its jobs; one entry a script call, trimmed |
//! | `idempotency:<hash>` | hash | `job_id`, `body` of a key's first use; expires |
//! | `hungry:<lane>:<pool>` | string | set by a claim that found too little; whoever adds work deletes it and wakes |
//! | `counters` | hash | `refused_writes`; `runs:<pool>:<outcome>`; `ended:<pool>:<status>`: ends that no run's outcome brought about; `deaths:<pool>` of sanjers (shard 0) |
//! | `meta` (shard 0 only) | hash | `shards`, `key_fingerprint` |

use super::Lane;
use crate::job::{JobId, Shard};

/// Channel on which the idle sanjers of one lane of a pool are woken.
pub fn wake_channel(lane: Lane, pool: &str) -> String {
    format!("etlas:wake:{}:{pool}", lane.as_str())
}

/// Channel on which one sanjer is told that it shall stop a job.
pub fn stop_channel(sanjer: &str) -> String {
    format!("etlas:stop:{sanjer}")
}

/// What every key of a shard begins with; also the `KEYS[1]` of every script.
pub fn prefix(shard: Shard) -> String {
    format!("{{etlas:{shard}}}:")
}

/// A key of a shard by its name: `named(shard, "queue:light")`.
pub fn named(shard: Shard, name: impl std::fmt::Display) -> String {
    format!("{{etlas:{shard}}}:{name}")
}

/// The hash of a job.
pub fn job(id: JobId) -> String {
    named(id.shard(), format_args!("job:{id}"))
}

/// Which job a member of `held:<sanjer>` is about.
pub fn id_of(held: &str) -> Option<JobId> {
    held.split(' ').next()?.parse().ok()
}

/// What belongs to the whole collector rather than to a shard.
pub fn meta() -> String {
    named(Shard(0), "meta")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_of_a_job_carry_its_shard() {
        let id = JobId::new(Shard(3));
        assert_eq!(job(id), format!("{{etlas:3}}:job:{id}"));
        assert_eq!(prefix(Shard(0)), "{etlas:0}:");
    }
}
