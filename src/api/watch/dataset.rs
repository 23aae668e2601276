//! `GET /execution/dataset`

use axum::{
    body::Body,
    extract::State,
    http::header,
    response::{IntoResponse as _, Response},
};
use futures_util::{StreamExt as _, TryStreamExt as _, stream};

use super::table::{Columns, TooMany};
use crate::{
    api::{
        Api,
        get::unknown,
        problem::{Code, Problem},
        query::{Known, Query, bad},
    },
    job::{Job, Jobs, ReadError},
    platform::Tag,
};

/// Rows a page, unless the client says; and at most.
const LIMITS: (u64, u64) = (100, 1000);
/// About how many bytes of rows a page may have.
const PAGE_BYTES: usize = 4 << 20;

/// A page of rows, or all of them as a file.
pub(in crate::api) async fn dataset(State(api): State<Api>, query: Query) -> Result<Response, Problem> {
    let query = query.only(&["job_id", "name", "offset", "limit", "format"])?;
    let id = query.job_id()?;
    let tag = match query.text("name") {
        Some("original") => Tag::Original,
        Some("processed") => Tag::Processed,
        _ => return Err(bad("name: expected original or processed")),
    };
    let page = page(&query)?;
    let format = match query.text("format") {
        None => None,
        Some("jsonl") => Some(Format::Jsonl),
        Some("csv") => Some(Format::Csv),
        Some(_) => return Err(bad("format: expected jsonl or csv")),
    };
    if format.is_some() && (query.text("offset").is_some() || query.text("limit").is_some()) {
        return Err(bad("format: a file holds all rows, so it goes with neither offset nor limit"));
    }
    let job = api.jobs.get(id).await?.ok_or_else(unknown)?;
    match format {
        None => Ok(rows(&api.jobs, &job, tag, page).await?),
        Some(Format::Jsonl) => Ok(file(&job, tag, "application/jsonl", "jsonl", lines(&api.jobs, &job, tag))),
        Some(Format::Csv) => csv(&api.jobs, &job, tag).await,
    }
}

/// As which file.
#[derive(Clone, Copy)]
enum Format {
    Jsonl,
    Csv,
}

/// Where a page begins, and its most rows.
struct Page {
    offset: u64,
    limit: u64,
}

fn page(query: &Known) -> Result<Page, Problem> {
    let (offset, limit) = (query.parsed("offset")?.unwrap_or(0), query.parsed("limit")?.unwrap_or(LIMITS.0));
    if !(1..=LIMITS.1).contains(&limit) {
        return Err(bad(format!("limit: expected 1 to {}", LIMITS.1)));
    }
    if offset >= 1 << 53 {
        return Err(bad("offset: there are not so many rows"));
    }
    Ok(Page { offset, limit })
}

async fn rows(jobs: &Jobs, job: &Job, tag: Tag, Page { offset, limit }: Page) -> Result<Response, ReadError> {
    let there = job.beside.rows(tag);
    let mut pieces = Box::pin(jobs.rows_from(job.job_id, tag, job.beside, offset));
    let (mut rows, mut bytes) = (Vec::new(), 0);
    let wanted = usize::try_from(limit).unwrap_or(usize::MAX);
    while rows.len() < wanted
        && bytes < PAGE_BYTES
        && let Some(piece) = pieces.try_next().await?
    {
        for row in piece.into_iter().take(wanted - rows.len()) {
            // One row at least, however large.
            if rows.is_empty() || bytes + row.len() <= PAGE_BYTES {
                bytes += row.len();
                rows.push(row);
            } else {
                bytes = PAGE_BYTES;
                break;
            }
        }
    }
    let next = offset + u64::try_from(rows.len()).unwrap_or(0);
    let next = if next < there.kept { format!(",\"next_offset\":{next}") } else { String::new() };
    // The rows are JSON since they were accepted.
    let text = format!(
        "{{\"total\":{},\"kept\":{},\"truncated\":{},\"offset\":{offset}{next},\"rows\":[{}]}}",
        there.total,
        there.kept,
        there.kept < there.total,
        rows.join(",")
    );
    Ok(([(header::CONTENT_TYPE, "application/json")], text).into_response())
}

/// A row a line. In JSON a line's end stands only between values, where a space does as well.
fn lines(jobs: &Jobs, job: &Job, tag: Tag) -> stream::BoxStream<'static, Result<String, ReadError>> {
    let write = |piece: Vec<String>| {
        piece.iter().fold(String::new(), |text, row| text + &row.replace(['\n', '\r'], " ") + "\n")
    };
    jobs.rows(job.job_id, tag, job.beside).map_ok(write).boxed()
}

/// A table. Its columns are known only once all rows were read, so they are read twice.
async fn csv(jobs: &Jobs, job: &Job, tag: Tag) -> Result<Response, Problem> {
    let mut columns = Columns::default();
    let mut pieces = Box::pin(jobs.rows(job.job_id, tag, job.beside));
    while let Some(piece) = pieces.try_next().await? {
        for row in piece {
            columns.see(&row).map_err(|TooMany| {
                Problem::new(Code::TooManyColumns, "the rows have too many different keys for columns; ask for jsonl")
            })?;
        }
    }
    let head = columns.head();
    let write = move |piece: Vec<String>| piece.iter().map(|row| columns.line(row)).collect::<String>();
    let body = stream::iter([Ok(head)]).chain(jobs.rows(job.job_id, tag, job.beside).map_ok(write)).boxed();
    Ok(file(job, tag, "text/csv", "csv", body))
}

/// A file that is written while it is sent.
fn file(
    job: &Job,
    tag: Tag,
    kind: &'static str,
    extension: &str,
    body: stream::BoxStream<'static, Result<String, ReadError>>,
) -> Response {
    let id = job.job_id;
    let name = format!("attachment; filename=\"{id}.{}.{extension}\"", tag.as_str());
    let body = body.inspect_err(move |error| tracing::warn!(%error, job.id = %id, "a download broke off"));
    let headers = [(header::CONTENT_TYPE, kind.to_owned()), (header::CONTENT_DISPOSITION, name)];
    (headers, Body::from_stream(body)).into_response()
}
