//! What Prometheus reads is true, and what `deploy/` asks for exists.

use std::{collections::BTreeMap, fs};

use serde_json::{Value, json};

use crate::support::{Collector, Scratch, eventually};

impl Collector {
    /// Every sample of `/metrics` by its name and labels.
    async fn metrics(&self) -> BTreeMap<String, f64> {
        let answer = self.get("/metrics").await;
        assert_eq!(answer.status, 200, "{}", answer.text);
        let samples = answer.text.lines().filter(|line| !line.starts_with('#'));
        samples
            .map(|line| {
                let (name, value) = line.rsplit_once(' ').unwrap();
                (name.to_owned(), value.parse().unwrap())
            })
            .collect()
    }
}

#[tokio::test]
async fn ends_are_counted_once_whoever_brings_them_about() {
    let scratch = Scratch::new();
    let env = [("COLLECTOR_QUEUE__MAX_CRASHES", "1")];
    let collector = Collector::up_with(&scratch, &["--pool", "light=2x1"], &env).await;
    let noop =
        |settings: Value, options: Value| json!({"platform_id": "noop", "settings": settings, "options": options});
    let specs = [
        ("succeeded", noop(json!({}), json!({}))),
        ("succeeded", noop(json!({"fail_with": "transient", "fail_attempts": 1}), json!({"base_s": 1, "cap_s": 1}))),
        ("failed", noop(json!({"fail_with": "fatal"}), json!({}))),
        ("timed_out", noop(json!({"sleep_ms": 20_000}), json!({"timeout_s": 1}))),
        ("dead", noop(json!({"fail_with": "abort"}), json!({}))),
        ("timed_out", noop(json!({}), json!({"delay_s": 2, "queue_ttl_s": 1}))),
    ];
    let mut ids = Vec::new();
    for (status, spec) in specs {
        ids.push((collector.submit(&spec).await, status));
    }
    let scheduled = collector.submit(&noop(json!({}), json!({"delay_s": 3600}))).await;
    collector.cancel(&scheduled).await;
    let running = collector.submit(&noop(json!({"sleep_ms": 20_000}), json!({}))).await;
    collector.reaches(&running, "running").await;
    collector.cancel(&running).await;
    for (id, status) in ids.iter().take(5).chain([&(running, "cancelled"), &(scheduled, "cancelled")]) {
        collector.reaches(id, status).await;
    }
    let last = eventually("the last one has ended", async || {
        let job = collector.job(&ids[5].0).await;
        ["timed_out", "succeeded"].contains(&job["status"].as_str().unwrap()).then_some(job)
    })
    .await;
    // It may have been taken in time.
    let (succeeded, timed_out) = if last["status"] == "succeeded" { (3.0, 1.0) } else { (2.0, 2.0) };
    let ended = |status: &str| format!("collector_jobs_finished_total{{pool=\"light\",status=\"{status}\"}}");
    let expected = [
        (ended("succeeded"), succeeded),
        (ended("failed"), 1.0),
        (ended("timed_out"), timed_out),
        (ended("cancelled"), 2.0),
        (ended("dead"), 1.0),
        ("collector_crashes_total{pool=\"light\"}".to_owned(), 1.0),
        ("collector_attempts_total{pool=\"light\",outcome=\"retrying\"}".to_owned(), 1.0),
        ("collector_jobs_kept{status=\"cancelled\"}".to_owned(), 2.0),
    ];
    let times = |what: &str| format!("collector_job_duration_seconds_{what}");
    eventually("all of it is counted and measured", async || {
        let metrics = collector.metrics().await;
        // The last second of a process that dies is not measured.
        let measured = metrics[&times("count{pool=\"light\"}")];
        let largest = metrics[&times("bucket{pool=\"light\",le=\"+Inf\"}")];
        assert!((measured - largest).abs() < f64::EPSILON, "{metrics:?}");
        let counted = expected.iter().all(|(name, value)| metrics.get(name) == Some(value));
        (counted && measured >= 1.0).then_some(())
    })
    .await;
}

#[tokio::test]
async fn what_the_dashboard_and_the_alerts_ask_for_exists() {
    let scratch = Scratch::new();
    let collector = Collector::up(&scratch, &["--pool", "light=1x1"]).await;
    let id = collector.submit(&json!({"platform_id": "noop"})).await;
    collector.reaches(&id, "succeeded").await;
    let names = eventually("runs are counted", async || {
        let metrics = collector.metrics().await;
        let names: Vec<String> = metrics.keys().map(|name| name.split('{').next().unwrap().to_owned()).collect();
        names.contains(&"collector_attempts_total".to_owned()).then_some(names)
    })
    .await;
    let deploy = concat!(env!("CARGO_MANIFEST_DIR"), "/deploy");
    let mut asked = 0;
    for file in ["grafana/collector.json", "prometheus/alerts.yml", "prometheus/alerts_test.yml"] {
        let text = fs::read_to_string(format!("{deploy}/{file}")).unwrap();
        let words = text.split(|c: char| !c.is_ascii_alphanumeric() && c != '_');
        for word in words.filter(|word| word.starts_with("collector_")) {
            assert!(names.iter().any(|name| name == word), "{file}: there is no {word}");
            asked += 1;
        }
    }
    assert!(asked > 50, "{asked}");
}
