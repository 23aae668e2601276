//! The API against a fuzzer that knows nothing of it but `openapi.yaml` (schemathesis): whatever it sends, the answer
//! is one the document allows, and what the document forbids is refused.

use std::{path::Path, process::Output};

use tokio::process::Command;

use crate::support::{Collector, Scratch};

/// From PyPI; newer ones may look for more.
const SCHEMATHESIS: &str = "schemathesis==4.32.5";

const DOCUMENT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/openapi.yaml");

async fn run(program: impl AsRef<Path>, args: &[&str], scratch: &Scratch) -> Output {
    let program = program.as_ref();
    let output = Command::new(program).args(args).current_dir(scratch.path()).kill_on_drop(true).output().await;
    output.unwrap_or_else(|error| panic!("{}: {error}: apt-get install python3-venv", program.display()))
}

#[tokio::test(flavor = "multi_thread")]
async fn the_api_does_what_its_document_says() {
    let scratch = Scratch::new();
    let bin = scratch.path().join("venv/bin");
    for (program, args) in [
        (Path::new("python3").to_owned(), &["-m", "venv", "venv"][..]),
        (bin.join("pip"), &["install", "--quiet", "--disable-pip-version-check", SCHEMATHESIS]),
    ] {
        let made = run(program, args, &scratch).await;
        assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    }
    let collector = Collector::up(&scratch, &["--pool", "light=1x8"]).await;
    let args = [
        "run",
        DOCUMENT,
        "--url",
        &collector.base,
        // A stream that does not end by itself.
        "--exclude-path",
        "/execution/events",
        "--checks",
        "all",
        // No schema can say that a cursor must come from a list, nor that a key names one body.
        "--exclude-checks",
        "positive_data_acceptance",
        "--max-examples",
        "500",
        "--seed",
        "1",
        "--generation-database",
        "none",
        "--no-color",
    ];
    let fuzzed = run(bin.join("schemathesis"), &args, &scratch).await;
    assert!(fuzzed.status.success(), "{}", String::from_utf8_lossy(&fuzzed.stdout));
    let log = collector.stderr();
    assert!(!log.contains("ERROR") && !log.contains("panicked"), "{log}");
}
