//! How a task spec becomes a job: read, checked by its platform, sealed, and handed to the queue in one call.
//! Whatever is wrong is found before anything is stored.

use jiff::Timestamp;
use serde_json::Value;

use super::{Fault, JobId, Jobs, Options, Shard, TaskSpec};
use crate::{
    broker::BrokerError,
    platform::{Moment, Platform, Registry, SettingsError},
    queue::{IdempotencyKey, NewJob, Submitted},
};

/// A job that was accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Accepted {
    /// Its id.
    pub job_id: JobId,
    /// Whether an earlier post with the same key had created it already.
    pub replayed: bool,
}

/// Why a task spec was not accepted. Nothing was stored.
#[derive(Debug, thiserror::Error)]
pub enum Refusal {
    /// The body is not JSON.
    #[error("not JSON at line {line}, column {column}: {what}")]
    Malformed {
        /// From 1.
        line: usize,
        /// From 1.
        column: usize,
        /// What the parser says.
        what: String,
    },
    /// The body nests deeper than `api.max_depth`.
    #[error("it may nest {0} levels deep (api.max_depth)")]
    TooDeep(usize),
    /// The idempotency key is not 1 to 200 visible ASCII characters.
    #[error("expected a key of 1 to 200 visible ASCII characters")]
    BadKey,
    /// The idempotency key was used with another body.
    #[error("a key names one body: use a new key for a new task spec")]
    KeyReused,
    /// The task spec is wrong in these places.
    #[error("the task spec is wrong in {} places", .0.len())]
    Invalid(Vec<Fault>),
    /// Redis did not take it.
    #[error(transparent)]
    Broker(#[from] BrokerError),
}

impl Jobs {
    /// Accepts a task spec: validates all of it, resolves dates, seals secrets, and records it in one call.
    pub async fn submit(&self, body: &[u8], key: Option<&str>) -> Result<Accepted, Refusal> {
        let key = key.map(|key| self.idempotency(key, body)).transpose()?;
        let posted = self.parse(body)?;
        let Some(key) = key else {
            let job_id = JobId::new(self.queue.any_shard());
            self.submitter.submit(self.accept(posted, job_id)?).await?;
            return Ok(Accepted { job_id, replayed: false });
        };
        let job_id = JobId::new(self.shard_of(&key));
        let job = self.accept(posted, job_id)?;
        match self.queue.submit_once(job, Some(&key), None).await? {
            Submitted::New | Submitted::Refused { .. } => Ok(Accepted { job_id, replayed: false }),
            Submitted::Known { job_id, body } if key.body == body => {
                let job_id = job_id.parse().map_err(|_| Refusal::KeyReused)?;
                Ok(Accepted { job_id, replayed: true })
            }
            Submitted::Known { .. } => Err(Refusal::KeyReused),
        }
    }

    /// A body as JSON, unless it nests too deep.
    pub(super) fn parse(&self, body: &[u8]) -> Result<Value, Refusal> {
        if depth(body) > self.limits.max_depth {
            return Err(Refusal::TooDeep(self.limits.max_depth));
        }
        serde_json::from_slice(body).map_err(|error| Refusal::Malformed {
            line: error.line(),
            column: error.column(),
            what: error.to_string(),
        })
    }

    /// Keyed hashes: a key or a body may hold what nobody shall read in Redis.
    pub(super) fn idempotency(&self, key: &str, body: &[u8]) -> Result<IdempotencyKey, Refusal> {
        if !(1..=200).contains(&key.len()) || !key.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(Refusal::BadKey);
        }
        Ok(IdempotencyKey { name: self.sealer.keyed_hash(key.as_bytes()), body: self.sealer.keyed_hash(body) })
    }

    /// The shard of everything that has this key.
    pub(super) fn shard_of(&self, key: &IdempotencyKey) -> Shard {
        shard_of(&key.name, self.queue.shards().count())
    }

    pub(super) fn accept(&self, posted: Value, id: JobId) -> Result<NewJob, Refusal> {
        let now = Timestamp::now();
        let mut faults = Vec::new();
        let mut spec = TaskSpec::read(posted, now, &mut faults);
        let platform = self.registry.get(&spec.platform_id);
        // An empty id was complained about already.
        if platform.is_none() && !spec.platform_id.is_empty() {
            faults.push(unknown_platform(&self.registry));
        }
        let posted = Value::Object(std::mem::take(&mut spec.settings));
        let settings = platform.and_then(|platform| {
            self.check_options(platform, &posted, &spec.options, &mut faults);
            self.accept_settings(platform, &posted, &spec.options, id, now, &mut faults)
        });
        match (platform, settings) {
            (Some(platform), Some(settings)) if faults.is_empty() => Ok(new_job(id, spec, platform, &settings, now)),
            _ => Err(Refusal::Invalid(faults)),
        }
    }

