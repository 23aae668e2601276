//! A real want of memory: a control group with a limit, in which the kernel kills. Needs root.

use std::{
    fs,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
};

use serde_json::json;

use crate::support::{Collector, Scratch, eventually};

/// A control group of its own below the one of this test.
struct Group(PathBuf);

impl Group {
    /// With so many bytes of memory.
    fn with_memory(bytes: u64) -> Self {
        let groups = fs::read_to_string("/proc/self/cgroup").unwrap();
        let path = |mark: &str| groups.lines().find_map(|line| line.split_once(mark).map(|(_, path)| path.to_owned()));
        let (root, limit, path) = match path(":memory:") {
            Some(path) => ("/sys/fs/cgroup/memory", "memory.limit_in_bytes", path),
            None => ("/sys/fs/cgroup", "memory.max", path("0::").unwrap()),
        };
        let dir = Path::new(root).join(path.trim_start_matches('/')).join(format!("cit-{}", std::process::id()));
        fs::create_dir(&dir).unwrap();
        let group = Self(dir);
        fs::write(group.0.join(limit), bytes.to_string()).unwrap();
        group
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        fs::remove_dir(&self.0).ok();
    }
}

#[tokio::test]
async fn a_process_that_the_kernel_kills_is_certified() {
    let scratch = Scratch::new();
    let group = Group::with_memory(400 << 20);
    let script = format!(
        "#!/bin/sh\necho $$ > {}/cgroup.procs\nexec {} \"$@\"\n",
        group.0.display(),
        env!("CARGO_BIN_EXE_collector")
    );
    let program = scratch.write("limited", &script);
    fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
    let args = ["up", "--listen", "127.0.0.1:0", "--data-dir", "data", "--pool", "light=1x1"];
    let mut collector = Collector::start_program(&program, &scratch, &args).await;
    let greedy = json!({"platform_id": "noop", "settings": {"allocate_mb": 1000, "sleep_ms": 1000}});
    let dead = collector.reaches(&collector.submit(&greedy).await, "dead").await;
    let certificate = &dead["certificate"];
    assert_eq!((&certificate["oom"], &certificate["signal"]), (&json!(true), &json!(9)), "{dead}");
    assert!(certificate["peak_rss_bytes"].as_u64().unwrap() > 200 << 20, "{certificate}");
    assert!(collector.stop().await.success());
    eventually("the group is empty", async || {
        fs::read_to_string(group.0.join("cgroup.procs")).unwrap().is_empty().then_some(())
    })
    .await;
}
