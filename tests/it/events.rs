//! `GET /execution/events` of a running collector: everything once and in order, whatever happens to Redis.

use std::time::Duration;

use futures_util::StreamExt as _;
use reqwest::Method;
use rustix::process::Signal;
use serde_json::{Value, json};
use tokio::time::timeout;

use crate::support::{Collector, Scratch, contract, http::client, signal};

/// Longer than any job here and any outage of Redis.
const PATIENCE: Duration = Duration::from_mins(1);

/// One event: its id, its name, its data.
type Event = (String, String, Value);

/// Follows a job to the end, coming back with the last id whenever the stream breaks off; calls `seen` at each event.
async fn follow(collector: &Collector, job: &str, mut seen: impl AsyncFnMut(&Event)) -> Vec<Event> {
    let url = format!("{}/execution/events?job_id={job}", collector.base);
    let mut events: Vec<Event> = Vec::new();
    let following = async {
        loop {
            let mut request = client().get(&url);
            if let Some((id, ..)) = events.last() {
                request = request.header("last-event-id", id);
            }
            let response = request.send().await.unwrap();
            if response.status() == 503 {
                tokio::time::sleep(Duration::from_millis(50)).await;
                continue;
            }
            contract::check(&Method::GET, "/execution/events", response.status(), response.headers(), "");
            assert_eq!(response.status(), 200);
            let mut stream = response.bytes_stream();
            let mut text = String::new();
            while let Some(Ok(bytes)) = stream.next().await {
                text.push_str(std::str::from_utf8(&bytes).unwrap());
                while let Some((block, rest)) = text.split_once("\n\n") {
                    let event = parse(block);
                    text = rest.to_owned();
                    let Some(event) = event else { continue };
                    seen(&event).await;
                    events.push(event);
                    if events.last().is_some_and(|(_, name, _)| name == "end") {
                        return;
                    }
                }
            }
        }
    };
    timeout(PATIENCE, following).await.expect("the end comes");
    events
}

/// A block of lines; nothing for a comment.
fn parse(block: &str) -> Option<Event> {
    let field = |name: &str| block.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": "));
    let (id, name, data) = (field("id")?, field("event")?, field("data")?);
    contract::check_event(name, data);
    Some((id.to_owned(), name.to_owned(), serde_json::from_str(data).unwrap()))
}

fn statuses(events: &[Event]) -> Vec<&str> {
    let of = |event: &&Event| event.1 == "status";
    events.iter().filter(of).map(|(_, _, data)| data["status"].as_str().unwrap()).collect()
}

fn progress(events: &[Event]) -> Vec<f64> {
    events.iter().filter(|event| event.1 == "progress").filter_map(|event| event.2["progress"].as_f64()).collect()
}

#[tokio::test]
async fn everything_is_told_once_and_in_order() {
    let scratch = Scratch::new();
    let collector = Collector::up(&scratch, &["--pool", "light=1x4"]).await;
    let spec = json!({"platform_id": "noop", "settings": {"sleep_ms": 900, "steps": 3}, "options": {"delay_s": 1}});
    let job = collector.submit(&spec).await;
    let events = follow(&collector, &job, async |_| {}).await;
    assert_eq!(events[0].1, "snapshot");
    assert_eq!((&events[0].2["job_id"], &events[0].2["status"]), (&json!(job), &json!("scheduled")));
    assert_eq!(statuses(&events), ["queued", "running", "succeeded"], "{events:?}");
    let progress = progress(&events);
    assert!(progress.len() >= 2 && progress.is_sorted(), "{progress:?}");
    assert_eq!(events.last().unwrap().2, json!({"status": "succeeded"}));
}

#[tokio::test]
async fn a_stream_survives_the_death_of_redis() {
    let scratch = Scratch::new();
    let collector = Collector::up(&scratch, &["--pool", "light=1x4"]).await;
    let job = collector.submit(&json!({"platform_id": "noop", "settings": {"sleep_ms": 3000, "steps": 6}})).await;
    let mut killed = false;
    let events = follow(&collector, &job, async |(_, name, _)| {
        if name == "progress" && !killed {
            killed = true;
            // What was written a moment ago is on its disk a second later (appendfsync everysec).
            tokio::time::sleep(Duration::from_millis(1200)).await;
            signal(collector.redis_pid(), Signal::KILL);
        }
    })
    .await;
    assert!(killed, "it was interrupted: {events:?}");
    assert_eq!(events.last().unwrap().2, json!({"status": "succeeded"}));
    assert_eq!(statuses(&events).last(), Some(&"succeeded"), "{events:?}");
    // Whatever the reader did meanwhile, it was told everything once, in order, and nothing of it was lost.
    assert!(events.iter().all(|event| event.1 != "reset"), "{events:?}");
    let progress = progress(&events);
    assert!(progress.is_sorted_by(|a, b| a < b) && progress.last() == Some(&1.0), "{progress:?}");
    let mut ids: Vec<&str> = events.iter().filter(|event| event.1 != "end").map(|event| event.0.as_str()).collect();
    ids.sort_unstable();
    let all = ids.len();
    ids.dedup();
    assert_eq!(ids.len(), all, "nothing is told twice: {events:?}");
    assert_eq!(collector.job(&job).await["lease"], 1, "it ran once");
}
