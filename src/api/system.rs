//! `GET` and `POST /system/alive`

use axum::{
    Json,
    extract::State,
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse as _, Response},
};
use serde_json::{Map, Value, json};

use super::{Api, problem::Problem, query::Query};
use crate::broker::{BrokerError, Health};

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

async fn examine(api: &Api) -> Result<Found, BrokerError> {
    let (redis, now) = tokio::try_join!(Health::ask(api.jobs.queue().broker()), api.watch.now(None))?;
    let (mut pools, mut short) = (Map::new(), Vec::new());
    for (name, pool) in now.pools {
        // Until its supervisor has said what there should be, this process knows it of its own.
        let own = api.config.sanjers.pools.get(&name).filter(|_| api.supervises);
        let wanted = pool.wanted.or(own.map(|size| size.processes.into()));
        let alive = pool.alive();
        if wanted.is_some_and(|wanted| alive < wanted) {
            short.push(name.clone());
        }
        let shown = json!({
            "sanjers": { "alive": alive, "wanted": wanted.unwrap_or(alive) },
            "slots": pool.slots, "queued": pool.queued, "delayed": pool.delayed, "running": pool.running,
        });
        pools.insert(name, shown);
    }
    Ok(Found { redis, pools, short, refused_writes: now.refused_writes })
}
