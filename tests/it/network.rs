//! `node_status`: full nodes are polled, one Network is kept in Redis, and nothing is saved that is as it was.

use std::time::Duration;

use collector::devnet::hathor::{Hathor, Manner, Plan};
use redis::{AsyncCommands as _, aio::MultiplexedConnection};
use serde_json::{Value, json};

use crate::support::{Collector, Scratch, eventually};

const KEY: &str = "hathor-explorer-service.network.v1";
const META: &str = "{hathor-explorer-service.network.v1}.meta";

async fn hathor(nodes: u16, manners: &[(u16, Manner)], jitter_ms: u64) -> Hathor {
    let jitter = Duration::from_millis(jitter_ms);
    Hathor::start(&Plan { nodes, connections: 8, port: 0, jitter, manners: manners.to_vec() }).await.unwrap()
}

async fn up(scratch: &Scratch) -> Collector {
    Collector::up(scratch, &["--pool", "light=1x8", "--pool", "standing=1x8"]).await
}

fn spec(urls: &[url::Url], more: &Value) -> Value {
    let mut settings = json!({"nodes": urls, "interval_ms": 334, "timeout_ms": 500});
    settings.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    json!({"platform_id": "node_status", "settings": settings})
}

/// The Network and its revision.
async fn network(redis: &mut MultiplexedConnection) -> (Value, u64) {
    let mut both = redis::pipe();
    both.atomic().get(KEY).hget(META, "revision");
    let (json, revision): (Option<String>, Option<u64>) = both.query_async(redis).await.unwrap();
    (json.map(|json| serde_json::from_str(&json).unwrap()).unwrap_or_default(), revision.unwrap_or(0))
}

async fn checked_at(redis: &mut MultiplexedConnection) -> u64 {
    redis.hget::<_, _, Option<u64>>(META, "checked_at_ms").await.unwrap().unwrap_or(0)
}

/// Waits until so many checks have found the Network as it is.
async fn checks(redis: &mut MultiplexedConnection, count: u32) {
    for _ in 0..count {
        let before = checked_at(redis).await;
        eventually("the network is checked", async || (checked_at(redis).await > before).then_some(())).await;
    }
}

/// The Network once it has this revision at least.
async fn revision(redis: &mut MultiplexedConnection, least: u64) -> (Value, u64) {
    eventually(&format!("revision {least}"), async || {
        let (network, revision) = network(redis).await;
        (revision >= least).then_some((network, revision))
    })
    .await
}

