//! A primary, two replicas and three Sentinels: the primary is killed, hangs, or is asked to step back, and another takes
//! its place. What was the primary comes back while jobs are posted.

use std::{
    collections::{HashMap, HashSet},
    time::{Duration, Instant},
};

use futures_util::StreamExt as _;
use reqwest::Client;
use rustix::process::Signal;
use serde_json::json;
use tokio::{
    task::JoinHandle,
    time::{sleep, timeout},
};
use tokio_util::sync::CancellationToken;

use crate::{
    servers::{PASSWORD, SENTINEL_PASSWORD, Server},
    support::{Collector, Scratch, alive, children, eventually, finished, http::client, signal},
};

/// What the Sentinels call the primary.
const NAME: &str = "jobs";

/// Servers with the data, the primary first, and Sentinels.
struct Watched {
    servers: Vec<Server>,
    sentinels: Vec<Server>,
}

impl Watched {
    async fn start(scratch: &Scratch) -> Self {
        let primary = Server::start(scratch, &[]).await;
        let of = format!("127.0.0.1 {}", primary.port);
        let mut servers = vec![primary];
        for _ in 0..2 {
            servers.push(Server::start(scratch, &["--replicaof", &of]).await);
        }
        let lines = format!(
            "sentinel monitor {NAME} {of} 2\nsentinel auth-pass {NAME} {PASSWORD}\n\
             sentinel down-after-milliseconds {NAME} 1000\nsentinel failover-timeout {NAME} 5000"
        );
        let mut sentinels = Vec::new();
        for _ in 0..3 {
            sentinels.push(Server::sentinel(scratch, &lines).await);
        }
        let all = Self { servers, sentinels };
        eventually("all know each other", async || {
            for sentinel in &all.sentinels {
                let says: HashMap<String, String> = sentinel.ask(&format!("SENTINEL MASTER {NAME}")).await?;
                if says["num-slaves"] != "2" || says["num-other-sentinels"] != "2" {
                    return None;
                }
            }
            for replica in &all.servers[1..] {
                let info: String = replica.ask("INFO replication").await?;
                info.contains("master_link_status:up").then_some(())?;
            }
            // Both sides must say so: a primary that is not sure yet keeps what is written to itself.
            let info: String = all.servers[0].ask("INFO replication").await?;
            (info.matches("state=online").count() == 2).then_some(())
        })
        .await;
        all
    }

    fn url(&self) -> String {
        let sentinels: Vec<_> = self.sentinels.iter().map(Server::address).collect();
        format!("redis+sentinel://:{PASSWORD}@{}/{NAME}?sentinel_pass={SENTINEL_PASSWORD}", sentinels.join(","))
    }

    /// A collector whose sanjers do not look for work by themselves, and the processes of it.
    async fn collector(&self, scratch: &Scratch, durability: &str) -> (Collector, HashSet<u32>) {
        let env = [
            ("COLLECTOR_QUEUE__SAFETY_POLL", "1h"),
            ("COLLECTOR_REDIS__TIMEOUT", "3s"),
            ("COLLECTOR_REDIS__DURABILITY", durability),
        ];
        let args = ["--redis-url", &self.url(), "--pool", "light=2x4"];
        let collector = Collector::up_with(scratch, &args, &env).await;
        let children = eventually("two sanjers and a spare", async || {
            let children: HashSet<_> = children(collector.pid()).into_iter().collect();
            (children.len() == 3).then_some(children)
        })
        .await;
        (collector, children)
    }
}

/// What happens to the primary.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Strike {
    /// `kill -9`, and it is started again.
    Killed,
    /// It hangs, and goes on as if nothing had happened.
    Hangs,
    /// It becomes a replica because somebody asked for that.
    Asked,
}

/// A client that posts a job every few milliseconds.
struct Poster {
    stop: CancellationToken,
    task: JoinHandle<Vec<(Instant, Option<String>)>>,
}

impl Poster {
    fn start(base: &str) -> Self {
        let (client, url, stop) = (client(), format!("{base}/execution/run"), CancellationToken::new());
        let stopped = stop.clone();
        let task = tokio::spawn(async move {
            let posts = futures_util::stream::iter(0..).take_until(stopped.cancelled()).map(|_| post(&client, &url));
            posts.buffer_unordered(8).collect().await
        });
        Self { stop, task }
    }

    /// When each post was answered, and the ids of those that were accepted.
    async fn stop(self) -> Vec<(Instant, Option<String>)> {
        self.stop.cancel();
        self.task.await.unwrap()
    }
}

