//! A bad configuration is one sentence on stderr and exit code 2; `config show` and `check` say what results.

use crate::support::{Scratch, finished};

#[tokio::test]
async fn a_mistake_stops_every_command_with_code_2() {
    let scratch = Scratch::new();
    scratch.write("collector.toml", "[queue]\nlease = \"1 parsec\"\n");
    let message = "collector: collector.toml: queue.lease = \"1 parsec\": \
                   expected a duration like \"250ms\", \"10s\", \"5m\", \"2h\" or \"7d\"\n";
    for command in [&["up"][..], &["api"], &["sanjer", "--pool", "heavy"], &["config", "show"], &["config", "check"]] {
        let it = finished(&scratch, command, &[]).await;
        assert_eq!((it.code, it.stderr.as_str(), it.stdout.as_str()), (Some(2), message, ""), "{command:?}");
    }
}

#[tokio::test]
async fn every_source_is_named_in_its_mistake() {
    let scratch = Scratch::new();
    let other = scratch.write("other.toml", "[api]\nport = 80\n");
    let other = other.to_str().unwrap();
    scratch.write("fine.toml", "");
    for (args, env, start) in [
        (
            vec!["config", "check", "--config", "fine.toml"],
            ("COLLECTOR_X", "1"),
            "collector: COLLECTOR_X: x: there is no such key",
        ),
        (vec!["config", "check", "--config", "none.toml"], ("A", "1"), "collector: none.toml: there is no such file"),
        (
            vec!["config", "check", "--config", other],
            ("A", "1"),
            "collector: other.toml: api.port: there is no such key",
        ),
        (vec!["config", "check"], ("COLLECTOR_CONFIG", other), "collector: other.toml: api.port: there is no such key"),
        (
            vec!["config", "check"],
            ("COLLECTOR_QUEUE__SHARDS", "0"),
            "collector: COLLECTOR_QUEUE__SHARDS: queue.shards = \"0\"",
        ),
        (
            vec!["config", "check", "--redis-url", "x"],
            ("A", "1"),
            "collector: command line: redis.url = \"x\": expected a redis://",
        ),
    ] {
        let it = finished(&scratch, &args, &[env]).await;
        assert_eq!(it.code, Some(2), "{args:?}");
        assert!(it.stderr.starts_with(start), "{args:?} {env:?}: {}", it.stderr);
    }
}

#[tokio::test]
async fn an_address_that_others_reach_needs_permission() {
    let scratch = Scratch::new();
    let it = finished(&scratch, ["up", "--listen", "0.0.0.0:0"], &[]).await;
    assert_eq!(it.code, Some(2));
    assert!(it.stderr.contains("api.listen = \"0.0.0.0:0\": other machines can reach this address"), "{}", it.stderr);
    let check = ["config", "check", "--config", "open.toml"];
    scratch.write("open.toml", "[api]\nlisten = \"0.0.0.0:0\"\nallow_insecure = true\n");
    assert_eq!(finished(&scratch, check, &[]).await.code, Some(0));
}

#[tokio::test]
async fn show_prints_what_results_without_the_password() {
    let scratch = Scratch::new();
    scratch.write("collector.toml", "[redis]\nurl = \"redis://me:hunter2@host/0\"\n");
    let it = finished(&scratch, ["config", "show", "--data-dir", "/d"], &[("COLLECTOR_API__TIMEOUT", "7s")]).await;
    assert_eq!(it.code, Some(0), "{}", it.stderr);
    for line in ["data_dir = \"/d\"", "timeout = \"7s\"", "url = \"redis://me:••••@host/0\"", "heavy = \"2x1\""]
    {
        assert!(it.stdout.lines().any(|shown| shown == line), "{line} in\n{}", it.stdout);
    }
    assert!(!it.stdout.contains("hunter2"));
}
