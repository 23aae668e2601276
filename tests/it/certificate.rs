//! A job keeps how its process died.

use rustix::process::Signal;
use serde_json::{Value, json};

use crate::support::{Collector, Scratch, pid_of, signal};

#[tokio::test]
async fn a_death_is_certified_on_every_job_it_concerns() {
    let scratch = Scratch::new();
    let env = [("COLLECTOR_QUEUE__MAX_CRASHES", "1")];
    let collector = Collector::up_with(&scratch, &["--pool", "light=1x4"], &env).await;
    let secret = "correct horse battery staple";
    let settings = json!({"sleep_ms": 60000, "steps": 100, "allocate_mb": 100, "secret": secret});
    let id = collector.submit(&json!({"platform_id": "noop", "settings": settings})).await;
    let running = collector.reaches(&id, "running").await;
    let neighbour = collector.submit(&json!({"platform_id": "noop", "settings": {"sleep_ms": 2000}})).await;
    collector.reaches(&neighbour, "running").await;
    crate::support::eventually("it says where it is", async || collector.job(&id).await["message"].as_str().map(drop))
        .await;
    signal(pid_of(&running), Signal::KILL);

    // In a shared process nobody is charged; both run again alone, and both keep the certificate.
    let again = collector.runs_again(&id, 2).await;
    assert_eq!((&again["crashes"], &again["attempt"]), (&json!(0), &json!(1)), "{again}");
    let certificate = &again["certificate"];
    assert_eq!((&certificate["signal"], &certificate["lease"]), (&json!(9), &json!(1)), "{certificate}");
    assert!(certificate["cause"].as_str().unwrap().starts_with("signal 9"), "{certificate}");
    assert_eq!(certificate["sanjer"], running["sanjer"]);
    assert!(certificate["peak_rss_bytes"].as_u64().unwrap() > 100 << 20, "{certificate}");
    assert!(certificate["cpu_s"].as_f64().unwrap() > 0.0 && certificate["wall_s"].as_f64().unwrap() > 0.0);
    assert!(certificate["message"].as_str().unwrap().ends_with("of 100"), "{certificate}");
    assert_eq!(certificate["oom"], false, "it was killed, but not for want of memory: {certificate}");
    assert_eq!(again["history"][0]["outcome"], "crashed", "{again}");

    // Alone it is charged.
    signal(pid_of(&again), Signal::ABORT);
    let dead = collector.reaches(&id, "dead").await;
    assert_eq!((&dead["certificate"]["signal"], &dead["crashes"]), (&json!(6), &json!(1)), "{dead}");
    let neighbour = collector.reaches(&neighbour, "succeeded").await;
    assert_eq!((&neighbour["certificate"]["signal"], &neighbour["crashes"]), (&json!(9), &json!(0)), "{neighbour}");
    assert!(!dead.to_string().contains(secret));
}

#[tokio::test]
async fn last_words_are_kept_without_secrets() {
    let scratch = Scratch::new();
    let env = [("COLLECTOR_QUEUE__MAX_CRASHES", "1"), ("COLLECTOR_LOG__LEVEL", "debug")];
    let collector = Collector::up_with(&scratch, &["--pool", "light=1x1"], &env).await;
    let secret = "correct horse battery staple";
    for (ending, expected) in [("exit", json!(70)), ("abort", Value::Null)] {
        let settings = json!({"fail_with": ending, "exit_code": 70, "print": format!("my password is {secret}"), "secret": secret});
        let id = collector.submit(&json!({"platform_id": "noop", "settings": settings})).await;
        let dead = collector.reaches(&id, "dead").await;
        let certificate = &dead["certificate"];
        assert_eq!(certificate["exit_code"], expected, "{dead}");
        let lines: Vec<&str> = certificate["stderr"].as_array().unwrap().iter().filter_map(Value::as_str).collect();
        assert!(lines.contains(&"my password is ••••"), "{certificate}");
        assert!(lines.len() <= 20 && !certificate.to_string().contains(secret), "{certificate}");
    }
}

#[tokio::test]
async fn a_process_that_ends_as_if_it_may_is_not_believed() {
    let scratch = Scratch::new();
    let env = [("COLLECTOR_QUEUE__MAX_CRASHES", "2")];
    let collector = Collector::up_with(&scratch, &["--pool", "light=1x1"], &env).await;
    // The codes with which a sanjer ends by its own decision.
    for code in [0, 75] {
        let settings = json!({"fail_with": "exit", "exit_code": code});
        let id = collector.submit(&json!({"platform_id": "noop", "settings": settings})).await;
        let dead = collector.reaches(&id, "dead").await;
        assert_eq!((&dead["crashes"], &dead["certificate"]["exit_code"]), (&json!(2), &json!(code)), "{dead}");
    }
}
