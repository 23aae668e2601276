//! What the API says of queues, sanjers and single jobs: as they are, in words, and without secrets.

use rustix::process::Signal;
use serde_json::{Value, json};

use crate::support::{Collector, Scratch, eventually, pid_of, redis_on_a_socket, signal};

fn sleeper(ms: u64) -> Value {
    json!({"platform_id": "noop", "settings": {"sleep_ms": ms}})
}

impl Collector {
    async fn stats(&self) -> Value {
        let answer = self.get("/queue/stats").await;
        assert_eq!(answer.status, 200, "{}", answer.text);
        answer.json
    }

    async fn explain(&self, id: &str) -> Value {
        let answer = self.get(&format!("/execution/explain?job_id={id}")).await;
        assert_eq!(answer.status, 200, "{}", answer.text);
        answer.json
    }

    async fn sanjers(&self) -> Value {
        let answer = self.get("/sanjers/get").await;
        assert_eq!(answer.status, 200, "{}", answer.text);
        answer.json
    }
}

/// Codes of the troubles, with their pools.
fn codes(stats: &Value) -> Vec<String> {
    let troubles = stats["troubles"].as_array().unwrap().iter();
    troubles
        .map(|trouble| format!("{} {}", trouble["code"].as_str().unwrap(), trouble["pool"].as_str().unwrap_or("-")))
        .collect()
}

fn reasons(explanation: &Value) -> Vec<&str> {
    explanation["reasons"].as_array().unwrap().iter().map(|reason| reason["code"].as_str().unwrap()).collect()
}

#[tokio::test]
async fn the_stats_count_what_there_is_and_say_what_is_wrong() {
    let scratch = Scratch::new();
    let collector = Collector::up(&scratch, &["--pool", "light=1x1"]).await;
    let whole = eventually("the pool is whole", async || {
        let stats = collector.stats().await;
        (stats["pools"]["light"]["sanjers"]["spare"] == 1 && stats["troubles"] == json!([])).then_some(stats)
    })
    .await;
    let light = &whole["pools"]["light"];
    assert_eq!((&light["slots"], &light["sanjers"]["wanted"]), (&json!(1), &json!(1)), "{whole}");
    assert!(light.get("oldest_queued_at").is_none());

    let running = collector.submit(&sleeper(20_000)).await;
    collector.reaches(&running, "running").await;
    let waiting = collector.submit(&sleeper(0)).await;
    let important = collector.submit(&json!({"platform_id": "noop", "options": {"priority": 5}})).await;
    let later = collector.submit(&json!({"platform_id": "noop", "options": {"delay_s": 3600}})).await;
    let stats = collector.stats().await;
    let light = &stats["pools"]["light"];
    assert_eq!([&light["queued"], &light["delayed"], &light["running"]], [2, 1, 1], "{stats}");
    let queued_at = &collector.job(&waiting).await["queued_at"];
    assert_eq!(&light["oldest_queued_at"], queued_at, "not that of the one who overtook it");

    let why = collector.explain(&waiting).await;
    assert_eq!((reasons(&why), &why["ahead"]), (vec!["behind_others", "slots_busy"], &json!(1)));
    assert_eq!(why["summary"], "it waits behind 1 other of pool light, and the only slot of pool light is busy");
    assert_eq!(reasons(&collector.explain(&important).await), ["slots_busy"]);
    let why = collector.explain(&later).await;
    assert_eq!((reasons(&why), &why["due_at"]), (vec!["scheduled"], &collector.job(&later).await["due_at"]));
    assert_eq!(reasons(&collector.explain(&running).await), ["running"]);
    for id in [later, important, waiting, running] {
        collector.cancel(&id).await;
        collector.reaches(&id, "cancelled").await;
    }
    let stats = eventually("the ends are counted", async || {
        let stats = collector.stats().await;
        (stats["throughput_per_s"].as_f64() > Some(0.0)).then_some(stats)
    })
    .await;
    assert_eq!((&stats["finished"]["cancelled"], &stats["failed_per_s"]), (&json!(4), &json!(0.0)));
}

#[tokio::test]
async fn what_several_shards_hold_adds_up() {
    let scratch = Scratch::new();
    let env = [("COLLECTOR_QUEUE__SHARDS", "4")];
    let collector = Collector::up_with(&scratch, &["--pool", "light=1x2"], &env).await;
    let mut later = Vec::new();
    for _ in 0..24 {
        later.push(collector.submit(&json!({"platform_id": "noop", "options": {"delay_s": 3600}})).await);
    }
    let mut running = Vec::new();
    for _ in 0..2 {
        let id = collector.submit(&sleeper(20_000)).await;
        collector.reaches(&id, "running").await;
        running.push(id);
    }
    let waiting = collector.submit(&sleeper(0)).await;
    let stats = collector.stats().await;
    let light = &stats["pools"]["light"];
    assert_eq!([&light["queued"], &light["delayed"], &light["running"]], [1, 24, 2], "{stats}");
    assert!(reasons(&collector.explain(&waiting).await).contains(&"slots_busy"));
    let sanjers = collector.sanjers().await;
    let held = sanjers["sanjers"].as_array().unwrap().iter().find(|sanjer| sanjer["running"] == 2).unwrap();
    let mut expected = running.clone();
    expected.sort();
    assert_eq!(held["jobs"], json!(expected));
    for id in &later {
        collector.cancel(id).await;
    }
    let stats = collector.stats().await;
    assert_eq!((&stats["pools"]["light"]["delayed"], &stats["finished"]["cancelled"]), (&json!(0), &json!(24)));
}

