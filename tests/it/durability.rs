//! What an accepted job has survived when its client is told so.

use redis::AsyncCommands as _;
use rustix::process::Signal;
use serde_json::json;

use crate::support::{Collector, Scratch, eventually, finished, freeze, http, redis_server, signal};

#[tokio::test]
async fn the_private_redis_writes_to_disk_as_often_as_it_shall() {
    let scratch = Scratch::new();
    for (durability, expected) in [("everysec", "everysec"), ("always", "always"), ("everysec", "everysec")] {
        let env = [("COLLECTOR_REDIS__DURABILITY", durability)];
        let mut collector = Collector::up_with(&scratch, &["--pool", "light=1x1"], &env).await;
        let set: Vec<String> =
            redis::cmd("CONFIG").arg("GET").arg("appendfsync").query_async(&mut collector.redis().await).await.unwrap();
        assert_eq!(set[1], expected);
        let id = collector.submit(&json!({"platform_id": "noop"})).await;
        collector.reaches(&id, "succeeded").await;
        collector.stop().await;
    }
    let env = [("COLLECTOR_REDIS__DURABILITY", "replicated")];
    let refused = finished(&scratch, ["up", "--listen", "127.0.0.1:0", "--data-dir", "other"], &env).await;
    assert_eq!(refused.code, Some(2));
    assert!(refused.stderr.contains("redis.durability") && refused.stderr.contains("no replicas"), "{refused:?}");
}

#[tokio::test]
async fn a_job_is_accepted_when_a_replica_has_it() {
    let (one, two, scratch) = (Scratch::new(), Scratch::new(), Scratch::new());
    let url = |scratch: &Scratch| format!("unix://{}", scratch.path().join("r.sock").display());
    // A replica follows a port.
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port().to_string();
    let args = ["--bind", "127.0.0.1", "--unixsocket", "r.sock", "--port", &port, "--repl-diskless-sync-delay", "0"];
    let _primary = redis_server(&one, &args, &url(&one)).await;
    let follow = format!("127.0.0.1 {port}");
    let args = ["--port", "0", "--unixsocket", "r.sock", "--replicaof", &follow];
    let replica = redis_server(&two, &args, &url(&two)).await;
    let mut copy = redis::Client::open(url(&two)).unwrap().get_multiplexed_async_connection().await.unwrap();
    eventually("the replica follows", async || {
        let info: String = redis::cmd("INFO").arg("replication").query_async(&mut copy).await.unwrap();
        info.contains("master_link_status:up").then_some(())
    })
    .await;

    let env = [("COLLECTOR_REDIS__DURABILITY", "replicated"), ("COLLECTOR_REDIS__TIMEOUT", "2s")];
    let collector = Collector::up_with(&scratch, &["--redis-url", &url(&one), "--pool", "light=1x1"], &env).await;
    let id = collector.submit(&json!({"platform_id": "noop"})).await;
    let has: bool = copy.exists(format!("{{etlas:0}}:job:{id}")).await.unwrap();
    assert!(has, "the replica has it");
    collector.reaches(&id, "succeeded").await;

    // A replica that does not answer: nobody is told that a job was accepted.
    freeze(replica.pid()).await;
    let submit = async || {
        let request = http::client().post(format!("{}/execution/run", collector.base));
        collector.ask(request.header("idempotency-key", "once").json(&json!({"platform_id": "noop"}))).await
    };
    let refused = submit().await;
    assert_eq!((refused.status, &refused.json["code"]), (503, &json!("redis_unavailable")), "{}", refused.text);
    assert!(refused.headers.contains_key("retry-after"));
    signal(replica.pid(), Signal::CONT);
    let accepted =
        eventually("it is accepted", async || Some(submit().await).filter(|answer| answer.status == 202)).await;
    let job = collector.reaches(accepted.json["job_id"].as_str().unwrap(), "succeeded").await;
    assert_eq!(job["lease"], 1, "the first post made it: {job}");
    let jobs = collector.get("/execution/list").await.json["jobs"].as_array().unwrap().len();
    assert_eq!(jobs, 2);
}
