//! The queue under load: submit, drain, pick-up, memory, idle.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use serde::Serialize;
use serde_json::{Value, json};
use tokio::{
    net::TcpListener,
    time::{Instant, sleep},
};
use tokio_util::sync::CancellationToken;

use super::{floor, http};
use crate::{
    api,
    broker::{Broker, Scratch},
    config::{Config, PoolSize},
    job::{JobId, Jobs},
    platform::{LIGHT, Registry},
    queue::{NewJob, Queue, keys},
    sanjer::{Host, Supervisor, supervise},
    secret::Sealer,
};

/// Two processes, as the rivals have.
pub(super) const POOL: PoolSize = PoolSize { processes: 2, slots: 64 };
/// How often the floor and the drain are measured in turn, and in how many pieces the posts of either route.
const ROUNDS: usize = 3;
const SLICES: u64 = 8;
/// Over how long an idle collector is watched.
const IDLE: Duration = Duration::from_secs(20);
/// Jobs submitted to an idle collector, and the time between them.
const PICK_UPS: (usize, Duration) = (200, Duration::from_millis(5));

/// How much work.
#[derive(Clone, Copy, Debug)]
pub struct Work {
    /// Jobs of the small backlog.
    pub jobs: u64,
    /// Jobs of the large backlog.
    pub backlog: u64,
    /// Posts over HTTP.
    pub posts: u64,
    /// Delayed jobs that are due in the same second.
    pub delayed: u64,
    /// Sanjers that are killed.
    pub kills: usize,
}

/// What was measured. Rates are per second, times in milliseconds.
#[derive(Clone, Debug, Serialize)]
#[expect(missing_docs, reason = "the names say it, with the unit")]
pub struct Figures {
    pub floor_submit_per_s: f64,
    pub floor_drain_per_s: f64,
    pub submit_bulk_per_s: f64,
    pub drain_per_s: f64,
    pub drain_of_floor: f64,
    pub backlog_drain_per_s: f64,
    pub backlog_of_small: f64,
    pub delayed_drain_per_s: f64,
    pub delayed_of_small: f64,
    pub pick_up_p50_ms: f64,
    pub pick_up_p99_ms: f64,
    pub back_in_queue_p50_ms: f64,
    pub back_in_queue_p99_ms: f64,
    pub running_again_p50_ms: f64,
    pub running_again_p99_ms: f64,
    pub http_submit_per_s: f64,
    pub http_bare_per_s: f64,
    pub http_of_bare: f64,
    pub bytes_per_finished_job: f64,
    pub idle_cpu_percent: f64,
}

pub(super) struct Bench {
    pub(super) config: Config,
    pub(super) queue: Queue,
    pub(super) broker: Broker,
    settings: String,
    redis: Scratch,
}

/// Measures everything, one thing after the other.
pub async fn measure(config: Config, work: Work) -> anyhow::Result<Figures> {
    let bench = Bench::new(config).await?;
    // In turn, so that a machine that is slower for a while is slower for both.
    let (mut floors, mut drains) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        floors.push(floor::measure(&bench.redis.url(), work.jobs.max(20_000)).await?);
        drains.push(bench.drain(work.jobs).await?);
    }
    let floor_submit_per_s = overall(floors.iter().map(|floor| floor.submit_per_s));
    let floor_drain_per_s = overall(floors.iter().map(|floor| floor.drain_per_s));
    let (submit_bulk_per_s, drain_per_s) =
        (overall(drains.iter().map(|rates| rates.0)), overall(drains.iter().map(|rates| rates.1)));
    let (_, backlog_drain_per_s) = bench.drain(work.backlog).await?;
    let delayed_drain_per_s = bench.drain_delayed(work.delayed).await?;
    let bytes_per_finished_job = bench.bytes_per_job(work.jobs).await?;
    let (pick_up_p50_ms, pick_up_p99_ms, idle_cpu_percent) = bench.idle().await?;
    let recovery = bench.recovery(work.kills).await?;
    let (http_submit_per_s, http_bare_per_s) = bench.http(work.posts).await?;
    Ok(Figures {
        floor_submit_per_s,
        floor_drain_per_s,
        submit_bulk_per_s,
        drain_per_s,
        drain_of_floor: drain_per_s / floor_drain_per_s,
        backlog_drain_per_s,
        backlog_of_small: backlog_drain_per_s / drain_per_s,
        delayed_drain_per_s,
        delayed_of_small: delayed_drain_per_s / drain_per_s,
        pick_up_p50_ms,
        pick_up_p99_ms,
        back_in_queue_p50_ms: percentile(&recovery.back_in_queue_ms, 0.5),
        back_in_queue_p99_ms: percentile(&recovery.back_in_queue_ms, 0.99),
        running_again_p50_ms: percentile(&recovery.running_again_ms, 0.5),
        running_again_p99_ms: percentile(&recovery.running_again_ms, 0.99),
        http_submit_per_s,
        http_bare_per_s,
        http_of_bare: http_submit_per_s / http_bare_per_s,
        bytes_per_finished_job,
        idle_cpu_percent,
    })
}