#[tokio::test]
async fn a_pool_without_sanjers_is_told_of() {
    let redis = Scratch::new();
    let (_server, url) = redis_on_a_socket(&redis).await;
    let scratch = Scratch::new();
    let args = ["api", "--listen", "127.0.0.1:0", "--redis-url", &url];
    let api = Collector::start(&scratch, &args, &[("COLLECTOR_QUEUE__LEASE", "2s")]).await;
    let id = api.submit(&sleeper(0)).await;
    let stats = api.stats().await;
    assert_eq!(codes(&stats), ["redis_not_persistent -", "pool_unserved light"]);
    assert_eq!(stats["troubles"][1]["message"], "pool light: 1 job waits, no sanjer serves it");
    assert_eq!(reasons(&api.explain(&id).await), ["unknown_pool"]);

    // A host that is configured for it, but has lost its sanjers: that is another matter.
    let args = ["sanjer", "--redis-url", &url, "--pool", "light=1x1"];
    let mut host = Collector::silent(&scratch, &args, &[("COLLECTOR_QUEUE__LEASE", "2s")]);
    api.reaches(&id, "succeeded").await;
    eventually("it is served", async || {
        (!codes(&api.stats().await).contains(&"pool_unserved light".into())).then_some(())
    })
    .await;
    host.kill().await;
    let id = api.submit(&sleeper(0)).await;
    let why = eventually("nobody is left", async || {
        let why = api.explain(&id).await;
        ["no_sanjer", "unknown_pool"].contains(&reasons(&why)[0]).then_some(why)
    })
    .await;
    assert!(why["summary"].as_str().unwrap().starts_with("no sanjer serves pool light"), "{why}");
}

#[tokio::test]
async fn sanjers_show_their_jobs_and_their_deaths() {
    let scratch = Scratch::new();
    let collector = Collector::up(&scratch, &["--pool", "light=1x4"]).await;
    let sanjers = eventually("both are up and measured", async || {
        let sanjers = collector.sanjers().await["sanjers"].clone();
        let all = sanjers.as_array().unwrap();
        (all.len() == 2 && all.iter().all(|sanjer| sanjer["rss_bytes"].as_u64() > Some(1 << 20))).then_some(sanjers)
    })
    .await;
    let states: Vec<_> = sanjers.as_array().unwrap().iter().map(|sanjer| sanjer["state"].as_str().unwrap()).collect();
    assert!(states.contains(&"serving") && states.contains(&"spare"), "{sanjers}");
    let id = collector.submit(&sleeper(20_000)).await;
    let job = collector.reaches(&id, "running").await;
    let all = collector.sanjers().await;
    let one = all["sanjers"].as_array().unwrap().iter().find(|sanjer| sanjer["sanjer"] == job["sanjer"]).unwrap();
    assert_eq!((&one["jobs"], &one["running"], &one["pid"]), (&json!([id]), &json!(1), &json!(pid_of(&job))));
    // The spare holds nothing, and its death is told all the same.
    let spare = sanjers.as_array().unwrap().iter().find(|sanjer| sanjer["state"] == "spare").unwrap();
    signal(u32::try_from(spare["pid"].as_u64().unwrap()).unwrap(), Signal::KILL);
    eventually("the spare's death is told", async || {
        let deaths = collector.sanjers().await["deaths"].clone();
        (deaths.as_array().unwrap().len() == 1).then_some(())
    })
    .await;
    signal(pid_of(&job), Signal::KILL);
    let deaths = eventually("so is the other's", async || {
        let deaths = collector.sanjers().await["deaths"].clone();
        (deaths.as_array().unwrap().len() == 2).then_some(deaths)
    })
    .await;
    let told = |n: usize| (deaths[n]["sanjer"].clone(), deaths[n]["pool"].clone(), deaths[n]["job_ids"].clone());
    assert_eq!(told(0), (job["sanjer"].clone(), json!("light"), json!([id])), "{deaths}");
    assert_eq!(told(1), (spare["sanjer"].clone(), json!("light"), json!([])), "{deaths}");
    assert_eq!(deaths[0]["signal"], 9);
    let again = collector.runs_again(&id, 2).await;
    assert_ne!(again["sanjer"], job["sanjer"]);
    assert!(codes(&collector.stats().await).contains(&"sanjers_died -".into()));
}

#[tokio::test]
async fn a_job_is_shown_raw_and_the_system_too_but_no_secret() {
    let scratch = Scratch::new();
    let mut config = String::from("[providers.p]\nurl = \"https://provider.example/?key=hunter2222\"\n");
    config += "[callbacks.c]\nurl = \"https://c.example/\"\nsecrets = \"whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw\"\n";
    scratch.write("collector.toml", &config);
    let collector = Collector::up(&scratch, &["--pool", "light=1x1"]).await;
    let spec = json!({"platform_id": "noop", "settings": {"secret": "hunter2222", "rows": 1}});
    let id = collector.submit(&spec).await;
    collector.reaches(&id, "succeeded").await;
    let hash = collector.get(&format!("/execution/hash?job_id={id}")).await;
    assert_eq!(hash.json["fields"]["status"], "succeeded", "{}", hash.text);
    assert_eq!(hash.json["fields"]["settings"], r#"{"secret":"••••","rows":1}"#);
    let system = collector.get("/system/get").await;
    assert_eq!((&system.json["redis"]["mode"], &system.json["shards"]), (&json!("private"), &json!(1)));
    assert_eq!(system.json["config"]["sanjers"]["pools"], json!({"light": "1x1"}), "{}", system.text);
    for text in [hash.text, system.text] {
        assert!(!text.contains("hunter2222") && !text.contains("MfKQ9r8G"), "{text}");
    }
}
