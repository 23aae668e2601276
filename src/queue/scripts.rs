//! The scripts as typed calls. Each is one bounded, atomic step; the sources in `lua/` say what each does.

use redis::{Cmd, FromRedisValue, Value};

use super::{Claim, Death, Finish, Heard, IdempotencyKey, Lane, NewJob, Said, Submitted, Written, keys};
use crate::{
    broker::{Broker, BrokerError, Connection, Replicas, Script, script},
    config::{Config, Durability},
    job::{JobId, Shard, Status},
    platform::Redis,
};

/// The most jobs one call claims, finishes or releases: far below what Lua can unpack, and short enough that
/// Redis answers others in between.
pub const BATCH: usize = 200;

/// How much later than a run's own grace its supervisor steps in: time in which its sanjer can end by itself.
const PATIENCE_MS: u64 = 10_000;

/// A job that a sanjer holds, its platform, and its stored settings.
pub type HeldSettings = (JobId, String, String);

/// The queue: every arrow of the state machine is one of its calls. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Queue {
    broker: Broker,
    /// Who must have what a client is told was accepted, and a connection on which that may be waited for.
    replicas: Option<(Connection, Replicas)>,
    limits: Limits,
}

#[derive(Clone, Copy, Debug)]
struct Limits {
    shards: u16,
    window_ms: u64,
    retention_ms: u64,
    retention_failed_ms: u64,
    cancel_grace_ms: u64,
    lease_ms: u64,
    idempotency_ms: u64,
    max_crashes: u32,
    max_snoozes: u32,
    max_events: u32,
    max_log_lines: u32,
    max_dataset: u64,
}

impl Queue {
    /// The queue behind `broker`.
    pub fn new(broker: Broker, config: &Config) -> Self {
        let limits = Limits {
            shards: config.queue.shards,
            window_ms: config.queue.priority_window.as_millis(),
            retention_ms: config.jobs.retention.as_millis(),
            retention_failed_ms: config.jobs.retention_failed.as_millis(),
            cancel_grace_ms: config.sanjers.cancel_grace.as_millis(),
            lease_ms: config.queue.lease.as_millis(),
            idempotency_ms: config.api.idempotency_ttl.as_millis(),
            max_crashes: config.queue.max_crashes,
            max_snoozes: config.jobs.max_snoozes,
            max_events: config.jobs.max_events,
            max_log_lines: config.jobs.max_log_lines,
            max_dataset: config.jobs.max_dataset.0,
        };
        let replicas = (config.redis.durability == Durability::Replicated).then(|| {
            let patience = config.redis.timeout.0 / 2;
            (broker.dedicated(2 * patience), Replicas { number: config.redis.replicas, patience })
        });
        Self { broker, replicas, limits }
    }

    pub(super) async fn script<T: FromRedisValue>(
        &self,
        script: &Script,
        shard: Shard,
        args: impl Fn(&mut Cmd),
    ) -> Result<T, BrokerError> {
        script.call(&mut self.broker.connection(), &keys::prefix(shard), args).await
    }

    /// The same for what a client is told was accepted: it has survived by then what it shall.
    pub(super) async fn durable_script<T: FromRedisValue>(
        &self,
        script: &Script,
        shard: Shard,
        args: impl Fn(&mut Cmd),
    ) -> Result<T, BrokerError> {
        let Some((connection, replicas)) = &self.replicas else { return self.script(script, shard, args).await };
        script.call_replicated(&mut connection.clone(), &keys::prefix(shard), args, replicas).await
    }

    /// The connection below it.
    pub fn broker(&self) -> &Broker {
        &self.broker
    }

    /// Every shard.
    pub fn shards(&self) -> impl Iterator<Item = Shard> + use<> {
        (0..self.limits.shards).map(Shard)
    }

    /// How much earlier a step of priority lets a job run, ms.
    pub fn window_ms(&self) -> u64 {
        self.limits.window_ms
    }

    /// What platforms keep things with.
    pub fn redis(&self) -> Redis {
        Redis { broker: self.broker.clone(), shards: self.limits.shards }
    }

    /// A shard for a job without a key.
    pub fn any_shard(&self) -> Shard {
        Shard(rand::random_range(0..self.limits.shards))
    }

