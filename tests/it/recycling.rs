//! Sanjers are replaced while work goes on, and no job notices.

use std::collections::BTreeSet;

use serde_json::json;

use crate::support::{Collector, Scratch, alive, eventually, finished, pid_of};

/// Submits short jobs, one after the other, until `done`; every one must succeed at its first claim. The processes that
/// ran them.
async fn under_load(collector: &Collector, mut done: impl AsyncFnMut(&BTreeSet<u32>) -> bool) -> BTreeSet<u32> {
    let mut pids = BTreeSet::new();
    for _ in 0..3000 {
        let id = collector.submit(&json!({"platform_id": "noop", "settings": {"sleep_ms": 5}})).await;
        let job = collector.reaches(&id, "succeeded").await;
        assert_eq!((&job["lease"], &job["attempt"]), (&json!(1), &json!(1)), "{job}");
        pids.insert(pid_of(&job));
        if done(&pids).await {
            return pids;
        }
    }
    panic!("it took too long: {pids:?}\n{}", collector.stderr());
}

#[tokio::test]
async fn after_so_many_jobs_another_process_takes_over() {
    let scratch = Scratch::new();
    let env = [("COLLECTOR_SANJERS__MAX_JOBS", "5")];
    let collector = Collector::up_with(&scratch, &["--pool", "light=1x4"], &env).await;
    let pids = under_load(&collector, async |pids| pids.len() >= 3).await;
    let first = *pids.iter().next().unwrap();
    eventually("the first has gone", async || (!alive(first)).then_some(())).await;
    assert!(!collector.stderr().contains("a sanjer died"), "{}", collector.stderr());
}

#[tokio::test]
async fn a_process_that_holds_too_much_is_replaced() {
    let scratch = Scratch::new();
    let env = [("COLLECTOR_SANJERS__MAX_RSS", "150MiB")];
    let collector = Collector::up_with(&scratch, &["--pool", "light=1x4"], &env).await;
    let large = json!({"platform_id": "noop", "settings": {"allocate_mb": 200, "sleep_ms": 1500}});
    let id = collector.submit(&large).await;
    let pid = pid_of(&collector.reaches(&id, "running").await);
    eventually("another one serves", async || collector.stderr().contains("in the place of one").then_some(())).await;
    let job = collector.reaches(&id, "succeeded").await;
    assert_eq!((&job["lease"], pid_of(&job)), (&json!(1), pid), "it ended where it began: {job}");
    eventually("the first has gone", async || (!alive(pid)).then_some(())).await;
}

#[tokio::test]
async fn a_reload_replaces_every_sanjer_and_picks_up_a_new_binary() {
    let scratch = Scratch::new();
    let program = scratch.path().join("collector");
    std::fs::copy(env!("CARGO_BIN_EXE_collector"), &program).unwrap();
    let args = ["up", "--listen", "127.0.0.1:0", "--data-dir", "data", "--pool", "light=2x2"];
    let collector = Collector::start_program(&program, &scratch, &args).await;
    let sanjers = || {
        let all = crate::support::children(collector.pid());
        all.into_iter().filter(|pid| *pid != collector.redis_pid()).collect::<BTreeSet<u32>>()
    };
    let before = eventually("the pool is whole", async || Some(sanjers()).filter(|all| all.len() == 3)).await;
    let long = collector.submit(&json!({"platform_id": "noop", "settings": {"sleep_ms": 3000}})).await;
    collector.reaches(&long, "running").await;
    // An upgrade: another file in its place.
    std::fs::remove_file(&program).unwrap();
    std::fs::copy(env!("CARGO_BIN_EXE_collector"), &program).unwrap();
    let asked = finished(&scratch, ["reload", "--data-dir", "data"], &[]).await;
    assert_eq!(asked.code, Some(0), "{}", asked.stderr);
    under_load(&collector, async |_| before.is_disjoint(&sanjers()) && sanjers().len() == 3).await;
    let job = collector.reaches(&long, "succeeded").await;
    assert_eq!(job["lease"], 1, "it ended where it began: {job}");
    for pid in sanjers() {
        let runs = std::fs::read_link(format!("/proc/{pid}/exe")).unwrap();
        assert_eq!(runs, program, "the new binary");
    }
}

#[tokio::test]
async fn a_reload_needs_somebody_to_ask() {
    let scratch = Scratch::new();
    let asked = finished(&scratch, ["reload", "--data-dir", "data"], &[]).await;
    assert_eq!(asked.code, Some(2));
    assert!(asked.stderr.contains("no collector runs on the data directory"), "{}", asked.stderr);
}
