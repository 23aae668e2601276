//! The scripts as typed calls. Each is one bounded, atomic step; the sources in `lua/` say what each does.

use redis::{FromRedisValue, Value};

use super::{Lane, keys};
use crate::{
    broker::{Broker, BrokerError, Script},
    config::Config,
    job::{JobId, Shard, Status},
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

/// An accepted job on its way into the queue.
#[derive(Clone, Debug)]
pub struct NewJob {
    /// Its id; decides its shard.
    pub id: JobId,
    /// The client's own id.
    pub client_id: Option<String>,
    /// Its platform.
    pub platform_id: String,
    /// The pool that runs it.
    pub pool: String,
    /// 0–9.
    pub priority: u8,
    /// How long it is to wait before it is queued.
    pub delay_ms: u64,
    /// Accepted settings, as JSON: dates resolved, secrets sealed.
    pub settings: String,
    /// Options as JSON.
    pub options: String,
    /// Runs in all before a transient failure becomes final.
    pub max_attempts: u32,
}

/// A client's promise that a second post with the same key is the same post.
#[derive(Clone, Debug)]
pub struct IdempotencyKey {
    /// Keyed hash of the key.
    pub name: String,
    /// Keyed hash of the body.
    pub body: String,
}

/// What became of a submission.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Submitted {
    /// Recorded and queued.
    New,
    /// The idempotency key was used before: the job of then, and the hash of the body of then.
    Known {
        /// The first job's id.
        job_id: String,
        /// Keyed hash of the first body.
        body: String,
    },
}

/// A claimed job: what a sanjer needs to run it.
#[derive(Clone, Debug)]
pub struct Claimed {
    /// The job.
    pub id: JobId,
    /// The fencing token of everything this run writes.
    pub lease: u64,
    /// Its platform.
    pub platform_id: String,
    /// Which attempt this is.
    pub attempt: u32,
    /// How many there may be.
    pub max_attempts: u32,
    /// Stored settings.
    pub settings: String,
}

/// The answer to a claim.
#[derive(Debug)]
pub enum Claim {
    /// These jobs are yours; the next delayed one is due in so many milliseconds.
    Jobs(Vec<Claimed>, Option<u64>),
    /// You were declared dead. End.
    Tombstoned,
}

/// The end of one run.
#[derive(Clone, Debug)]
pub struct Finish {
    /// The job.
    pub id: JobId,
    /// The claim it ran under.
    pub lease: u64,
    /// What it becomes: terminal, `Retrying`, `Snoozed`, or `Queued` for a hand-back.
    pub status: Status,
    /// Its result or its error, as JSON.
    pub json: String,
    /// How long it waits, if it waits.
    pub delay_ms: u64,
}

/// What became of a write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Written {
    /// It stands.
    Now,
    /// It stood already: the same call was repeated after its answer was lost.
    Before,
    /// Refused: the lease is not the newest any more.
    Refused,
}

/// One thing said by a running job, as the script takes it.
#[derive(Clone, Debug)]
pub struct Said {
    /// The job.
    pub id: JobId,
    /// The claim it runs under.
    pub lease: u64,
    /// `progress`, `metadata`, `log`, `original` or `processed`.
    pub kind: &'static str,
    /// As `lua/report.lua` describes for the kind.
    pub values: Vec<String>,
}

