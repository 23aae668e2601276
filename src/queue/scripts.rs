//! The scripts as typed calls. Each is one bounded, atomic step; the sources in `lua/` say what each does.

use redis::{Cmd, FromRedisValue, Value};

use super::{Blame, Claim, Finish, IdempotencyKey, Lane, NewJob, Said, Submitted, Written, keys};
use crate::{
    broker::{Broker, BrokerError, Script},
    config::Config,
    job::{JobId, Shard},
};

/// The most jobs one call claims, finishes or releases: far below what Lua can unpack, and short enough that
/// Redis answers others in between.
pub const BATCH: usize = 200;

/// The queue: every arrow of the state machine is one of its calls. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Queue {
    broker: Broker,
    limits: Limits,
}

#[derive(Clone, Copy, Debug)]
struct Limits {
    shards: u16,
    window_ms: u64,
    retention_ms: u64,
    lease_ms: u64,
    idempotency_ms: u64,
    max_crashes: u32,
    max_events: u32,
    max_log_lines: u32,
    max_dataset: u64,
}

macro_rules! script {
    ($name:literal) => {{
        static SCRIPT: std::sync::LazyLock<Script> = std::sync::LazyLock::new(|| {
            Script::new(concat!(include_str!("lua/prelude.lua"), include_str!(concat!("lua/", $name, ".lua"))))
        });
        &*SCRIPT
    }};
}

impl Queue {
    /// The queue behind `broker`.
    pub fn new(broker: Broker, config: &Config) -> Self {
        let limits = Limits {
            shards: config.queue.shards,
            window_ms: config.queue.priority_window.as_millis(),
            retention_ms: config.jobs.retention.as_millis(),
            lease_ms: config.queue.lease.as_millis(),
            idempotency_ms: config.api.idempotency_ttl.as_millis(),
            max_crashes: config.queue.max_crashes,
            max_events: config.jobs.max_events,
            max_log_lines: config.jobs.max_log_lines,
            max_dataset: config.jobs.max_dataset.0,
        };
        Self { broker, limits }
    }

    async fn script<T: FromRedisValue>(
        &self,
        script: &Script,
        shard: Shard,
        args: impl Fn(&mut Cmd),
    ) -> Result<T, BrokerError> {
        script.call(&mut self.broker.connection(), &keys::prefix(shard), args).await
    }

    /// The connection below it.
    pub fn broker(&self) -> &Broker {
        &self.broker
    }

    /// Every shard.
    pub fn shards(&self) -> impl Iterator<Item = Shard> + use<> {
        (0..self.limits.shards).map(Shard)
    }

    /// A shard for a job without a key.
    pub fn any_shard(&self) -> Shard {
        Shard(rand::random_range(0..self.limits.shards))
    }

    /// Records and queues jobs of one shard; with an idempotency key, exactly one.
    pub async fn submit(
        &self,
        shard: Shard,
        jobs: &[NewJob],
        key: Option<&IdempotencyKey>,
    ) -> Result<Submitted, BrokerError> {
        for batch in jobs.chunks(BATCH) {
            let args = |command: &mut Cmd| {
                let (name, body) = key.map(|key| (key.name.as_str(), key.body.as_str())).unwrap_or_default();
                command.arg(self.limits.max_events).arg(self.limits.window_ms);
                command.arg(name).arg(body).arg(self.limits.idempotency_ms);
                for job in batch {
                    command.arg(job.id).arg(job.client_id.as_deref().unwrap_or_default());
                    command.arg(&job.platform_id).arg(&job.pool).arg(job.priority).arg(job.delay_ms);
                    command.arg(&job.settings).arg(&job.options).arg(job.max_attempts);
                }
            };
            let first: Vec<String> = self.script(script!("submit"), shard, args).await?;
            if let [job_id, body] = first.as_slice() {
                return Ok(Submitted::Known { job_id: job_id.clone(), body: body.clone() });
            }
        }
        Ok(Submitted::New)
    }

    /// Takes up to `n` jobs for `sanjer` from one lane of one pool of one shard.
    pub async fn claim(
        &self,
        shard: Shard,
        sanjer: &str,
        lane: Lane,
        pool: &str,
        n: usize,
    ) -> Result<Claim, BrokerError> {
        let args = |command: &mut Cmd| {
            command.arg(self.limits.max_events).arg(self.limits.window_ms);
            command.arg(sanjer).arg(lane.as_str()).arg(pool).arg(n.min(BATCH));
        };
        let answer: Vec<Value> = self.script(script!("claim"), shard, args).await?;
        Claim::read(answer)
    }

