//! The core of the first tier on a Redis Cluster of three primaries, and what only a Cluster does: servers are lost,
//! replicas take over, slots move.

use std::{
    collections::HashSet,
    time::{Duration, Instant},
};

use futures_util::{StreamExt as _, stream};
use rustix::process::Signal;
use serde_json::{Value, json};

use crate::{
    servers::{Cluster, PASSWORD, Server},
    support::{Collector, Scratch, alive, children, eventually, finished, http::client, signal},
};

/// Four shards; and nobody looks for work by itself, so that whatever runs was told of.
const ENV: [(&str, &str); 2] = [("COLLECTOR_QUEUE__SHARDS", "4"), ("COLLECTOR_QUEUE__SAFETY_POLL", "1h")];

async fn up(scratch: &Scratch, cluster: &Cluster) -> Collector {
    Collector::up_with(scratch, &["--redis-url", &cluster.url(), "--pool", "light=2x8"], &ENV).await
}

fn noop() -> Value {
    json!({"platform_id": "noop"})
}

/// The process that runs a job: `host:pid:start`.
fn pid_of(job: &Value) -> u32 {
    job["sanjer"].as_str().unwrap().rsplit(':').nth(1).unwrap().parse().unwrap()
}

/// Submits so many jobs at once; the ids of those that were accepted. The others must be answered 503 and when to come
/// back.
async fn submit_many(collector: &Collector, count: usize, spec: &Value) -> Vec<String> {
    let client = client();
    let url = format!("{}/execution/run", collector.base);
    let answers = stream::iter(0..count).map(|_| async {
        let request = client.post(&url).header("content-type", "application/json").body(spec.to_string());
        let answer = collector.ask(request).await;
        if answer.status == 503 {
            assert!(answer.headers.contains_key("retry-after"), "{}", answer.text);
            return None;
        }
        assert_eq!(answer.status, 202, "{}", answer.text);
        Some(answer.json["job_id"].as_str().unwrap().to_owned())
    });
    answers.buffer_unordered(32).filter_map(async |id| id).collect().await
}

async fn all_succeed(collector: &Collector, ids: &[String]) {
    for id in ids {
        collector.reaches(id, "succeeded").await;
    }
}

/// All pages of a list.
async fn listed(collector: &Collector, filter: &str) -> Vec<String> {
    let (mut seen, mut cursor) = (Vec::new(), String::new());
    loop {
        let page = collector.get(&format!("/execution/list?{filter}{cursor}")).await.json;
        seen.extend(page["jobs"].as_array().unwrap().iter().map(|job| job["job_id"].as_str().unwrap().to_owned()));
        let Some(next) = page["cursor"].as_str() else { return seen };
        cursor = format!("&cursor={next}");
    }
}

