//! `GET /queue/stats`

use axum::{Json, extract::State};
use serde_json::{Map, Value, json};

use super::time;
use crate::{
    api::{Api, problem::Problem, query::Query},
    broker::Health,
    watch::{ENDS, HistorySpan, PoolNow, State as Does, troubles},
};

/// What "lately" means.
const MINUTE_S: u64 = 60;

/// How every queue stands now.
pub(in crate::api) async fn stats(State(api): State<Api>, query: Query) -> Result<Json<Value>, Problem> {
    query.only(&[])?;
    let broker = api.jobs.queue().broker();
    let span = HistorySpan::Minutes15;
    let (now, redis, history) = tokio::try_join!(api.watch.now(None), Health::ask(broker), api.watch.history(span))?;
    let lately = history.lately(MINUTE_S);
    let (ended, failed) = ENDS.iter().zip(lately.ended).fold((0, 0), |(all, failed), (end, n)| {
        let is_failure = !matches!(end.as_str(), "succeeded" | "cancelled");
        (all + n, failed + if is_failure { n } else { 0 })
    });
    let pools: Map<_, _> = now.pools.iter().map(|(name, pool)| (name.clone(), shown(pool))).collect();
    let finished: Map<_, _> = ENDS.iter().zip(now.kept).map(|(end, n)| (end.as_str().to_owned(), n.into())).collect();
    Ok(Json(json!({
        "at": time(now.at_ms),
        "pools": pools,
        "finished": finished,
        "throughput_per_s": rate(ended, lately.seconds),
        "failed_per_s": rate(failed, lately.seconds),
        "pickup_ms": lately.pickup.percentiles(),
        "duration_ms": lately.duration.percentiles(),
        "refused_writes": now.refused_writes,
        "troubles": troubles(&now, &redis),
    })))
}

fn shown(pool: &PoolNow) -> Value {
    let mut shown = json!({
        "queued": pool.queued, "alone": pool.alone, "delayed": pool.delayed, "running": pool.running,
        "slots": pool.slots,
        "sanjers": {
            "alive": pool.alive(), "serving": pool.of(Does::Serving), "spare": pool.of(Does::Spare),
            "quiet": pool.of(Does::Quiet), "retiring": pool.of(Does::Retiring),
            "wanted": pool.wanted.unwrap_or(pool.alive()),
        },
    });
    if let (Some(oldest), Some(shown)) = (pool.oldest_ms, shown.as_object_mut()) {
        shown.insert("oldest_queued_at".into(), time(oldest).into());
    }
    shown
}

/// How often a second, to the hundredth.
#[expect(clippy::cast_precision_loss, reason = "counts of a minute")]
fn rate(n: u64, seconds: u64) -> f64 {
    if seconds == 0 { 0.0 } else { (n as f64 / seconds as f64 * 100.0).round() / 100.0 }
}
