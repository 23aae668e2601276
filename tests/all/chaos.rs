//! Longer rehearsals than the first tier has time for: every kind of act, several times.

use serde_json::Value;
use tokio::process::Command;

use crate::support::{Scratch, redis_server};

/// Rehearses with these arguments; every promise must be kept, but for what a redis-server that syncs once a second may
/// lose when it is killed while the disk is busy: that is no fault of the collector's, and `always` has no such excuse.
async fn rehearse(scratch: &Scratch, args: &[&str]) -> Value {
    let mut command = Command::new(env!("CARGO_BIN_EXE_collector"));
    command.arg("chaos").args(args).arg("--json").env("TMPDIR", scratch.path()).kill_on_drop(true);
    let output = command.output().await.unwrap();
    let (stdout, stderr) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    let verdict: Value = serde_json::from_str(&stdout).unwrap_or_else(|error| panic!("{error}: {stdout}\n{stderr}"));
    let broken = verdict["broken"].as_array().unwrap();
    assert!(broken.iter().all(|broken| broken["redis_lost_it"] == true), "{stdout}\n{stderr}");
    assert_eq!(output.status.code(), Some(i32::from(!broken.is_empty())), "{stderr}");
    assert!(verdict["accepted"].as_u64().unwrap() > 100, "{verdict}");
    verdict
}

fn acts(verdict: &Value, kind: &str) -> u64 {
    verdict["strikes"][kind]["acts"].as_u64().unwrap_or(0)
}

/// Each of these kinds was struck, and work went on afterwards.
fn all_recovered(verdict: &Value, kinds: &[&str]) {
    for kind in kinds {
        assert!(
            acts(verdict, kind) > 0 && verdict["strikes"][kind]["recovered"].as_u64() > Some(0),
            "{kind}: {verdict}"
        );
    }
}

#[tokio::test]
async fn seed_1_for_75_seconds() {
    let verdict = rehearse(&Scratch::new(), &["--seed", "1", "--duration", "75s"]).await;
    all_recovered(&verdict, &["sanjer", "supervisor", "api", "host", "redis", "stalled_api", "stalled_redis"]);
    assert!(acts(&verdict, "stalled_sanjer") > 0);
}

#[tokio::test]
async fn seed_2_for_75_seconds_on_three_hosts_with_every_write_on_disk() {
    let verdict =
        rehearse(&Scratch::new(), &["--seed", "2", "--duration", "75s", "--hosts", "3", "--durability", "always"])
            .await;
    all_recovered(&verdict, &["sanjer", "supervisor", "api", "host", "redis", "stalled_api", "stalled_redis"]);
}

#[tokio::test]
async fn a_redis_of_the_user_is_left_alive_and_empty() {
    let scratch = Scratch::new();
    let url = format!("unix://{}", scratch.path().join("r.sock").display());
    let server = redis_server(&scratch, &["--port", "0", "--unixsocket", "r.sock"], &url).await;
    let verdict = rehearse(&scratch, &["--seed", "3", "--duration", "20s", "--redis-url", &url]).await;
    assert_eq!(acts(&verdict, "redis") + acts(&verdict, "stalled_redis"), 0, "{verdict}");
    let mut redis = redis::Client::open(url).unwrap().get_multiplexed_async_connection().await.unwrap();
    let info: redis::InfoDict = redis::cmd("INFO").query_async(&mut redis).await.unwrap();
    assert_eq!(info.get::<u32>("process_id"), Some(server.pid()));
    let keys: u64 = redis::cmd("DBSIZE").query_async(&mut redis).await.unwrap();
    assert_eq!(keys, 0);
}