/// Nothing ended, nothing crossed slots, nothing was refused for good, and no password was told.
fn is_sound(collector: &Collector) {
    assert!(alive(collector.pid()));
    let log = collector.stderr();
    for bad in ["CROSSSLOT", "redis refused", "panicked", "ended:", PASSWORD] {
        assert!(!log.contains(bad), "{bad} in\n{log}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn jobs_of_all_shards_run() {
    let scratch = Scratch::new();
    let cluster = Cluster::start(&scratch, 3, 0).await;
    let mut collector = up(&scratch, &cluster).await;

    let spec = json!({"platform_id": "noop", "settings": {"steps": 2, "rows": 5, "log_lines": 3}});
    let id = collector.submit(&spec).await;
    collector.reaches(&id, "succeeded").await;
    let job = collector.get(&format!("/execution/get?job_id={id}&full")).await.json;
    assert_eq!(job["processed"]["rows"].as_array().map(Vec::len), Some(5), "{job}");
    assert_eq!(job["log"].as_array().map(Vec::len), Some(3), "{job}");

    let post = async |key: &str| {
        let request =
            client().post(format!("{}/execution/run", collector.base)).header("idempotency-key", key.to_owned());
        collector.ask(request.header("content-type", "application/json").body(noop().to_string())).await
    };
    for key in ["one", "two", "three", "four", "five"] {
        let (first, again) = (post(key).await, post(key).await);
        assert_eq!((first.status, again.status), (202, 202), "{}", again.text);
        assert_eq!(first.json["job_id"], again.json["job_id"]);
    }

    let ids = submit_many(&collector, 40, &noop()).await;
    all_succeed(&collector, &ids).await;
    let seen = listed(&collector, "status=succeeded&limit=7").await;
    assert_eq!(seen.len(), seen.iter().collect::<HashSet<_>>().len(), "each once");
    assert!(ids.iter().all(|id| seen.contains(id)), "{seen:?}");
    for filter in ["status=queued", "status=running", "platform=noop", "status=failed&platform=noop"] {
        assert_eq!(collector.get(&format!("/execution/list?{filter}")).await.status, 200, "{filter}");
    }

    let fails =
        json!({"_id": "mine", "platform_id": "noop", "settings": {"fail_with": "fatal"}, "options": {"labels": ["f"]}});
    for id in submit_many(&collector, 20, &fails).await {
        collector.reaches(&id, "failed").await;
    }
    for filter in ["label=f", "_id=mine", "error=asked_to_fail", "label=f&status=failed"] {
        assert_eq!(listed(&collector, &format!("{filter}&limit=7")).await.len(), 20, "{filter}");
    }
    assert_eq!(collector.get("/failures/get").await.json["groups"][0]["count"], 20);
    assert_eq!(collector.get("/execution/search?q=min").await.json["hits"][0]["count"], 20);
    let delete = json!({"action": "delete", "filter": {"label": "f"}});
    let bulk = collector.post("/execution/bulk", delete.to_string()).await.json["job_id"].clone();
    let bulk = collector.reaches(bulk.as_str().unwrap(), "succeeded").await;
    assert_eq!((&bulk["result"]["done"], listed(&collector, "label=f&limit=7").await.len()), (&json!(20), 0), "{bulk}");

    let delayed = submit_many(&collector, 8, &json!({"platform_id": "noop", "options": {"delay_s": 1}})).await;
    all_succeed(&collector, &delayed).await;

    // What is counted in four shards on three servers adds up: the bulk job is one of them.
    let stats = collector.get("/queue/stats").await.json;
    let serving = &stats["pools"]["light"]["sanjers"]["serving"];
    assert_eq!((&stats["finished"]["succeeded"], serving), (&json!(55), &json!(2)), "{stats}");
    let metrics = collector.get("/metrics").await.text;
    assert!(metrics.contains("collector_jobs_finished_total{pool=\"light\",status=\"succeeded\"} 55\n"), "{metrics}");

    let answer = collector.post("/system/alive", "").await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    assert!(answer.json["redis"]["used_memory_bytes"].as_u64() > Some(3 << 19), "of all: {}", answer.text);
    is_sound(&collector);
    assert_eq!(collector.stop().await.code(), Some(0), "{}", collector.stderr());
}

#[tokio::test(flavor = "multi_thread")]
async fn two_thousand_jobs_are_drained_and_a_killed_sanjer_loses_none() {
    let scratch = Scratch::new();
    let cluster = Cluster::start(&scratch, 3, 0).await;
    let collector = up(&scratch, &cluster).await;
    let slow = submit_many(&collector, 4, &json!({"platform_id": "noop", "settings": {"sleep_ms": 1500}})).await;
    let running = collector.reaches(&slow[0], "running").await;
    signal(pid_of(&running), Signal::KILL);
    let started = Instant::now();
    let ids = submit_many(&collector, 2000, &noop()).await;
    assert_eq!(ids.len(), 2000);
    let submitted = started.elapsed();
    all_succeed(&collector, &slow).await;
    eventually("all are drained", async || {
        let light = collector.post("/system/alive", "").await.json["pools"]["light"].clone();
        (light["queued"] == 0 && light["running"] == 0).then_some(())
    })
    .await;
    println!("2,000 jobs submitted in {submitted:?}, drained after {:?}", started.elapsed());
    let succeeded: HashSet<_> = listed(&collector, "status=succeeded&limit=100").await.into_iter().collect();
    assert!(ids.iter().chain(&slow).all(|id| succeeded.contains(id)), "{} of 2,004", succeeded.len());
    assert!(children(collector.pid()).len() >= 3, "two sanjers and a spare");
    is_sound(&collector);
}

#[tokio::test(flavor = "multi_thread")]
async fn events_of_every_shard_are_told() {
    let scratch = Scratch::new();
    let cluster = Cluster::start(&scratch, 3, 0).await;
    let collector = up(&scratch, &cluster).await;
    let mut shards = HashSet::new();
    while shards.len() < 4 {
        let spec = json!({"platform_id": "noop", "settings": {"sleep_ms": 300, "steps": 3, "log_lines": 2}});
        let id = collector.submit(&spec).await;
        let url = format!("{}/execution/events?job_id={id}", collector.base);
        let mut stream = client().get(url).send().await.unwrap().bytes_stream();
        let mut text = String::new();
        while !text.contains("event: end") {
            let more = tokio::time::timeout(Duration::from_secs(20), stream.next()).await;
            text.push_str(
                std::str::from_utf8(&more.expect("it goes on").expect("it ends with `end`").unwrap()).unwrap(),
            );
        }
        assert!(text.contains("event: progress") && text.contains("event: status"), "{text}");
        // The event's id begins with its shard.
        let event = text.lines().find_map(|line| line.strip_prefix("id: ")).unwrap();
        shards.insert(event.split(['-', ':', '.']).next().unwrap().to_owned());
    }
    is_sound(&collector);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_server_comes_back() {
    let scratch = Scratch::new();
    let mut cluster = Cluster::start(&scratch, 3, 0).await;
    let collector = up(&scratch, &cluster).await;
    let mut ids = submit_many(&collector, 50, &json!({"platform_id": "noop", "settings": {"sleep_ms": 200}})).await;
    let lost = cluster.owner(0).await;
    cluster.0[lost].kill();
    let accepted = submit_many(&collector, 200, &noop()).await;
    assert!(accepted.len() < 200, "one of four shards is away");
    ids.extend(accepted);
    let alive = collector.post("/system/alive", "").await;
    assert_eq!((alive.status, &alive.json["failing"][0]), (503, &json!("redis")), "{}", alive.text);
    cluster.0[lost].restart().await;
    cluster.is_whole().await;
    ids.push(eventually("jobs are accepted again", async || submit_many(&collector, 1, &noop()).await.pop()).await);
    all_succeed(&collector, &ids).await;
    is_sound(&collector);
}

/// Takes the server of a shard away; its replica has to take its place.
async fn is_taken_over(strike: impl FnOnce(&mut Server)) -> (Scratch, Cluster, usize, Collector) {
    let scratch = Scratch::new();
    let mut cluster = Cluster::start(&scratch, 3, 1).await;
    let args = ["--redis-url", &cluster.url(), "--pool", "light=2x8"];
    let env = [&ENV[..], &[("COLLECTOR_REDIS__TIMEOUT", "2s")]].concat();
    let collector = Collector::up_with(&scratch, &args, &env).await;
    let before = submit_many(&collector, 50, &noop()).await;
    all_succeed(&collector, &before).await;
    let lost = cluster.owner(0).await;
    strike(&mut cluster.0[lost]);
    let started = Instant::now();
    let mut after = Vec::new();
    // As many in a row that all four shards are among them.
    while after.len() < 40 {
        let some = submit_many(&collector, 40, &noop()).await;
        after = if some.len() == 40 { some } else { Vec::new() };
        assert!(started.elapsed() < Duration::from_secs(30), "nobody took over:\n{}", collector.stderr());
    }
    let took = started.elapsed();
    let kept: HashSet<_> = listed(&collector, "status=succeeded&limit=100").await.into_iter().collect();
    let lost_jobs = before.iter().filter(|id| !kept.contains(*id)).count();
    println!(
        "a replica took over; all shards accept jobs again after {took:.2?}; of 50 that had ended {lost_jobs} are lost"
    );
    all_succeed(&collector, &after).await;
    eventually("all is well", async || (collector.post("/system/alive", "").await.status == 200).then_some(())).await;
    is_sound(&collector);
    (scratch, cluster, lost, collector)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_replica_takes_over_from_a_killed_server() {
    is_taken_over(Server::kill).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_replica_takes_over_from_a_server_that_hangs() {
    let (_scratch, cluster, lost, collector) = is_taken_over(|server| signal(server.pid(), Signal::STOP)).await;
    signal(cluster.0[lost].pid(), Signal::CONT);
    eventually("it is a replica now", async || {
        let info: String = cluster.0[lost].ask("INFO replication").await?;
        info.contains("role:slave").then_some(())
    })
    .await;
    let after = submit_many(&collector, 40, &noop()).await;
    all_succeed(&collector, &after).await;
    is_sound(&collector);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_wrong_with_a_cluster_is_said_at_start() {
    let scratch = Scratch::new();
    let cluster = Cluster::start(&scratch, 3, 0).await;
    let single = Server::start(&scratch, &[]).await;
    let plain = |server: &Server| format!("redis://:{PASSWORD}@{}", server.address());
    for (url, said) in [
        (plain(&cluster.0[0]), "redis.url must name it as redis+cluster://"),
        (plain(&single).replace("redis:", "redis+cluster:"), "cluster support disabled"),
        (cluster.url().replace(PASSWORD, "wrong"), "WRONGPASS"),
    ] {
        let it = finished(&scratch, ["up", "--listen", "127.0.0.1:0", "--redis-url", &url], &[]).await;
        assert_eq!(it.code, Some(2), "{}", it.stderr);
        assert!(it.stderr.contains(said) && it.stderr.lines().count() == 1, "{}", it.stderr);
        assert!(!it.stderr.contains(PASSWORD) && !it.stderr.contains(":wrong"), "{}", it.stderr);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_shard_moves_under_running_jobs() {
    let scratch = Scratch::new();
    let cluster = Cluster::start(&scratch, 3, 0).await;
    let collector = up(&scratch, &cluster).await;
    let spec = json!({"platform_id": "noop", "settings": {"sleep_ms": 1000, "rows": 3, "log_lines": 2}});
    let mut ids = submit_many(&collector, 60, &spec).await;
    let from = cluster.owner(0).await;
    let (from, to) = (&cluster.0[from], &cluster.0[(from + 1) % 3]);
    let (source, target): (String, String) =
        (from.ask("CLUSTER MYID").await.unwrap(), to.ask("CLUSTER MYID").await.unwrap());
    let slot: u16 = from.ask("CLUSTER KEYSLOT {etlas:0}:").await.unwrap();
    let done = async |server: &Server, words: String| {
        let answer: Option<String> = server.ask(&words).await;
        assert_eq!(answer.as_deref(), Some("OK"), "{words}");
    };
    done(to, format!("CLUSTER SETSLOT {slot} IMPORTING {source}")).await;
    done(from, format!("CLUSTER SETSLOT {slot} MIGRATING {target}")).await;
    // The shard is on its way: half of its keys here, half there, and long enough so for every script to be asked for.
    let keys: Vec<String> = from.ask(&format!("CLUSTER GETKEYSINSLOT {slot} 10000")).await.unwrap();
    assert!(keys.len() > 10, "{keys:?}");
    let mut moved = 0;
    for key in &keys {
        let words = format!("MIGRATE 127.0.0.1 {} {key} 0 5000 AUTH {PASSWORD}", to.port);
        done(from, words).await;
        moved += 1;
        if moved == keys.len() / 2 {
            ids.extend(submit_many(&collector, 60, &noop()).await);
            for id in &ids[..60] {
                assert_eq!(collector.job(id).await["platform_id"], "noop", "what can be read whole is read");
            }
            tokio::time::sleep(Duration::from_millis(1500)).await;
        }
    }
    let left: usize = from.ask(&format!("CLUSTER COUNTKEYSINSLOT {slot}")).await.unwrap();
    let there: usize = to.ask(&format!("CLUSTER COUNTKEYSINSLOT {slot}")).await.unwrap();
    assert_eq!((left, there), (0, keys.len()), "nobody wrote into half a shard");
    for server in [to, from] {
        done(server, format!("CLUSTER SETSLOT {slot} NODE {target}")).await;
    }
    ids.extend(submit_many(&collector, 60, &noop()).await);
    all_succeed(&collector, &ids).await;
    for id in &ids[..60] {
        let job = collector.job(id).await;
        assert_eq!((&job["attempt"], &job["lease"]), (&json!(1), &json!(1)), "once: {job}");
    }
    is_sound(&collector);
}
