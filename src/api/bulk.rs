//! `POST /execution/bulk`

use std::collections::BTreeSet;

use axum::{
    Json,
    extract::{Request, State},
    response::{IntoResponse as _, Response},
};
use serde::{Deserialize, Deserializer};
use serde_json::{Map, Value, json};
use tokio::time::timeout;

use super::{
    Api, body, gate, layers,
    problem::{Code, Problem},
    query::Query,
};
use crate::{
    bulk::{self, Action},
    job::{Filter, JobId, MAX_PRIORITY, Options, Total},
};

/// Jobs that can be named.
const MAX_JOBS: usize = 1000;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Order {
    action: Action,
    #[serde(default, deserialize_with = "said")]
    filter: Option<Map<String, Value>>,
    #[serde(default, deserialize_with = "said")]
    job_ids: Option<Vec<String>>,
    #[serde(default)]
    dry_run: bool,
}

/// What is there must not be null.
fn said<'de, D: Deserializer<'de>, T: Deserialize<'de>>(member: D) -> Result<Option<T>, D::Error> {
    T::deserialize(member).map(Some)
}

/// Which jobs are meant.
enum Meant {
    /// A filter a status.
    Filters(Vec<Filter>),
    Jobs(Vec<JobId>),
}

/// Makes the job that does it; or only counts.
pub(super) async fn bulk(State(api): State<Api>, query: Query, request: Request) -> Result<Response, Problem> {
    query.only(&[])?;
    let order: Order = body::read(&body::json(&api, request).await?)?;
    let meant = meant(&order)?;
    let in_time = async |api: &Api| {
        if order.dry_run { count(api, order.action, &meant).await } else { start(api, order).await }
    };
    timeout(api.config.api.timeout.0, in_time(&api)).await.map_err(|_| layers::too_long())?
}

fn meant(order: &Order) -> Result<Meant, Problem> {
    match (&order.filter, &order.job_ids) {
        (Some(filter), None) => {
            if let Some((name, _)) = filter.iter().find(|(_, value)| value.is_null()) {
                return Err(wrong(format!("filter: {name} is null; leave it out")));
            }
            let filter =
                Filter::deserialize(Value::from(filter.clone())).map_err(|error| wrong(format!("filter: {error}")))?;
            filter.check().map_err(|error| wrong(format!("filter: {error}")))?;
            let parts = order.action.parts(&filter).map_err(|error| wrong(format!("filter: status: {error}")))?;
            Ok(Meant::Filters(parts))
        }
        (None, Some(ids)) => {
            let different: BTreeSet<&String> = ids.iter().collect();
            if !(1..=MAX_JOBS).contains(&ids.len()) || different.len() != ids.len() {
                return Err(wrong(format!("job_ids: 1 to {MAX_JOBS} different job ids are expected")));
            }
            let ids: Result<_, _> = ids.iter().map(|id| id.parse()).collect();
            Ok(Meant::Jobs(ids.map_err(|error| wrong(format!("job_ids: {error}")))?))
        }
        _ => Err(wrong("either filter or job_ids is expected".into())),
    }
}

async fn count(api: &Api, action: Action, meant: &Meant) -> Result<Response, Problem> {
    let Total { count, exact } = match meant {
        Meant::Filters(parts) => action.matching(&api.jobs, parts).await?,
        Meant::Jobs(ids) => action.matching_of(&api.jobs, ids).await?,
    };
    Ok(Json(json!({ "matching": count, "exact": exact })).into_response())
}

async fn start(api: &Api, order: Order) -> Result<Response, Problem> {
    gate::pass(api)?;
    let mut settings = Map::from_iter([("action".to_owned(), json!(order.action))]);
    settings.extend(order.filter.map(|filter| ("filter".to_owned(), Value::from(filter))));
    settings.extend(order.job_ids.map(|ids| ("job_ids".to_owned(), json!(ids))));
    let id = api.jobs.next_id();
    settings.insert("as_of".into(), json!(id));
    // It must not wait behind the flood that it is to stem.
    let options = Options { priority: Some(MAX_PRIORITY), ..Options::default() };
    api.jobs.start(id, bulk::PLATFORM, settings, options).await?;
    Ok(body::accepted(id))
}

fn wrong(detail: String) -> Problem {
    Problem::new(Code::InvalidBody, detail)
}
