//! `GET` and `POST /system/alive`

use std::collections::{BTreeMap, BTreeSet};

use axum::{
    Json,
    extract::State,
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse as _, Response},
};
use serde_json::{Map, Value, json};

use super::{Api, problem::Problem, query::Query};
use crate::{
    broker::{BrokerError, Health},
    job::Shard,
    queue::keys::named,
};

/// Is the process up?
pub(super) async fn alive(State(api): State<Api>, query: Query) -> Result<Json<Value>, Problem> {
    query.only(&[])?;
    Ok(Json(json!({ "status": "ok", "version": version(), "uptime_s": uptime(&api) })))
}

/// How is every connected service?
pub(super) async fn diagnose(State(api): State<Api>, query: Query) -> Result<Response, Problem> {
    query.only(&[])?;
    let mut failing = Vec::new();
    let mut answer = json!({
        "status": "ok", "failing": [], "version": version(), "uptime_s": uptime(&api),
        "redis": { "reachable": false }, "pools": {},
    });
    match examine(&api).await {
        Ok(found) => {
            if found.redis.last_write_status.as_deref().is_some_and(|status| status != "ok") {
                failing.push("redis".to_owned());
            }
            failing.extend(found.short.into_iter().map(|pool| format!("sanjers:{pool}")));
            set(&mut answer, "redis", json!(found.redis));
            set(&mut answer, "pools", found.pools.into());
            set(&mut answer, "refused_writes", found.refused_writes.into());
        }
        Err(error) => {
            tracing::warn!(%error, "the diagnosis cannot ask redis");
            failing.push("redis".to_owned());
        }
    }
    if failing.is_empty() {
        return Ok(Json(answer).into_response());
    }
    set(&mut answer, "status", "failing".into());
    set(&mut answer, "failing", failing.into());
    let mut response = (StatusCode::SERVICE_UNAVAILABLE, Json(answer)).into_response();
    response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from_static("2"));
    Ok(response)
}

fn version() -> &'static str {
    env!("CARGO_PKG_VERSION")
}

fn uptime(api: &Api) -> f64 {
    api.started.elapsed().as_secs_f64()
}

fn set(answer: &mut Value, name: &str, value: Value) {
    if let Some(answer) = answer.as_object_mut() {
        answer.insert(name.to_owned(), value);
    }
}

/// What Redis and its keys say.
struct Found {
    redis: Health,
    pools: Map<String, Value>,
    /// Pools with fewer sanjers than they should have.
    short: Vec<String>,
    refused_writes: u64,
}

/// The living sanjers of one pool.
#[derive(Default)]
struct Sanjers {
    names: Vec<String>,
    hosts: BTreeSet<String>,
    /// Those that said that they serve the pool's queue from the start.
    serving: u64,
    slots: u64,
}

async fn examine(api: &Api) -> Result<Found, BrokerError> {
    let broker = api.jobs.queue().broker();
    let (seconds, micros): (u64, u64) = broker.query(&redis::cmd("TIME")).await?;
    let redis = Health::ask(broker).await?;

    let sanjers = sanjers(api, seconds * 1000 + micros / 1000).await?;
    let mut names = api.jobs.pools();
    names.extend(sanjers.keys().cloned());
    if api.supervises {
        names.extend(api.config.sanjers.pools.keys().cloned());
    }
    let (mut pools, mut short) = (Map::new(), Vec::new());
    for name in names {
        let none = Sanjers::default();
        let there = sanjers.get(&name).unwrap_or(&none);
        let wanted = api.config.sanjers.pools.get(&name).filter(|_| api.supervises);
        let wanted = wanted.map(|size| u64::from(size.processes));
        let (alive, slots) = there.without_spares(wanted.unwrap_or(0));
        if wanted.is_some_and(|wanted| alive < wanted) {
            short.push(name.clone());
        }
        let (queued, delayed, running) = jobs_of(api, &name, &there.names).await?;
        let pool = json!({
            "sanjers": { "alive": alive, "wanted": wanted.unwrap_or(alive) },
            "slots": slots, "queued": queued, "delayed": delayed, "running": running,
        });
        pools.insert(name, pool);
    }
    let mut pipeline = redis::pipe();
    for shard in api.jobs.queue().shards() {
        pipeline.cmd("HGET").arg(named(shard, "counters")).arg("refused_writes");
    }
    let refused: Vec<Option<u64>> = broker.pipeline(&pipeline).await?;
    Ok(Found { redis, pools, short, refused_writes: refused.into_iter().flatten().sum() })
}

