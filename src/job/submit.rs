//! How a task spec becomes a job: read, checked by its platform, sealed, and handed to the queue in one call.
//! Whatever is wrong is found before anything is stored.

use jiff::Timestamp;
use serde_json::Value;

use super::{Fault, JobId, Jobs, Shard, TaskSpec};
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
        if depth(body) > self.max_depth {
            return Err(Refusal::TooDeep(self.max_depth));
        }
        let posted: Value = serde_json::from_slice(body).map_err(|error| Refusal::Malformed {
            line: error.line(),
            column: error.column(),
            what: error.to_string(),
        })?;
        let Some(key) = key else {
            let job_id = JobId::new(self.queue.any_shard());
            self.submitter.submit(self.accept(posted, job_id)?).await?;
            return Ok(Accepted { job_id, replayed: false });
        };
        let shard = shard_of(&key.name, self.queue.shards().count());
        let job_id = JobId::new(shard);
        let job = self.accept(posted, job_id)?;
        match self.queue.submit(shard, &[job], Some(&key)).await? {
            Submitted::New => Ok(Accepted { job_id, replayed: false }),
            Submitted::Known { job_id, body } if key.body == body => {
                let job_id = job_id.parse().map_err(|_| Refusal::KeyReused)?;
                Ok(Accepted { job_id, replayed: true })
            }
            Submitted::Known { .. } => Err(Refusal::KeyReused),
        }
    }

    /// Keyed hashes: a key or a body may hold what nobody shall read in Redis.
    fn idempotency(&self, key: &str, body: &[u8]) -> Result<IdempotencyKey, Refusal> {
        if !(1..=200).contains(&key.len()) || !key.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(Refusal::BadKey);
        }
        Ok(IdempotencyKey { name: self.sealer.keyed_hash(key.as_bytes()), body: self.sealer.keyed_hash(body) })
    }

    fn accept(&self, posted: Value, id: JobId) -> Result<NewJob, Refusal> {
        let now = Timestamp::now();
        let mut faults = Vec::new();
        let spec = TaskSpec::read(posted, now, &mut faults);
        let platform = self.registry.get(&spec.platform_id);
        // An empty id was complained about already.
        if platform.is_none() && !spec.platform_id.is_empty() {
            faults.push(unknown_platform(&self.registry));
        }
        let at = Moment { now: now.to_zoned(spec.options.zone()) };
        let settings = platform.map(|platform| {
            platform.accept(&Value::Object(spec.settings), &at, &self.sealer, id).map_err(|errors| {
                let rooted = |error: SettingsError| Fault::new(format!("/settings{}", error.pointer), error.detail);
                faults.extend(errors.into_iter().map(rooted));
            })
        });
        let (Some(platform), Some(Ok(settings)), true) = (platform, settings, faults.is_empty()) else {
            return Err(Refusal::Invalid(faults));
        };
        Ok(NewJob {
            id,
            client_id: spec.client_id,
            platform_id: platform.id.into(),
            pool: platform.spec.pool.into(),
            priority: spec.options.priority.unwrap_or(0),
            delay_ms: u64::try_from(spec.options.delay(now).as_millis()).unwrap_or(u64::MAX),
            settings: settings.to_string(),
            // Four plain fields: writing them cannot fail.
            options: serde_json::to_string(&spec.options).unwrap_or_else(|_| "{}".into()),
            max_attempts: platform.spec.attempts,
        })
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

fn unknown_platform(registry: &Registry) -> Fault {
    let known: Vec<&str> = registry.iter().map(|platform: &Platform| platform.id).collect();
    Fault::new("/platform_id", format!("there is no such platform; there are {}", known.join(", ")))
}

/// The shard of everything that has this key; `hash` is hexadecimal.
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
