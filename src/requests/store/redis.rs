//! Requests in Redis. A request lies in one of a fixed number of parts, by its id; every key begins with
//! `{etlas:<part>}:`.
//!
//! | key after the prefix | type | holds |
//! |---|---|---|
//! | `request:<id>` | hash | `order` (JSON), `created_at`, `deadline_at`, `total`, `remaining`, `succeeded`, `expired`, `delivery`, `callback_job`, `callback_attempts`, `closed_at`, `log` (a JSON line an attempt); for every provider `status:<name>`, `job:<name>`, `at:<name>`, `about:<name>` (JSON) |
//! | `request:<id>:result:<name>` | string | what a provider answered, JSON |
//! | `requests` | zset | ids by when they were accepted |
//! | `requests:due` | zset | ids by when they are looked after next |
//!
//! Times are ms since 1970 by Redis' clock. Keys expire by themselves only long after the sweep should have deleted them.

use std::{
    collections::{BTreeMap, HashMap},
    str::FromStr,
    time::Duration,
};

use redis::{Cmd, FromRedisValue};

use super::{
    Advanced, Answer, Attempt, Because, Created, LONGEST_DELIVERY, MAX_LOG, Place, RequestStore, Step, StoreError, Task,
};
use crate::{
    broker::{Broker, Script, script},
    job::{JobId, Shard},
    queue::keys,
    requests::{At, Callback, Order, ProviderJob, Record, RequestId, Tally, id::SHARDS},
};

/// Requests kept in Redis. Cheap to clone.
#[derive(Clone, Debug)]
pub struct RedisStore {
    broker: Broker,
}

/// What a script answers: a word, Redis' time, and the hash as it stands.
type Told = (String, u64, HashMap<String, String>);

impl RedisStore {
    /// Those behind `broker`.
    pub fn new(broker: Broker) -> Self {
        Self { broker }
    }

    /// The parts that have requests at all, asked for in one go: mostly there are none.
    async fn occupied(&self) -> Result<Vec<Shard>, StoreError> {
        let mut pipeline = redis::pipe();
        for shard in (0..SHARDS).map(Shard) {
            pipeline.cmd("EXISTS").arg(keys::named(shard, "requests:due"));
        }
        let there: Vec<bool> = self.broker.pipeline(&pipeline).await?;
        Ok((0..SHARDS).map(Shard).zip(there).filter_map(|(shard, is_there)| is_there.then_some(shard)).collect())
    }

    async fn call<T: FromRedisValue>(
        &self,
        script: &Script,
        shard: Shard,
        args: impl Fn(&mut Cmd),
    ) -> Result<T, StoreError> {
        Ok(script.call(&mut self.broker.connection(), &keys::prefix(shard), args).await?)
    }

    fn key(id: &RequestId, rest: &str) -> String {
        keys::named(id.shard(), format_args!("request:{id}{rest}"))
    }
}

/// How long the keys of a request are kept, should nobody delete them.
fn kept_ms(order: &Order) -> u64 {
    order.deadline_ms.saturating_add(order.retention_ms).saturating_add(milliseconds(LONGEST_DELIVERY))
}

fn milliseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

