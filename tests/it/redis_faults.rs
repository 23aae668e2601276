//! Redis answers, but not as one wishes: it has forgotten the scripts, or what it had confirmed; it wants another
//! password; it is full. Nothing exits, and all goes on when that is over.

use std::time::Duration;

use collector::{broker::Broker, config, job::Shard, queue::Queue};
use redis::{FromRedisValue, aio::MultiplexedConnection};
use serde_json::{Value, json};

use crate::support::{
    Collector, RedisServer, Scratch, alive, children, eventually, finished, http::Answer, redis_server,
};

/// Long enough to be in the middle of, and short enough to be waited for.
fn slow() -> Value {
    json!({"platform_id": "noop", "settings": {"sleep_ms": 1500, "steps": 10, "log_lines": 2}})
}

/// A Redis of the test's own, asked over its socket.
struct Own {
    server: Option<RedisServer>,
    redis: MultiplexedConnection,
    scratch: Scratch,
    url: String,
}

impl Own {
    async fn start() -> Self {
        let scratch = Scratch::new();
        let url = format!("unix://{}", scratch.path().join("r.sock").display());
        let server = Some(redis_server(&scratch, &["--port", "0", "--unixsocket", "r.sock"], &url).await);
        let redis = redis::Client::open(url.as_str()).unwrap().get_multiplexed_async_connection().await.unwrap();
        Self { server, redis, scratch, url }
    }

    /// Says words, parted by spaces.
    async fn say<T: FromRedisValue>(&mut self, words: &str) -> T {
        let mut command = redis::Cmd::new();
        for word in words.split(' ') {
            command.arg(word);
        }
        command.query_async(&mut self.redis).await.unwrap_or_else(|error| panic!("{words}: {error}"))
    }

    /// `kill -9`, and the same again with what it has on disk.
    async fn restart(&mut self) {
        self.server.take();
        let args = ["--port", "0", "--unixsocket", "r.sock"];
        self.server = Some(redis_server(&self.scratch, &args, &self.url).await);
        self.redis = redis::Client::open(self.url.as_str()).unwrap().get_multiplexed_async_connection().await.unwrap();
    }

    /// A collector on it whose leases are short, and its processes.
    async fn collector(&self, more: &[(&str, &str)]) -> (Collector, Vec<u32>) {
        let args = ["--redis-url", self.url.as_str(), "--pool", "light=1x8"];
        let env = [&[("COLLECTOR_QUEUE__LEASE", "2s")], more].concat();
        let collector = Collector::up_with(&self.scratch, &args, &env).await;
        let processes = eventually("a sanjer and a spare", async || {
            let processes = children(collector.pid());
            (processes.len() == 2).then_some(processes)
        })
        .await;
        (collector, processes)
    }
}

/// Whether a post is refused for now, and the client told when to come back.
fn is_refused_for_now(answer: &Answer) -> bool {
    answer.status == 503 && answer.headers.contains_key("retry-after")
}

/// The job once it has succeeded, whatever the API answers until then.
async fn succeeds(collector: &Collector, id: &str) -> Value {
    eventually("it succeeds", async || {
        let answer = collector.get(&format!("/execution/get?job_id={id}")).await;
        (answer.json["status"] == "succeeded").then_some(answer.json)
    })
    .await
}

async fn post(collector: &Collector) -> Answer {
    collector.post("/execution/run", json!({"platform_id": "noop"}).to_string()).await
}

/// Nothing has exited, and a job runs as ever.
async fn works(collector: &Collector, processes: &[u32]) {
    let id = eventually("jobs are accepted", async || {
        let answer = post(collector).await;
        answer.json["job_id"].as_str().map(str::to_owned)
    })
    .await;
    collector.reaches(&id, "succeeded").await;
    assert!(processes.iter().all(|pid| alive(*pid)), "a process has ended:\n{}", collector.stderr());
}

#[tokio::test]
async fn scripts_may_be_forgotten_at_any_time() {
    let mut own = Own::start().await;
    let (collector, processes) = own.collector(&[]).await;
    let mut ids = Vec::new();
    for n in 0..40 {
        let spec = json!({"platform_id": "noop", "settings": {"sleep_ms": 30, "log_lines": 1, "rows": 1}});
        ids.push(collector.submit(&spec).await);
        if n % 4 == 0 {
            own.say::<()>("SCRIPT FLUSH").await;
        }
    }
    for id in ids {
        own.say::<()>("SCRIPT FLUSH").await;
        let job = collector.reaches(&id, "succeeded").await;
        assert_eq!((&job["attempt"], &job["lease"]), (&json!(1), &json!(1)), "{job}");
    }
    works(&collector, &processes).await;
    assert!(!collector.stderr().contains("NOSCRIPT"), "{}", collector.stderr());
}

#[tokio::test]
async fn a_wrong_password_is_said_at_start() {
    let mut own = Own::start().await;
    own.say::<()>("CONFIG SET requirepass right").await;
    for (url, said) in [(format!("{}?pass=wrong", own.url), "WRONGPASS"), (own.url.clone(), "NOAUTH")] {
        for command in [
            &["up", "--listen", "127.0.0.1:0"][..],
            &["api", "--listen", "127.0.0.1:0"],
            &["sanjer", "--pool", "light"],
        ] {
            let it = finished(&own.scratch, [command, &["--redis-url", &url]].concat(), &[]).await;
            assert_eq!(it.code, Some(2), "{}", it.stderr);
            assert_eq!(it.stderr.lines().count(), 1, "{}", it.stderr);
            assert!(it.stderr.contains("r.sock") && it.stderr.contains(said), "{}", it.stderr);
            assert!(!it.stderr.contains("=wrong"), "{}", it.stderr);
        }
    }
}

