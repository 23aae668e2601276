//! Single sanjers do what they are asked, from whichever API, once, whether the message comes through or not.

use redis::AsyncCommands as _;
use rustix::process::Signal;
use serde_json::{Value, json};

use crate::support::{Collector, Scratch, eventually, pid_of, redis_on_a_socket, signal};

fn sleeper(ms: u64) -> Value {
    json!({"platform_id": "noop", "settings": {"sleep_ms": ms}})
}

impl Collector {
    /// The one sanjer that is in this state, once there is exactly one.
    async fn only(&self, state: &str) -> Value {
        eventually(&format!("one is {state}"), async || {
            let answer = self.get("/sanjers/get").await;
            let all = answer.json["sanjers"].as_array().unwrap().clone();
            let mut fit = all.into_iter().filter(|sanjer| sanjer["state"] == state);
            fit.next().filter(|_| fit.next().is_none())
        })
        .await
    }

    async fn asks(&self, sanjer: &Value, what: &str) {
        let name = sanjer["sanjer"].as_str().unwrap();
        let answer = self.post(&format!("/sanjers/{what}?sanjer={name}"), "").await;
        assert_eq!((answer.status, &answer.json["asked"]), (202, &json!(what)), "{}", answer.text);
    }

    async fn why(&self, id: &str) -> String {
        let answer = self.get(&format!("/execution/explain?job_id={id}")).await;
        answer.json["reasons"][0]["code"].as_str().unwrap().to_owned()
    }
}

#[tokio::test]
async fn a_quiet_sanjer_takes_nothing_until_it_is_resumed() {
    let redis = Scratch::new();
    let (_server, url) = redis_on_a_socket(&redis).await;
    let (one, two) = (Scratch::new(), Scratch::new());
    let key = one.path().join("shared.key");
    let env = [("COLLECTOR_SECRETS__KEY_FILE", key.to_str().unwrap())];
    let host = Collector::up_with(&one, &["--redis-url", &url, "--pool", "light=1x4"], &env).await;
    let other = Collector::start(&two, &["api", "--listen", "127.0.0.1:0", "--redis-url", &url], &env).await;
    let serving = other.only("serving").await;
    other.only("spare").await;
    let running = host.submit(&sleeper(1500)).await;
    host.reaches(&running, "running").await;
    other.asks(&serving, "quiet").await;
    assert_eq!(other.only("quiet").await["sanjer"], serving["sanjer"]);
    let waiting = host.submit(&sleeper(0)).await;
    assert_eq!(host.reaches(&running, "succeeded").await["lease"], 1, "what it had goes on");
    assert_eq!(other.why(&waiting).await, "sanjers_quiet");
    let stats = other.get("/queue/stats").await.json;
    let light = &stats["pools"]["light"];
    assert_eq!((&light["sanjers"]["alive"], &light["slots"], &light["queued"]), (&json!(1), &json!(0), &json!(1)));
    let diagnosis = other.post("/system/alive", "").await.json;
    let seen = &diagnosis["pools"]["light"];
    for figure in ["slots", "queued", "delayed", "running"] {
        assert_eq!(seen[figure], light[figure], "{figure}: the diagnosis says the same: {diagnosis}");
    }
    let codes: Vec<_> = stats["troubles"].as_array().unwrap().iter().map(|trouble| &trouble["code"]).collect();
    assert!(codes.contains(&&json!("pool_quiet")) && codes.contains(&&json!("sanjers_quiet")), "{stats}");
    other.asks(&serving, "resume").await;
    assert_eq!(host.reaches(&waiting, "succeeded").await["sanjer"], serving["sanjer"]);
    assert_eq!(other.only("serving").await["sanjer"], serving["sanjer"]);
    let unknown = other.post("/sanjers/quiet?sanjer=nobody:1:2", "").await;
    assert_eq!((unknown.status, &unknown.json["code"]), (404, &json!("unknown_sanjer")));
    let page = crate::support::http::client().post(format!("{}/sanjers/quiet?sanjer=x", other.base));
    let page = other.ask(page.header("origin", "https://elsewhere.example").header("content-type", "text/plain")).await;
    assert_eq!(page.status, 415, "no page may ask without being allowed to");
}

#[tokio::test]
async fn what_is_asked_reaches_a_sanjer_without_its_message() {
    let scratch = Scratch::new();
    let env = [("COLLECTOR_QUEUE__LEASE", "2s")];
    let collector = Collector::up_with(&scratch, &["--pool", "light=1x4"], &env).await;
    let serving = collector.only("serving").await;
    let key = format!("{{etlas:0}}:sanjer:{}", serving["sanjer"].as_str().unwrap());
    let mut redis = collector.redis().await;
    let _: () = redis.hset(&key, "asked", "quiet 1").await.unwrap();
    assert_eq!(collector.only("quiet").await["sanjer"], serving["sanjer"]);
}

#[tokio::test]
async fn a_recycled_sanjer_ends_what_it_has_and_is_replaced_at_once() {
    let scratch = Scratch::new();
    let collector = Collector::up(&scratch, &["--pool", "light=1x4"]).await;
    let serving = collector.only("serving").await;
    let spare = collector.only("spare").await;
    let long = collector.submit(&sleeper(3000)).await;
    let began = collector.reaches(&long, "running").await;
    collector.asks(&serving, "recycle").await;
    assert_eq!(collector.only("retiring").await["sanjer"], serving["sanjer"]);
    let next = collector.submit(&sleeper(0)).await;
    assert_eq!(collector.reaches(&next, "succeeded").await["sanjer"], spare["sanjer"], "its spare serves");
    let job = collector.reaches(&long, "succeeded").await;
    assert_eq!((&job["lease"], &job["sanjer"]), (&json!(1), &began["sanjer"]));
    eventually("it is gone, and nobody is missing", async || {
        let all = collector.get("/sanjers/get").await.json["sanjers"].clone();
        let all: Vec<_> = all.as_array().unwrap().iter().map(|sanjer| sanjer["sanjer"].clone()).collect();
        (all.len() == 2 && !all.contains(&serving["sanjer"])).then_some(())
    })
    .await;
    assert_eq!(collector.get("/sanjers/get").await.json["deaths"], json!([]), "that was no death");
}

#[tokio::test]
async fn a_quiet_spare_serves_when_it_is_needed() {
    let scratch = Scratch::new();
    let collector = Collector::up(&scratch, &["--pool", "light=1x4"]).await;
    let (serving, spare) = (collector.only("serving").await, collector.only("spare").await);
    collector.asks(&spare, "quiet").await;
    assert_eq!(collector.only("quiet").await["sanjer"], spare["sanjer"]);
    let id = collector.submit(&sleeper(20_000)).await;
    let job = collector.reaches(&id, "running").await;
    assert_eq!(job["sanjer"], serving["sanjer"]);
    let other = collector.submit(&sleeper(20_000)).await;
    collector.reaches(&other, "running").await;
    signal(pid_of(&job), Signal::KILL);
    let next = collector.submit(&sleeper(0)).await;
    assert_eq!(collector.reaches(&next, "succeeded").await["sanjer"], spare["sanjer"]);
    assert_eq!(collector.only("serving").await["sanjer"], spare["sanjer"]);
    // Both were suspects: they run alone, in the new spare, one after the other.
    let why = eventually("one of them waits for that", async || {
        let why = [collector.why(&id).await, collector.why(&other).await];
        why.contains(&"waits_for_spare".to_owned()).then_some(why)
    })
    .await;
    assert!(why.iter().all(|why| why == "waits_for_spare" || why == "running"), "{why:?}");
}
