//! Requests in numbers: many at once while processes are killed, and live providers beside dead ones.

use std::time::{Duration, Instant};

use futures_util::{StreamExt as _, stream};
use serde_json::{Value, json};

use crate::support::{Collector, Receiver, Scene, Scratch, children, eventually, kill};

/// How long a whole run may take.
const PATIENCE: Duration = Duration::from_mins(5);

/// How long a call of a dead host lasts.
const TIMEOUT: Duration = Duration::from_secs(3);

/// Waits until so many requests are called back; `meanwhile` is done once a second.
async fn all_called_back(receiver: &Receiver, count: usize, mut meanwhile: impl FnMut()) {
    let started = Instant::now();
    let mut tick = tokio::time::interval(Duration::from_secs(1));
    loop {
        tick.tick().await;
        let told = receiver.counts().len();
        if told == count {
            return;
        }
        assert!(started.elapsed() < PATIENCE, "{told} of {count} are called back");
        meanwhile();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_thousand_requests_of_twenty_providers_are_called_back_once() {
    const REQUESTS: usize = 1000;

    let scratch = Scratch::new();
    let devnet = ["--providers", "20", "--failing", "0.2"];
    let scene = Scene::start(&scratch, &devnet, "sweep_after = \"2s\"", &["--pool", "fetch=2x64"]).await;
    let names: Vec<String> = (0..20).map(|n| format!("p{n}")).collect();
    let started = Instant::now();
    let posts = (0..REQUESTS).map(|n| scene.request(json!({"providers": names, "parameters": {"n": n}})));
    let ids: Vec<String> = stream::iter(posts).buffer_unordered(32).collect().await;
    let accepted = started.elapsed();

    let (redis, mut kills, mut seconds) = (scene.collector.redis_pid(), 0, 0);
    all_called_back(&scene.receiver, REQUESTS, || {
        seconds += 1;
        if seconds % 3 == 1 && kills < 5 {
            children(scene.collector.pid()).into_iter().find(|pid| *pid != redis).into_iter().for_each(kill);
            kills += 1;
        }
    })
    .await;
    let took = started.elapsed();
    let mut complete = 0;
    for id in &ids {
        let closed = scene.collector.closed(id).await;
        assert_eq!(
            (&closed["status"], &closed["callback"]["state"]),
            (&json!("DONE"), &json!("DELIVERED")),
            "{closed}"
        );
        complete += usize::from(closed["jobs"].as_array().unwrap().iter().all(|job| job["status"] == "DONE"));
    }
    assert_eq!(complete, REQUESTS, "every provider of every request answered");
    let counts = scene.receiver.counts();
    let repeated = counts.values().filter(|count| **count > 1).count();
    assert_eq!(counts.len(), REQUESTS);
    assert!(kills > 0 && counts.values().all(|count| *count <= 1 + kills), "{counts:?}");
    println!(
        "{REQUESTS} requests x 20 providers, 4 of them failing at first, {kills} sanjers killed: accepted in {accepted:.1?}, \
         all called back in {took:.1?}; 0 lost, {repeated} delivered again under the same webhook-id"
    );
}

/// The 99th of a hundred times from post to callback, of requests to five live providers.
async fn p99(collector: &Collector, receiver: &Receiver, live: &[&str], run: u32) -> Duration {
    const REQUESTS: usize = 300;

    let mut posted = Vec::new();
    let mut tick = tokio::time::interval(Duration::from_millis(40));
    for n in 0..REQUESTS {
        tick.tick().await;
        let post = json!({"providers": live, "parameters": {"n": n, "run": run}, "callbackUrl": receiver.url});
        let at = Instant::now();
        posted.push((collector.request(&post).await, at));
    }
    for (id, _) in &posted {
        collector.closed(id).await;
    }
    let took = |(id, at): &(String, Instant)| receiver.came(&format!("req_{id}")).unwrap().duration_since(*at);
    let mut times: Vec<Duration> = posted.iter().map(took).collect();
    times.sort_unstable();
    times[REQUESTS * 99 / 100]
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hundred_dead_hosts_hold_up_no_live_one() {
    let scratch = Scratch::new();
    let (_live, receiver, _) = Scene::around(&scratch, &["--providers", "5"], "").await;
    // As an operator would have it: the breaker as it is by default, and a slot for each host that may be dead at once.
    let path = scratch.path().join("collector.toml");
    let toml = std::fs::read_to_string(&path).unwrap().replace("min_requests = 1000000\n", "");
    let toml = toml.replace("fetch = [\"20ms\", \"20ms\", \"20ms\"]\n", "");
    let toml = format!("{toml}[network]\ntimeout = \"{}s\"\n", TIMEOUT.as_secs());
    std::fs::write(&path, toml).unwrap();
    let args = ["devnet", "--providers", "100", "--script", "silent", "--json"];
    let mut silent = Collector::silent(&scratch, &args, &[]);
    let dead: Value = serde_json::from_str(&silent.line().await).unwrap();
    let dead: Vec<&str> = dead["providers"].as_object().unwrap().values().map(|url| url.as_str().unwrap()).collect();
    let collector = Collector::up(&scratch, &["--pool", "fetch=1x512"]).await;
    let live = ["p0", "p1", "p2", "p3", "p4"];
    p99(&collector, &receiver, &live, 0).await;
    let before = p99(&collector, &receiver, &live, 1).await;
    // Hosts that take connections and say nothing: the worst kind of dead.
    let id = collector.request(&json!({"providers": dead, "deadline": "5m"})).await;
    eventually("all of them are called", async || {
        let jobs = collector.request_now(&id).await["jobs"].clone();
        jobs.as_array().unwrap().iter().all(|job| job["status"] != "INIT").then_some(())
    })
    .await;
    let beside = p99(&collector, &receiver, &live, 2).await;
    println!("p99 from post to callback: {before:.1?} alone, {beside:.1?} beside 100 dead hosts");
    // How near the two are is to be read on a quiet machine; what must never be is that one waits for a dead one's timeout.
    assert!(beside < TIMEOUT, "{before:?} {beside:?}");
}