#[tokio::test]
async fn a_password_may_change_while_jobs_run() {
    let mut own = Own::start().await;
    let (collector, processes) = own.collector(&[]).await;
    let running = collector.submit(&slow()).await;
    collector.reaches(&running, "running").await;
    own.say::<()>("CONFIG SET requirepass other").await;
    // Who is connected stays so until the connection breaks.
    for kind in ["normal", "pubsub"] {
        own.say::<u32>(&format!("CLIENT KILL TYPE {kind}")).await;
    }
    let refused = eventually("nobody gets in", async || Some(post(&collector).await).filter(is_refused_for_now)).await;
    assert_eq!(refused.json["code"], "redis_unavailable", "{}", refused.text);
    tokio::time::sleep(Duration::from_secs(3)).await;
    assert!(is_refused_for_now(&post(&collector).await));
    own.say::<()>("CONFIG SET requirepass ").await;
    let job = succeeds(&collector, &running).await;
    assert_eq!((&job["attempt"], &job["lease"]), (&json!(1), &json!(1)), "{job}");
    works(&collector, &processes).await;
}

/// Redis takes no writes for a while: it refuses new jobs, and nothing happens to those that run.
async fn takes_no_writes(begin: &str, end: &str) {
    let mut own = Own::start().await;
    let (collector, processes) = own.collector(&[]).await;
    let running = collector.submit(&slow()).await;
    collector.reaches(&running, "running").await;
    own.say::<()>(begin).await;
    for _ in 0..3 {
        let answer = post(&collector).await;
        assert!(is_refused_for_now(&answer), "{}", answer.text);
    }
    assert_eq!(collector.job(&running).await["status"], "running", "what stands there can be read");
    // Longer than the job, and than several leases that nobody can renew.
    tokio::time::sleep(Duration::from_secs(7)).await;
    assert!(is_refused_for_now(&post(&collector).await));
    own.say::<()>(end).await;
    let job = collector.reaches(&running, "succeeded").await;
    assert_eq!((&job["attempt"], &job["lease"]), (&json!(1), &json!(1)), "nobody was declared dead for it: {job}");
    works(&collector, &processes).await;
}

#[tokio::test]
async fn a_full_redis_refuses_jobs_and_loses_none() {
    takes_no_writes("CONFIG SET maxmemory 1", "CONFIG SET maxmemory 0").await;
}

#[tokio::test]
async fn so_does_one_that_misses_its_replicas() {
    takes_no_writes("CONFIG SET min-replicas-to-write 1", "CONFIG SET min-replicas-to-write 0").await;
}

#[tokio::test]
async fn so_does_one_that_was_made_a_replica() {
    // Of a server that does not answer.
    takes_no_writes("REPLICAOF 127.0.0.1 1", "REPLICAOF NO ONE").await;
}

#[tokio::test]
async fn nobody_is_blamed_for_a_lease_that_cannot_be_renewed() {
    let mut own = Own::start().await;
    let settings = [("redis.url", own.url.as_str()), ("queue.lease", "1s")];
    let settings = settings.map(|(path, value)| (path.to_owned(), value.to_owned()));
    let config = config::load(None, settings.into()).unwrap();
    let queue = Queue::new(Broker::connect(&config.redis).await.unwrap(), &config);
    queue.heartbeat(Shard(0), "one", &[]).await.unwrap();
    assert_eq!(queue.expired(Shard(0)).await.unwrap(), [""; 0]);
    own.say::<()>("CONFIG SET maxmemory 1").await;
    let error = eventually("the lease has run out", async || queue.expired(Shard(0)).await.err()).await;
    assert!(error.is_unavailable(), "{error}");
    own.say::<()>("CONFIG SET maxmemory 0").await;
    assert_eq!(queue.expired(Shard(0)).await.unwrap(), ["one"]);
}

#[tokio::test]
async fn a_redis_that_has_forgotten_everything_is_told_who_is_there() {
    let mut own = Own::start().await;
    let (collector, processes) = own.collector(&[]).await;
    works(&collector, &processes).await;
    own.restart().await;
    works(&collector, &processes).await;
    eventually("all is well", async || (collector.post("/system/alive", "").await.status == 200).then_some(())).await;
}

#[tokio::test]
async fn what_redis_forgets_happens_again() {
    let mut own = Own::start().await;
    // Nobody looks for work by itself: what is put right is so because the connection is a new one.
    let (collector, processes) = own.collector(&[("COLLECTOR_QUEUE__SAFETY_POLL", "1h")]).await;
    let id = collector.submit(&slow()).await;
    collector.reaches(&id, "running").await;
    own.say::<()>("SAVE").await;
    collector.reaches(&id, "succeeded").await;
    own.restart().await;
    let job = succeeds(&collector, &id).await;
    assert_eq!((&job["attempt"], &job["lease"]), (&json!(1), &json!(2)), "its end was forgotten: {job}");
    works(&collector, &processes).await;
}
