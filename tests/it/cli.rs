//! The command line: help that helps, completions, and exit codes that mean something.

use crate::support::{Scratch, finished};

#[tokio::test]
async fn help_explains_every_command_and_the_exit_codes() {
    let scratch = Scratch::new();
    let it = finished(&scratch, ["--help"], &[]).await;
    assert_eq!(it.code, Some(0));
    for word in
        ["up", "api", "sanjer", "run", "get", "list", "bulk", "platforms", "config", "devnet", "bench", "completions"]
    {
        assert!(it.stdout.lines().any(|line| line.trim_start().starts_with(word)), "{word} in\n{}", it.stdout);
        let help = finished(&scratch, [word, "--help"], &[]).await;
        assert_eq!(help.code, Some(0), "{word} --help");
        assert!(help.stdout.contains("Usage:"), "{word} --help");
    }
    assert!(it.stdout.contains("Exit codes:"), "{}", it.stdout);
}

#[tokio::test]
async fn completions_name_the_commands() {
    let scratch = Scratch::new();
    for shell in ["bash", "zsh", "fish"] {
        let it = finished(&scratch, ["completions", shell], &[]).await;
        assert_eq!(it.code, Some(0), "{shell}");
        assert!(it.stdout.contains("sanjer") && it.stdout.contains("platforms"), "{shell}");
    }
}

#[tokio::test]
async fn wrong_usage_is_code_2() {
    let scratch = Scratch::new();
    scratch.write("bad.json", "{");
    for args in [
        &["frobnicate"][..],
        &["up", "--pool", "heavy"],
        &["up", "--pool", "heavy=0x1"],
        &["sanjer"],
        &["sanjer", "--pool", "nosuch"],
        &["api"],
        &["run", "nosuch.json"],
        &["run", "bad.json"],
        &["list", "--status", "done"],
        &["list", "--limit", "0"],
    ] {
        let it = finished(&scratch, args, &[]).await;
        assert_eq!(it.code, Some(2), "{args:?}: {}", it.stderr);
        assert!(!it.stderr.is_empty() && it.stdout.is_empty(), "{args:?}");
    }
}

#[tokio::test]
async fn an_api_that_cannot_be_reached_is_code_3() {
    let scratch = Scratch::new();
    scratch.write("spec.json", "{}");
    // A port that was free a moment ago: nobody listens on it.
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let api = format!("http://127.0.0.1:{port}");
    for args in [&["run", "spec.json"][..], &["get", "x"], &["list"], &["platforms"]] {
        let it = finished(&scratch, args, &[("COLLECTOR_API_URL", &api)]).await;
        assert_eq!(it.code, Some(3), "{args:?}: {}", it.stderr);
        assert!(it.stderr.starts_with(&format!("collector: the API at {api}/ cannot be reached")), "{}", it.stderr);
    }
}
