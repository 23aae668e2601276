//! S7: the process that crawls is killed in the middle, and the job goes on in another.

use std::{process::Stdio, time::Duration};

use anyhow::Context as _;
use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};
use tokio::{
    io::{AsyncBufReadExt as _, BufReader},
    process::Command,
    time::{Instant, sleep},
};

use super::{
    figures::{Figures, Rule},
    network::Network,
    own::Ground,
    scene::figures,
    truth::compare,
};

/// How long the crawl may take, with its interruption.
const PATIENCE: Duration = Duration::from_mins(3);
/// Bytes that a job without its datasets may have.
const MOST: usize = 1 << 20;

/// Crawls as a job of a collector of its own, and kills the job's process when half is done.
pub(super) async fn play(nodes: u32) -> anyhow::Result<Figures> {
    let mut network = Network::start(nodes, &[]).await?;
    let ground = Ground::start().await?;
    let mut collector = Command::new(std::env::current_exe()?)
        .args(["up", "--listen", "127.0.0.1:0", "--pool", "heavy=1x1", "--data-dir"])
        .arg(ground.redis.dir().join("data"))
        .env("COLLECTOR_REDIS__URL", ground.redis.url())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .kill_on_drop(true)
        .spawn()?;
    let mut lines = BufReader::new(collector.stdout.take().context("the collector says nothing")?).lines();
    let base = loop {
        let line = lines.next_line().await?.context("the collector ended")?;
        if let Some(place) = line.find("http://") {
            break line.get(place..).and_then(|url| url.split_whitespace().next()).unwrap_or_default().to_owned();
        }
    };
    let client = reqwest::Client::builder().no_proxy().build()?;
    let settings = json!({"bootnodes": [network.bootnode], "network": ground.name.to_string()});
    let spec = json!({"platform_id": "enr_crawl", "settings": settings});
    let start = Instant::now();
    let posted = client.post(format!("{base}/execution/run")).json(&spec).send().await?.error_for_status()?;
    let accepted = body(posted).await?;
    let id = accepted.get("job_id").and_then(Value::as_str).context("no job id")?.to_owned();
    let read = async || -> anyhow::Result<Value> {
        anyhow::ensure!(start.elapsed() < PATIENCE, "the job does not end");
        sleep(Duration::from_millis(50)).await;
        body(client.get(format!("{base}/execution/get?job_id={id}")).send().await?.error_for_status()?).await
    };
    let half = u64::from(nodes / 2);
    loop {
        let job = read().await?;
        let live = ground.found().await?.nodes.len() as u64;
        if live < half {
            anyhow::ensure!(job.get("status") != Some(&json!("failed")), "the job failed: {job}");
            continue;
        }
        let sanjer = job.get("sanjer").and_then(Value::as_str).unwrap_or_default();
        let pid = sanjer.rsplit(':').nth(1).and_then(|pid| pid.parse().ok()).and_then(Pid::from_raw);
        kill_process(pid.context("the job names no process")?, Signal::KILL)?;
        break;
    }
    let job = loop {
        let job = read().await?;
        if !matches!(job.get("status").and_then(Value::as_str), Some("queued" | "running" | "retrying")) {
            break job;
        }
    };
    let took = start.elapsed();
    let comparison = compare(&network.truth(ground.redis.dir()).await?, &ground.found().await?);
    let mut figures = figures("S7 killed in the middle", comparison, took, Duration::ZERO, &mut network).await?;
    let resumed = job.pointer("/result/resumed").and_then(Value::as_f64).unwrap_or(f64::NAN);
    figures.bar("nodes known to the run after the kill", resumed, Rule::AtLeast, half as f64);
    figures.bar_all_found();
    if let Some(pid) = collector.id().and_then(|pid| Pid::from_raw(pid.cast_signed())) {
        kill_process(pid, Signal::TERM)?;
    }
    collector.wait().await?;
    Ok(figures)
}

async fn body(mut response: reqwest::Response) -> anyhow::Result<Value> {
    let mut bytes = Vec::new();
    while let Some(chunk) = response.chunk().await? {
        bytes.extend_from_slice(&chunk);
        anyhow::ensure!(bytes.len() <= MOST, "the collector answers at too great a length");
    }
    Ok(serde_json::from_slice(&bytes)?)
}