    /// Records and queues jobs of one shard.
    pub async fn submit(&self, shard: Shard, jobs: &[NewJob]) -> Result<(), BrokerError> {
        for batch in jobs.chunks(BATCH) {
            self.submit_batch(shard, batch, None, None).await?;
        }
        Ok(())
    }

    /// Records and queues one job: unless a job has the idempotency key already, and only if the job that it runs
    /// again, one of the same shard, has failed and was not run again before.
    pub async fn submit_once(
        &self,
        job: NewJob,
        key: Option<&IdempotencyKey>,
        retried: Option<JobId>,
    ) -> Result<Submitted, BrokerError> {
        let shard = job.id.shard();
        Ok(Submitted::read(self.submit_batch(shard, &[job], key, retried).await?))
    }

    async fn submit_batch(
        &self,
        shard: Shard,
        batch: &[NewJob],
        key: Option<&IdempotencyKey>,
        retried: Option<JobId>,
    ) -> Result<Vec<String>, BrokerError> {
        let args = |command: &mut Cmd| {
            let (name, body) = key.map(|key| (key.name.as_str(), key.body.as_str())).unwrap_or_default();
            command.arg(self.limits.max_events).arg(self.limits.window_ms);
            command.arg(name).arg(body).arg(self.limits.idempotency_ms);
            command.arg(retried.map(|id| id.to_string()).unwrap_or_default());
            for job in batch {
                command.arg(job.id).arg(job.client_id.as_deref().unwrap_or_default());
                command.arg(&job.platform_id).arg(&job.pool).arg(job.priority).arg(job.delay_ms);
                command.arg(&job.settings).arg(&job.options).arg(job.max_attempts);
            }
        };
        self.durable_script(script!("indexes", "submit"), shard, args).await
    }

    /// Cancels a job that waits, or has its sanjer told to stop it. Returns where it stands now; `None` if there is no
    /// such job.
    pub async fn cancel(&self, id: JobId) -> Result<Option<Status>, BrokerError> {
        let args = |command: &mut Cmd| {
            command.arg(self.limits.max_events).arg(self.limits.retention_failed_ms).arg(id);
            command.arg(self.limits.cancel_grace_ms).arg(PATIENCE_MS);
        };
        let answer: Vec<String> = self.durable_script(script!("indexes", "ends", "cancel"), id.shard(), args).await?;
        let unknown =
            || BrokerError::from(redis::RedisError::from((redis::ErrorKind::UnexpectedReturnType, "no status")));
        answer.first().map(|status| status.parse().map_err(|_| unknown())).transpose()
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
                command.arg(self.limits.retention_failed_ms).arg(self.limits.max_snoozes).arg(self.limits.window_ms);
                for finish in batch {
                    command.arg(finish.id).arg(finish.lease).arg(finish.status.as_str());
                    command.arg(&finish.json).arg(finish.ms);
                    match &finish.plain {
                        Some(plain) => command.arg(&plain.platform_id).arg(plain.attempt),
                        None => command.arg(&["", ""]),
                    };
                }
            };
            let answers: Vec<i64> = self.script(script!("indexes", "ends", "finish"), shard, args).await?;
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
    pub async fn release(&self, shard: Shard, death: &Death) -> Result<u64, BrokerError> {
        let args = |command: &mut Cmd| {
            command.arg(self.limits.max_events).arg(&death.sanjer).arg(death.blame.as_str());
            command.arg(self.limits.max_crashes).arg(self.limits.retention_failed_ms);
            command.arg(&death.error).arg(&death.certificate).arg(self.limits.window_ms).arg(BATCH);
        };
        let mut moved = 0;
        loop {
            let (now, left): (u64, u64) = self.script(script!("indexes", "ends", "release"), shard, args).await?;
            moved += now;
            if left == 0 {
                return Ok(moved);
            }
        }
    }

    /// Renews a sanjer's lease in one shard; what it hears there, or `None` when it has been declared dead.
    pub async fn heartbeat(
        &self,
        shard: Shard,
        sanjer: &str,
        fields: &[(&str, String)],
    ) -> Result<Option<Heard>, BrokerError> {
        let args = |command: &mut Cmd| {
            command.arg(sanjer).arg(self.limits.lease_ms).arg(fields);
        };
        let answer: Vec<String> = self.script(script!("heartbeat"), shard, args).await?;
        let heard = || Heard {
            asked: answer.get(1).filter(|asked| !asked.is_empty()).cloned(),
            stops: answer.iter().skip(2).filter_map(|id| id.parse().ok()).collect(),
        };
        Ok((answer.first().map(String::as_str) == Some("1")).then(heard))
    }

