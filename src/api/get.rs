//! `GET /execution/get`

use axum::{
    Json,
    body::Body,
    extract::State,
    http::header,
    response::{IntoResponse as _, Response},
};
use futures_util::{
    Stream, StreamExt as _, TryStreamExt as _,
    stream::{self, once},
};
use serde_json::json;

use super::{
    Api,
    problem::{Code, Problem},
    query::Query,
};
use crate::{
    job::{Job, Jobs, ReadError},
    platform::Tag,
};

/// Reads a job.
pub(super) async fn get(State(api): State<Api>, query: Query) -> Result<Response, Problem> {
    let query = query.only(&["job_id", "full"])?;
    let (id, full) = (query.job_id()?, query.flag("full")?);
    let job = api.jobs.get(id).await?.ok_or_else(unknown)?;
    Ok(if full { with_rows(api.jobs.clone(), &job).await? } else { Json(job).into_response() })
}

/// There is no such job.
pub(super) fn unknown() -> Problem {
    Problem::new(Code::UnknownJob, "it never was, or it was deleted when its time was over")
}

/// The job with its log and its datasets. They are written as they are read, piece by piece: two datasets of
/// `jobs.max_dataset` for every reader would be more memory than a machine has. If that breaks off, so does the body.
async fn with_rows(jobs: Jobs, job: &Job) -> Result<Response, ReadError> {
    let log = jobs.log(job.job_id).await?;
    let kept = u64::try_from(log.len()).unwrap_or(u64::MAX);
    let total = job.beside.log_lines.max(kept);
    let lines = json!({ "total": total, "kept": kept, "truncated": kept < total });
    let mut text = serde_json::to_string(job)?;
    // The object goes on.
    text.pop();
    let head = format!("{text},\"log\":[{}],\"log_lines\":{lines}", log.join(","));
    let id = job.job_id;
    let body = once(async { Ok(head) })
        .chain(dataset(&jobs, job, Tag::Original))
        .chain(dataset(&jobs, job, Tag::Processed))
        .chain(once(async { Ok("}".to_owned()) }))
        .inspect_err(move |error| tracing::warn!(%error, job.id = %id, "an answer broke off"));
    Ok(([(header::CONTENT_TYPE, "application/json")], Body::from_stream(body)).into_response())
}

/// One dataset as a member of the object. Rows are JSON since they were accepted.
fn dataset(jobs: &Jobs, job: &Job, tag: Tag) -> impl Stream<Item = Result<String, ReadError>> + use<> {
    let rows = job.beside.rows(tag);
    let (name, total, kept) = (tag.as_str(), rows.total, rows.kept);
    let truncated = kept < total;
    let head = format!(",\"{name}\":{{\"total\":{total},\"kept\":{kept},\"truncated\":{truncated},\"rows\":[");
    let mut separator = "";
    let pieces = jobs.rows(job.job_id, tag, job.beside).map_ok(move |piece| {
        let piece = format!("{separator}{}", piece.join(","));
        separator = ",";
        piece
    });
    stream::iter([Ok(head)]).chain(pieces).chain(stream::iter([Ok("]}".to_owned())]))
}