impl Bench {
    /// On a scratch redis-server.
    pub(super) async fn new(mut config: Config) -> anyhow::Result<Self> {
        let redis = Scratch::start()?;
        let broker = redis.broker().await?;
        config.redis.url = redis.url();
        config.secrets.key_file = redis.dir().join("secret.key");
        let settings = json!({"sleep_ms": 0, "padding": "x".repeat(170)}).to_string();
        let queue = Queue::new(broker.clone(), &config);
        Ok(Self { config, queue, broker, settings, redis })
    }

    pub(super) fn new_job(&self) -> NewJob {
        NewJob {
            id: JobId::new(self.queue.any_shard()),
            client_id: None,
            platform_id: "noop".into(),
            pool: LIGHT.into(),
            priority: 0,
            delay_ms: 0,
            settings: self.settings.clone(),
            options: "{}".into(),
            max_attempts: 1,
        }
    }

    fn task_spec(&self) -> String {
        format!(r#"{{"platform_id": "noop", "settings": {}}}"#, self.settings)
    }

    pub(super) async fn submit(&self, jobs: u64) -> anyhow::Result<()> {
        let mut left = jobs;
        while left > 0 {
            let batch: Vec<NewJob> = (0..left.min(200)).map(|_| self.new_job()).collect();
            left -= batch.len() as u64;
            self.submit_batch(&batch).await?;
        }
        Ok(())
    }

    async fn submit_batch(&self, batch: &[NewJob]) -> anyhow::Result<()> {
        for shard in self.queue.shards() {
            let of_shard: Vec<NewJob> = batch.iter().filter(|job| job.id.shard() == shard).cloned().collect();
            self.queue.submit(shard, &of_shard).await?;
        }
        Ok(())
    }

    pub(super) async fn finished(&self) -> anyhow::Result<u64> {
        let (mut all, kept) = (0, self.config.jobs.retention.as_millis());
        for shard in self.queue.shards() {
            let key = keys::named(shard, format_args!("done:noop:succeeded:{kept}"));
            all += self.broker.query::<u64>(redis::cmd("ZCARD").arg(key)).await?;
        }
        Ok(all)
    }

    fn supervise(&self, pool: PoolSize) -> anyhow::Result<Supervisor> {
        let (registry, sealer) = (Arc::new(Registry::load()?), Sealer::load(&self.config.key_file())?);
        let host = Host { config: &self.config, queue: &self.queue, registry, sealer };
        Ok(supervise(&host, &BTreeMap::from([(LIGHT.to_owned(), pool)]))?)
    }

    /// Starts the sanjers.
    pub(super) async fn start(&self, pool: PoolSize) -> anyhow::Result<Supervisor> {
        let supervisor = self.supervise(pool)?;
        while self.sanjers().await?.len() < usize::from(pool.processes) + 1 {
            sleep(Duration::from_millis(10)).await;
        }
        Ok(supervisor)
    }

    async fn sanjers(&self) -> anyhow::Result<Vec<String>> {
        let mut names = Vec::new();
        for shard in self.queue.shards() {
            let key = keys::named(shard, "sanjers");
            names.extend(self.broker.query::<Vec<String>>(redis::cmd("ZRANGE").arg(key).arg(0).arg(-1)).await?);
        }
        names.sort();
        names.dedup();
        Ok(names)
    }

    pub(super) async fn flush(&self) -> anyhow::Result<()> {
        Ok(self.broker.query(&redis::cmd("FLUSHALL")).await?)
    }

    /// Submits a backlog with no sanjer running, then drains it: submits a second, and ends a second from the first
    /// finished job to the last.
    async fn drain(&self, jobs: u64) -> anyhow::Result<(f64, f64)> {
        self.flush().await?;
        let started = Instant::now();
        self.submit(jobs).await?;
        let submit_per_s = jobs as f64 / started.elapsed().as_secs_f64();
        let supervisor = self.supervise(POOL)?;
        let drain_per_s = self.drain_rate(jobs).await?;
        supervisor.stop().await;
        Ok((submit_per_s, drain_per_s))
    }

    /// The same of jobs that become due together while the sanjers wait.
    async fn drain_delayed(&self, jobs: u64) -> anyhow::Result<f64> {
        self.flush().await?;
        // Long enough for all of them to be there.
        let due = jiff::Timestamp::now() + Duration::from_secs(2 + jobs / 20_000);
        let supervisor = self.start(POOL).await?;
        let until = || u64::try_from(due.duration_since(jiff::Timestamp::now()).as_millis()).unwrap_or(0);
        let mut left = jobs;
        while left > 0 {
            let batch: Vec<NewJob> =
                (0..left.min(200)).map(|_| NewJob { delay_ms: until(), ..self.new_job() }).collect();
            left -= batch.len() as u64;
            self.submit_batch(&batch).await?;
        }
        anyhow::ensure!(until() > 0, "the jobs were due before all of them were submitted");
        let rate = self.drain_rate(jobs).await?;
        supervisor.stop().await;
        Ok(rate)
    }

    /// From the first finished job to the last.
    async fn drain_rate(&self, jobs: u64) -> anyhow::Result<f64> {
        let mut first = None;
        loop {
            let done = self.finished().await?;
            let (since, before) = *first.get_or_insert((Instant::now(), done));
            if done == 0 {
                first = None;
            } else if done >= jobs {
                return Ok((jobs - before) as f64 / since.elapsed().as_secs_f64());
            }
            sleep(Duration::from_millis(5)).await;
        }
    }

    /// Jobs that are queued.
    pub(super) async fn waiting(&self) -> anyhow::Result<u64> {
        let mut all = 0;
        for shard in self.queue.shards() {
            let key = keys::named(shard, format_args!("queue:{LIGHT}"));
            all += self.broker.query::<u64>(redis::cmd("ZCARD").arg(key)).await?;
        }
        Ok(all)
    }

    /// Keys there are.
    pub(super) async fn keys(&self) -> anyhow::Result<u64> {
        Ok(self.broker.query(&redis::cmd("DBSIZE")).await?)
    }

    pub(super) async fn used_memory(&self) -> anyhow::Result<f64> {
        let info: redis::InfoDict = self.broker.query(redis::cmd("INFO").arg("memory")).await?;
        info.get("used_memory").ok_or_else(|| anyhow::anyhow!("INFO memory has no used_memory"))
    }

    async fn bytes_per_job(&self, jobs: u64) -> anyhow::Result<f64> {
        self.flush().await?;
        let supervisor = self.start(POOL).await?;
        let before = self.used_memory().await?;
        self.submit(jobs).await?;
        while self.finished().await? < jobs {
            sleep(Duration::from_millis(5)).await;
        }
        let after = self.used_memory().await?;
        supervisor.stop().await;
        Ok((after - before) / jobs as f64)
    }

    /// Pick-up of single jobs (median, 99th percentile, in ms), and the CPU of everything while nothing happens.
    async fn idle(&self) -> anyhow::Result<(f64, f64, f64)> {
        self.flush().await?;
        let supervisor = self.start(POOL).await?;
        let mut sent = Vec::new();
        for _ in 0..PICK_UPS.0 {
            let job = self.new_job();
            let id = job.id;
            let at = jiff::Timestamp::now().as_microsecond();
            self.queue.submit(id.shard(), &[job]).await?;
            sent.push((id, at));
            sleep(PICK_UPS.1).await;
        }
        while self.finished().await? < PICK_UPS.0 as u64 {
            sleep(Duration::from_millis(5)).await;
        }
        let mut waits = Vec::new();
        for (id, at) in sent {
            let result: String = self.broker.query(redis::cmd("HGET").arg(keys::job(id)).arg("result")).await?;
            let result: Value = serde_json::from_str(&result)?;
            let started = result.get("started_us").and_then(Value::as_i64).unwrap_or(at);
            waits.push((started - at) as f64 / 1000.0);
        }
        let before = self.cpu_ticks().await?;
        sleep(IDLE).await;
        let ticks = self.cpu_ticks().await? - before;
        supervisor.stop().await;
        // Linux counts CPU time in hundredths of a second.
        Ok((percentile(&waits, 0.5), percentile(&waits, 0.99), ticks as f64 / IDLE.as_secs_f64()))
    }

    /// CPU time of this process, the sanjers and Redis.
    async fn cpu_ticks(&self) -> anyhow::Result<u64> {
        let info: redis::InfoDict = self.broker.query(redis::cmd("INFO").arg("server")).await?;
        let mut pids: Vec<u32> = vec![std::process::id()];
        pids.extend(info.get::<u32>("process_id"));
        pids.extend(self.sanjers().await?.iter().filter_map(|name| name.rsplit(':').nth(1)?.parse::<u32>().ok()));
        Ok(pids.into_iter().map(ticks_of).sum())
    }

    /// Posts a second to the real route, and to one that does nothing.
    async fn http(&self, posts: u64) -> anyhow::Result<(f64, f64)> {
        self.flush().await?;
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?;
        let sealer = Sealer::load(&self.config.secrets.key_file)?;
        let jobs = Jobs::new(self.queue.clone(), Arc::new(Registry::load()?), sealer, &self.config);
        let stop = CancellationToken::new();
        tokio::spawn(api::serve(listener, jobs, Arc::new(self.config.clone()), false, stop.clone()));
        let (bare, body, slice) = (http::bare_route().await?, self.task_spec(), posts / SLICES);
        let (mut ours, mut theirs) = (Vec::new(), Vec::new());
        for _ in 0..SLICES {
            ours.push(http::posts_per_s(address, &body, slice).await?);
            theirs.push(http::posts_per_s(bare, &body, slice).await?);
        }
        stop.cancel();
        Ok((overall(ours.into_iter()), overall(theirs.into_iter())))
    }
}

/// The rate of several equal pieces of work, done one after the other.
fn overall(rates: impl ExactSizeIterator<Item = f64>) -> f64 {
    rates.len() as f64 / rates.map(|rate| 1.0 / rate).sum::<f64>()
}

/// A percentile (`share` 0–1) of what was measured.
pub(super) fn percentile(measured: &[f64], share: f64) -> f64 {
    let mut sorted = measured.to_vec();
    sorted.sort_by(f64::total_cmp);
    let index = (sorted.len() as f64 * share) as usize;
    sorted.get(index.min(sorted.len().saturating_sub(1))).copied().unwrap_or_default()
}

/// `utime + stime` of a process in hundredths of a second, 0 when it is gone.
pub(super) fn ticks_of(pid: u32) -> u64 {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    let after_name = stat.rsplit_once(')').map(|(_, rest)| rest).unwrap_or_default();
    after_name.split_whitespace().skip(11).take(2).filter_map(|ticks| ticks.parse::<u64>().ok()).sum()
}
