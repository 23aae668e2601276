//! The gate against a real redis-server; what happened to one client is known to another.

use super::*;
use crate::{broker::Scratch, config::Span};

struct Bench {
    redis: Scratch,
    broker: Broker,
    network: config::Network,
}

impl Bench {
    async fn new(change: impl FnOnce(&mut config::Breaker)) -> Self {
        let mut network = config::defaults().unwrap().network;
        change(&mut network.breaker);
        let redis = Scratch::start().unwrap();
        Self { broker: redis.broker().await.unwrap(), redis, network }
    }

    /// A gate as another process has it.
    async fn gate(&self) -> Gate {
        Gate::new(self.redis.broker().await.unwrap(), 1, &self.network, Crowd::new(&self.network))
    }

    async fn keys(&self) -> Vec<String> {
        let mut keys: Vec<String> = self.broker.query(redis::cmd("KEYS").arg("*")).await.unwrap();
        keys.sort();
        keys
    }
}

fn endpoint(host: &str) -> Endpoint {
    Endpoint::of(&format!("https://{host}/x").parse().unwrap())
}

fn span(ms: u64) -> Span {
    Span(Duration::from_millis(ms))
}

/// Asks again and again until there is an answer.
async fn eventually<T>(mut ask: impl AsyncFnMut() -> Option<T>) -> T {
    let asking = async {
        loop {
            if let Some(answer) = ask().await {
                return answer;
            }
        }
    };
    tokio::time::timeout(Duration::from_secs(20), asking).await.expect("it happens in time")
}

impl Gate {
    async fn pass(&self, host: &str) -> Pass {
        match self.enter(&endpoint(host)).await.unwrap() {
            Entry::Go(pass) => pass,
            Entry::Wait(wait) => panic!("{host}: {wait:?}"),
        }
    }

    async fn end(&self, host: &str, health: Health, times: usize) {
        for _ in 0..times {
            let pass = self.pass(host).await;
            self.leave(pass, health).await.unwrap();
        }
    }

    async fn waits(&self, host: &str) -> Option<Wait> {
        match self.enter(&endpoint(host)).await.unwrap() {
            Entry::Go(_) => None,
            Entry::Wait(wait) => Some(wait),
        }
    }

    async fn breaker(&self, host: &str) -> Breaker {
        self.look(&endpoint(host)).await.unwrap().breaker
    }

    /// The pass of the one call that may try, once the breaker has been open for its time.
    async fn trial(&self, host: &str) -> Pass {
        eventually(async || match self.enter(&endpoint(host)).await.unwrap() {
            Entry::Go(pass) => Some(pass),
            Entry::Wait(_) => None,
        })
        .await
    }
}

#[tokio::test]
async fn who_is_well_leaves_no_trace() {
    let bench = Bench::new(|_| {}).await;
    let gate = bench.gate().await;
    gate.end("well.example", Health::Well, 20).await;
    gate.end("large.example", Health::Unknown, 20).await;
    assert_eq!(bench.keys().await, Vec::<String>::new());
    let nothing = gate.look(&endpoint("well.example")).await.unwrap();
    assert_eq!((nothing.breaker, nothing.answered, nothing.failed, nothing.trips), (Breaker::Closed, 0, 0, 0));
}

#[tokio::test]
async fn the_breaker_opens_by_count_and_share() {
    let bench = Bench::new(|_| {}).await;
    let (one, two) = (bench.gate().await, bench.gate().await);
    one.end("dead.example", Health::Unwell, 5).await;
    two.end("dead.example", Health::Unwell, 4).await;
    assert_eq!(one.breaker("dead.example").await, Breaker::Closed, "nine calls say nothing yet");
    one.end("dead.example", Health::Unwell, 1).await;
    let wait = two.waits("dead.example").await.expect("it is open for everybody");
    assert_eq!(wait.because, Because::Open);
    assert!((25..=36).contains(&wait.after.as_secs()), "{wait:?}");
    assert_eq!(two.waits("other.example").await, None);
    let seen = two.look(&endpoint("dead.example")).await.unwrap();
    assert_eq!((seen.breaker, seen.answered, seen.failed, seen.trips), (Breaker::Open, 0, 10, 1));

    // 69 percent and 70.
    one.end("weak.example", Health::Unwell, 6).await;
    one.end("weak.example", Health::Well, 3).await;
    one.end("weak.example", Health::Well, 1).await;
    assert_eq!(one.breaker("weak.example").await, Breaker::Closed, "6 of 10");
    one.end("weak.example", Health::Unwell, 3).await;
    assert_eq!(one.breaker("weak.example").await, Breaker::Closed, "9 of 13");
    one.end("weak.example", Health::Unwell, 1).await;
    assert_eq!(one.breaker("weak.example").await, Breaker::Open, "10 of 14");
    // Other ports are other endpoints.
    let port = Endpoint::of(&"https://dead.example:8443".parse().unwrap());
    assert!(matches!(one.enter(&port).await.unwrap(), Entry::Go(_)));
}