    /// What is to be stored of posted settings, unless something is wrong with them.
    pub(super) fn accept_settings(
        &self,
        platform: &Platform,
        posted: &Value,
        options: &Options,
        id: JobId,
        now: Timestamp,
        faults: &mut Vec<Fault>,
    ) -> Option<Value> {
        let at = Moment { now: now.to_zoned(options.zone()) };
        let rooted = |error: SettingsError| Fault::new(format!("/settings{}", error.pointer), error.detail);
        let accepted = platform.accept(posted, &at, &self.sealer, id);
        accepted.map_err(|errors| faults.extend(errors.into_iter().map(rooted))).ok()
    }

    /// What options ask for that this collector does not give.
    pub(super) fn check_options(
        &self,
        platform: &Platform,
        settings: &Value,
        options: &Options,
        faults: &mut Vec<Fault>,
    ) {
        let (pool, _) = platform.spec.place(settings);
        if let Some(option) = options.needs_own_process()
            && self.limits.pools.get(pool).is_some_and(|size| size.slots != 1)
        {
            let detail = format!("only jobs of a pool with one slot a process can have it, and {pool} has more");
            faults.push(Fault::new(format!("/options/{option}"), detail));
        }
        let most = self.limits.max_cancel_grace.as_secs();
        if options.cancel_grace_s.is_some_and(|seconds| seconds > most) {
            let detail = format!("at most {most} (sanjers.max_cancel_grace)");
            faults.push(Fault::new("/options/cancel_grace_s", detail));
        }
    }
}

/// A job as the queue takes it.
pub(super) fn new_job(id: JobId, spec: TaskSpec, platform: &Platform, settings: &Value, now: Timestamp) -> NewJob {
    NewJob {
        id,
        client_id: spec.client_id,
        platform_id: platform.id.into(),
        pool: platform.spec.place(settings).0.into(),
        priority: spec.options.priority.unwrap_or(0),
        delay_ms: u64::try_from(spec.options.delay(now).as_millis()).unwrap_or(u64::MAX),
        settings: settings.to_string(),
        max_attempts: spec.options.max_attempts.unwrap_or(platform.spec.attempts),
        options: spec.options.to_json(),
    }
}

/// How deep a JSON text nests, without parsing it: a parser that recurses must not meet a deeper one.
fn depth(body: &[u8]) -> usize {
    let (mut depth, mut deepest, mut in_string, mut escaped) = (0_usize, 0, false, false);
    for byte in body {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if in_string => escaped = true,
            b'"' => in_string = !in_string,
            b'[' | b'{' if !in_string => {
                depth += 1;
                deepest = deepest.max(depth);
            }
            b']' | b'}' if !in_string => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    deepest
}

pub(super) fn unknown_platform(registry: &Registry) -> Fault {
    let known: Vec<&str> = registry.iter().map(|platform: &Platform| platform.id).collect();
    Fault::new("/platform_id", format!("there is no such platform; there are {}", known.join(", ")))
}

/// A hash, in hexadecimal, always leads to the same shard.
fn shard_of(hash: &str, shards: usize) -> Shard {
    let number = hash.get(..8).and_then(|start| usize::from_str_radix(start, 16).ok()).unwrap_or(0);
    Shard(u16::try_from(number % shards.max(1)).unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn depth_is_seen_without_parsing() {
        for (text, deep) in [("1", 0), ("{}", 1), (r#"{"a":[1,[2]]}"#, 3), (r#"{"[[[":"]\"[["}"#, 1), ("]]][", 1)] {
            assert_eq!(depth(text.as_bytes()), deep, "{text}");
        }
    }

    #[test]
    fn a_key_always_leads_to_the_same_shard() {
        assert_eq!(shard_of("0000000fabcdef", 4), Shard(3));
        assert_eq!(shard_of("ffffffff00", 1), Shard(0));
        assert_eq!(shard_of("00000010", 16), Shard(0));
        assert_eq!(shard_of("", 16), Shard(0));
    }
}
