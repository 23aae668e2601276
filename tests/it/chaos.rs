//! `collector chaos`: the rehearsal is real, keeps to what is its own, and leaves nothing behind.

use std::path::Path;

use serde_json::Value;

use crate::support::{Collector, Scratch, eventually, finished, redis_server};

/// The processes that work in a directory below `dir`.
fn at_work_in(dir: &Path) -> Vec<u32> {
    let processes =
        std::fs::read_dir("/proc").unwrap().filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok());
    let works =
        |pid: &u32| std::fs::read_link(format!("/proc/{pid}/cwd")).is_ok_and(|cwd| cwd.starts_with(dir) && cwd != dir);
    processes.filter(works).collect()
}

/// What rehearsals have put into their directory for temporary files.
fn left_in(dir: &Path) -> Vec<String> {
    let names = std::fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    names.filter(|name| name.starts_with("chaos-")).collect()
}

fn number(value: &Value) -> u64 {
    value.as_u64().unwrap_or_else(|| panic!("a number: {value}"))
}

#[tokio::test]
async fn a_short_rehearsal_keeps_every_promise() {
    let scratch = Scratch::new();
    let tmp = [("TMPDIR", scratch.path().to_str().unwrap())];
    let done = finished(&scratch, ["chaos", "--duration", "8s", "--seed", "1", "--json"], &tmp).await;
    assert_eq!(done.code, Some(0), "{}\n{}", done.stdout, done.stderr);
    assert!(done.stderr.starts_with("seed 1\n") && done.stderr.contains(" s  kill -9 "), "{}", done.stderr);
    let verdict: Value = serde_json::from_str(&done.stdout).unwrap();
    let ended: u64 = verdict["ended"].as_object().unwrap().values().map(number).sum();
    assert!(number(&verdict["accepted"]) > 20, "{verdict}");
    assert_eq!(ended, number(&verdict["accepted"]), "{verdict}");
    assert_eq!((number(&verdict["lost"]), number(&verdict["unfinished"])), (0, 0), "{verdict}");
    let struck: u64 = verdict["strikes"].as_object().unwrap().values().map(|kind| number(&kind["acts"])).sum();
    assert_eq!(
        struck,
        done.stderr.lines().filter(|line| line.contains("  kill -9 ") || line.contains("  stall ")).count() as u64
    );
    assert!(number(&verdict["strikes"]["sanjer"]["acts"]) > 0, "{verdict}");
    assert!(left_in(scratch.path()).is_empty(), "its files are gone");
    eventually("its processes are gone", async || at_work_in(scratch.path()).is_empty().then_some(())).await;
}

#[tokio::test]
async fn a_redis_in_use_is_refused() {
    let scratch = Scratch::new();
    let url = format!("unix://{}", scratch.path().join("r.sock").display());
    let _server = redis_server(&scratch, &["--port", "0", "--unixsocket", "r.sock"], &url).await;
    let mut redis = redis::Client::open(url.clone()).unwrap().get_multiplexed_async_connection().await.unwrap();
    for key in ["theirs", "{etlas:0}:meta"] {
        let () = redis::cmd("HSET").arg(key).arg("field").arg(1).query_async(&mut redis).await.unwrap();
        let done = finished(&scratch, ["chaos", "--redis-url", &url, "--duration", "2s"], &[]).await;
        assert_eq!(done.code, Some(2), "{}", done.stderr);
        assert!(done.stderr.contains("in use") && done.stderr.contains(key), "{}", done.stderr);
        let keys: Vec<String> = redis::cmd("KEYS").arg("*").query_async(&mut redis).await.unwrap();
        assert_eq!(keys, [key], "nothing was added, nothing was deleted");
        let () = redis::cmd("DEL").arg(key).query_async(&mut redis).await.unwrap();
    }
}

#[tokio::test]
async fn nonsense_is_refused() {
    let scratch = Scratch::new();
    for (flag, value) in [("--duration", "0s"), ("--every", "1ms"), ("--hosts", "0"), ("--rate", "0"), ("--seed", "x")]
    {
        let done = finished(&scratch, ["chaos", flag, value], &[]).await;
        assert!(done.code == Some(2) && done.stderr.contains(flag), "{flag} {value}: {}", done.stderr);
    }
}

#[tokio::test]
async fn several_servers_are_refused() {
    let scratch = Scratch::new();
    for url in ["redis+cluster://127.0.0.1:1", "rediss+sentinel://127.0.0.1:1/name"] {
        let done = finished(&scratch, ["chaos", "--redis-url", url], &[]).await;
        assert!(done.code == Some(2) && done.stderr.contains("one Redis"), "{url}: {}", done.stderr);
    }
}

#[tokio::test]
async fn a_rehearsal_that_is_stopped_leaves_nothing() {
    let scratch = Scratch::new();
    let tmp = [("TMPDIR", scratch.path().to_str().unwrap())];
    let mut chaos = Collector::silent(&scratch, &["chaos", "--duration", "10m", "--seed", "2"], &tmp);
    eventually("it strikes", async || chaos.stderr().contains("kill -9").then_some(())).await;
    assert!(at_work_in(scratch.path()).len() > 3);
    assert_eq!(chaos.stop().await.code(), Some(2));
    assert!(chaos.stderr().contains("nothing was judged"), "{}", chaos.stderr());
    assert!(left_in(scratch.path()).is_empty());
    eventually("its processes are gone", async || at_work_in(scratch.path()).is_empty().then_some(())).await;
}
