//! What `--follow` shows: a bar on a terminal, which is gone in the end, and plain lines elsewhere.

use std::process::Stdio;

use serde_json::json;
use tokio::process::Command;

use crate::support::{Collector, Scratch, finished};

/// What stands on a screen that is wide enough after all this was written to it.
fn screen(written: &str) -> String {
    let lines = written.split('\n').map(|line| {
        let visible = line.rsplit("\u{1b}[2K").next().unwrap_or_default();
        visible.trim_end_matches('\r').rsplit('\r').next().unwrap_or_default()
    });
    lines.collect::<Vec<_>>().join("\n")
}

#[tokio::test]
async fn a_bar_on_a_terminal_and_lines_elsewhere() {
    let scratch = Scratch::new();
    let collector = Collector::up(&scratch, &["--pool", "light=1x2"]).await;
    let spec = |ending: Option<&str>| {
        let settings = json!({"sleep_ms": 800, "steps": 4, "fail_with": ending});
        json!({"platform_id": "noop", "settings": settings}).to_string()
    };
    scratch.write("works.json", &spec(None));
    scratch.write("fails.json", &spec(Some("fatal")));

    let lines = finished(&scratch, ["run", "works.json", "--follow", "--api", &collector.base], &[]).await;
    assert_eq!(lines.code, Some(0));
    assert!(!lines.stderr.contains(['\u{1b}', '\r', '█']), "{:?}", lines.stderr);
    let said: Vec<&str> = lines.stderr.lines().filter(|line| line.contains('%')).collect();
    assert!(said.contains(&"100 %  step 4 of 4") && said.iter().all(|line| line.contains("step")), "{said:?}");

    for (file, ending, code) in [("works.json", "succeeded", 0), ("fails.json", "failed", 1)] {
        let program = env!("CARGO_BIN_EXE_collector");
        let run = format!("stty cols 100; '{program}' run {file} --follow --api {}", collector.base);
        let mut script = Command::new("script");
        script.args(["-qec", &run, "/dev/null"]).current_dir(scratch.path()).env("TERM", "xterm");
        let output = match script.stdin(Stdio::null()).kill_on_drop(true).output().await {
            Ok(output) => output,
            Err(error) => {
                eprintln!("no terminal to test with: script: {error}");
                return;
            }
        };
        let written = String::from_utf8(output.stdout).unwrap();
        assert_eq!(output.status.code(), Some(code), "{written}");
        // The bar is drawn again and again in one place, and says what the job does.
        assert!(written.contains("███") && written.contains("░░░"), "{written:?}");
        assert!(written.contains(" 50 %") && written.contains("step 2 of 4"), "{written:?}");
        let screen = screen(&written);
        assert!(!screen.contains(['█', '░']), "nothing of the bar is left:\n{screen}");
        assert!(screen.contains(&format!("\n{ending}\n")), "{screen}");
        assert!(screen.contains("All of it:"), "{screen}");
    }
}
