//! Prometheus' own tool (Debian: package prometheus) finds nothing wrong with `/metrics`, the alert rules and the
//! queries of the dashboard.

use std::{fs, path::Path, process::Stdio};

use serde_json::{Value, json};
use tokio::{io::AsyncWriteExt as _, process::Command};

use crate::support::{Collector, Scratch};

const DEPLOY: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/deploy");

/// Runs it in a directory; what it says is an error.
async fn promtool(dir: &Path, args: &[&str], input: &str) -> String {
    let mut child = Command::new("promtool")
        .args(args)
        .current_dir(dir)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .expect("promtool is missing: apt-get install prometheus");
    let mut stdin = child.stdin.take().unwrap();
    stdin.write_all(input.as_bytes()).await.unwrap();
    drop(stdin);
    let output = child.wait_with_output().await.unwrap();
    let said = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
    assert!(output.status.success(), "promtool {args:?}: {said}");
    said
}

#[tokio::test]
async fn the_metrics_follow_the_conventions() {
    let scratch = Scratch::new();
    let collector = Collector::up(&scratch, &["--pool", "light=1x1"]).await;
    let id = collector.submit(&json!({"platform_id": "noop"})).await;
    collector.reaches(&id, "succeeded").await;
    let metrics = collector.get("/metrics").await.text;
    assert_eq!(promtool(scratch.path(), &["check", "metrics"], &metrics).await, "");
}

#[tokio::test]
async fn the_alerts_fire_when_they_should() {
    let dir = Path::new(DEPLOY).join("prometheus");
    let config = promtool(&dir, &["check", "config", "prometheus.yml"], "").await;
    assert!(config.contains("1 rule files found"), "{config}");
    let tested = promtool(&dir, &["test", "rules", "alerts_test.yml"], "").await;
    assert!(tested.contains("SUCCESS"), "{tested}");
    // Each of them is in the tests, once firing and once not.
    let [rules, tests] = ["alerts.yml", "alerts_test.yml"].map(|file| fs::read_to_string(dir.join(file)).unwrap());
    for line in rules.lines().filter_map(|line| line.trim().strip_prefix("- alert: ")) {
        assert!(tests.matches(&format!("alertname: {line}")).count() >= 2, "{line}");
    }
}

#[tokio::test]
async fn the_queries_of_the_dashboard_are_queries() {
    let scratch = Scratch::new();
    let text = fs::read_to_string(Path::new(DEPLOY).join("grafana/collector.json")).unwrap();
    let dashboard: Value = serde_json::from_str(&text).unwrap();
    let targets = dashboard["panels"].as_array().unwrap().iter().flat_map(|panel| panel["targets"].as_array().unwrap());
    let rules: Vec<Value> = targets
        .enumerate()
        .map(|(n, target)| {
            let query = target["expr"].as_str().unwrap();
            let query = query.replace("$__rate_interval", "1m").replace("$pool", ".*");
            json!({"record": format!("panel:{n}"), "expr": query})
        })
        .collect();
    assert!(rules.len() > 20);
    let rules = json!({"groups": [{"name": "dashboard", "rules": rules}]});
    // JSON is YAML.
    scratch.write("rules.yml", &rules.to_string());
    promtool(scratch.path(), &["check", "rules", "rules.yml"], "").await;
}
