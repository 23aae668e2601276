//! What goes to the scripts and what comes back.

use redis::Value;

use crate::{
    broker::BrokerError,
    job::{JobId, Status},
};

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
    /// The job that was to be run again has not failed, or was run again before.
    Refused {
        /// Where it stands; `None` if there is no such job.
        status: Option<Status>,
        /// The job that runs it again.
        retried_by: Option<String>,
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
    /// Stored options, if it has any.
    pub options: Option<String>,
}

/// What a sanjer hears with its heartbeat.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Heard {
    /// Jobs that it shall stop.
    pub stops: Vec<JobId>,
    /// What is asked of itself, and the number of that; said again and again.
    pub asked: Option<String>,
}

/// The answer to a claim.
#[derive(Debug)]
pub enum Claim {
    /// These jobs are yours.
    Jobs {
        /// All of them.
        jobs: Vec<Claimed>,
        /// In how many milliseconds the next delayed one is due.
        due: Option<u64>,
        /// How many milliseconds the first of them had waited in its queue.
        waited_ms: u64,
    },
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
    /// Its result or its error, as JSON; empty if there is neither.
    pub json: String,
    /// How long it waits, if it waits; if it succeeded, how long it can be read, or 0 for what is configured.
    pub ms: u64,
    /// Of a run that succeeded and has no checkpoint: what need not be looked up then.
    pub plain: Option<Plain>,
}

/// What is known of a job whose run came to its end without leaving anything else.
#[derive(Clone, Debug)]
pub struct Plain {
    /// Its platform.
    pub platform_id: String,
    /// Which attempt it was.
    pub attempt: u32,
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
    /// `progress`, `metadata`, `log`, `checkpoint`, `resumed`, `original` or `processed`.
    pub kind: &'static str,
    /// As `lua/report.lua` describes for the kind.
    pub values: Vec<String>,
}

/// The death of a sanjer, as its jobs are told.
#[derive(Clone, Debug)]
pub struct Death {
    /// Who died.
    pub sanjer: String,
    /// Who answers for it.
    pub blame: Blame,
    /// The error of a job that is to blame once too often, as JSON.
    pub error: String,
    /// How it died, as a JSON object; empty if that says nothing about its jobs.
    pub certificate: String,
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

impl Death {
    /// One that is nobody's fault and says nothing about the jobs.
    pub fn of_nobody(sanjer: impl Into<String>) -> Self {
        Self { sanjer: sanjer.into(), blame: Blame::Nobody, error: "null".into(), certificate: String::new() }
    }
}

impl Submitted {
    /// Reads what `lua/submit.lua` returns.
    pub(super) fn read(answer: Vec<String>) -> Self {
        let mut values = answer.into_iter();
        let mut next = || values.next().unwrap_or_default();
        match next().as_str() {
            "" => Self::New,
            "known" => Self::Known { job_id: next(), body: next() },
            _ => {
                let (status, retried_by) = (next(), next());
                Self::Refused { status: status.parse().ok(), retried_by: Some(retried_by).filter(|id| !id.is_empty()) }
            }
        }
    }
}

impl Claim {
    /// Reads what `lua/claim.lua` returns.
    pub(super) fn read(answer: Vec<Value>) -> Result<Self, BrokerError> {
        let mut values = answer.into_iter();
        let (due, now) = match (values.next(), values.next()) {
            (Some(Value::Int(due)), Some(Value::Int(now))) => (u64::try_from(due).ok(), now),
            _ => return Ok(Self::Tombstoned),
        };
        let since: String = redis::from_redis_value(values.next().unwrap_or(Value::Nil)).unwrap_or_default();
        let since = since.parse::<jiff::Timestamp>().map_or(now, jiff::Timestamp::as_millisecond);
        let waited_ms = u64::try_from(now.saturating_sub(since)).unwrap_or(0);
        let mut jobs = Vec::with_capacity(values.len() / 7);
        while let Some(job) = claimed(&mut values) {
            jobs.push(job?);
        }
        Ok(Self::Jobs { jobs, due, waited_ms })
    }
}

impl Blame {
    pub(super) const fn as_str(self) -> &'static str {
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

/// The next seven values of a claim's answer, if there are more.
fn claimed(values: &mut impl Iterator<Item = Value>) -> Option<Result<Claimed, BrokerError>> {
    let id = values.next()?;
    let mut next = || values.next().unwrap_or(Value::Nil);
    let parts = (id, next(), next(), next(), next(), next(), next());
    let parse = || -> Result<Claimed, redis::RedisError> {
        let (id, lease, platform_id, attempt, max_attempts, settings, options) = parts;
        let (id, options): (String, String) = (redis::from_redis_value(id)?, redis::from_redis_value(options)?);
        Ok(Claimed {
            id: id.parse().map_err(|_| (redis::ErrorKind::UnexpectedReturnType, "not a job id in the queue"))?,
            lease: redis::from_redis_value(lease)?,
            platform_id: redis::from_redis_value(platform_id)?,
            attempt: redis::from_redis_value(attempt)?,
            max_attempts: redis::from_redis_value(max_attempts)?,
            settings: redis::from_redis_value(settings)?,
            options: (!options.is_empty()).then_some(options),
        })
    };
    Some(parse().map_err(BrokerError::from))
}