/// Who answers for the death of a sanjer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Blame {
    /// Its host or Redis was at fault: its jobs go back as they were.
    Nobody,
    /// A process with several jobs died: each is suspected and runs again alone.
    Suspects,
    /// A process of one slot died: its job did it.
    Alone,
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
        args: impl redis::ToRedisArgs,
    ) -> Result<T, BrokerError> {
        script.call(&mut self.broker.connection(), &[&keys::prefix(shard)], args).await
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
            let mut args = vec![self.limits.max_events.to_string(), self.limits.window_ms.to_string()];
            match key {
                Some(key) => args.extend([key.name.clone(), key.body.clone()]),
                None => args.extend([String::new(), String::new()]),
            }
            args.push(self.limits.idempotency_ms.to_string());
            for job in batch {
                args.extend([
                    job.id.to_string(),
                    job.client_id.clone().unwrap_or_default(),
                    job.platform_id.clone(),
                    job.pool.clone(),
                    job.priority.to_string(),
                    job.delay_ms.to_string(),
                    job.settings.clone(),
                    job.options.clone(),
                    job.max_attempts.to_string(),
                ]);
            }
            let first: Vec<String> = self.script(script!("submit"), shard, &args).await?;
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
        let args = [
            self.limits.max_events.to_string(),
            self.limits.window_ms.to_string(),
            sanjer.into(),
            lane.as_str().into(),
            pool.into(),
            n.min(BATCH).to_string(),
        ];
        let answer: Vec<Value> = self.script(script!("claim"), shard, &args).await?;
        let mut values = answer.into_iter();
        let next_due = match values.next() {
            Some(Value::Int(ms)) => u64::try_from(ms).ok(),
            _ => return Ok(Claim::Tombstoned),
        };
        let mut jobs = Vec::with_capacity(values.len() / 6);
        while let Some(job) = claimed(&mut values) {
            jobs.push(job?);
        }
        Ok(Claim::Jobs(jobs, next_due))
    }

    /// Ends runs of one shard. All were claimed by `sanjer`.
    pub async fn finish(&self, shard: Shard, sanjer: &str, finishes: &[Finish]) -> Result<Vec<Written>, BrokerError> {
        let mut written = Vec::with_capacity(finishes.len());
        for batch in finishes.chunks(BATCH) {
            let mut args =
                vec![self.limits.max_events.to_string(), sanjer.into(), self.limits.retention_ms.to_string()];
            for finish in batch {
                args.extend([
                    finish.id.to_string(),
                    finish.lease.to_string(),
                    finish.status.as_str().into(),
                    finish.json.clone(),
                    finish.delay_ms.to_string(),
                ]);
            }
            let answers: Vec<i64> = self.script(script!("finish"), shard, &args).await?;
            written.extend(answers.into_iter().map(Written::from));
        }
        Ok(written)
    }

    /// Writes what running jobs of one shard said, in order.
    pub async fn report(&self, shard: Shard, said: &[Said]) -> Result<Vec<Written>, BrokerError> {
        let mut args = vec![
            self.limits.max_events.to_string(),
            self.limits.max_log_lines.to_string(),
            self.limits.max_dataset.to_string(),
        ];
        for said in said {
            args.extend([said.id.to_string(), said.lease.to_string(), said.kind.into(), said.values.len().to_string()]);
            args.extend(said.values.iter().cloned());
        }
        let answers: Vec<i64> = self.script(script!("report"), shard, &args).await?;
        Ok(answers.into_iter().map(Written::from).collect())
    }

    /// Gives back everything a dead sanjer held in one shard; returns how many jobs moved. Doing it twice is harmless.
    pub async fn release(&self, shard: Shard, sanjer: &str, blame: Blame, error: &str) -> Result<u64, BrokerError> {
        let args = [
            self.limits.max_events.to_string(),
            sanjer.into(),
            blame.as_str().into(),
            self.limits.max_crashes.to_string(),
            self.limits.retention_ms.to_string(),
            error.into(),
            BATCH.to_string(),
        ];
        let mut moved = 0;
        loop {
            let (now, left): (u64, u64) = self.script(script!("release"), shard, &args).await?;
            moved += now;
            if left == 0 {
                return Ok(moved);
            }
        }
    }

    /// Renews a sanjer's lease in one shard; `false` when it has been declared dead.
    pub async fn heartbeat(&self, shard: Shard, sanjer: &str, fields: &[(&str, String)]) -> Result<bool, BrokerError> {
        let mut args = vec![sanjer.to_owned(), self.limits.lease_ms.to_string()];
        for (name, value) in fields {
            args.extend([(*name).to_owned(), value.clone()]);
        }
        Ok(self.script::<u8>(script!("heartbeat"), shard, &args).await? == 1)
    }

    /// Gives back what Redis says `sanjer` holds in one shard but the sanjer itself knows nothing of: the harvest of
    /// claims whose answer was lost. Must not run beside a claim of the same sanjer.
    pub async fn disown(&self, shard: Shard, sanjer: &str, known: &[JobId]) -> Result<u64, BrokerError> {
        let mut args = vec![self.limits.max_events.to_string(), sanjer.to_owned(), BATCH.to_string()];
        args.extend(known.iter().map(ToString::to_string));
        self.script(script!("disown"), shard, &args).await
    }

    /// Sanjers of one shard whose lease ran out, a few at a time.
    pub async fn expired(&self, shard: Shard) -> Result<Vec<String>, BrokerError> {
        self.script(script!("expired"), shard, &["10"]).await
    }

    /// Deletes a batch of finished jobs whose time is over; `true` when there may be more.
    pub async fn clean(&self, shard: Shard) -> Result<bool, BrokerError> {
        let deleted: usize = self.script(script!("janitor"), shard, &[BATCH]).await?;
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

impl Blame {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Nobody => "nobody",
            Self::Suspects => "suspects",
            Self::Alone => "alone",
        }
    }
}

impl From<i64> for Written {
    fn from(answer: i64) -> Self {
        match answer {
            1 => Self::Now,
            2 => Self::Before,
            _ => Self::Refused,
        }
    }
}

/// The next six values of a claim's answer, if there are more.
fn claimed(values: &mut impl Iterator<Item = Value>) -> Option<Result<Claimed, BrokerError>> {
    let id = values.next()?;
    let mut next = || values.next().unwrap_or(Value::Nil);
    let parts = (id, next(), next(), next(), next(), next());
    let parse = || -> Result<Claimed, redis::RedisError> {
        let (id, lease, platform_id, attempt, max_attempts, settings) = parts;
        let id: String = redis::from_redis_value(id)?;
        Ok(Claimed {
            id: id.parse().map_err(|_| (redis::ErrorKind::UnexpectedReturnType, "not a job id in the queue"))?,
            lease: redis::from_redis_value(lease)?,
            platform_id: redis::from_redis_value(platform_id)?,
            attempt: redis::from_redis_value(attempt)?,
            max_attempts: redis::from_redis_value(max_attempts)?,
            settings: redis::from_redis_value(settings)?,
        })
    };
    Some(parse().map_err(BrokerError::from))
}
