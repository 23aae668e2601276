//! What the types cannot say: unknown keys, wrong kinds of value, and values that cannot work.

use config::{Value, ValueKind};
use tracing_subscriber::{EnvFilter, filter::LevelFilter};

use super::{Config, ConfigError, Durability, Place, Span, requests, show};
use crate::job::Shard;

/// The tables whose keys are the user's own.
const OWN: [&str; 3] = ["sanjers.pools", "providers", "callbacks"];

/// Events that an event stream holds at least: many times what is read of it at once.
const MIN_EVENTS: u32 = 1000;

/// What is said of a value that shall be a list and is none.
const LIST: &str = "expected a list of texts in quotes";

/// Whether `value` has only keys the defaults have, each with the same kind of value.
pub(super) fn shape(path: &str, value: &Value, default: &Value) -> Result<(), ConfigError> {
    match (&value.kind, &default.kind) {
        (ValueKind::Table(_), ValueKind::Table(_)) if OWN.contains(&path) => Ok(()),
        (ValueKind::Table(table), ValueKind::Table(known)) => {
            let mut keys: Vec<_> = table.iter().collect();
            keys.sort_by_key(|(key, _)| key.as_str());
            for (key, value) in keys {
                let path = if path.is_empty() { key.clone() } else { format!("{path}.{key}") };
                let Some(default) = known.get(key) else { return Err(unknown(&path, value, known.keys())) };
                shape(&path, value, default)?;
            }
            Ok(())
        }
        (_, ValueKind::Table(_)) => Err(sentence(path, value, "expected a section of keys")),
        (ValueKind::Boolean(_), ValueKind::Boolean(_)) | (ValueKind::I64(_), ValueKind::I64(_)) => Ok(()),
        // The environment and flags have only text.
        (ValueKind::String(text), ValueKind::Boolean(_)) if text.parse::<bool>().is_ok() => Ok(()),
        (_, ValueKind::Boolean(_)) => Err(sentence(path, value, "expected true or false")),
        (ValueKind::String(text), ValueKind::I64(_)) if text.parse::<i64>().is_ok() => Ok(()),
        (_, ValueKind::I64(_)) => Err(sentence(path, value, "expected a whole number")),
        (ValueKind::Array(items), ValueKind::Array(_)) => {
            let is_text = items.iter().all(|item| matches!(item.kind, ValueKind::String(_)));
            is_text.then_some(()).ok_or_else(|| sentence(path, value, LIST))
        }
        (ValueKind::String(_), _) => Ok(()),
        (_, ValueKind::Array(_)) => Err(sentence(path, value, LIST)),
        _ => Err(sentence(path, value, "expected text in quotes")),
    }
}

fn unknown<'a>(path: &str, value: &Value, known: impl Iterator<Item = &'a String>) -> ConfigError {
    let mut known: Vec<_> = known.map(String::as_str).collect();
    known.sort_unstable();
    ConfigError(format!("{}: {path}: there is no such key; there are {}", origin(value), known.join(", ")))
}

/// The values that parse but cannot work: the path and why.
pub(super) fn meaning(config: &Config) -> Result<(), (&'static str, String)> {
    let no = |path, reason: &str| Err((path, reason.to_owned()));
    if config.data_dir.as_os_str().is_empty() {
        return no("data_dir", "expected a directory");
    }
    if !config.api.listen.ip().is_loopback() && !config.api.allow_insecure {
        return no(
            "api.listen",
            "other machines can reach this address and the API has no access control; listen on a loopback address \
             or set api.allow_insecure = true",
        );
    }
    if !(1..=128).contains(&config.api.max_depth) {
        return no("api.max_depth", "expected 1 to 128");
    }
    if !(1 << 10..=64 << 20).contains(&config.api.max_body.0) {
        return no("api.max_body", "expected 1KiB to 64MiB");
    }
    if config.api.max_connections == 0 {
        return no("api.max_connections", "expected at least 1");
    }
    if config.api.hosts.contains([':', '/', '*']) {
        return no("api.hosts", "expected names without port, scheme or wildcard, parted by commas");
    }
    if config.api.max_streams == 0 {
        return no("api.max_streams", "expected at least 1");
    }
    if !config.redis.url.is_empty() {
        Place::parse(&config.redis.url).map_err(|error| ("redis.url", error.to_string()))?;
    }
    if config.redis.server.as_os_str().is_empty() {
        return no("redis.server", "expected a program");
    }
    if config.redis.durability == Durability::Replicated && config.redis.url.is_empty() {
        return no("redis.durability", "the private redis-server has no replicas; set redis.url");
    }
    if !(1..=100).contains(&config.redis.replicas) {
        return no("redis.replicas", "expected 1 to 100");
    }
    if !(1..=Shard::MAX).contains(&config.queue.shards) {
        return no("queue.shards", "expected 1 to 1024");
    }
    if config.queue.max_crashes == 0 {
        return no("queue.max_crashes", "expected at least 1");
    }
    if config.jobs.max_events < MIN_EVENTS {
        return no(
            "jobs.max_events",
            &format!("expected at least {MIN_EVENTS}: who follows must see them before they go"),
        );
    }
    if config.network.ports.0.is_empty() {
        return no("network.ports", "expected at least one port");
    }
    if !(1..=256 << 20).contains(&config.network.max_body.0) {
        return no("network.max_body", "expected 1B to 256MiB");
    }
    for (path, waits) in [
        ("network.retry.fetch", &config.network.retry.fetch),
        ("network.retry.callback", &config.network.retry.callback),
    ] {
        let fits = |span: &Span| (1..=7 * 86_400_000).contains(&span.as_millis());
        if waits.0.len() > 100 || !waits.0.iter().all(fits) {
            return no(path, "expected at most 100 waits of 1ms to 7d");
        }
    }
    let breaker = &config.network.breaker;
    if !(1..=100).contains(&breaker.failed_percent) {
        return no("network.breaker.failed_percent", "expected 1 to 100");
    }
    let network = &config.network;
    let calls = [("network.max_calls", network.max_calls), ("network.max_calls_unproven", network.max_calls_unproven)];
    if let Some((key, _)) = calls.iter().find(|(_, calls)| *calls == 0) {
        return no(key, "expected at least 1");
    }
    if breaker.min_requests == 0 {
        return no("network.breaker.min_requests", "expected at least 1");
    }
    if !(1..=1_000_000).contains(&breaker.max_endpoints) {
        return no("network.breaker.max_endpoints", "expected 1 to 1000000");
    }
    if config.sanjers.cancel_grace.as_millis() > config.sanjers.max_cancel_grace.as_millis() {
        return no("sanjers.cancel_grace", "expected at most sanjers.max_cancel_grace");
    }
    if config.sanjers.pools.is_empty() {
        return no("sanjers.pools", "expected at least one pool");
    }
    if !config.sanjers.pools.keys().all(|name| is_name(name)) {
        return no(
            "sanjers.pools",
            "a pool's name is lower-case letters, digits, - and _, starting with a letter, at most 40 characters",
        );
    }
    if !is_filter(&config.log.level) {
        return no(
            "log.level",
            "expected error, warn, info, debug, trace, off, or a filter like info,collector::queue=debug",
        );
    }
    requests::meaning(config)?;
    spans(config)
}

