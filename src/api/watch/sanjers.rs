//! `GET /sanjers/get`, `POST /sanjers/quiet`, `/sanjers/resume` and `/sanjers/recycle`

use axum::{
    Json,
    extract::State,
    http::{HeaderMap, StatusCode},
    response::{IntoResponse as _, Response},
};
use serde_json::{Value, json};

use crate::{
    api::{
        Api, body,
        problem::{Code, Problem},
        query::{Query, bad},
    },
    watch::{Ask, Unknown},
};

/// Bytes of a sanjer's name.
const NAME: usize = 200;

/// Every sanjer, and the last deaths.
pub(in crate::api) async fn sanjers(State(api): State<Api>, query: Query) -> Result<Json<Value>, Problem> {
    query.only(&[])?;
    let (now, deaths) = tokio::try_join!(api.watch.now(None), api.watch.deaths())?;
    let jobs = api.watch.jobs_of(&now.sanjers).await?;
    let shown = now.sanjers.iter().zip(jobs).map(|(sanjer, jobs)| {
        let mut shown = json!(sanjer);
        if let Some(shown) = shown.as_object_mut() {
            shown.insert("jobs".into(), json!(jobs));
        }
        shown
    });
    Ok(Json(json!({ "sanjers": shown.collect::<Vec<_>>(), "deaths": deaths })))
}

/// Has a sanjer take no more jobs.
pub(in crate::api) async fn quiet(
    State(api): State<Api>,
    query: Query,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    ask(&api, query, &headers, Ask::Quiet).await
}

/// Has it take jobs again.
pub(in crate::api) async fn resume(
    State(api): State<Api>,
    query: Query,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    ask(&api, query, &headers, Ask::Resume).await
}

/// Has it replaced.
pub(in crate::api) async fn recycle(
    State(api): State<Api>,
    query: Query,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    ask(&api, query, &headers, Ask::Recycle).await
}

async fn ask(api: &Api, query: Query, headers: &HeaderMap, what: Ask) -> Result<Response, Problem> {
    let query = query.only(&["sanjer"])?;
    let name = query.text("sanjer").ok_or_else(|| bad("sanjer is missing"))?;
    if name.is_empty() || name.len() > NAME {
        return Err(bad(format!("sanjer: expected 1 to {NAME} bytes")));
    }
    // No body is read, but a page in a browser must not get here without being asked.
    body::is_json(headers)?;
    let unknown = |Unknown| Problem::new(Code::UnknownSanjer, "it never was, or it has ended");
    api.watch.ask(name, what).await?.map_err(unknown)?;
    Ok((StatusCode::ACCEPTED, Json(json!({ "sanjer": name, "asked": what }))).into_response())
}
