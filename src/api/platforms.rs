//! `GET /platforms/get`

use axum::{Json, extract::State};
use serde_json::{Value, json};

use super::{Api, problem::Problem, query::Query};
use crate::platform::Platform;

/// Every platform with its settings.
pub(super) async fn get(State(api): State<Api>, query: Query) -> Result<Json<Value>, Problem> {
    query.only(&[])?;
    let platforms: Vec<_> = api.jobs.registry().iter().map(shown).collect();
    Ok(Json(json!({ "platforms": platforms })))
}

fn shown(platform: &Platform) -> Value {
    let mut shown = json!({
        "id": platform.id,
        "description": platform.description(),
        "pool": platform.spec.pool,
        "timeout_s": platform.spec.timeout.map(|timeout| timeout.as_secs_f64()),
        "attempts": platform.spec.attempts,
        "settings": platform.setting_list(),
        "schema": platform.schema(),
    });
    if let (Some(example), Some(shown)) = (platform.example(), shown.as_object_mut()) {
        shown.insert("example".into(), example);
    }
    shown
}