#[tokio::test]
async fn one_call_tries_and_decides() {
    let bench = Bench::new(|breaker| breaker.open = span(150)).await;
    let (one, two) = (bench.gate().await, bench.gate().await);
    one.end("dead.example", Health::Unwell, 1).await;
    let late = one.pass("dead.example").await;
    one.end("dead.example", Health::Unwell, 9).await;
    assert_ne!(one.breaker("dead.example").await, Breaker::Closed);

    let trial = two.trial("dead.example").await;
    assert!(trial.trial.is_some(), "{trial:?}");
    let wait = one.waits("dead.example").await.expect("only one tries at a time");
    assert!(wait.after <= Duration::from_millis(20), "and who waits looks again soon: {wait:?}");
    one.leave(late, Health::Well).await.unwrap();
    assert_ne!(one.breaker("dead.example").await, Breaker::Closed, "what was under way before does not count");
    two.leave(trial, Health::Unwell).await.unwrap();
    let seen = one.look(&endpoint("dead.example")).await.unwrap();
    assert_eq!(seen.trips, 2, "{seen:?}");

    let trial = one.trial("dead.example").await;
    let former = Pass { endpoint: endpoint("dead.example"), is_known: true, trial: Some(1) };
    two.leave(former, Health::Well).await.unwrap();
    assert_ne!(one.breaker("dead.example").await, Breaker::Closed, "nor does the trial before this one");
    one.leave(trial, Health::Unknown).await.unwrap();
    let trial = two.trial("dead.example").await;
    two.leave(trial, Health::Well).await.unwrap();
    let seen = one.look(&endpoint("dead.example")).await.unwrap();
    assert_eq!((seen.breaker, seen.failed, seen.trips), (Breaker::Closed, 0, 0), "all is forgiven");
    one.end("dead.example", Health::Unwell, 9).await;
    assert_eq!(one.waits("dead.example").await, None);
}

#[tokio::test]
async fn a_trial_that_nobody_ends_is_made_again() {
    let mut bench = Bench::new(|breaker| breaker.open = span(10)).await;
    bench.network.timeout = span(10);
    let mut gate = bench.gate().await;
    gate.end("dead.example", Health::Unwell, 10).await;
    drop(gate.trial("dead.example").await);
    assert!(gate.waits("dead.example").await.is_some());
    // Its time is over at once for one who looks with less patience.
    let key = "{etlas:0}:outbound:host:https://dead.example:443";
    let before: u64 = bench.broker.query(redis::cmd("HGET").arg(key).arg("trial_until")).await.unwrap();
    let (seconds, micros): (u64, u64) = bench.broker.query(&redis::cmd("TIME")).await.unwrap();
    let left = before - (seconds * 1000 + micros / 1000);
    assert!((4000..=5010).contains(&left), "a call's time and the grace: {left}");
    let _: u64 = bench.broker.query(redis::cmd("HSET").arg(key).arg("trial_until").arg(1)).await.unwrap();
    gate.patience = Duration::ZERO;
    assert_eq!(gate.trial("dead.example").await.trial, Some(2));
}

#[tokio::test]
async fn old_failures_are_forgotten() {
    let bench = Bench::new(|breaker| breaker.window = span(1000)).await;
    let gate = bench.gate().await;
    gate.end("once.example", Health::Unwell, 9).await;
    // What was answered keeps it from being forgotten as a whole.
    eventually(async || {
        gate.end("once.example", Health::Well, 1).await;
        let seen = gate.look(&endpoint("once.example")).await.unwrap();
        (seen.failed == 0 && seen.answered > 0).then_some(())
    })
    .await;
    gate.end("once.example", Health::Unwell, 1).await;
    assert_eq!(gate.breaker("once.example").await, Breaker::Closed);
    eventually(async || bench.keys().await.is_empty().then_some(())).await;
}

