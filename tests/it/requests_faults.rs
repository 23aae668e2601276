//! Requests while processes die, the queue forgets, and providers fail.

use serde_json::json;

use crate::support::{Collector, Receiver, Scene, Scratch, children, eventually, kill};

/// Posts `count` requests to `names` of which some fail by script.
async fn post_many(scene: &Scene, count: usize, names: &[String]) -> Vec<String> {
    let posts = (0..count).map(|n| scene.request(json!({"providers": names, "parameters": {"n": n}})));
    futures_util::future::join_all(posts).await
}

fn is_told_once(receiver: &Receiver, ids: &[String]) {
    let counts = receiver.counts();
    assert_eq!(counts.len(), ids.len());
    for id in ids {
        assert!(counts.contains_key(&format!("req_{id}")), "{id} was not called back");
    }
}

#[tokio::test]
async fn every_request_is_called_back_although_sanjers_are_killed() {
    let scratch = Scratch::new();
    let scene = Scene::start(
        &scratch,
        &["--providers", "8", "--failing", "0.5"],
        "sweep_after = \"500ms\"",
        &["--pool", "fetch=2x32"],
    )
    .await;
    let names: Vec<String> = (0..8).map(|n| format!("p{n}")).collect();
    let ids = post_many(&scene, 60, &names).await;
    for _ in 0..3 {
        // One at a time: a supervisor whose processes all die at once starts new ones more and more slowly.
        let redis = scene.collector.redis_pid();
        let sanjer = children(scene.collector.pid()).into_iter().find(|pid| *pid != redis);
        let told = scene.receiver.counts().len();
        sanjer.into_iter().for_each(kill);
        eventually("it goes on", async || {
            let counts = scene.receiver.counts().len();
            (counts > told || counts == ids.len()).then_some(())
        })
        .await;
    }
    for id in &ids {
        let closed = scene.collector.closed(id).await;
        assert_eq!(
            (&closed["status"], &closed["callback"]["state"]),
            (&json!("DONE"), &json!("DELIVERED")),
            "{closed}"
        );
        let done = closed["jobs"].as_array().unwrap().iter().all(|job| job["status"] == "DONE");
        assert!(done, "{closed}");
    }
    is_told_once(&scene.receiver, &ids);
}

#[tokio::test]
async fn jobs_that_the_queue_has_lost_are_queued_again() {
    let scratch = Scratch::new();
    let scene =
        Scene::start(&scratch, &["--providers", "2"], "sweep_after = \"300ms\"", &["--pool", "heavy=1x1"]).await;
    // No sanjer takes these jobs; what is queued can be lost first.
    let id = scene.request(json!({"providers": ["p0", "p1"]})).await;
    let mut redis = scene.collector.redis().await;
    let keys: Vec<String> = redis::cmd("KEYS").arg("{etlas:0}:*job:*").query_async(&mut redis).await.unwrap();
    assert!(keys.len() >= 2, "{keys:?}");
    let mut lose = redis::cmd("DEL");
    let () = lose.arg(&keys).arg("{etlas:0}:queue:fetch").query_async(&mut redis).await.unwrap();
    let sanjer = ["sanjer", "--pool", "fetch=1x8", "--redis-url", &scene.collector.redis_url(), "--data-dir", "data"];
    let _sanjer = Collector::silent(&scratch, &sanjer, &[]);
    assert_eq!(scene.called_back(&id).await["data"]["status"], "DONE");
    let closed = scene.collector.closed(&id).await;
    assert_eq!(closed["callback"]["state"], "DELIVERED");
    is_told_once(&scene.receiver, &[id]);
}

#[tokio::test]
async fn a_provider_that_fails_is_left_alone_by_all() {
    let scratch = Scratch::new();
    let (_providers, receiver, urls) = Scene::around(&scratch, &["--providers", "2"], "").await;
    let path = scratch.path().join("collector.toml");
    let toml =
        std::fs::read_to_string(&path).unwrap().replace("min_requests = 1000000", "min_requests = 4\nopen = \"1s\"");
    std::fs::write(&path, toml).unwrap();
    let collector = Collector::up(&scratch, &["--pool", "fetch=1x8"]).await;
    let failing: Vec<String> = (0..4).map(|n| format!("{}?script=500&n={n}", urls[0])).collect();
    let late = format!("{}?script=ok&n=9", urls[0]);
    let first = collector.request(&json!({"providers": failing})).await;
    let state = async || collector.get("/providers/get").await.json["providers"][0]["breaker"].clone();
    eventually("its breaker is open", async || (state().await == "open").then_some(())).await;
    // An open breaker costs no attempt; another host is asked as ever.
    let id = collector.request(&json!({"providers": [late, "p1"], "callbackUrl": receiver.url})).await;
    let done = collector.closed(&id).await;
    assert_eq!((&done["status"], &done["jobs"][0]["attempts"]), (&json!("DONE"), &json!(1)), "{done}");
    collector.get(&format!("/request?id={first}&wait=30s")).await;
}
