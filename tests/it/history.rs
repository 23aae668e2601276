//! What was is remembered: by whoever is there, once a step, across restarts, without peaks that never were.

use std::time::Duration;

use redis::AsyncCommands as _;
use serde_json::{Value, json};
use tokio::time::sleep;

use crate::support::{Collector, Scratch, eventually};

impl Collector {
    async fn history(&self, query: &str) -> Value {
        let answer = self.get(&format!("/queue/history{query}")).await;
        assert_eq!(answer.status, 200, "{}", answer.text);
        answer.json
    }
}

/// What was taken down of a series: its values without the gaps.
fn known(series: &Value) -> Vec<f64> {
    series.as_array().unwrap().iter().filter_map(Value::as_f64).collect()
}

fn succeeded(history: &Value) -> f64 {
    known(&history["series"]["finished"]["succeeded"]).iter().sum()
}

/// Submits so many jobs and waits for their ends.
async fn work(collector: &Collector, jobs: usize) {
    let mut ids = Vec::new();
    for _ in 0..jobs {
        ids.push(collector.submit(&json!({"platform_id": "noop", "settings": {"sleep_ms": 30}})).await);
    }
    for id in ids {
        collector.reaches(&id, "succeeded").await;
    }
}

#[tokio::test]
async fn the_history_counts_every_job_once_and_survives_a_restart() {
    let scratch = Scratch::new();
    let args = ["--pool", "light=1x4"];
    let mut collector = Collector::up(&scratch, &args).await;
    // Rates are known from the second step on.
    eventually("somebody takes down steps", async || {
        let history = collector.history("?span=15m").await;
        (!known(&history["series"]["finished"]["dead"]).is_empty()).then_some(())
    })
    .await;
    work(&collector, 12).await;
    let history = eventually("all ends are there", async || {
        let history = collector.history("?span=15m").await;
        (succeeded(&history) >= 12.0).then_some(history)
    })
    .await;
    assert!((succeeded(&history) - 12.0).abs() < f64::EPSILON, "{history}");
    assert_eq!((&history["points"], &history["step_s"]), (&json!(180), &json!(5)));
    let p50 = known(&history["series"]["duration_ms"]["p50"]);
    assert!(!p50.is_empty() && p50.iter().all(|ms| (20.0..=100.0).contains(ms)), "{p50:?}");
    for span in ["24h", "7d"] {
        let long = collector.history(&format!("?span={span}&pool=light")).await;
        assert!((succeeded(&long) - 12.0).abs() < f64::EPSILON, "{span}: {long}");
    }
    assert_eq!(known(&collector.history("?pool=nobody").await["series"]["queued"]), [] as [f64; 0]);

    assert!(collector.stop().await.success());
    // More than a step without anybody: a gap, after which rates are not known at once.
    sleep(Duration::from_millis(10_500)).await;
    let collector = Collector::up(&scratch, &args).await;
    work(&collector, 3).await;
    let steps = known(&history["series"]["queued"]).len();
    let history = eventually("it goes on", async || {
        let history = collector.history("").await;
        (known(&history["series"]["queued"]).len() > steps && succeeded(&history) >= 12.0).then_some(history)
    })
    .await;
    let queued = history["series"]["queued"].as_array().unwrap();
    let first = queued.iter().position(|value| !value.is_null()).unwrap();
    assert!(queued[first..].iter().any(Value::is_null), "the gap shows: {history}");
    assert!(succeeded(&history) <= 15.0, "no peak: {history}");
}

#[tokio::test]
async fn two_hosts_write_one_history_and_an_emptied_redis_makes_no_peak() {
    let (one, two) = (Scratch::new(), Scratch::new());
    let first = Collector::up(&one, &["--pool", "light=1x4"]).await;
    let url = first.redis_url();
    let key = one.path().join("data/secret.key");
    let env = [("COLLECTOR_SECRETS__KEY_FILE", key.to_str().unwrap())];
    let second = Collector::start(&two, &["api", "--listen", "127.0.0.1:0", "--redis-url", &url], &env).await;
    eventually("somebody takes down steps", async || {
        let history = second.history("").await;
        (known(&history["series"]["finished"]["dead"]).len() >= 2).then_some(())
    })
    .await;
    work(&first, 8).await;
    let history = eventually("all ends are there", async || {
        let history = second.history("").await;
        (succeeded(&history) >= 8.0).then_some(history)
    })
    .await;
    assert!((succeeded(&history) - 8.0).abs() < f64::EPSILON, "each end once: {history}");
    // What was counted is gone; the head and the rings are still there, as after a replica took over that was behind.
    let mut redis = first.redis().await;
    let _: () = redis.del("{etlas:0}:totals").await.unwrap();
    let steps = known(&history["series"]["queued"]).len();
    let history = eventually("steps go on", async || {
        let history = second.history("").await;
        (known(&history["series"]["queued"]).len() >= steps + 2).then_some(history)
    })
    .await;
    assert!((succeeded(&history) - 8.0).abs() < f64::EPSILON, "{history}");
    let _: () = redis::cmd("FLUSHALL").query_async(&mut redis).await.unwrap();
    let history = eventually("it begins anew", async || {
        let history = second.history("").await;
        let known = known(&history["series"]["queued"]).len();
        (1..=3).contains(&known).then_some(history)
    })
    .await;
    assert!(succeeded(&history).abs() < f64::EPSILON, "{history}");
}