#[tokio::test]
async fn who_is_busy_is_left_alone_by_all() {
    let bench = Bench::new(|_| {}).await;
    let (one, two) = (bench.gate().await, bench.gate().await);
    one.end("busy.example", Health::Busy(Duration::from_mins(10)), 1).await;
    let wait = two.waits("busy.example").await.expect("it asked for it");
    assert_eq!(wait.because, Because::Busy);
    assert!((599..=720).contains(&wait.after.as_secs()), "{wait:?}");
    let seen = one.look(&endpoint("busy.example")).await.unwrap();
    assert_eq!((seen.breaker, seen.failed), (Breaker::Closed, 0), "being busy is no failure");
    let key = "{etlas:0}:outbound:host:https://busy.example:443";
    let ttl: u64 = bench.broker.query(redis::cmd("PTTL").arg(key)).await.unwrap();
    assert!(ttl > 600_000, "it is remembered for as long as it wants to be left alone: {ttl}");

    one.end("soon.example", Health::Busy(Duration::from_millis(20)), 1).await;
    one.trial("soon.example").await;
}

#[tokio::test]
async fn strangers_do_not_fill_redis() {
    let bench = Bench::new(|breaker| breaker.max_endpoints = 50).await;
    let gate = bench.gate().await;
    for n in 0..500 {
        gate.end(&format!("h{n}.example"), Health::Unwell, 1).await;
    }
    let keys = bench.keys().await;
    assert_eq!(keys.len(), 51, "fifty endpoints and their list");
    for key in &keys {
        let ttl: i64 = bench.broker.query(redis::cmd("PTTL").arg(key)).await.unwrap();
        assert!((1..=300_000).contains(&ttl), "{key} {ttl}");
    }
    let last = gate.look(&endpoint("h499.example")).await.unwrap();
    assert_eq!(last.failed, 1, "the newest are kept");
    assert_eq!(gate.look(&endpoint("h0.example")).await.unwrap().failed, 0);
    let fewer = Gate { settings: config::Breaker { max_endpoints: 10, ..gate.settings }, ..gate };
    for n in 0..20 {
        fewer.end(&format!("i{n}.example"), Health::Unwell, 1).await;
    }
    assert_eq!(bench.keys().await.len(), 11, "a lower limit is reached step by step");
}

#[tokio::test]
async fn the_result_decides_what_is_taken_down() {
    rustls::crypto::ring::default_provider().install_default().ok();
    let bench = Bench::new(|_| {}).await;
    let client = Client::new(&bench.network);
    let gate = client.gate(bench.redis.broker().await.unwrap(), 4);
    let closed = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let url: url::Url = format!("http://{closed}/").parse().unwrap();
    for _ in 0..10 {
        let reply = gate.call(&client, Request::get(url.clone())).await.unwrap();
        assert!(matches!(reply, Reply::Failed(Error::Connect { .. })), "{reply:?}");
    }
    let reply = gate.call(&client, Request::get(url)).await.unwrap();
    assert!(matches!(reply, Reply::Wait(Wait { because: Because::Open, .. })), "{reply:?}");
    for _ in 0..11 {
        let reply = gate.call(&client, Request::get("http://10.0.0.1/".parse().unwrap())).await.unwrap();
        assert!(matches!(reply, Reply::Failed(Error::Refused(_))), "refusing is not its failure: {reply:?}");
    }
    let answer = |status: u16, retry_after| {
        Ok(Response {
            status: reqwest::StatusCode::from_u16(status).unwrap(),
            url: "http://127.0.0.1".parse().unwrap(),
            headers: reqwest::header::HeaderMap::new(),
            retry_after,
            body: bytes::Bytes::new(),
            elapsed: Duration::ZERO,
        })
    };
    let told = Some(Duration::from_secs(7));
    for (result, health) in [
        (answer(200, None), Health::Well),
        (answer(302, None), Health::Well),
        (answer(404, None), Health::Well),
        (answer(425, None), Health::Well),
        (answer(408, None), Health::Unwell),
        (answer(500, told), Health::Unwell),
        (answer(503, None), Health::Unwell),
        (answer(503, told), Health::Busy(Duration::from_secs(7))),
        (answer(429, told), Health::Busy(Duration::from_secs(7))),
        (answer(429, None), Health::Busy(bench.network.breaker.busy.0)),
        (Err(Error::Timeout { after: Duration::ZERO }), Health::Unwell),
        (Err(Error::BodyTooLarge { limit: 1 }), Health::Unknown),
    ] {
        assert_eq!(gate.health(&result), health, "{result:?}");
    }
}