    /// Which of these sanjers had to stop a job of one shard and have not.
    pub async fn overdue(&self, shard: Shard, sanjers: &[String]) -> Result<Vec<String>, BrokerError> {
        let args = |command: &mut Cmd| {
            command.arg(sanjers);
        };
        self.script(script!("overdue"), shard, args).await
    }

    /// Gives back what Redis says `sanjer` holds in one shard but the sanjer itself knows nothing of: the harvest of
    /// claims whose answer was lost. Must not run beside a claim of the same sanjer.
    pub async fn disown(&self, shard: Shard, sanjer: &str, known: &[JobId]) -> Result<u64, BrokerError> {
        let args = |command: &mut Cmd| {
            command
                .arg(self.limits.max_events)
                .arg(sanjer)
                .arg(self.limits.retention_failed_ms)
                .arg(BATCH)
                .arg(self.limits.window_ms)
                .arg(known);
        };
        self.script(script!("indexes", "ends", "disown"), shard, args).await
    }

    /// Sanjers of one shard whose lease ran out, a few at a time.
    pub async fn expired(&self, shard: Shard) -> Result<Vec<String>, BrokerError> {
        let args = |command: &mut Cmd| {
            command.arg(10);
        };
        self.script(script!("expired"), shard, args).await
    }

    /// Ends a batch of jobs that waited longer than they may; `true` when there may be more.
    pub async fn end_overstayed(&self, shard: Shard) -> Result<bool, BrokerError> {
        let args = |command: &mut Cmd| {
            command.arg(self.limits.max_events).arg(self.limits.retention_failed_ms).arg(BATCH);
        };
        let examined: usize = self.script(script!("indexes", "ends", "overstayed"), shard, args).await?;
        Ok(examined == BATCH)
    }

    /// Where a job was when it last said so, as JSON.
    pub async fn checkpoint(&self, id: JobId) -> Result<Option<String>, BrokerError> {
        self.broker.query(redis::cmd("GET").arg(format!("{}:checkpoint", keys::job(id)))).await
    }

    /// Everything that a sanjer holds; bounded by its slots.
    pub async fn held_by(&self, sanjer: &str) -> Result<Vec<JobId>, BrokerError> {
        let mut pipeline = redis::pipe();
        for shard in self.shards() {
            pipeline.cmd("SMEMBERS").arg(keys::named(shard, format_args!("held:{sanjer}")));
        }
        let held: Vec<Vec<String>> = self.broker.pipeline(&pipeline).await?;
        Ok(held.iter().flatten().filter_map(|held| keys::id_of(held)).collect())
    }

    /// The stored settings of everything a sanjer holds in one shard, and whose they are; bounded by its slots.
    pub async fn settings_of_held(&self, shard: Shard, sanjer: &str) -> Result<Vec<HeldSettings>, BrokerError> {
        let mut command = redis::cmd("SMEMBERS");
        command.arg(keys::named(shard, format_args!("held:{sanjer}")));
        let held: Vec<String> = self.broker.query(&command).await?;
        let ids: Vec<JobId> = held.iter().filter_map(|held| keys::id_of(held)).collect();
        if ids.is_empty() {
            return Ok(Vec::new());
        }
        let mut pipeline = redis::pipe();
        for id in &ids {
            pipeline.cmd("HMGET").arg(keys::job(*id)).arg(&["platform_id", "settings"]);
        }
        let fields: Vec<(Option<String>, Option<String>)> = self.broker.pipeline(&pipeline).await?;
        Ok(ids
            .into_iter()
            .zip(fields)
            .filter_map(|(id, (platform, settings))| Some((id, platform?, settings?)))
            .collect())
    }

    /// Deletes a batch of finished jobs whose time is over; `true` when there may be more.
    pub async fn clean(&self, shard: Shard) -> Result<bool, BrokerError> {
        let args = |command: &mut Cmd| {
            command.arg(BATCH);
        };
        let deleted: usize = self.script(script!("indexes", "forget", "janitor"), shard, args).await?;
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