impl RequestStore for RedisStore {
    fn create<'a>(
        &'a self,
        id: &'a RequestId,
        order: &'a Order,
        jobs: &'a [JobId],
        within: Duration,
    ) -> Answer<'a, Created> {
        Box::pin(async move {
            let json = encoded(id, order)?;
            let within = milliseconds(within).min(order.deadline_ms);
            let (word, now, hash): Told = self
                .call(script!("create"), id.shard(), |cmd| {
                    cmd.arg(id.as_str()).arg(&json).arg(order.deadline_ms).arg(kept_ms(order)).arg(within);
                    cmd.arg(if order.callback_url.is_some() { "PENDING" } else { "NONE" });
                    for (provider, job) in order.providers.iter().zip(jobs) {
                        cmd.arg(&provider.name).arg(job.to_string());
                    }
                })
                .await?;
            let record = record(id, now, hash)?;
            Ok(match word.as_str() {
                "new" => Created::New(Box::new(record)),
                _ => Created::Known { fingerprint: record.order.fingerprint },
            })
        })
    }

    fn read<'a>(&'a self, id: &'a RequestId) -> Answer<'a, Option<Record>> {
        Box::pin(async move {
            let (word, now, hash): Told = self
                .call(script!("read"), id.shard(), |cmd| {
                    cmd.arg(id.as_str());
                })
                .await?;
            if word == "unknown" { Ok(None) } else { record(id, now, hash).map(Some) }
        })
    }

    fn advance<'a>(&'a self, id: &'a RequestId, step: &'a Step) -> Answer<'a, Advanced> {
        Box::pin(async move {
            let about = encoded(id, &step.about)?;
            let (word, now, hash): Told = self
                .call(script!("advance"), id.shard(), |cmd| {
                    cmd.arg(id.as_str())
                        .arg(&step.provider)
                        .arg(step.job.map(|job| job.to_string()).unwrap_or_default());
                    cmd.arg(step.status.as_str()).arg(&about);
                    if let Some(result) = &step.result {
                        cmd.arg(result);
                    }
                })
                .await?;
            Ok(match word.as_str() {
                "now" => Advanced::Now(Box::new(record(id, now, hash)?)),
                "over" => Advanced::Over(Box::new(record(id, now, hash)?)),
                "superseded" => Advanced::Superseded,
                _ => Advanced::Unknown,
            })
        })
    }

    fn result<'a>(&'a self, id: &'a RequestId, provider: &'a str) -> Answer<'a, Option<String>> {
        Box::pin(async move {
            let key = Self::key(id, &format!(":result:{provider}"));
            Ok(self.broker.query(redis::cmd("GET").arg(key)).await?)
        })
    }

    fn settle<'a>(&'a self, id: &'a RequestId, because: Because) -> Answer<'a, Option<Record>> {
        Box::pin(async move {
            let (word, now, hash): Told = self
                .call(script!("settle"), id.shard(), |cmd| {
                    cmd.arg(id.as_str()).arg(match because {
                        Because::Decided => "decided",
                        Because::Late => "late",
                    });
                })
                .await?;
            if word == "unknown" { Ok(None) } else { record(id, now, hash).map(Some) }
        })
    }

    fn assign<'a>(&'a self, id: &'a RequestId, task: Task<'a>, from: Option<JobId>, to: JobId) -> Answer<'a, bool> {
        Box::pin(async move {
            let provider = match task {
                Task::Fetch(provider) => Some(provider),
                Task::Callback => None,
            };
            self.call(script!("assign"), id.shard(), |cmd| {
                cmd.arg(id.as_str()).arg(from.map(|job| job.to_string()).unwrap_or_default()).arg(to.to_string());
                cmd.arg(provider);
            })
            .await
        })
    }

    fn record<'a>(&'a self, id: &'a RequestId, attempt: &'a Attempt) -> Answer<'a, bool> {
        Box::pin(async move {
            self.call(script!("record"), id.shard(), |cmd| {
                cmd.arg(id.as_str()).arg(attempt.job.to_string()).arg(attempt.state.as_str());
                cmd.arg(attempt.line.to_string()).arg(MAX_LOG);
            })
            .await
        })
    }

    fn reopen<'a>(&'a self, id: &'a RequestId) -> Answer<'a, Option<Record>> {
        Box::pin(async move {
            let (word, now, hash): Told = self
                .call(script!("reopen"), id.shard(), |cmd| {
                    cmd.arg(id.as_str());
                })
                .await?;
            if word == "now" { record(id, now, hash).map(Some) } else { Ok(None) }
        })
    }

    fn due(&self, limit: usize, lease: Duration) -> Answer<'_, Vec<RequestId>> {
        Box::pin(async move {
            let lease = milliseconds(lease);
            let mut due = Vec::new();
            for shard in self.occupied().await? {
                let rest = limit.saturating_sub(due.len());
                if rest == 0 {
                    break;
                }
                let ids: Vec<String> = self
                    .call(script!("due"), shard, |cmd| {
                        cmd.arg(rest).arg(lease);
                    })
                    .await?;
                due.extend(ids.iter().filter_map(|id| id.parse().ok()));
            }
            Ok(due)
        })
    }

    fn postpone<'a>(&'a self, id: &'a RequestId, until: At) -> Answer<'a, ()> {
        Box::pin(async move {
            let key = keys::named(id.shard(), "requests:due");
            let () = self.broker.query(redis::cmd("ZADD").arg(key).arg("XX").arg(until.0).arg(id.as_str())).await?;
            Ok(())
        })
    }

    fn list<'a>(&'a self, after: Option<&'a Place>, limit: usize) -> Answer<'a, Vec<Place>> {
        Box::pin(async move {
            let mut pipeline = redis::pipe();
            for shard in (0..SHARDS).map(Shard) {
                let from = after.map_or_else(|| "+inf".to_owned(), |place| place.created_at.0.to_string());
                let command =
                    pipeline.cmd("ZREVRANGEBYSCORE").arg(keys::named(shard, "requests")).arg(from).arg("-inf");
                // One more for the place itself; so many at one moment in one part are more than a page's worth.
                command.arg("WITHSCORES").arg("LIMIT").arg(0).arg(limit.saturating_add(AT_ONE_MOMENT));
            }
            let parts: Vec<Vec<(String, f64)>> = self.broker.pipeline(&pipeline).await?;
            let places = parts.into_iter().flatten().filter_map(|(id, score)| {
                #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a time that was a u64")]
                Some(Place { created_at: At(score as u64), id: id.parse().ok()? })
            });
            Ok(Place::newest(places.collect(), after, limit))
        })
    }

    fn remove<'a>(&'a self, id: &'a RequestId) -> Answer<'a, ()> {
        Box::pin(async move {
            let _: u64 = self
                .call(script!("remove"), id.shard(), |cmd| {
                    cmd.arg(id.as_str());
                })
                .await?;
            Ok(())
        })
    }
}

