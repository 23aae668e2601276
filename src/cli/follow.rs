//! Watches a job over its event stream until it ends.

use std::time::Duration;

use serde_json::Value;
use tokio::time::sleep;

use super::{
    CliError,
    client::{Client, whole},
    progress::Progress,
    sse::{Event, Parser},
};

/// Waits before a lost stream is opened again: the first, and the longest.
const RECONNECT: (Duration, Duration) = (Duration::from_millis(200), Duration::from_secs(5));

/// Attempts in a row without a single event after which the API counts as gone: about a minute.
const ATTEMPTS: u32 = 15;

/// Follows `job` until its `end` event.
pub(super) async fn follow(client: &Client, job: &str) -> Result<(), CliError> {
    let mut progress = Progress::new();
    let mut last: Option<String> = None;
    let mut wait = RECONNECT.0;
    let mut attempts = 0;
    let outcome = loop {
        let before = last.clone();
        match stream(client, job, &mut last, &mut progress).await {
            Ok(true) => break Ok(()),
            Err(error @ (CliError::Refused(_) | CliError::Start(_))) => break Err(error),
            Err(error) if attempts + 1 >= ATTEMPTS => break Err(error),
            Err(CliError::Unreachable(_)) | Ok(false) => {}
        }
        if last == before {
            attempts += 1;
            wait = (wait * 2).min(RECONNECT.1);
        } else {
            (attempts, wait) = (0, RECONNECT.0);
        }
        sleep(wait).await;
    };
    progress.end();
    outcome
}

/// Reads one stream. True: the job has ended. False: only the stream has.
async fn stream(
    client: &Client,
    job: &str,
    last: &mut Option<String>,
    progress: &mut Progress,
) -> Result<bool, CliError> {
    let mut response = client.events(job, last.as_deref()).await?;
    let mut parser = Parser::default();
    loop {
        let chunk = response.chunk().await;
        let Some(chunk) = chunk.map_err(|error| CliError::Unreachable(whole(&error)))? else { return Ok(false) };
        for event in parser.feed(&chunk).map_err(|error| CliError::Start(error.to_string()))? {
            let ended = show(&event, progress);
            if event.id.is_some() {
                *last = event.id;
            }
            if ended {
                return Ok(true);
            }
        }
    }
}

/// Shows one event, and says whether it was the last.
fn show(event: &Event, progress: &mut Progress) -> bool {
    let data: Value = serde_json::from_str(&event.data).unwrap_or_default();
    let text = |key: &str| data.get(key).and_then(Value::as_str).unwrap_or_default();
    match event.name.as_str() {
        "status" => progress.line(&match data.get("attempt").and_then(Value::as_u64) {
            Some(attempt) if attempt > 1 => format!("{} (attempt {attempt})", text("status")),
            _ => text("status").to_owned(),
        }),
        "progress" | "reset" | "snapshot" => {
            if let Some(fraction) = data.get("progress").and_then(Value::as_f64) {
                progress.at(fraction, text("message"));
            }
        }
        "log" => progress.line(&format!("log: {}", text("line"))),
        "end" => return true,
        _ => {}
    }
    // A snapshot after a gap may be of a job that has ended meanwhile.
    event.name == "reset" && text("status").parse::<crate::job::Status>().is_ok_and(crate::job::Status::is_terminal)
}
