//! `GET /queue/history`

use axum::{Json, extract::State};
use serde_json::{Map, Value, json};

use super::time;
use crate::{
    api::{
        Api,
        problem::Problem,
        query::{Query, bad},
    },
    config::is_name,
    watch::{ENDS, HistorySpan, Series, Share},
};

/// How the queues stood before.
pub(in crate::api) async fn history(State(api): State<Api>, query: Query) -> Result<Json<Value>, Problem> {
    let query = query.only(&["span", "pool"])?;
    let span = query.parsed("span")?.unwrap_or(HistorySpan::Minutes15);
    let pool = query.text("pool");
    if pool.is_some_and(|name| !is_name(name)) {
        return Err(bad("pool: expected the name of a pool"));
    }
    let history = api.watch.history(span).await?;
    let series = |what| history.series(pool, what);
    let finished: Map<String, Value> =
        ENDS.iter().enumerate().map(|(n, end)| (end.as_str().to_owned(), json!(series(Series::Ended(n))))).collect();
    let percentiles = |of: fn(Share) -> Series| json!({ "p50": series(of(Share::P50)), "p95": series(of(Share::P95)), "p99": series(of(Share::P99)) });
    Ok(Json(json!({
        "from": time(history.from_s() * 1000),
        "step_s": span.step_s(),
        "points": history.points(),
        "series": {
            "queued": series(Series::Queued),
            "delayed": series(Series::Delayed),
            "running": series(Series::Running),
            "oldest_s": series(Series::OldestS),
            "finished": finished,
            "pickup_ms": percentiles(Series::Pickup),
            "duration_ms": percentiles(Series::Duration),
        },
    })))
}
