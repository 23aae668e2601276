//! What finding jobs costs: the same lists of few jobs and of many.

use std::sync::Arc;

use jiff::Timestamp;
use serde::Serialize;
use tokio::time::Instant;

use super::queue::{Bench, percentile};
use crate::{
    config::Config,
    job::{Filter, JobId, Jobs, Shard, Status},
    platform::{LIGHT, Registry},
    queue::{BATCH, Claim, Claimed, Finish, Lane, NewJob},
    secret::Sealer,
};

/// Jobs a page, and pages of each list that are measured, first ones and later ones.
const PAGE: usize = 50;
const PAGES: usize = 60;
/// The most jobs that one page looks at, with what it takes to begin: commands that Redis counts.
const MOST_COMMANDS: f64 = 2_200.0;

/// What one list of so many jobs costs.
#[derive(Clone, Debug, Serialize)]
#[expect(missing_docs, reason = "the names say it, with the unit")]
pub struct Cost {
    pub list: &'static str,
    pub jobs: u64,
    pub page_p50_ms: f64,
    pub page_max_ms: f64,
    pub page_commands: f64,
    pub page_max_commands: f64,
    pub total_ms: f64,
}

impl Cost {
    /// Whether no page looked at more than it may.
    pub fn is_bounded(&self) -> bool {
        self.page_max_commands <= MOST_COMMANDS
    }
}

/// Fills a scratch redis-server with a thousand jobs, then with so many, and asks both times.
pub async fn finding(config: Config, jobs: u64) -> anyhow::Result<Vec<Cost>> {
    let bench = Bench::new(config).await?;
    let sealer = Sealer::load(&bench.config.secrets.key_file)?;
    let all = Jobs::new(bench.queue.clone(), Arc::new(Registry::load()?), sealer, &bench.config);
    let mut costs = Vec::new();
    for jobs in [1000, jobs] {
        bench.flush().await?;
        let middle = bench.fill(jobs).await?;
        for (list, filter) in lists(middle) {
            costs.push(bench.cost(&all, list, &filter, jobs).await?);
        }
    }
    Ok(costs)
}

fn lists(middle: Timestamp) -> Vec<(&'static str, Filter)> {
    let plain = Filter::default;
    let of = |status| Filter { status: Some(status), ..plain() };
    let label = |label: &str| Some(label.to_owned());
    vec![
        ("all", plain()),
        ("succeeded", of(Status::Succeeded)),
        ("queued", of(Status::Queued)),
        ("failed of one platform", Filter { platform: label("noop"), ..of(Status::Failed) }),
        ("one error", Filter { error: label("e1"), ..plain() }),
        ("label of a tenth", Filter { label: label("tenth"), ..plain() }),
        ("label of a tenth, failed", Filter { label: label("tenth"), ..of(Status::Failed) }),
        ("label of a tenth, queued", Filter { label: label("tenth"), ..of(Status::Queued) }),
        ("label of a thousandth, succeeded", Filter { label: label("rare"), ..of(Status::Succeeded) }),
        ("label of nobody", Filter { label: label("none"), ..plain() }),
        ("an _id", Filter { client_id: label("client 10"), ..plain() }),
        ("created before the middle", Filter { created_to: Some(middle), ..plain() }),
        ("finished before the middle, failed", Filter { finished_to: Some(middle), ..of(Status::Failed) }),
        ("pool of others, succeeded", Filter { pool: label("heavy"), ..of(Status::Succeeded) }),
        (
            "label, error and times",
            Filter {
                label: label("tenth"),
                error: label("e2"),
                created_from: Some(middle),
                finished_from: Some(middle),
                ..plain()
            },
        ),
    ]
}

impl Bench {
    /// Jobs of which a twentieth waits for a slot, a twentieth for its time, a tenth has failed, the rest succeeded.
    /// Returns when half of them were there.
    async fn fill(&self, jobs: u64) -> anyhow::Result<Timestamp> {
        let (mut made, mut middle) = (0, None);
        while made < jobs {
            if made * 2 >= jobs {
                middle.get_or_insert_with(Timestamp::now);
            }
            for shard in self.queue.shards() {
                let n = BATCH.min(usize::try_from(jobs - made)?);
                let batch: Vec<NewJob> = (made..).take(n).map(|n| self.kind(shard, n)).collect();
                self.queue.submit(shard, &batch).await?;
                made += batch.len() as u64;
                self.end(shard, batch.len() * 9 / 10).await?;
            }
        }
        Ok(middle.unwrap_or_else(Timestamp::now))
    }

    fn kind(&self, shard: Shard, n: u64) -> NewJob {
        let options = match n {
            n if n.is_multiple_of(1000) => r#"{"labels":["rare"]}"#,
            n if n.is_multiple_of(10) => r#"{"labels":["tenth"]}"#,
            _ => "{}",
        };
        let client_id = n.is_multiple_of(10).then(|| format!("client {n}"));
        let delay_ms = if n % 20 == 7 { 3_600_000 } else { 0 };
        NewJob { id: JobId::new(shard), options: options.into(), client_id, delay_ms, ..self.new_job() }
    }

    /// Ends so many of the waiting jobs.
    async fn end(&self, shard: Shard, n: usize) -> anyhow::Result<()> {
        let Claim::Jobs { jobs: claimed, .. } = self.queue.claim(shard, "bench", Lane::Queue, LIGHT, n).await? else {
            anyhow::bail!("tombstoned");
        };
        let end = |(n, job): (usize, &Claimed)| {
            let (status, json) = if n % 9 == 3 {
                let code = n % 4;
                (Status::Failed, format!(r#"{{"class":"fatal","code":"e{code}","message":"it failed"}}"#))
            } else {
                (Status::Succeeded, "{}".into())
            };
            Finish { id: job.id, lease: job.lease, status, json, ms: 0, plain: None }
        };
        let finishes: Vec<Finish> = claimed.iter().enumerate().map(end).collect();
        self.queue.finish(shard, "bench", &finishes).await?;
        Ok(())
    }

    async fn cost(&self, all: &Jobs, list: &'static str, filter: &Filter, jobs: u64) -> anyhow::Result<Cost> {
        let (mut times, mut commands, mut cursor) = (Vec::new(), Vec::new(), None::<String>);
        for _ in 0..PAGES {
            let (before, since) = (self.commands().await?, Instant::now());
            cursor = all.list(filter, PAGE, cursor.as_deref()).await?.cursor;
            times.push(since.elapsed().as_secs_f64() * 1000.0);
            commands.push(self.commands().await? - before);
        }
        let since = Instant::now();
        all.total(filter).await?;
        Ok(Cost {
            list,
            jobs,
            page_p50_ms: percentile(&times, 0.5),
            page_max_ms: percentile(&times, 1.0),
            page_commands: percentile(&commands, 0.5),
            page_max_commands: percentile(&commands, 1.0),
            total_ms: since.elapsed().as_secs_f64() * 1000.0,
        })
    }

    /// Commands that Redis has run, those within scripts too.
    async fn commands(&self) -> anyhow::Result<f64> {
        let info: String = self.broker.query(redis::cmd("INFO").arg("commandstats")).await?;
        let calls = info.lines().filter_map(|line| line.split_once("calls=")?.1.split(',').next()?.parse::<f64>().ok());
        Ok(calls.sum())
    }
}
