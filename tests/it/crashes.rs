//! Whatever process goes away, its jobs do not.

use redis::AsyncCommands as _;
use rustix::process::Signal;
use serde_json::{Value, json};

use crate::support::{Collector, Scratch, alive, eventually, redis_server, signal};

/// A job that runs long enough to be interrupted, and short enough to be waited for.
fn slow() -> Value {
    json!({"platform_id": "noop", "settings": {"sleep_ms": 1500}})
}

/// The process that runs a job: `host:pid:start`.
fn pid_of(job: &Value) -> u32 {
    job["sanjer"].as_str().unwrap().rsplit(':').nth(1).unwrap().parse().unwrap()
}

#[tokio::test]
async fn a_killed_sanjer_loses_nothing() {
    let scratch = Scratch::new();
    let collector = Collector::up(&scratch, &["--pool", "light=1x4"]).await;
    let (first, second) = (collector.submit(&slow()).await, collector.submit(&slow()).await);
    let running = collector.reaches(&first, "running").await;
    collector.reaches(&second, "running").await;
    signal(pid_of(&running), Signal::KILL);
    for id in [first, second] {
        let job = collector.reaches(&id, "succeeded").await;
        assert_eq!((&job["attempt"], &job["lease"]), (&json!(1), &json!(2)), "a crash costs no attempt: {job}");
        assert!(job.get("crashes").is_none_or(|crashes| crashes == 0), "in a shared process nobody is charged: {job}");
    }
    assert!(collector.stderr().contains("signal 9"), "the cause is logged");
}

#[tokio::test]
async fn a_job_that_kills_its_process_is_quarantined() {
    let scratch = Scratch::new();
    let args = ["--pool", "light=1x4"];
    let collector = Collector::up_with(&scratch, &args, &[("COLLECTOR_QUEUE__MAX_CRASHES", "1")]).await;
    let killer = json!({"platform_id": "noop", "settings": {"sleep_ms": 300, "fail_with": "abort"}});
    let innocent = collector.submit(&slow()).await;
    let guilty = collector.submit(&killer).await;
    let dead = collector.reaches(&guilty, "dead").await;
    assert_eq!((&dead["crashes"], &dead["error"]["class"]), (&json!(1), &json!("crash")), "{dead}");
    assert_eq!(collector.reaches(&innocent, "succeeded").await["attempt"], 1);
}

#[tokio::test]
async fn a_stop_hands_back_and_leaves_no_process() {
    let scratch = Scratch::new();
    let redis = Scratch::new();
    let socket = redis.path().join("r.sock");
    let url = format!("unix://{}", socket.display());
    let _server = redis_server(&redis, &["--port", "0", "--unixsocket", "r.sock"], &url).await;
    let args = ["--redis-url", &url, "--pool", "light=1x4"];
    let mut first = Collector::up_with(&scratch, &args, &[("COLLECTOR_SANJERS__STOP_GRACE", "100ms")]).await;
    let id = first.submit(&json!({"platform_id": "noop", "settings": {"sleep_ms": 20000}})).await;
    let pid = pid_of(&first.reaches(&id, "running").await);
    assert!(first.stop().await.success());
    assert!(!alive(pid));
    let mut connection = redis::Client::open(url.clone()).unwrap().get_multiplexed_async_connection().await.unwrap();
    let status: String = connection.hget(format!("{{etlas:0}}:job:{id}"), "status").await.unwrap();
    assert_eq!(status, "queued", "{}", first.stderr());
}

#[tokio::test]
async fn sanjers_end_with_their_supervisor_and_another_host_goes_on() {
    let redis = Scratch::new();
    let url = format!("unix://{}", redis.path().join("r.sock").display());
    let _server = redis_server(&redis, &["--port", "0", "--unixsocket", "r.sock"], &url).await;
    let (one, two) = (Scratch::new(), Scratch::new());
    let key = one.path().join("shared.key");
    let env = [("COLLECTOR_SECRETS__KEY_FILE", key.to_str().unwrap()), ("COLLECTOR_QUEUE__LEASE", "3s")];
    let args = ["--redis-url", &url, "--pool", "light=1x2"];
    let mut first = Collector::up_with(&one, &args, &env).await;
    let id = first.submit(&slow()).await;
    let pid = pid_of(&first.reaches(&id, "running").await);
    let second = Collector::up_with(&two, &args, &env).await;
    first.kill().await;
    eventually("the orphan ends", async || (!alive(pid)).then_some(())).await;
    let job = second.reaches(&id, "succeeded").await;
    assert_eq!(job["attempt"], 1, "{job}");
}

#[tokio::test]
async fn a_killed_supervisor_leaves_no_sanjer() {
    let scratch = Scratch::new();
    let mut collector = Collector::up(&scratch, &[]).await;
    let mut redis = collector.redis().await;
    let pids = eventually("all sanjers are up", async || {
        let names: Vec<String> = redis.zrange("{etlas:0}:sanjers", 0, -1).await.unwrap();
        let pids: Vec<u32> = names.iter().map(|name| name.rsplit(':').nth(1).unwrap().parse().unwrap()).collect();
        (pids.len() == 7).then_some(pids)
    })
    .await;
    assert!(pids.iter().all(|pid| alive(*pid)));
    // Redis goes first: then the sanjers' last words are as many as they can be, and nobody reads them.
    signal(collector.redis_pid(), Signal::KILL);
    collector.kill().await;
    eventually("all sanjers end", async || pids.iter().all(|pid| !alive(*pid)).then_some(())).await;
}

#[tokio::test]
async fn another_key_is_refused() {
    let redis = Scratch::new();
    let url = format!("unix://{}", redis.path().join("r.sock").display());
    let _server = redis_server(&redis, &["--port", "0", "--unixsocket", "r.sock"], &url).await;
    let (one, two) = (Scratch::new(), Scratch::new());
    let _first = Collector::up(&one, &["--redis-url", &url, "--pool", "light=1x1"]).await;
    let other = crate::support::finished(&two, ["up", "--listen", "127.0.0.1:0", "--redis-url", &url], &[]).await;
    assert_eq!(other.code, Some(2));
    assert!(other.stderr.contains("another key"), "{}", other.stderr);
}

#[tokio::test]
async fn redis_may_restart() {
    let scratch = Scratch::new();
    let collector = Collector::up(&scratch, &["--pool", "light=1x4"]).await;
    let id = collector.submit(&slow()).await;
    collector.reaches(&id, "running").await;
    signal(collector.redis_pid(), Signal::TERM);
    let job = eventually("the job ends although Redis was away", async || {
        let answer = collector.get(&format!("/execution/get?job_id={id}")).await;
        assert!([200, 503].contains(&answer.status), "{}", answer.text);
        (answer.json["status"] == "succeeded").then_some(answer.json)
    })
    .await;
    assert_eq!(job["lease"], 1, "it ran once: {job}");
}
