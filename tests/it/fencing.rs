//! The last word belongs to the newest lease: what an outdated one still says is refused, counted and logged.

use rustix::process::Signal;
use serde_json::json;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _, copy},
    net::{TcpListener, TcpStream, UnixStream},
    sync::watch,
};

use crate::support::{Collector, Scratch, eventually, freeze, pid_of, redis_on_a_socket, signal};

#[tokio::test]
async fn a_host_that_was_frozen_writes_nothing_any_more() {
    let redis = Scratch::new();
    let (_server, url) = redis_on_a_socket(&redis).await;
    let (one, two) = (Scratch::new(), Scratch::new());
    let key = one.path().join("shared.key");
    let env = [("COLLECTOR_SECRETS__KEY_FILE", key.to_str().unwrap()), ("COLLECTOR_QUEUE__LEASE", "1s")];
    let args = ["--redis-url", &url, "--pool", "light=1x4"];
    let first = Collector::up_with(&one, &args, &env).await;
    let settings = json!({"sleep_ms": 3000, "steps": 30, "log_lines": 1, "rows": 2, "checkpoint": true});
    let id = first.submit(&json!({"platform_id": "noop", "settings": settings})).await;
    let frozen = pid_of(&first.reaches(&id, "running").await);
    // The whole host stands still, as a virtual machine does that is moved.
    freeze(first.pid()).await;
    freeze(frozen).await;
    let second = Collector::up_with(&two, &args, &env).await;
    let taken = second.runs_again(&id, 2).await;
    assert_ne!(pid_of(&taken), frozen);
    assert!(taken["certificate"]["cause"].as_str().unwrap().contains("lease ran out"), "{taken}");
    signal(frozen, Signal::CONT);
    eventually("the zombie learns that it is one", async || {
        (second.post("/system/alive", "").await.json["refused_writes"].as_u64()? > 0).then_some(())
    })
    .await;
    signal(first.pid(), Signal::CONT);
    let job = second.reaches(&id, "succeeded").await;
    assert_eq!((&job["lease"], pid_of(&job)), (&json!(2), pid_of(&taken)), "{job}");
    assert_eq!(second.full(&id).await["processed"]["total"], 2, "of one run alone");
    eventually("the zombie has logged it", async || first.stderr().contains("a write was refused").then_some(())).await;
    // Its host has a pool again.
    let next = first.submit(&json!({"platform_id": "noop"})).await;
    first.reaches(&next, "succeeded").await;
}

#[tokio::test]
async fn a_frozen_sanjer_is_killed_and_replaced() {
    let scratch = Scratch::new();
    let env = [("COLLECTOR_QUEUE__LEASE", "1s")];
    let collector = Collector::up_with(&scratch, &["--pool", "light=1x4"], &env).await;
    let id = collector.submit(&json!({"platform_id": "noop", "settings": {"sleep_ms": 3000}})).await;
    let frozen = pid_of(&collector.reaches(&id, "running").await);
    freeze(frozen).await;
    let job = collector.reaches(&id, "succeeded").await;
    assert!(job["lease"] == 2 && pid_of(&job) != frozen, "{job}");
    eventually("it is gone", async || (!crate::support::alive(frozen)).then_some(())).await;
}

/// A way to the Redis at `socket` on which what is sent there waits while `held`. Returns its port.
async fn proxy(socket: std::path::PathBuf, held: watch::Receiver<bool>) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        while let Ok((client, _)) = listener.accept().await {
            let (server, mut held) = (UnixStream::connect(&socket).await.unwrap(), held.clone());
            let (mut from_client, mut to_client) = TcpStream::into_split(client);
            let (mut from_server, mut to_server) = UnixStream::into_split(server);
            tokio::spawn(async move { copy(&mut from_server, &mut to_client).await });
            tokio::spawn(async move {
                let mut bytes = vec![0; 64 << 10];
                while let Ok(read @ 1..) = from_client.read(&mut bytes).await {
                    if held.wait_for(|held| !held).await.is_err() || to_server.write_all(&bytes[..read]).await.is_err()
                    {
                        return;
                    }
                }
            });
        }
    });
    port
}

#[tokio::test]
async fn a_claim_that_was_under_way_when_its_sanjer_was_given_up_takes_nothing() {
    let redis = Scratch::new();
    let (_server, url) = redis_on_a_socket(&redis).await;
    let (one, two) = (Scratch::new(), Scratch::new());
    let key = one.path().join("shared.key");
    let env = [
        ("COLLECTOR_SECRETS__KEY_FILE", key.to_str().unwrap()),
        ("COLLECTOR_QUEUE__LEASE", "1s"),
        ("COLLECTOR_QUEUE__SAFETY_POLL", "50ms"),
    ];
    // This one serves no job of ours; it only looks after leases.
    let first = Collector::up_with(&one, &["--redis-url", &url, "--pool", "heavy=1x1"], &env).await;
    let (tell, held) = watch::channel(false);
    let through = format!("redis://127.0.0.1:{}", proxy(redis.path().join("r.sock"), held).await);
    let args = ["sanjer", "--data-dir", "data", "--redis-url", &through, "--pool", "light=1x4"];
    let second = Collector::silent(&two, &args, &env);
    let warm = first.submit(&json!({"platform_id": "noop"})).await;
    first.reaches(&warm, "succeeded").await;
    let mut known = redis::Client::open(url).unwrap().get_multiplexed_async_connection().await.unwrap();
    eventually("one and a spare of each host are known", async || {
        let sanjers: u64 = redis::cmd("ZCARD").arg("{etlas:0}:sanjers").query_async(&mut known).await.unwrap();
        (sanjers == 4).then_some(())
    })
    .await;
    // From now on nothing of it arrives, its claims among it.
    tell.send(true).unwrap();
    eventually("its sanjers are given up", async || {
        (first.stderr().matches("a sanjer's lease ran out").count() >= 2).then_some(())
    })
    .await;
    let id = first.submit(&json!({"platform_id": "noop"})).await;
    tell.send(false).unwrap();
    eventually("they learn that they are dead", async || second.stderr().contains("declared dead").then_some(())).await;
    // New ones come in their place; no old one has touched the job.
    let job = first.reaches(&id, "succeeded").await;
    let pids = [pid_of(&first.job(&warm).await), pid_of(&job)];
    assert!(job["lease"] == 1 && pids[0] != pids[1], "{job}");
}
