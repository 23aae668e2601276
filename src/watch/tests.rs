//! The scripts of this room against a real redis-server.

use serde_json::json;

use super::*;
use crate::{
    broker::{Broker, Scratch},
    config,
    job::{JobId, Shard},
    queue::{Lane, NewJob, Queue, keys},
};

const SHARD: Shard = Shard(0);

struct Bench {
    watch: Watch,
    queue: Queue,
    broker: Broker,
    _redis: Scratch,
}

async fn bench() -> Bench {
    let redis = Scratch::start().unwrap();
    let broker = redis.broker().await.unwrap();
    let queue = Queue::new(broker.clone(), &config::load(None, Vec::new()).unwrap());
    let watch = Watch::new(queue.clone(), ["light".to_owned()].into());
    Bench { watch, queue, broker, _redis: redis }
}

fn job(priority: u8) -> NewJob {
    NewJob {
        id: JobId::new(SHARD),
        client_id: None,
        platform_id: "noop".into(),
        pool: "light".into(),
        priority,
        delay_ms: 0,
        settings: "{}".into(),
        options: "{}".into(),
        max_attempts: 3,
    }
}

impl Bench {
    async fn light(&self) -> PoolNow {
        self.watch.now(None).await.unwrap().pools["light"]
    }

    /// Commands that Redis has executed, those of scripts among them.
    async fn commands(&self) -> u64 {
        let info: String = self.broker.query(redis::cmd("INFO").arg("commandstats")).await.unwrap();
        let calls = info.lines().filter_map(|line| line.split_once("calls=")?.1.split_once(',')?.0.parse::<u64>().ok());
        calls.sum()
    }

    async fn introduce(&self, name: &str, state: State) {
        let fields = [("pool", "light".to_owned()), ("slots", "4".into()), ("state", state.as_str().into())];
        self.queue.heartbeat(SHARD, name, &fields).await.unwrap();
    }

    async fn size(&self, command: &str, name: &str) -> u64 {
        self.broker.query(redis::cmd(command).arg(keys::named(SHARD, name))).await.unwrap()
    }
}

#[tokio::test]
async fn a_look_costs_the_same_however_many_jobs_there_are() {
    let bench = bench().await;
    let mut costs = Vec::new();
    for jobs in [100, 20_000] {
        let jobs: Vec<NewJob> = (0..jobs).map(|n| job(u8::try_from(n % 10).unwrap())).collect();
        bench.queue.submit(SHARD, &jobs).await.unwrap();
        let before = bench.commands().await;
        bench.light().await;
        costs.push(bench.commands().await - before);
    }
    assert!(costs[1] <= costs[0] + 20, "{costs:?}");
    assert_eq!(bench.light().await.queued, 20_100);
}

#[tokio::test]
async fn the_oldest_is_found_behind_those_who_overtook_it() {
    let bench = bench().await;
    assert_eq!(bench.light().await.oldest_ms, None);
    let old = job(0);
    bench.queue.submit(SHARD, std::slice::from_ref(&old)).await.unwrap();
    let since = bench.light().await.oldest_ms.unwrap();
    // It has waited for an hour, and hundreds of higher priority came before it since.
    let hour_ago = since - 3_600_000;
    let stamp = format!("{:.3}", jiff::Timestamp::from_millisecond(i64::try_from(hour_ago).unwrap()).unwrap());
    let mut age = redis::pipe();
    age.cmd("HSET").arg(keys::job(old.id)).arg("queued_at").arg(stamp);
    age.cmd("ZADD").arg(keys::named(SHARD, "queue:light")).arg(hour_ago).arg(old.id);
    bench.broker.pipeline::<()>(&age).await.unwrap();
    let young: Vec<NewJob> = (0..500).map(|_| job(9)).collect();
    bench.queue.submit(SHARD, &young).await.unwrap();
    assert_eq!(bench.light().await.oldest_ms, Some(hour_ago));
}