/// The shortest and the longest each duration may be.
fn spans(config: &Config) -> Result<(), (&'static str, String)> {
    let (ms, second, hour, day) = (1, 1_000, 3_600_000, 86_400_000);
    let limits = [
        ("api.header_timeout", config.api.header_timeout, 100 * ms, hour),
        ("api.timeout", config.api.timeout, 100 * ms, hour),
        ("api.idempotency_ttl", config.api.idempotency_ttl, second, 365 * day),
        ("redis.timeout", config.redis.timeout, 10 * ms, hour),
        ("network.timeout", config.network.timeout, 10 * ms, hour),
        ("network.connect_timeout", config.network.connect_timeout, 10 * ms, hour),
        ("network.breaker.window", config.network.breaker.window, 100 * ms, day),
        ("network.breaker.open", config.network.breaker.open, 10 * ms, day),
        ("network.breaker.busy", config.network.breaker.busy, ms, hour),
        ("queue.priority_window", config.queue.priority_window, 0, 365 * day),
        ("queue.lease", config.queue.lease, second, hour),
        ("queue.safety_poll", config.queue.safety_poll, 10 * ms, hour),
        ("jobs.retention", config.jobs.retention, second, 3650 * day),
        ("jobs.retention_failed", config.jobs.retention_failed, second, 3650 * day),
        ("requests.deadline", config.requests.deadline, 100 * ms, 30 * day),
        ("requests.max_deadline", config.requests.max_deadline, 100 * ms, 30 * day),
        ("requests.retention", config.requests.retention, second, 3650 * day),
        ("requests.sweep_after", config.requests.sweep_after, 100 * ms, hour),
        ("sanjers.stop_grace", config.sanjers.stop_grace, 0, day),
        ("sanjers.max_cancel_grace", config.sanjers.max_cancel_grace, 0, day),
    ];
    for (path, span, least, most) in limits {
        if !(least..=most).contains(&span.as_millis()) {
            let text = |millis| Span(std::time::Duration::from_millis(millis)).to_string();
            return Err((path, format!("expected {} to {}", text(least), text(most))));
        }
    }
    Ok(())
}

/// Whether it is a filter. A lone word that is no level would be taken for the name of a module and silence the rest.
fn is_filter(text: &str) -> bool {
    let has_level = |part: &str| part.contains('=') || part.trim().parse::<LevelFilter>().is_ok();
    text.split(',').all(has_level) && EnvFilter::try_new(text).is_ok()
}

/// Whether it may stand in a key of Redis and in a process's name, as names of pools and providers do.
pub fn is_name(name: &str) -> bool {
    (1..=40).contains(&name.len())
        && name.starts_with(|c: char| c.is_ascii_lowercase())
        && name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-' || c == '_')
}

/// The sentence about the value that stands at `path` of the merged sources.
pub(super) fn wrong(merged: &Value, path: &str, reason: &str) -> ConfigError {
    let mut value = merged;
    for key in path.split('.') {
        match &value.kind {
            ValueKind::Table(table) => value = table.get(key).unwrap_or(value),
            _ => break,
        }
    }
    sentence(path, value, reason)
}

fn sentence(path: &str, value: &Value, reason: &str) -> ConfigError {
    ConfigError(format!("{}: {path} = {}: {reason}", origin(value), printed(value)))
}

fn origin(value: &Value) -> String {
    match &value.kind {
        // A section has no origin of its own; its first key's will do.
        ValueKind::Table(table) => table.iter().min_by_key(|(key, _)| *key).map(|(_, value)| origin(value)),
        _ => value.origin().map(str::to_owned),
    }
    .unwrap_or_else(|| "defaults".to_owned())
}

fn printed(value: &Value) -> String {
    match &value.kind {
        ValueKind::String(text) => format!("{:?}", show::without_password(text)),
        ValueKind::Table(table) => {
            let mut pairs: Vec<_> = table.iter().map(|(key, value)| format!("{key} = {}", printed(value))).collect();
            pairs.sort();
            format!("{{ {} }}", pairs.join(", "))
        }
        ValueKind::Array(values) => format!("[{}]", values.iter().map(printed).collect::<Vec<_>>().join(", ")),
        kind => kind.to_string(),
    }
}
