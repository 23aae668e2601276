//! A job's log: what its platform logs and what its run traces, bounded, page by page, without secrets.

use serde_json::{Value, json};

use crate::support::{Collector, Scratch};

impl Collector {
    async fn log(&self, id: &str, query: &str) -> Value {
        let answer = self.get(&format!("/execution/log?job_id={id}{query}")).await;
        assert_eq!(answer.status, 200, "{}", answer.text);
        answer.json
    }
}

fn texts(page: &Value) -> Vec<&str> {
    page["lines"].as_array().unwrap().iter().map(|line| line["line"].as_str().unwrap()).collect()
}

#[tokio::test]
async fn a_log_is_read_backwards_page_by_page() {
    let scratch = Scratch::new();
    let env = [("COLLECTOR_JOBS__MAX_LOG_LINES", "25")];
    let collector = Collector::up_with(&scratch, &["--pool", "light=1x1"], &env).await;
    let id = collector.submit(&json!({"platform_id": "noop", "settings": {"log_lines": 60}})).await;
    collector.reaches(&id, "succeeded").await;
    let last = collector.log(&id, "&limit=10").await;
    assert_eq!([&last["first"], &last["total"], &last["kept"]], [51, 60, 25], "{last}");
    assert_eq!((texts(&last)[0], texts(&last).len()), ("line 51 of 60", 10));
    let before = collector.log(&id, "&limit=10&before=51").await;
    assert_eq!((texts(&before)[0], texts(&before)[9]), ("line 41 of 60", "line 50 of 60"));
    let first = collector.log(&id, "&limit=10&before=41").await;
    assert_eq!(
        (texts(&first), &first["first"]),
        (vec!["line 36 of 60", "line 37 of 60", "line 38 of 60", "line 39 of 60", "line 40 of 60"], &json!(36))
    );
    let gone = collector.log(&id, "&before=36").await;
    assert_eq!((texts(&gone), &gone["first"]), (vec![], &json!(36)));
    assert_eq!(texts(&collector.log(&id, "&limit=1&before=9007199254740991").await), ["line 60 of 60"]);
}

#[tokio::test]
async fn tracing_events_of_a_run_stand_in_its_log() {
    let scratch = Scratch::new();
    let collector = Collector::up(&scratch, &["--pool", "light=1x4"]).await;
    let settings =
        json!({"trace_lines": 2, "log_lines": 1, "secret": "hunter2222", "warn": "the password is hunter2222"});
    let id = collector.submit(&json!({"platform_id": "noop", "settings": settings})).await;
    let other = collector.submit(&json!({"platform_id": "noop"})).await;
    collector.reaches(&id, "succeeded").await;
    collector.reaches(&other, "succeeded").await;
    let log = collector.log(&id, "").await;
    assert_eq!(texts(&log), ["line 1 of 1", "traced n=1 of=2", "traced n=2 of=2", "the password is ••••"]);
    let levels: Vec<_> = log["lines"].as_array().unwrap().iter().map(|line| &line["level"]).collect();
    assert_eq!(levels, [&Value::Null, &json!("info"), &json!("info"), &json!("warn")]);
    assert!(log["lines"][1]["target"].as_str().unwrap().contains("noop"), "{log}");
    assert_eq!(collector.log(&other, "").await["total"], 0, "no job has another's events");
    // A flood is cut, and said to be.
    let id = collector.submit(&json!({"platform_id": "noop", "settings": {"trace_lines": 5000}})).await;
    collector.reaches(&id, "succeeded").await;
    let log = collector.log(&id, "&limit=1000").await;
    let texts = texts(&log);
    assert!(texts.len() <= 110 && texts.len() > 50, "{}", texts.len());
    assert!(texts.last().unwrap().contains("tracing events are missing here"), "{texts:?}");
}

#[tokio::test]
async fn the_level_is_configured() {
    let scratch = Scratch::new();
    let env = [("COLLECTOR_JOBS__LOG_LEVEL", "warn"), ("COLLECTOR_LOG__LEVEL", "error")];
    let collector = Collector::up_with(&scratch, &["--pool", "light=1x4"], &env).await;
    let settings = json!({"trace_lines": 2, "warn": "mind the gap"});
    let id = collector.submit(&json!({"platform_id": "noop", "settings": settings})).await;
    collector.reaches(&id, "succeeded").await;
    assert_eq!(texts(&collector.log(&id, "").await), ["mind the gap"]);
    assert!(!collector.stderr().contains("mind the gap"), "that log has a level of its own");
    let scratch = Scratch::new();
    let collector =
        Collector::up_with(&scratch, &["--pool", "light=1x4"], &[("COLLECTOR_JOBS__LOG_LEVEL", "off")]).await;
    let id = collector.submit(&json!({"platform_id": "noop", "settings": settings})).await;
    collector.reaches(&id, "succeeded").await;
    assert_eq!(collector.log(&id, "").await["total"], 0);
    assert!(collector.stderr().contains("mind the gap"), "and its own place");
}