/// The sanjers whose lease has not run out, by pool. They are the same in every shard.
async fn sanjers(api: &Api, now_ms: u64) -> Result<BTreeMap<String, Sanjers>, BrokerError> {
    let broker = api.jobs.queue().broker();
    let mut command = redis::cmd("ZRANGEBYSCORE");
    command.arg(named(Shard(0), "sanjers")).arg(now_ms).arg("+inf");
    let names: Vec<String> = broker.query(&command).await?;
    let mut pools: BTreeMap<String, Sanjers> = BTreeMap::new();
    if names.is_empty() {
        return Ok(pools);
    }
    let mut pipeline = redis::pipe();
    for name in &names {
        let key = named(Shard(0), format_args!("sanjer:{name}"));
        pipeline.cmd("HMGET").arg(key).arg(&["pool", "lane", "slots", "host"]);
    }
    let said: Vec<[Option<String>; 4]> = broker.pipeline(&pipeline).await?;
    for (name, [pool, lane, slots, host]) in names.into_iter().zip(said) {
        let Some(pool) = pool else { continue };
        let sanjers = pools.entry(pool).or_default();
        sanjers.names.push(name);
        sanjers.hosts.extend(host);
        sanjers.serving += u64::from(lane.as_deref() == Some("queue"));
        sanjers.slots += slots.and_then(|slots| slots.parse::<u64>().ok()).unwrap_or(0);
    }
    Ok(pools)
}

impl Sanjers {
    /// How many serve the pool, and their slots. A host keeps one spare a pool; a spare that took somebody's place
    /// still says that it is one, so spares are only what there is beyond what is wanted.
    fn without_spares(&self, wanted: u64) -> (u64, u64) {
        let count = |n: usize| u64::try_from(n).unwrap_or(u64::MAX);
        let total = count(self.names.len());
        let spares = count(self.hosts.len()).min(total.saturating_sub(wanted));
        let alive = self.serving.max(total - spares);
        (alive, (self.slots * alive).checked_div(total).unwrap_or(0))
    }
}

/// Queued, delayed and running jobs of one pool.
async fn jobs_of(api: &Api, pool: &str, sanjers: &[String]) -> Result<(u64, u64, u64), BrokerError> {
    let mut counts = (0, 0, 0);
    for shard in api.jobs.queue().shards() {
        let mut pipeline = redis::pipe();
        for name in ["queue", "alone", "delayed"] {
            pipeline.cmd("ZCARD").arg(named(shard, format_args!("{name}:{pool}")));
        }
        for sanjer in sanjers {
            pipeline.cmd("SCARD").arg(named(shard, format_args!("held:{sanjer}")));
        }
        let cards: Vec<u64> = api.jobs.queue().broker().pipeline(&pipeline).await?;
        if let [queue, alone, delayed, held @ ..] = cards.as_slice() {
            counts.0 += queue + alone;
            counts.1 += delayed;
            counts.2 += held.iter().sum::<u64>();
        }
    }
    Ok(counts)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sanjers(names: usize, hosts: usize, serving: u64) -> Sanjers {
        let names: Vec<_> = (0..names).map(|n| n.to_string()).collect();
        let hosts = (0..hosts).map(|n| n.to_string()).collect();
        Sanjers { slots: 8 * u64::try_from(names.len()).unwrap(), names, hosts, serving }
    }

    #[test]
    fn spares_are_what_is_beyond_the_wanted() {
        for (there, wanted, expected) in [
            (sanjers(3, 1, 2), 2, (2, 16)),
            (sanjers(2, 1, 1), 2, (2, 16)),
            (sanjers(1, 1, 0), 2, (1, 8)),
            (sanjers(6, 2, 4), 2, (4, 32)),
            (sanjers(1, 1, 1), 0, (1, 8)),
            (sanjers(0, 0, 0), 1, (0, 0)),
        ] {
            assert_eq!(there.without_spares(wanted), expected);
        }
    }
}