    /// Ends runs of one shard. All were claimed by `sanjer`.
    pub async fn finish(&self, shard: Shard, sanjer: &str, finishes: &[Finish]) -> Result<Vec<Written>, BrokerError> {
        let mut written = Vec::with_capacity(finishes.len());
        for batch in finishes.chunks(BATCH) {
            let args = |command: &mut Cmd| {
                command.arg(self.limits.max_events).arg(sanjer).arg(self.limits.retention_ms);
                for finish in batch {
                    command.arg(finish.id).arg(finish.lease).arg(finish.status.as_str());
                    command.arg(&finish.json).arg(finish.delay_ms);
                }
            };
            let answers: Vec<i64> = self.script(script!("finish"), shard, args).await?;
            written.extend(answers.into_iter().map(Written::from));
        }
        Ok(written)
    }

    /// Writes what running jobs of one shard said, in order. Of the calls of one sanjer, one follows the other; a call
    /// that is repeated bears the `number` it had, every other one a new one.
    pub async fn report(
        &self,
        shard: Shard,
        sanjer: &str,
        number: u64,
        said: &[Said],
    ) -> Result<Vec<Written>, BrokerError> {
        let args = |command: &mut Cmd| {
            command.arg(self.limits.max_events).arg(self.limits.max_log_lines).arg(self.limits.max_dataset);
            command.arg(sanjer).arg(number);
            for said in said {
                command.arg(said.id).arg(said.lease).arg(said.kind).arg(said.values.len()).arg(&said.values);
            }
        };
        let answers: Vec<i64> = self.script(script!("report"), shard, args).await?;
        Ok(answers.into_iter().map(Written::from).collect())
    }

    /// Gives back everything a dead sanjer held in one shard; returns how many jobs moved. Doing it twice is harmless.
    pub async fn release(&self, shard: Shard, sanjer: &str, blame: Blame, error: &str) -> Result<u64, BrokerError> {
        let args = |command: &mut Cmd| {
            command.arg(self.limits.max_events).arg(sanjer).arg(blame.as_str()).arg(self.limits.max_crashes);
            command.arg(self.limits.retention_ms).arg(error).arg(BATCH);
        };
        let mut moved = 0;
        loop {
            let (now, left): (u64, u64) = self.script(script!("release"), shard, args).await?;
            moved += now;
            if left == 0 {
                return Ok(moved);
            }
        }
    }

    /// Renews a sanjer's lease in one shard; `false` when it has been declared dead.
    pub async fn heartbeat(&self, shard: Shard, sanjer: &str, fields: &[(&str, String)]) -> Result<bool, BrokerError> {
        let args = |command: &mut Cmd| {
            command.arg(sanjer).arg(self.limits.lease_ms).arg(fields);
        };
        Ok(self.script::<u8>(script!("heartbeat"), shard, args).await? == 1)
    }

    /// Gives back what Redis says `sanjer` holds in one shard but the sanjer itself knows nothing of: the harvest of
    /// claims whose answer was lost. Must not run beside a claim of the same sanjer.
    pub async fn disown(&self, shard: Shard, sanjer: &str, known: &[JobId]) -> Result<u64, BrokerError> {
        let args = |command: &mut Cmd| {
            command.arg(self.limits.max_events).arg(sanjer).arg(BATCH).arg(known);
        };
        self.script(script!("disown"), shard, args).await
    }

    /// Sanjers of one shard whose lease ran out, a few at a time.
    pub async fn expired(&self, shard: Shard) -> Result<Vec<String>, BrokerError> {
        let args = |command: &mut Cmd| {
            command.arg(10);
        };
        self.script(script!("expired"), shard, args).await
    }

    /// Deletes a batch of finished jobs whose time is over; `true` when there may be more.
    pub async fn clean(&self, shard: Shard) -> Result<bool, BrokerError> {
        let args = |command: &mut Cmd| {
            command.arg(BATCH);
        };
        let deleted: usize = self.script(script!("janitor"), shard, args).await?;
        Ok(deleted == BATCH)
    }

    /// Notes the number of shards for all hosts: it may only grow, for jobs lie where their id says.
    pub async fn agree_on_shards(&self) -> Result<Result<(), u16>, BrokerError> {
        let mine = self.limits.shards;
        let noted: Option<u16> = self.broker.query(redis::cmd("HGET").arg(keys::meta()).arg("shards")).await?;
        if let Some(noted) = noted.filter(|noted| *noted > mine) {
            return Ok(Err(noted));
        }
        self.broker.query::<()>(redis::cmd("HSET").arg(keys::meta()).arg("shards").arg(mine)).await?;
        Ok(Ok(()))
    }

    /// Notes the fingerprint of the first host's key; `false` for a host with another key.
    pub async fn agree_on_key(&self, fingerprint: &str) -> Result<bool, BrokerError> {
        let mut both = redis::pipe();
        both.hset_nx(keys::meta(), "key_fingerprint", fingerprint).ignore().hget(keys::meta(), "key_fingerprint");
        let (noted,): (String,) = self.broker.pipeline(&both).await?;
        Ok(noted == fingerprint)
    }
}