fn ids(list: &Value) -> Vec<String> {
    list.as_array().unwrap().iter().map(|item| item["id"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn one_round_makes_one_network() {
    let scratch = Scratch::new();
    let (hathor, collector) = (hathor(3, &[], 0).await, up(&scratch).await);
    let mut redis = collector.redis().await;
    let id = collector.submit(&spec(hathor.urls(), &json!({"rounds": 1}))).await;
    collector.reaches(&id, "succeeded").await;
    let (network, revision) = network(&mut redis).await;
    assert_eq!(revision, 1);
    let mut wanted: Vec<String> = (0..3).map(|n| hathor.id(n)).collect();
    wanted.sort();
    assert_eq!(ids(&network["nodes"]), wanted);
    assert!(ids(&network["peers"]).is_sorted());
    for peer in network["peers"].as_array().unwrap() {
        let reporters = peer["connected_to"].as_array().unwrap();
        assert!(reporters.len() == 2 && reporters.iter().is_sorted_by_key(|id| id.as_str()), "{peer}");
        assert!(peer["up_since"].is_i64() && peer["last_message"].is_i64(), "{peer}");
    }
    let life: i64 = redis.ttl(format!("hathor-explorer-service.node.{}", wanted[0])).await.unwrap();
    let forever: i64 = redis.ttl(KEY).await.unwrap();
    assert!((1..=30).contains(&life) && forever == -1, "{life} {forever}");
    let job = collector.full(&id).await;
    let report = &job["result"];
    let told = (&report["revision"], &report["nodes"], &report["saves"], &report["prefix"]);
    assert_eq!(told, (&json!(1), &json!(3), &json!(1), &json!("hathor-explorer-service")));
    assert!(
        report["polled"].as_array().unwrap().iter().all(|node| node["latency_ms"].is_u64() && node["error"].is_null())
    );
    assert_eq!(job["original"]["rows"].as_array().unwrap().len(), 3);
    assert_eq!(job["original"]["rows"][0]["status"]["server"]["network"], "devnet");
    assert_eq!(job["processed"]["rows"], json!([network]));
    // Another round finds it as it is.
    let again = collector.submit(&spec(hathor.urls(), &json!({"rounds": 2}))).await;
    let again = collector.reaches(&again, "succeeded").await;
    assert_eq!((&again["result"]["revision"], &again["result"]["saves"]), (&json!(1), &json!(0)));
}

#[tokio::test(flavor = "multi_thread")]
async fn bad_nodes_cost_nobody_else() {
    let scratch = Scratch::new();
    let manners = [
        Manner::Fine,
        Manner::Hung,
        Manner::Failing,
        Manner::Redirecting,
        Manner::Garbage,
        Manner::Endless,
        Manner::Elsewhere,
        Manner::Old,
        Manner::SyncV1,
        Manner::UnknownProtocol,
        Manner::Large,
        Manner::Malformed,
        Manner::Forgetful,
    ];
    let manners: Vec<(u16, Manner)> = (0..).zip(manners).collect();
    let (hathor, collector) = (hathor(13, &manners, 0).await, up(&scratch).await);
    let settings = json!({"rounds": 1, "network": "devnet", "max_body_bytes": 300_000});
    let id = collector.submit(&spec(hathor.urls(), &settings)).await;
    let job = collector.reaches(&id, "succeeded").await;
    let polled = job["result"]["polled"].as_array().unwrap();
    let of = |number: usize| polled.iter().find(|node| node["url"] == hathor.urls()[number].as_str()).unwrap();
    let classes = ["timeout", "http_status", "http_status", "bad_status", "body_too_large", "wrong_network"];
    for (number, class) in (1..).zip(classes) {
        assert_eq!(of(number)["error"], class, "{}", of(number));
    }
    for number in [0, 7, 8, 9, 10, 11, 12] {
        assert_eq!(of(number)["error"], Value::Null, "{}", of(number));
        assert_eq!(of(number)["skipped_peers"], if number == 11 { 3 } else { 0 });
    }
    let network = network(&mut collector.redis().await).await.0;
    assert_eq!(network["nodes"].as_array().unwrap().len(), 7);
    let old = network["nodes"].as_array().unwrap().iter().find(|node| node["id"] == hathor.id(7).as_str()).unwrap();
    assert_eq!(old["best_block"], Value::Null);
    let alarms = job["result"]["alarms"].as_array().unwrap();
    assert_eq!(alarms.len(), 6, "{alarms:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_saved_while_only_clocks_run_and_everything_else_is() {
    let scratch = Scratch::new();
    let (hathor, collector) = (hathor(3, &[], 1900).await, up(&scratch).await);
    let mut redis = collector.redis().await;
    let id = collector.submit(&spec(hathor.urls(), &json!({"rounds": 0, "node_ttl_s": 1}))).await;
    let (first, _) = revision(&mut redis, 1).await;
    checks(&mut redis, 5).await;
    assert_eq!(network(&mut redis).await, (first.clone(), 1), "ages grow and jump about");
    hathor.advance();
    revision(&mut redis, 2).await;
    hathor.restart(1);
    let since = |network: &Value| {
        let node = network["nodes"].as_array().unwrap().iter().find(|node| node["id"] == hathor.id(1).as_str());
        node.unwrap()["up_since"].as_i64().unwrap()
    };
    eventually("the restart is told", async || {
        (since(&network(&mut redis).await.0) > since(&first) + 1000).then_some(())
    })
    .await;
    // A peer that both its nodes lose is remembered.
    for number in 0..3 {
        while hathor.disconnect(number) {}
    }
    eventually("no peer is left", async || {
        let (network, _) = network(&mut redis).await;
        network["peers"].as_array().unwrap().is_empty().then_some(())
    })
    .await;
    let gone: Vec<String> = redis.lrange("{hathor-explorer-service.network.v1}.gone", 0, -1).await.unwrap();
    assert!(gone.len() >= first["peers"].as_array().unwrap().len());
    assert_eq!(collector.job(&id).await["status"], "running");
    assert_eq!(collector.cancel(&id).await.status, 202);
    collector.reaches(&id, "cancelled").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn when_all_nodes_are_down_the_network_stays() {
    let scratch = Scratch::new();
    let (hathor, collector) = (hathor(2, &[], 0).await, up(&scratch).await);
    let mut redis = collector.redis().await;
    let id = collector.submit(&spec(hathor.urls(), &json!({"rounds": 0, "node_ttl_s": 1, "timeout_ms": 50}))).await;
    let (before, at) = revision(&mut redis, 1).await;
    let alarms = async |text: &str| {
        eventually(text, async || {
            let alarms = collector.job(&id).await["metadata"]["alarms"].to_string();
            (alarms.contains(text)).then_some(())
        })
        .await;
    };
    (0..2).for_each(|number| hathor.behave(number, Manner::Failing));
    alarms("all_nodes_down").await;
    alarms("node_silent").await;
    // What the nodes said does not hold any more.
    eventually("nothing holds", async || {
        let key = format!("hathor-explorer-service.node.{}", hathor.id(0));
        (!redis.exists::<_, bool>(key).await.unwrap()).then_some(())
    })
    .await;
    assert_eq!(network(&mut redis).await, (before, at));
    hathor.behave(0, Manner::Behind);
    hathor.behave(1, Manner::Fine);
    alarms("node_out_of_sync").await;
    hathor.behave(0, Manner::Fine);
    alarms("[]").await;
    let mut xrange = redis::cmd("XRANGE");
    xrange.arg("{hathor-explorer-service.network.v1}.events").arg("-").arg("+");
    let events: Vec<(String, Vec<String>)> = xrange.query_async(&mut redis).await.unwrap();
    let told: Vec<Value> = events.iter().map(|(_, fields)| serde_json::from_str(&fields[1]).unwrap()).collect();
    for (kind, verb) in [("all_nodes_down", "raised"), ("all_nodes_down", "cleared"), ("node_out_of_sync", "cleared")] {
        assert!(told.iter().any(|event| event["type"] == verb && event["kind"] == kind), "{kind} {verb}: {told:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn several_jobs_keep_one_network_and_one_of_them_writes_it() {
    let scratch = Scratch::new();
    let (hathor, collector) = (hathor(4, &[], 0).await, up(&scratch).await);
    let mut redis = collector.redis().await;
    let (some, others) = hathor.urls().split_at(2);
    let mut jobs = Vec::new();
    for urls in [some, others] {
        jobs.push(collector.submit(&spec(urls, &json!({"rounds": 0}))).await);
    }
    let all = async |redis: &mut MultiplexedConnection, count: usize| {
        eventually(&format!("{count} nodes"), async || {
            let (network, revision) = network(redis).await;
            (network["nodes"].as_array().map(Vec::len) == Some(count)).then_some(revision)
        })
        .await
    };
    let at = all(&mut redis, 4).await;
    checks(&mut redis, 2).await;
    assert_eq!(network(&mut redis).await.1, at, "they do not write over each other");
    let lock: String = redis.get("{hathor-explorer-service.network.v1}.lock").await.unwrap();
    let writer = jobs.iter().position(|job| lock.contains(job.as_str())).unwrap();
    // The other takes over, and the nodes of the one that left stay for their time.
    collector.cancel(&jobs[writer]).await;
    eventually("another writes", async || {
        let lock: Option<String> = redis.get("{hathor-explorer-service.network.v1}.lock").await.unwrap();
        lock.filter(|lock| lock.contains(&jobs[1 - writer]))
    })
    .await;
    hathor.advance();
    revision(&mut redis, at + 1).await;
    // A round of a job that does not write is in the Network when the job ends.
    let round = collector.submit(&spec(if writer == 0 { some } else { others }, &json!({"rounds": 1}))).await;
    let round = collector.reaches(&round, "succeeded").await;
    assert_eq!((&round["result"]["nodes"], &round["result"]["saves"]), (&json!(4), &json!(0)));
}

#[tokio::test(flavor = "multi_thread")]
async fn further_nodes_are_found_if_that_is_asked_for() {
    let scratch = Scratch::new();
    let (hathor, collector) = (hathor(5, &[(3, Manner::Elsewhere)], 0).await, up(&scratch).await);
    let mut redis = collector.redis().await;
    let (first, _) = hathor.urls().split_at(1);
    let template = format!("http://{{host}}:{}", hathor.port());
    let discovery = json!({"templates": [template], "probes_per_min": 600});
    let id = collector.submit(&spec(first, &json!({"rounds": 0, "discovery": discovery}))).await;
    let mut wanted: Vec<String> = [0, 1, 2, 4].map(|n| hathor.id(n)).to_vec();
    wanted.sort();
    eventually("all nodes of the network are found", async || {
        let nodes = network(&mut redis).await.0["nodes"].take();
        (nodes.is_array() && ids(&nodes) == wanted).then_some(())
    })
    .await;
    let reasons = eventually("the others are refused", async || {
        let tried: Vec<(String, String)> = redis.hgetall("hathor-explorer-service.candidates").await.unwrap();
        let of = |part: &str| {
            let it = tried.iter().find(|(host, _)| host.starts_with(part))?;
            serde_json::from_str::<Value>(&it.1).unwrap()["reason"].as_str().map(str::to_owned)
        };
        Some((of(hathor.urls()[3].host_str()?)?, of("198.51.100.")?))
    })
    .await;
    assert!(reasons.0.contains("wrong_network") && reasons.1.contains("refused"), "{reasons:?}");
    let told = eventually("the job says what it tried", async || {
        let job = collector.job(&id).await;
        (job["metadata"]["discovery"]["nodes"] == 3).then(|| job["metadata"]["discovery"].clone())
    })
    .await;
    assert!(told["tried"][0]["host"].is_string() && told["candidates"].as_u64() > Some(3), "{told}");
    let bad = json!({"templates": ["http://{host}:8080", "http://host"]});
    let id = collector.submit(&spec(first, &json!({"discovery": bad}))).await;
    let error = collector.reaches(&id, "failed").await["error"].to_string();
    assert!(error.contains("/discovery/templates/1"), "{error}");
}

#[tokio::test]
async fn what_may_not_be_asked_is_said_before_anything_is() {
    let scratch = Scratch::new();
    let collector = up(&scratch).await;
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let nobody = format!("http://{free}/");
    for (settings, pointer) in [
        (json!({"nodes": [&nobody, "http://192.0.2.1:8080/"]}), "/nodes/1"),
        (json!({"nodes": ["http://169.254.169.254/"]}), "/nodes/0"),
        (json!({"nodes": ["ftp://127.0.0.1/"]}), "/nodes/0"),
        (json!({"nodes": ["http://127.0.0.1:1/"]}), "/nodes/0"),
        (json!({"nodes": [&nobody], "prefix": "a b"}), "/prefix"),
    ] {
        let id = collector.submit(&json!({"platform_id": "node_status", "settings": settings})).await;
        let job = collector.reaches(&id, "failed").await;
        assert!(job["error"].to_string().contains(pointer), "{}", job["error"]);
    }
    let nobody = json!({"nodes": [nobody], "timeout_ms": 50});
    let spec = json!({"platform_id": "node_status", "settings": nobody, "options": {"max_attempts": 1}});
    let id = collector.submit(&spec).await;
    assert_eq!(collector.reaches(&id, "failed").await["error"]["code"], "no_node_answered");
}
