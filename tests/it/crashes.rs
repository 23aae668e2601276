//! Whatever process goes away, its jobs do not.

use std::time::Duration;

use redis::AsyncCommands as _;
use rustix::process::Signal;
use serde_json::{Value, json};

use crate::support::{
    Collector, Scratch, alive, children, eventually, freeze, http, pid_of, redis_on_a_socket, redis_server, signal,
};

/// A job that runs long enough to be interrupted, and short enough to be waited for.
fn slow() -> Value {
    json!({"platform_id": "noop", "settings": {"sleep_ms": 1500}})
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
    let (_server, url) = redis_on_a_socket(&redis).await;
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
        (pids.len() == 9).then_some(pids)
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
    let (_server, url) = redis_on_a_socket(&redis).await;
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

#[tokio::test]
async fn the_only_job_of_a_killed_sanjer_is_charged_and_runs_again() {
    let scratch = Scratch::new();
    let collector = Collector::up(&scratch, &["--pool", "light=2x1"]).await;
    let (struck, other) = (collector.submit(&slow()).await, collector.submit(&slow()).await);
    let running = collector.reaches(&struck, "running").await;
    collector.reaches(&other, "running").await;
    signal(pid_of(&running), Signal::KILL);
    let job = collector.reaches(&struck, "succeeded").await;
    assert_eq!((&job["crashes"], &job["attempt"], &job["lease"]), (&json!(1), &json!(1), &json!(2)), "{job}");
    assert_ne!(pid_of(&job), pid_of(&running));
    let job = collector.reaches(&other, "succeeded").await;
    assert_eq!(job["lease"], 1, "the other process goes on: {job}");
    assert!(job.get("crashes").is_none_or(|crashes| crashes == 0), "{job}");
}

#[tokio::test]
async fn a_job_whose_process_is_killed_again_and_again_is_quarantined() {
    let scratch = Scratch::new();
    let args = ["--pool", "light=1x1"];
    let collector = Collector::up_with(&scratch, &args, &[("COLLECTOR_QUEUE__MAX_CRASHES", "2")]).await;
    let id = collector.submit(&json!({"platform_id": "noop", "settings": {"sleep_ms": 60000}})).await;
    for lease in [1, 2] {
        let running = eventually("it runs under its next lease", async || {
            let job = collector.job(&id).await;
            (job["status"] == "running" && job["lease"] == lease).then_some(job)
        })
        .await;
        signal(pid_of(&running), Signal::KILL);
    }
    let dead = collector.reaches(&id, "dead").await;
    assert_eq!((&dead["crashes"], &dead["attempt"]), (&json!(2), &json!(1)), "{dead}");
    assert!(dead["error"]["message"].as_str().unwrap().contains("signal 9"), "{dead}");
    // The pool is whole again.
    let next = collector.submit(&json!({"platform_id": "noop"})).await;
    collector.reaches(&next, "succeeded").await;
}

#[tokio::test]
async fn a_stalled_redis_costs_nothing_but_time() {
    let scratch = Scratch::new();
    let env = [("COLLECTOR_REDIS__TIMEOUT", "500ms"), ("COLLECTOR_QUEUE__LEASE", "2s")];
    let collector = Collector::up_with(&scratch, &["--pool", "light=1x4"], &env).await;
    // Each run leaves a line in the log of its job, whoever runs it.
    let spec = json!({"platform_id": "noop", "settings": {"sleep_ms": 1200, "steps": 4, "log_lines": 1, "rows": 3}});
    let mut ids = Vec::new();
    for _ in 0..12 {
        ids.push(collector.submit(&spec).await);
    }
    // No claim is under way when all slots are taken.
    for id in &ids[..4] {
        collector.reaches(id, "running").await;
    }
    let before = sorted(children(collector.pid()));
    freeze(collector.redis_pid()).await;
    // The stall is what is tested: longer than the time limit of a command, longer than a lease.
    tokio::time::sleep(Duration::from_secs(5)).await;
    let answer = collector.get(&format!("/execution/get?job_id={}", ids[0])).await;
    assert_eq!(answer.status, 503, "{}", answer.text);
    signal(collector.redis_pid(), Signal::CONT);
    for id in &ids {
        let job = collector.succeeds_in_the_end(id).await;
        assert_eq!((&job["attempt"], &job["lease"]), (&json!(1), &json!(1)), "it was claimed once: {job}");
        assert_eq!(job["log_lines"]["total"], 1, "it ran once: {job}");
        assert_eq!(job["processed"]["total"], 3, "it ran once: {job}");
    }
    assert_eq!(sorted(children(collector.pid())), before, "nobody was restarted:\n{}", collector.stderr());
}

#[tokio::test]
async fn a_post_into_a_stall_can_be_repeated() {
    let scratch = Scratch::new();
    let env = [("COLLECTOR_REDIS__TIMEOUT", "500ms"), ("COLLECTOR_QUEUE__LEASE", "2s")];
    let collector = Collector::up_with(&scratch, &["--pool", "light=1x4"], &env).await;
    let post = async || {
        let request = http::client().post(format!("{}/execution/run", collector.base));
        let spec = json!({"platform_id": "noop", "settings": {"log_lines": 1}});
        collector.ask(request.header("idempotency-key", "once").json(&spec)).await
    };
    freeze(collector.redis_pid()).await;
    let refused = post().await;
    assert_eq!(refused.status, 503, "{}", refused.text);
    assert!(refused.headers.contains_key("retry-after"));
    // What was sent is read when Redis goes on: the job may be there, and claimed by a sanjer that never hears of it.
    signal(collector.redis_pid(), Signal::CONT);
    let accepted = eventually("it is accepted", async || {
        let answer = post().await;
        (answer.status != 503).then_some(answer)
    })
    .await;
    assert_eq!(accepted.status, 202, "{}", accepted.text);
    let job = collector.reaches(accepted.json["job_id"].as_str().unwrap(), "succeeded").await;
    let full = collector.get(&format!("/execution/get?job_id={}&full", job["job_id"].as_str().unwrap())).await.json;
    assert_eq!((&full["attempt"], &full["log_lines"]["total"]), (&json!(1), &json!(1)), "it ran once: {full}");
    let listed = collector.get("/execution/list").await.json;
    assert_eq!(listed["jobs"].as_array().map(Vec::len), Some(1), "{listed}");
}

#[tokio::test]
async fn nobody_is_declared_dead_for_an_outage_of_redis() {
    let redis = Scratch::new();
    let url = format!("unix://{}", redis.path().join("r.sock").display());
    let args = ["--port", "0", "--unixsocket", "r.sock", "--appendonly", "yes", "--appendfsync", "always"];
    let server = redis_server(&redis, &args, &url).await;
    let scratch = Scratch::new();
    let env = [("COLLECTOR_QUEUE__LEASE", "3s")];
    let collector = Collector::up_with(&scratch, &["--redis-url", &url, "--pool", "light=1x1"], &env).await;
    let id = collector.submit(&slow()).await;
    let pid = pid_of(&collector.reaches(&id, "running").await);
    drop(server);
    // Its sanjer is the last to learn that Redis is back.
    freeze(pid).await;
    // The outage is what is tested: every lease has run out when it ends.
    tokio::time::sleep(Duration::from_secs(4)).await;
    let _server = redis_server(&redis, &args, &url).await;
    eventually("the supervisor has contact", async || {
        let answer = collector.get(&format!("/execution/get?job_id={id}")).await;
        (answer.status == 200).then_some(())
    })
    .await;
    // Time in which the reaper sees a lease that has run out, and leaves it alone: less than a lease.
    tokio::time::sleep(Duration::from_secs(1)).await;
    signal(pid, Signal::CONT);
    let job = collector.reaches(&id, "succeeded").await;
    assert_eq!((&job["lease"], pid_of(&job)), (&json!(1), pid), "it ran once: {job}\n{}", collector.stderr());
}

fn sorted(mut pids: Vec<u32>) -> Vec<u32> {
    pids.sort_unstable();
    pids
}

#[tokio::test]
async fn what_a_job_says_into_a_stall_is_written_once() {
    let scratch = Scratch::new();
    let patience = [("COLLECTOR_REDIS__TIMEOUT", "1s")];
    let collector = Collector::up_with(&scratch, &["--pool", "light=1x4"], &patience).await;
    // Redis knows the script that writes rows once it has run; a script it does not know is not run when it wakes up.
    let first = collector.submit(&json!({"platform_id": "noop", "settings": {"rows": 3}})).await;
    collector.reaches(&first, "succeeded").await;
    let id = collector.submit(&json!({"platform_id": "noop", "settings": {"sleep_ms": 500, "rows": 3}})).await;
    collector.reaches(&id, "running").await;
    freeze(collector.redis_pid()).await;
    eventually("the writer has given its call up", async || collector.stderr().contains("cannot write").then_some(()))
        .await;
    signal(collector.redis_pid(), Signal::CONT);
    collector.reaches(&id, "succeeded").await;
    let job = collector.get(&format!("/execution/get?job_id={id}&full")).await.json;
    assert_eq!(job["processed"]["total"], 3, "{job}");
}
