//! `collector run --follow` against an API that misbehaves in ways the real one cannot be made to: the stream breaks
//! off in the middle, the answer is a problem, the job fails.

use std::sync::{Arc, Mutex};

use axum::{
    Json, Router,
    extract::{RawQuery, State},
    http::{HeaderMap, StatusCode},
    response::{IntoResponse, Response},
    routing::{get, post},
};
use serde_json::{Value, json};

use crate::support::{Finished, Scratch, finished};

/// What the API saw: the `Last-Event-ID` of each stream that was opened.
type Seen = Arc<Mutex<Vec<Option<String>>>>;

const BEFORE: &str = ": hello\n\nid: 1\nevent: status\ndata: {\"status\":\"running\",\"attempt\":1}\n\n\
                      id: 2\nevent: progress\ndata: {\"progress\":0.5,\"message\":\"half\"}\n\nid: 3\nevent: lo";
const AFTER: &str = "id: 3\nevent: log\ndata: {\"line\":\"a \\u001b[31mline\"}\n\n\
                     id: 4\nevent: progress\ndata: {\"progress\":1.0,\"message\":\"done\"}\n\n\
                     id: 5\nevent: end\ndata: {\"status\":\"succeeded\"}\n\n";

async fn events(State((_, seen)): State<(&'static str, Seen)>, headers: HeaderMap) -> Response {
    let last = headers.get("last-event-id").map(|last| last.to_str().unwrap().to_owned());
    let body = if last.is_some() { AFTER } else { BEFORE };
    seen.lock().unwrap().push(last);
    ([("content-type", "text/event-stream")], body).into_response()
}

async fn job(State((status, _)): State<(&'static str, Seen)>, RawQuery(query): RawQuery) -> Json<Value> {
    assert_eq!(query.as_deref(), Some("job_id=j1"));
    Json(json!({"job_id": "j1", "status": status, "result": {"found": 64, "forks": {"fusaka": 60}}}))
}

async fn submit(body: String) -> Response {
    if body.contains("bad") {
        let problem = json!({"title": "Unprocessable Content", "status": 422, "code": "bad_settings",
            "detail": "the settings do not fit", "errors": [{"pointer": "/settings/x", "detail": "no such field"}]});
        return (StatusCode::UNPROCESSABLE_ENTITY, Json(problem)).into_response();
    }
    if body.contains("down") {
        return (StatusCode::SERVICE_UNAVAILABLE, "no problem document").into_response();
    }
    (StatusCode::ACCEPTED, Json(json!({"job_id": "j1"}))).into_response()
}

/// Runs `collector run SPEC …` against such an API; jobs end with `status`.
async fn run(spec: &str, more: &[&str], status: &'static str) -> (Finished, Vec<Option<String>>) {
    let seen = Seen::default();
    let router = Router::new()
        .route("/base/execution/run", post(submit))
        .route("/base/execution/events", get(events))
        .route("/base/execution/get", get(job))
        .with_state((status, Arc::clone(&seen)));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let api = format!("http://{}/base", listener.local_addr().unwrap());
    let server = tokio::spawn(async move { axum::serve(listener, router).await });
    let scratch = Scratch::new();
    scratch.write("spec.json", spec);
    let it = finished(&scratch, [&["run", "spec.json", "--api", &api], more].concat(), &[]).await;
    server.abort();
    let seen = seen.lock().unwrap().clone();
    (it, seen)
}

#[tokio::test]
async fn a_broken_stream_goes_on_where_it_broke() {
    let (it, seen) = run("{}", &["--follow"], "succeeded").await;
    assert_eq!(it.code, Some(0), "{}", it.stderr);
    assert_eq!(seen, [None, Some("2".to_owned())]);
    assert_eq!(it.stderr, "job j1\nrunning\n 50 %  half\nlog: a  [31mline\n100 %  done\n");
    for part in ["succeeded", "found", "64", "result: forks", "collector get j1 --full --api http://", "curl 'http://"]
    {
        assert!(it.stdout.contains(part), "{part} in\n{}", it.stdout);
    }
}

#[tokio::test]
async fn a_job_that_fails_is_code_1_and_json_is_for_machines() {
    let (it, _) = run("{}", &["--follow", "--json"], "timed_out").await;
    assert_eq!(it.code, Some(1), "{}", it.stderr);
    let record: Value = serde_json::from_str(&it.stdout).unwrap();
    assert_eq!(record["result"]["found"], 64);
    let (it, _) = run("{}", &[], "succeeded").await;
    assert_eq!((it.code, it.stdout.as_str(), it.stderr.as_str()), (Some(0), "j1\n", ""));
}

#[tokio::test]
async fn problems_are_readable() {
    let (it, _) = run("\"bad\"", &[], "succeeded").await;
    let message = "collector: the settings do not fit (422 bad_settings)\n  /settings/x: no such field\n";
    assert_eq!((it.code, it.stderr.as_str()), (Some(2), message));
    let (it, _) = run("\"down\"", &[], "succeeded").await;
    assert_eq!((it.code, it.stderr.as_str()), (Some(3), "collector: Service Unavailable (503)\n"));
}
