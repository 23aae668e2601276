//! `GET /system/get`

use axum::{Json, extract::State};
use serde_json::{Value, json};

use crate::{
    api::{Api, problem::Problem, query::Query},
    broker::{self, Health},
    config::{Config, Place},
};

/// What this collector is, and how it is configured.
pub(in crate::api) async fn system(State(api): State<Api>, query: Query) -> Result<Json<Value>, Problem> {
    query.only(&[])?;
    let config = &api.config;
    let health = Health::ask(api.jobs.queue().broker()).await?;
    let shown = config.to_json().map_err(|error| Problem::internal(&error))?;
    Ok(Json(json!({
        "version": env!("CARGO_PKG_VERSION"),
        "build": {
            "profile": if cfg!(debug_assertions) { "debug" } else { "release" },
            "os": std::env::consts::OS,
            "arch": std::env::consts::ARCH,
            "features": if cfg!(feature = "dynamodb") { vec!["dynamodb"] } else { Vec::new() },
        },
        "uptime_s": api.started.elapsed().as_secs_f64(),
        "host": rustix::system::uname().nodename().to_string_lossy(),
        "pid": std::process::id(),
        "read_only": config.api.read_only,
        "redis": { "mode": mode(config), "servers": health.servers, "health": health },
        "shards": config.queue.shards,
        "durability": config.redis.durability,
        "limits": limits(config),
        "config": shown,
    })))
}

/// How Redis is reached. The private one belongs to whoever holds the data directory.
fn mode(config: &Config) -> &'static str {
    match Place::parse(&config.redis.url) {
        Ok(Place::Sentinels(_)) => "sentinel",
        Ok(Place::Cluster(_)) => "cluster",
        _ if broker::holder(&config.data_dir) == Some(std::process::id()) => "private",
        _ => "server",
    }
}

fn limits(config: &Config) -> Value {
    json!({
        "max_body": config.api.max_body.0, "max_depth": config.api.max_depth, "max_streams": config.api.max_streams,
        "max_result": config.jobs.max_result.0, "max_dataset": config.jobs.max_dataset.0,
        "max_checkpoint": config.jobs.max_checkpoint.0, "max_log_lines": config.jobs.max_log_lines,
        "max_events": config.jobs.max_events,
    })
}
