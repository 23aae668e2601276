//! A SIGTERM ends every command that runs until it is told to: exit code 0, and no process is left behind.

use serde_json::json;

use crate::support::{Collector, RedisServer, Scratch, alive, children, eventually, redis_server};

/// Ends it while it has `count` children; none may be left.
async fn ends_whole(mut command: Collector, count: usize) {
    let pid = command.pid();
    let children = eventually("its children are there", async || {
        let children = children(pid);
        (children.len() >= count).then_some(children)
    })
    .await;
    assert_eq!(children.len(), count);
    assert_eq!(command.stop().await.code(), Some(0), "{}", command.stderr());
    let left: Vec<_> = children.into_iter().filter(|pid| alive(*pid)).collect();
    assert!(left.is_empty(), "left behind: {left:?}\n{}", command.stderr());
}

async fn own_redis(scratch: &Scratch) -> (RedisServer, String) {
    let url = format!("unix://{}", scratch.path().join("r.sock").display());
    (redis_server(scratch, &["--port", "0", "--unixsocket", "r.sock"], &url).await, url)
}

#[tokio::test]
async fn up() {
    let scratch = Scratch::new();
    let collector = Collector::up(&scratch, &["--pool", "light=2x2", "--pool", "heavy=1x1"]).await;
    // A job in the middle is no reason to stay: it is handed back.
    let id = collector.submit(&json!({"platform_id": "noop", "settings": {"sleep_ms": 600}})).await;
    collector.reaches(&id, "running").await;
    // Three sanjers, a spare for each of the two pools, and redis-server.
    ends_whole(collector, 6).await;
}

#[tokio::test]
async fn up_while_redis_is_away() {
    let scratch = Scratch::new();
    let (redis, url) = own_redis(&scratch).await;
    let env = [("COLLECTOR_SANJERS__STOP_GRACE", "100ms")];
    let collector = Collector::up_with(&scratch, &["--redis-url", &url, "--pool", "light=1x2"], &env).await;
    let id = collector.submit(&json!({"platform_id": "noop", "settings": {"sleep_ms": 20000}})).await;
    collector.reaches(&id, "running").await;
    drop(redis);
    ends_whole(collector, 2).await;
}

#[tokio::test]
async fn a_killed_supervisor_leaves_no_idle_sanjer() {
    let scratch = Scratch::new();
    let (_redis, url) = own_redis(&scratch).await;
    let mut collector = Collector::up(&scratch, &["--redis-url", &url, "--pool", "light=2x1"]).await;
    eventually("they are up", async || (collector.stderr().matches("sanjer is up").count() == 3).then_some(())).await;
    let sanjers = children(collector.pid());
    assert_eq!(sanjers.len(), 3);
    collector.kill().await;
    eventually("the orphans end", async || (!sanjers.iter().any(|pid| alive(*pid))).then_some(())).await;
}

#[tokio::test]
async fn api() {
    let scratch = Scratch::new();
    let (_redis, url) = own_redis(&scratch).await;
    let args = ["api", "--listen", "127.0.0.1:0", "--redis-url", &url];
    ends_whole(Collector::start(&scratch, &args, &[]).await, 0).await;
}

#[tokio::test]
async fn sanjer() {
    let scratch = Scratch::new();
    let (_redis, url) = own_redis(&scratch).await;
    let args = ["api", "--listen", "127.0.0.1:0", "--redis-url", &url];
    let api = Collector::start(&scratch, &args, &[]).await;
    let sanjer = Collector::silent(&scratch, &["sanjer", "--redis-url", &url, "--pool", "light=2x1"], &[]);
    let id = api.submit(&json!({"platform_id": "noop", "settings": {"sleep_ms": 600}})).await;
    api.reaches(&id, "running").await;
    ends_whole(sanjer, 3).await;
    // It took the time that a running job is given.
    let job = api.job(&id).await;
    assert_eq!((&job["status"], &job["lease"]), (&json!("succeeded"), &json!(1)), "{job}");
}