#[tokio::test]
async fn who_is_due_waits_and_so_does_who_stands_behind_few() {
    let bench = bench().await;
    let due = NewJob { delay_ms: 1, ..job(0) };
    bench.queue.submit(SHARD, &[due, NewJob { delay_ms: 3_600_000, ..job(0) }]).await.unwrap();
    tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    let pool = bench.light().await;
    assert_eq!((pool.queued, pool.delayed, pool.due), (0, 2, 1));
    let due_since = pool.oldest_ms.unwrap();
    // Two of priority 1 have waited for nine minutes, one of priority 0 behind them for eighteen.
    for (priority, minutes) in [(1, 9), (1, 9), (0, 18)] {
        let (job, ms) = (job(priority), due_since - minutes * 60_000);
        bench.queue.submit(SHARD, std::slice::from_ref(&job)).await.unwrap();
        let stamp = format!("{:.3}", jiff::Timestamp::from_millisecond(i64::try_from(ms).unwrap()).unwrap());
        let mut age = redis::pipe();
        age.cmd("HSET").arg(keys::job(job.id)).arg("queued_at").arg(stamp);
        let score = ms - u64::from(priority) * bench.queue.window_ms();
        age.cmd("ZADD").arg(keys::named(SHARD, "queue:light")).arg(score).arg(job.id);
        bench.broker.pipeline::<()>(&age).await.unwrap();
    }
    assert_eq!(bench.light().await.oldest_ms, Some(due_since - 18 * 60_000));
}

#[tokio::test]
async fn a_repeated_call_counts_once_and_the_dead_count_no_more() {
    let bench = bench().await;
    bench.introduce("h:1:1", State::Serving).await;
    let counts = [("pickup:light:2".to_owned(), 7), ("pickup_ms:light".to_owned(), 35)];
    let rss = [("rss", "4096".to_owned())];
    for (number, total) in [(1, 7), (1, 7), (2, 14)] {
        assert!(bench.watch.gather("h:1:1", number, &rss, &counts).await.unwrap());
        let now = bench.watch.now(None).await.unwrap();
        assert_eq!((now.totals.pools["light"].pickup.count(), now.sanjers[0].rss_bytes), (total, Some(4096)));
    }
    bench.queue.release(SHARD, &crate::queue::Death::of_nobody("h:1:1")).await.unwrap();
    assert!(!bench.watch.gather("h:1:1", 3, &rss, &counts).await.unwrap());
    let now = bench.watch.now(None).await.unwrap();
    assert_eq!((now.totals.pools["light"].pickup.count(), now.sanjers.len()), (14, 0));
    assert_eq!(bench.size("EXISTS", "sanjer:h:1:1").await, 0, "its hash does not come back");
}

