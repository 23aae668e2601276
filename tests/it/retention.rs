//! Finished jobs go when their time is over, with everything that belongs to them.

use serde_json::{Value, json};

use crate::support::{Collector, Scratch, eventually};

#[tokio::test]
async fn jobs_are_kept_as_long_as_asked_for_and_leave_nothing() {
    let scratch = Scratch::new();
    let env = [("COLLECTOR_JOBS__RETENTION", "1h"), ("COLLECTOR_JOBS__RETENTION_FAILED", "1s")];
    let collector = Collector::up_with(&scratch, &["--pool", "light=1x8"], &env).await;
    let submit = async |settings: Value, options: Value| {
        collector.submit(&json!({"platform_id": "noop", "settings": settings, "options": options})).await
    };
    let full = json!({"log_lines": 3, "rows": 3, "steps": 2, "sleep_ms": 10, "checkpoint": true});
    let kept = submit(full.clone(), json!({})).await;
    let failed_kept = submit(json!({"fail_with": "fatal"}), json!({"retention_s": 3600})).await;
    let mut gone = Vec::new();
    for n in 0..300 {
        gone.push(match n % 3 {
            0 => submit(full.clone(), json!({"retention_s": 1, "queue_ttl_s": 3600})).await,
            1 => submit(json!({"fail_with": "fatal", "log_lines": 1}), json!({})).await,
            _ => {
                let id = submit(json!({}), json!({"delay_s": 600})).await;
                collector.cancel(&id).await;
                id
            }
        });
    }
    eventually("their time is over", async || {
        let listed = collector.get("/execution/list?limit=200").await.json;
        (listed["jobs"].as_array().unwrap().len() == 2).then_some(())
    })
    .await;
    for id in [kept, failed_kept] {
        assert!(collector.job(&id).await["expires_at"].is_string());
    }
    let mut redis = collector.redis().await;
    let keys: Vec<String> = redis::cmd("KEYS").arg("*").query_async(&mut redis).await.unwrap();
    for id in gone {
        assert!(!keys.iter().any(|key| key.contains(&id)), "{id}: {keys:?}");
    }
    let indexes = ["done:", "platform:", "queue:", "delayed:", "ttl"];
    let is_index = |key: &&String| indexes.iter().any(|name| key.starts_with(&format!("{{etlas:0}}:{name}")));
    for index in keys.iter().filter(is_index) {
        let members: u64 = redis::cmd("ZCARD").arg(index).query_async(&mut redis).await.unwrap();
        assert!(members <= 2, "{index} has {members}");
    }
}
