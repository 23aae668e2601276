//! How a task spec becomes a job: read, checked by its platform, sealed, and handed to the queue in one call.
//! Whatever is wrong is found before anything is stored.

use jiff::Timestamp;
use serde_json::Value;

use super::{Fault, JobId, Jobs, Shard, TaskSpec};
use crate::{
    broker::BrokerError,
    platform::{Moment, Platform, Registry},
    queue::{IdempotencyKey, NewJob, Submitted},
    secret::Sealer,
};

/// A job that was accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Accepted {
    /// Its id.
    pub job_id: JobId,
    /// Whether an earlier post with the same key had created it already.
    pub replayed: bool,
}

/// Why a task spec was not accepted; nothing was stored.
#[derive(Debug, thiserror::Error)]
pub enum Refusal {
    /// These things are wrong with it.
    #[error("the task spec is wrong in {} places", .0.len())]
    Faults(Vec<Fault>),
    /// The idempotency key was used before, with another body.
    #[error("the idempotency key was used with another body")]
    KeyReused,
    /// What the idempotency key leads to is no job id.
    #[error("an idempotency key leads to {0:?}, which is no job id")]
    DamagedKey(String),
    /// The accepted settings cannot be written as JSON.
    #[error("accepted settings cannot be written: {0}")]
    Encode(#[from] serde_json::Error),
    /// Redis did not take it.
    #[error(transparent)]
    Broker(#[from] BrokerError),
}

impl Jobs {
    /// Accepts a task spec. With a key, a repeated post is answered with the job of the first.
    pub async fn submit(&self, body: Value, key: Option<&str>) -> Result<Accepted, Refusal> {
        let sealer = &self.inner.sealer;
        let key = match key {
            Some(key) => Some(IdempotencyKey {
                name: sealer.keyed_hash(format!("idempotency-key:{key}").as_bytes()),
                body: sealer.keyed_hash(format!("body:{body}").as_bytes()),
            }),
            None => None,
        };
        let queue = &self.inner.queue;
        let shard = match &key {
            Some(key) => shard_of(&key.name, queue.shards().count()),
            None => queue.any_shard(),
        };
        let job_id = JobId::new(shard);
        let job = accept(body, job_id, &self.inner.registry, sealer)?;
        match queue.submit(shard, &[job], key.as_ref()).await? {
            Submitted::New => Ok(Accepted { job_id, replayed: false }),
            Submitted::Known { job_id, body } if key.is_some_and(|key| key.body == body) => {
                let job_id = job_id.parse().map_err(|_| Refusal::DamagedKey(job_id))?;
                Ok(Accepted { job_id, replayed: true })
            }
            Submitted::Known { .. } => Err(Refusal::KeyReused),
        }
    }
}

/// What is stored for a body, or everything wrong with it.
fn accept(body: Value, id: JobId, registry: &Registry, sealer: &Sealer) -> Result<NewJob, Refusal> {
    let now = Timestamp::now();
    let mut faults = Vec::new();
    let spec = TaskSpec::read(body, now, &mut faults);
    let platform = registry.get(&spec.platform_id);
    // An empty id was complained about already.
    if platform.is_none() && !spec.platform_id.is_empty() {
        faults.push(unknown_platform(registry));
    }
    let settings = platform.and_then(|platform| {
        let at = Moment { now: now.to_zoned(spec.options.zone()) };
        let accepted = platform.accept(&Value::Object(spec.settings), &at, sealer, id);
        let errors = match accepted {
            Ok(settings) => return Some((platform, settings)),
            Err(errors) => errors,
        };
        let rooted = errors.into_iter().map(|error| Fault::new(format!("/settings{}", error.pointer), error.detail));
        faults.extend(rooted);
        None
    });
    let (Some((platform, settings)), true) = (settings, faults.is_empty()) else { return Err(Refusal::Faults(faults)) };
    Ok(NewJob {
        id,
        client_id: spec.client_id,
        platform_id: platform.id.into(),
        pool: platform.spec.pool.into(),
        priority: spec.options.priority.unwrap_or(0),
        delay_ms: u64::try_from(spec.options.delay(now).as_millis()).unwrap_or(u64::MAX),
        settings: settings.to_string(),
        options: serde_json::to_string(&spec.options)?,
        max_attempts: platform.spec.attempts,
    })
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
    fn a_key_always_leads_to_the_same_shard() {
        assert_eq!(shard_of("0000000fabcdef", 4), Shard(3));
        assert_eq!(shard_of("ffffffff00", 1), Shard(0));
        assert_eq!(shard_of("00000010", 16), Shard(0));
        assert_eq!(shard_of("", 16), Shard(0));
    }
}
