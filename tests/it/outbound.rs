//! What a job's outgoing calls may reach, and how an operator finds out why one may not.

use serde_json::{Value, json};

use crate::support::{Collector, Scratch, finished};

async fn rule(collector: &Collector, url: &str) -> Value {
    let answer = collector.post("/system/check_url", json!({ "url": url }).to_string()).await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    assert_eq!(answer.json["allowed"], answer.json["rule"].is_null(), "{}", answer.text);
    answer.json["rule"].clone()
}

#[tokio::test]
async fn the_configuration_decides_what_may_be_called() {
    let (here, there) = (Scratch::new(), Scratch::new());
    let one = Collector::up(&here, &["--pool", "light=1x1"]).await;
    there.write(
        "collector.toml",
        "[network]\nallow_public = true\nallow = [\"10.2.0.0/16\"]\nports = [\"443\", \"8080\"]\n",
    );
    let two = Collector::up(&there, &["--pool", "light=1x1"]).await;
    for (url, of_one, of_two) in [
        ("http://127.0.0.1:8080", Value::Null, json!("loopback")),
        ("http://localhost:8080", Value::Null, json!("localhost")),
        ("http://2130706433:8080", Value::Null, json!("loopback")),
        ("https://8.8.8.8", json!("public"), Value::Null),
        ("http://8.8.8.8", json!("public"), json!("port")),
        ("https://10.2.0.1", json!("private"), Value::Null),
        ("https://10.3.0.1", json!("private"), json!("private")),
        ("https://[::ffff:169.254.169.254]", json!("metadata"), json!("metadata")),
        ("ftp://8.8.8.8", json!("scheme"), json!("scheme")),
        ("", json!("url"), json!("url")),
    ] {
        assert_eq!(rule(&one, url).await, of_one, "{url}");
        assert_eq!(rule(&two, url).await, of_two, "{url}");
    }
    assert_eq!(rule(&one, "http://name.example:8080").await, "name", "no name server is asked");
}

#[tokio::test]
async fn the_command_line_asks_too() {
    let scratch = Scratch::new();
    let collector = Collector::up(&scratch, &["--pool", "light=1x1"]).await;
    for (url, code, word) in [("http://127.0.0.1:9000", 0, "true"), ("http://0xa9fea9fe/latest", 1, "metadata")] {
        let said = finished(&scratch, ["check-url", url, "--api", &collector.base], &[]).await;
        assert_eq!(said.code, Some(code), "{said:?}");
        assert!(said.stdout.contains(word), "{said:?}");
    }
}