/// Requests of one part that may be accepted in one millisecond without a gap in a list.
const AT_ONE_MOMENT: usize = 200;

fn encoded<T: serde::Serialize>(id: &RequestId, value: &T) -> Result<String, StoreError> {
    serde_json::to_string(value).map_err(|error| StoreError::Damaged { id: id.clone(), field: error.to_string() })
}

/// Reads the hash of a request.
fn record(id: &RequestId, now: u64, hash: HashMap<String, String>) -> Result<Record, StoreError> {
    let mut fields = Fields { id, hash };
    let order: Order = fields.json("order")?;
    let mut jobs = BTreeMap::new();
    for provider in &order.providers {
        let name = &provider.name;
        let job = ProviderJob {
            status: fields.parsed(&format!("status:{name}"))?,
            job: fields.parsed(&format!("job:{name}"))?,
            at: At(fields.parsed(&format!("at:{name}"))?),
            about: fields.json(&format!("about:{name}"))?,
        };
        jobs.insert(name.clone(), job);
    }
    let log = fields.hash.remove("log").unwrap_or_default();
    let line = |line: &str| serde_json::from_str(line).map_err(|_| fields.damaged("log"));
    let callback = Callback {
        log: log.lines().map(line).collect::<Result<_, _>>()?,
        state: fields.parsed("delivery")?,
        job: fields.optional("callback_job")?,
        attempts: fields.optional("callback_attempts")?.unwrap_or(0),
        closed_at: fields.optional("closed_at")?.map(At),
    };
    Ok(Record {
        id: id.clone(),
        created_at: At(fields.parsed("created_at")?),
        deadline_at: At(fields.parsed("deadline_at")?),
        tally: Tally {
            total: fields.parsed("total")?,
            remaining: fields.parsed("remaining")?,
            succeeded: fields.parsed("succeeded")?,
        },
        is_expired: fields.hash.contains_key("expired"),
        order,
        jobs,
        callback,
        now: At(now),
    })
}

/// The hash while it is being read.
struct Fields<'a> {
    id: &'a RequestId,
    hash: HashMap<String, String>,
}

impl Fields<'_> {
    fn damaged(&self, field: &str) -> StoreError {
        StoreError::Damaged { id: self.id.clone(), field: field.to_owned() }
    }

    fn optional<T: FromStr>(&mut self, field: &str) -> Result<Option<T>, StoreError> {
        let text = self.hash.remove(field).filter(|text| !text.is_empty());
        text.map(|text| text.parse()).transpose().map_err(|_| self.damaged(field))
    }

    fn parsed<T: FromStr>(&mut self, field: &str) -> Result<T, StoreError> {
        self.optional(field)?.ok_or_else(|| self.damaged(field))
    }

    fn json<T: serde::de::DeserializeOwned>(&mut self, field: &str) -> Result<T, StoreError> {
        let text = self.hash.remove(field).unwrap_or_default();
        serde_json::from_str(&text).map_err(|_| self.damaged(field))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{broker::Scratch, requests::store::contract};

    #[tokio::test]
    async fn redis_is_a_store() {
        let redis = Scratch::start().unwrap();
        contract::holds(&RedisStore::new(redis.broker().await.unwrap())).await;
    }

    #[tokio::test]
    async fn what_is_removed_leaves_nothing() {
        let redis = Scratch::start().unwrap();
        let broker = redis.broker().await.unwrap();
        let store = RedisStore::new(broker.clone());
        contract::holds(&store).await;
        for place in store.list(None, 1000).await.unwrap() {
            store.remove(&place.id).await.unwrap();
        }
        let left: Vec<String> = broker.query(redis::cmd("KEYS").arg("*")).await.unwrap();
        assert!(left.is_empty(), "{left:?}");
    }

    #[tokio::test]
    async fn damage_is_named() {
        let redis = Scratch::start().unwrap();
        let broker = redis.broker().await.unwrap();
        let id: RequestId = "r1".parse().unwrap();
        let mut write = redis::cmd("HSET");
        broker.query::<()>(write.arg(RedisStore::key(&id, "")).arg("order").arg("{}")).await.unwrap();
        let error = RedisStore::new(broker).read(&id).await.unwrap_err();
        assert!(matches!(&error, StoreError::Damaged { field, .. } if field == "order"), "{error}");
    }
}