async fn post(client: &Client, url: &str) -> (Instant, Option<String>) {
    sleep(Duration::from_millis(30)).await;
    let spec = json!({"platform_id": "noop", "settings": {"sleep_ms": 20, "log_lines": 1}});
    let answer =
        client.post(url).header("content-type", "application/json").body(spec.to_string()).send().await.unwrap();
    let (status, headers) = (answer.status(), answer.headers().clone());
    let body: serde_json::Value = serde_json::from_slice(&whole(answer).await).unwrap();
    match status.as_u16() {
        202 => (Instant::now(), Some(body["job_id"].as_str().unwrap().to_owned())),
        503 if headers.contains_key("retry-after") => (Instant::now(), None),
        _ => panic!("{status}: {body}"),
    }
}

async fn whole(answer: reqwest::Response) -> Vec<u8> {
    answer.bytes_stream().flat_map(|piece| futures_util::stream::iter(piece.unwrap())).collect().await
}

/// Follows a job to its end, coming back whenever the stream breaks off; the names of its events.
async fn follow(url: String) -> Vec<String> {
    let (client, mut names, mut last) = (client(), Vec::new(), None::<String>);
    loop {
        let mut request = client.get(&url);
        if let Some(last) = &last {
            request = request.header("last-event-id", last);
        }
        let answer = request.send().await.unwrap();
        if answer.status() != 200 {
            assert_eq!(answer.status(), 503);
            sleep(Duration::from_millis(50)).await;
            continue;
        }
        let (mut stream, mut text) = (answer.bytes_stream(), String::new());
        while let Some(Ok(bytes)) = stream.next().await {
            text.push_str(std::str::from_utf8(&bytes).unwrap());
            while let Some((line, rest)) = text.split_once('\n') {
                if let Some(id) = line.strip_prefix("id: ") {
                    last = Some(id.to_owned());
                }
                names.extend(line.strip_prefix("event: ").map(str::to_owned));
                text = rest.to_owned();
            }
            if names.last().is_some_and(|name| name == "end") {
                return names;
            }
        }
    }
}

/// Every job that is still known ends well; how many are not.
async fn lost(collector: &Collector, ids: &[&String]) -> usize {
    let client = client();
    let mut lost = 0;
    for id in ids {
        let url = format!("{}/execution/get?job_id={id}", collector.base);
        lost += eventually(&format!("job {id} has succeeded or is not known"), async || {
            let answer = client.get(&url).send().await.unwrap();
            let is_lost = answer.status() == 404;
            let job: serde_json::Value = serde_json::from_slice(&whole(answer).await).unwrap();
            (is_lost || job["status"] == "succeeded").then_some(usize::from(is_lost))
        })
        .await;
    }
    lost
}