#[tokio::test]
async fn pools_are_as_their_sanjers_and_supervisors_say() {
    let bench = bench().await;
    for (name, state) in [("a", State::Serving), ("b", State::Quiet), ("c", State::Spare), ("d", State::Retiring)] {
        bench.introduce(name, state).await;
    }
    let pool = bench.light().await;
    assert_eq!((pool.sanjers, pool.slots, pool.alive(), pool.wanted), ([1, 1, 1, 1], 4, 2, None));
    bench.watch.present("one", 60_000, r#"{"light":2,"heavy":1}"#).await.unwrap();
    bench.watch.present("two", 60_000, r#"{"light":3}"#).await.unwrap();
    let now = bench.watch.now(Some("other")).await.unwrap();
    let wanted = |pool: &str| now.pools[pool].wanted;
    assert_eq!((wanted("light"), wanted("heavy"), wanted("other")), (Some(5), Some(1), None));
    bench.watch.leave("two").await.unwrap();
    bench.watch.present("one", 0, r#"{"light":2}"#).await.unwrap();
    // What one said holds for no time at all, and is forgotten when the next one speaks.
    while bench.light().await.wanted.is_some() {}
    bench.watch.present("three", 60_000, "{}").await.unwrap();
    assert_eq!(bench.size("HLEN", "supervisors").await, 1);
}

#[tokio::test]
async fn the_last_deaths_are_kept_each_once() {
    let bench = bench().await;
    let certificate = json!({"cause": "signal 9", "oom": false, "at": "2026-11-20T22:00:00.000Z"}).to_string();
    let held = vec![JobId::new(SHARD); 150];
    for n in 0..120 {
        let sanjer = format!("h:{n}:1");
        bench.introduce(&sanjer, State::Serving).await;
        for pool in ["light", "wrong"] {
            let death = Death { sanjer: &sanjer, pool, certificate: &certificate, held: &held };
            bench.watch.died(&death).await.unwrap();
        }
    }
    let unknown = Death { sanjer: "never:1:1", pool: "heavy", certificate: "not JSON", held: &[] };
    bench.watch.died(&unknown).await.unwrap();
    let deaths = bench.watch.deaths().await.unwrap();
    assert_eq!((deaths.len(), &deaths[0]["pool"]), (100, &json!("heavy")));
    assert_eq!((&deaths[1]["jobs"], deaths[1]["job_ids"].as_array().unwrap().len()), (&json!(150), 100));
    assert_eq!((bench.size("HLEN", "certificates").await, bench.size("ZCARD", "deaths").await), (100, 100));
    let totals = bench.watch.now(None).await.unwrap().totals;
    assert_eq!((totals.pools["light"].deaths, totals.pools["heavy"].deaths), (120, 1));
}

#[tokio::test]
async fn one_of_many_takes_down_a_step() {
    let bench = bench().await;
    let looks = (0..20).map(|_| bench.watch.take_down());
    futures_util::future::try_join_all(looks).await.unwrap();
    let points: Vec<String> =
        bench.broker.query(redis::cmd("HVALS").arg(keys::named(SHARD, "history:15m"))).await.unwrap();
    // Time may have passed from one step to the next meanwhile.
    assert!((1..=2).contains(&points.len()), "{points:?}");
    for point in points {
        let point: serde_json::Value = serde_json::from_str(&point).unwrap();
        assert_eq!(point["n"], 1, "one look each: {point}");
    }
    // Somebody whose step is over writes nothing.
    let late = bench.watch.write_down(1, "{}", &[("15m", 1, "late".to_owned())]).await.unwrap();
    assert_eq!((late, bench.size("HLEN", "history:15m").await <= 2), (false, true));
}

#[tokio::test]
async fn only_who_is_there_can_be_asked() {
    let bench = bench().await;
    assert_eq!(bench.watch.ask("h:1:1", Ask::Quiet).await.unwrap(), Err(Unknown));
    bench.introduce("h:1:1", State::Serving).await;
    for (ask, said) in [(Ask::Quiet, "quiet 1"), (Ask::Resume, "resume 2"), (Ask::Resume, "resume 3")] {
        assert_eq!(bench.watch.ask("h:1:1", ask).await.unwrap(), Ok(()));
        let heard = bench.queue.heartbeat(SHARD, "h:1:1", &[]).await.unwrap().unwrap();
        assert_eq!(heard.asked.as_deref(), Some(said));
    }
    let mut gone = redis::cmd("ZADD");
    bench.broker.query::<()>(gone.arg(keys::named(SHARD, "sanjers")).arg(1).arg("h:1:1")).await.unwrap();
    assert_eq!(bench.watch.ask("h:1:1", Ask::Quiet).await.unwrap(), Err(Unknown), "its lease is over");
}

#[tokio::test]
async fn the_place_of_a_job_is_known() {
    let bench = bench().await;
    let jobs = [job(0), job(0), job(9)];
    for one in &jobs {
        bench.queue.submit(SHARD, std::slice::from_ref(one)).await.unwrap();
    }
    for (n, ahead) in [(0, 1), (1, 2), (2, 0)] {
        let hash = bench.broker.query(redis::cmd("HGETALL").arg(keys::job(jobs[n].id))).await.unwrap();
        let record = crate::job::Job::from_hash(jobs[n].id, hash).unwrap();
        assert_eq!(bench.watch.situation(&record).await.unwrap().place, Some((Lane::Queue, ahead)));
    }
}
