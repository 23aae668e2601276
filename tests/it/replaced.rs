//! A pool stays at its size, whatever its sanjers die of and however hard it is to start new ones.

use std::time::{Duration, Instant};

use rustix::process::{Pid, Resource, Rlimit, Signal, getrlimit, prlimit};
use serde_json::json;

use crate::support::{Collector, Scratch, children, eventually, signal};

/// The sanjers of a collector: what it has started, but for its Redis.
fn sanjers(collector: &Collector) -> Vec<u32> {
    children(collector.pid()).into_iter().filter(|pid| *pid != collector.redis_pid()).collect()
}

/// Its sanjers, one and a spare, once they are at work: what is forked before that may still fail to become one.
async fn are_up(collector: &Collector) -> Vec<u32> {
    eventually("they are up", async || (collector.stderr().matches("sanjer is up").count() == 2).then_some(())).await;
    sanjers(collector)
}

/// Kills them all and waits until there are as many again, all of them new.
async fn are_replaced(collector: &Collector, before: &[u32]) {
    for pid in before {
        signal(*pid, Signal::KILL);
    }
    eventually("the pool is whole again", async || {
        let now = sanjers(collector);
        (now.len() == before.len() && now.iter().all(|pid| !before.contains(pid))).then_some(())
    })
    .await;
}

#[tokio::test]
async fn sanjers_come_back_although_the_program_was_replaced() {
    let scratch = Scratch::new();
    let program = scratch.path().join("collector");
    std::fs::copy(env!("CARGO_BIN_EXE_collector"), &program).unwrap();
    let args = ["up", "--listen", "127.0.0.1:0", "--data-dir", "data", "--pool", "light=1x2"];
    let collector = Collector::start_program(&program, &scratch, &args).await;
    let before = are_up(&collector).await;
    // As an upgrade does it.
    std::fs::remove_file(&program).unwrap();
    scratch.write("collector", "another version");
    are_replaced(&collector, &before).await;
    let id = collector.submit(&json!({"platform_id": "noop"})).await;
    collector.reaches(&id, "succeeded").await;
}

#[tokio::test]
async fn sanjers_that_cannot_be_started_are_tried_again() {
    let scratch = Scratch::new();
    let collector = Collector::up(&scratch, &["--pool", "light=1x2"]).await;
    let pid = Pid::from_raw(collector.pid().try_into().unwrap());
    let before = are_up(&collector).await;
    // No file may be opened any more, so there are no pipes for a new process.
    let few = Rlimit { current: Some(3), maximum: getrlimit(Resource::Nofile).maximum };
    let enough = prlimit(pid, Resource::Nofile, few).unwrap();
    let replaced = async {
        // The first tries follow the deaths; the next has no other cause than that these failed.
        let failures = || collector.stderr().matches("cannot start a sanjer").count();
        eventually("starting fails", async || (failures() >= 2).then_some(())).await;
        prlimit(pid, Resource::Nofile, enough).unwrap();
    };
    tokio::join!(are_replaced(&collector, &before), replaced);
    let id = collector.submit(&json!({"platform_id": "noop"})).await;
    collector.reaches(&id, "succeeded").await;
}

#[tokio::test]
async fn a_death_is_seen_to_while_others_wait_to_be_replaced() {
    let scratch = Scratch::new();
    let collector = Collector::up(&scratch, &["--pool", "light=6x1"]).await;
    let all = eventually("the pool is whole", async || Some(sanjers(&collector)).filter(|all| all.len() == 7)).await;
    for pid in &all {
        signal(*pid, Signal::KILL);
    }
    // Each replacement waits twice as long as the one before, half a minute in all.
    let since = Instant::now();
    let died = || collector.stderr().matches("a sanjer died").count();
    eventually("every death is known", async || (died() >= 7).then_some(())).await;
    assert!(since.elapsed() < Duration::from_secs(10), "{:?}", since.elapsed());
}