/// Posts go on while the primary is struck and comes back; then everything that was accepted and survived has to end.
async fn survives(strike: Strike, durability: &str) -> (Scratch, Watched) {
    let scratch = Scratch::new();
    let mut watched = Watched::start(&scratch).await;
    let (mut collector, processes) = watched.collector(&scratch, durability).await;
    // One job runs through it all, and somebody watches.
    let watched_job =
        collector.submit(&json!({"platform_id": "noop", "settings": {"sleep_ms": 9000, "steps": 30}})).await;
    let watching = tokio::spawn(follow(format!("{}/execution/events?job_id={watched_job}", collector.base)));
    let poster = Poster::start(&collector.base);
    sleep(Duration::from_secs(1)).await;
    let struck = Instant::now();
    let before = watched.servers[0].port;
    match strike {
        Strike::Killed => watched.servers[0].kill(),
        Strike::Hangs => signal(watched.servers[0].pid(), Signal::STOP),
        Strike::Asked => {
            let answer: Option<String> = watched.sentinels[0].ask(&format!("SENTINEL FAILOVER {NAME}")).await;
            assert_eq!(answer.as_deref(), Some("OK"));
        }
    }
    eventually("the sentinels name another primary", async || {
        let command = format!("SENTINEL GET-MASTER-ADDR-BY-NAME {NAME}");
        let (_, port): (String, u16) = watched.sentinels[0].ask(&command).await?;
        (port != before).then_some(())
    })
    .await;
    let named = struck.elapsed();
    eventually("jobs are accepted again", async || {
        let answer = collector.post("/execution/run", json!({"platform_id": "noop"}).to_string()).await;
        (answer.status == 202).then_some(())
    })
    .await;
    match strike {
        Strike::Killed => watched.servers[0].restart().await,
        Strike::Hangs => signal(watched.servers[0].pid(), Signal::CONT),
        Strike::Asked => {}
    }
    let is_replica = async || {
        let info: Option<String> = watched.servers[0].ask("INFO replication").await;
        info.is_some_and(|info| info.contains("role:slave"))
    };
    // Sentinels that were held up for two seconds do nothing for the next thirty (TILT).
    let demoted = timeout(Duration::from_secs(90), async {
        while !is_replica().await {
            sleep(Duration::from_millis(50)).await;
        }
    });
    demoted.await.expect("it is a replica at last");
    sleep(Duration::from_secs(1)).await;
    let posts = poster.stop().await;
    let events = timeout(Duration::from_secs(30), watching).await.expect("the stream comes to its end").unwrap();
    let told = events.iter().filter(|name| *name == "progress").count();
    assert!(told > 10, "{told} of 30 steps were told: {events:?}");
    collector.reaches(&watched_job, "succeeded").await;

    let accepted = |after: bool| {
        posts
            .iter()
            .filter(move |(at, _)| (*at > struck) == after)
            .filter_map(|(_, id)| id.as_ref())
            .collect::<Vec<_>>()
    };
    let again = posts.iter().filter(|(at, id)| id.is_some() && *at > struck + named / 2).map(|(at, _)| *at).min();
    let outage = again.expect("posts are accepted again") - struck;
    let (lost_before, lost_after) = (lost(&collector, &accepted(false)).await, lost(&collector, &accepted(true)).await);
    let refused = posts.iter().filter(|(_, id)| id.is_none()).count();
    println!(
        "{strike:?}, {durability}: another primary after {named:.2?}, jobs accepted again after {outage:.2?}; {refused} posts answered 503; \
         of {} acknowledged before {lost_before} lost, of {} after {lost_after}",
        accepted(false).len(),
        accepted(true).len()
    );
    // What was taken over knows all but the very last, unless it was waited for; what is told to the new primary stays.
    let may_be_lost = if durability == "replicated" { 0 } else { 20 };
    assert!(lost_before + lost_after <= may_be_lost, "too many are lost:\n{}", collector.stderr());
    assert!(accepted(false).len() > 10 && accepted(true).len() > 10, "{}", collector.stderr());
    assert!(processes.iter().all(|pid| alive(*pid)), "a sanjer has ended:\n{}", collector.stderr());
    eventually("all is well", async || (collector.post("/system/alive", "").await.status == 200).then_some(())).await;
    let log = collector.stderr();
    for bad in ["redis refused", "panicked", "lease ran out", PASSWORD, SENTINEL_PASSWORD] {
        assert!(!log.contains(bad), "{bad} in\n{log}");
    }
    assert_eq!(collector.stop().await.code(), Some(0), "{}", collector.stderr());
    (scratch, watched)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_primary_is_replaced() {
    let (scratch, mut watched) = survives(Strike::Killed, "everysec").await;
    // One Sentinel is missing: who starts now finds the new primary all the same.
    watched.sentinels[0].kill();
    let (mut collector, _) = watched.collector(&scratch, "everysec").await;
    let id = collector.submit(&json!({"platform_id": "noop"})).await;
    collector.reaches(&id, "succeeded").await;
    // Without any of them the primary is still the primary.
    for sentinel in &mut watched.sentinels[1..] {
        sentinel.kill();
    }
    sleep(Duration::from_secs(2)).await;
    let id = collector.submit(&json!({"platform_id": "noop"})).await;
    collector.reaches(&id, "succeeded").await;
    assert_eq!(collector.stop().await.code(), Some(0), "{}", collector.stderr());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_primary_that_hangs_is_replaced() {
    survives(Strike::Hangs, "everysec").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_lost_that_a_replica_had_before_it_was_acknowledged() {
    survives(Strike::Killed, "replicated").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_primary_may_be_asked_to_step_back() {
    survives(Strike::Asked, "everysec").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_wrong_with_sentinels_is_said_at_start() {
    let scratch = Scratch::new();
    let watched = Watched::start(&scratch).await;
    let url = watched.url();
    for (url, said) in [
        (url.replace(&format!("/{NAME}?"), "/other?"), "the sentinels know no primary of the name other"),
        (
            url.replace(SENTINEL_PASSWORD, "wrong"),
            "no sentinel names a primary of jobs: Password authentication failed",
        ),
        (url.replace(PASSWORD, "wrong"), "which the sentinels name: "),
    ] {
        let it = finished(&scratch, ["up", "--listen", "127.0.0.1:0", "--redis-url", &url], &[]).await;
        assert_eq!(it.code, Some(2), "{}", it.stderr);
        assert!(it.stderr.contains(said) && it.stderr.lines().count() == 1, "{}", it.stderr);
        for secret in [PASSWORD, SENTINEL_PASSWORD, "=wrong", ":wrong"] {
            assert!(!it.stderr.contains(secret), "{}", it.stderr);
        }
    }
}
