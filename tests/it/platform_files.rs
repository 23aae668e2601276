//! A new platform is one new file: the build finds it, and a file that cannot be one is named with what to do.
//!
//! Each test builds a copy of this package whose `platforms/` it may change. The dependencies that this test was built
//! with are put into the copy's target directory, so that only the package itself is compiled.

use std::{
    fs, io,
    path::{Path, PathBuf},
    process::Command,
};

use rustix::process::Signal;
use serde_json::json;

use crate::support::{Collector, Scratch, eventually, finished, signal};

/// A copy of this package.
struct Package(PathBuf);

impl Package {
    fn new(name: &str) -> Self {
        // Beside the target directory of this build: hard links do not cross file systems.
        let dir = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("{name}-{}", std::process::id()));
        let this = Self(dir);
        fs::create_dir_all(this.0.join("platforms")).unwrap();
        for entry in fs::read_dir(env!("CARGO_MANIFEST_DIR")).unwrap() {
            let name = entry.unwrap().file_name().into_string().unwrap();
            let from = Path::new(env!("CARGO_MANIFEST_DIR")).join(&name);
            if name == "platforms" {
                copy_files(&from, &this.0.join(name), &|_| true, &copy);
            } else if name != "target" && !name.starts_with('.') {
                std::os::unix::fs::symlink(from, this.0.join(name)).unwrap();
            }
        }
        // The compiler replaces files; cargo and build scripts write into them, which must not reach the originals.
        let link_or_copy = |from: &Path, to: &Path| {
            let compiled = from.parent().is_some_and(|dir| dir.ends_with("deps")) || name_of(from).starts_with("build");
            if compiled { fs::hard_link(from, to) } else { copy(from, to) }
        };
        for part in ["deps", "build", ".fingerprint"] {
            copy_files(&profile_dir().join(part), &this.target().join(part), &is_dependency, &link_or_copy);
        }
        this
    }

    /// The example of README.md.
    fn example() -> String {
        let readme = fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/README.md")).unwrap();
        let (_, section) = readme.split_once("## A platform in 40 lines").unwrap();
        let (_, code) = section.split_once("```rust\n").unwrap();
        code.split_once("```").unwrap().0.to_owned()
    }

    fn put(&self, name: &str, text: &str) {
        fs::write(self.0.join("platforms").join(name), text).unwrap();
    }

    fn remove(&self, name: &str) {
        fs::remove_file(self.0.join("platforms").join(name)).unwrap();
    }

    fn target(&self) -> PathBuf {
        self.0.join("target").join(name_of(profile_dir()))
    }

    /// Builds; returns whether that worked, and what the compiler said.
    fn build(&self, what: &[&str]) -> (bool, String) {
        let profile = name_of(profile_dir());
        let mut command = Command::new(env!("CARGO"));
        command.current_dir(&self.0).args(["build", "--offline", "--locked", "--color", "never"]).args(what);
        command.args(["--profile", if profile == "debug" { "dev" } else { profile }]);
        // What cargo says about the package under test is not true of this one; build scripts would run again for it.
        let own = ["CARGO_PKG_", "CARGO_MANIFEST_", "CARGO_BIN_", "CARGO_CRATE_"];
        for (name, _) in std::env::vars_os() {
            let name = name.to_string_lossy().into_owned();
            if name == "OUT_DIR" || own.iter().any(|own| name.starts_with(own)) {
                command.env_remove(name);
            }
        }
        // The builds of one test follow each other with little changed.
        command.env("CARGO_TARGET_DIR", self.0.join("target")).env("CARGO_INCREMENTAL", "1");
        let output = command.output().unwrap();
        let said = String::from_utf8(output.stderr).unwrap();
        let others = said.lines().filter(|line| line.trim_start().starts_with("Compiling"));
        assert_eq!(others.filter(|line| !line.contains(env!("CARGO_PKG_NAME"))).count(), 0, "dependencies:\n{said}");
        (output.status.success(), said)
    }
}

impl Drop for Package {
    fn drop(&mut self) {
        fs::remove_dir_all(&self.0).ok();
    }
}

/// Where the build of this test put its things: `target/debug`.
fn profile_dir() -> &'static Path {
    Path::new(env!("CARGO_BIN_EXE_collector")).parent().unwrap()
}

/// Whether a file or directory there is of a dependency. Those of the package itself have the same names in the copy's
/// build, which must not write through links.
fn is_dependency(name: &str) -> bool {
    !name.starts_with(concat!(env!("CARGO_PKG_NAME"), "-"))
        && !["collector-", "libcollector-"].iter().any(|own| name.starts_with(own))
}

fn name_of(path: &Path) -> &str {
    path.file_name().unwrap().to_str().unwrap()
}

/// How one file comes to another place.
type Copy = dyn Fn(&Path, &Path) -> io::Result<()>;

/// With its age, by which cargo knows what is up to date.
fn copy(from: &Path, to: &Path) -> io::Result<()> {
    fs::copy(from, to)?;
    fs::File::options().write(true).open(to)?.set_modified(from.metadata()?.modified()?)
}

/// Copies a directory's files; those that another build removes meanwhile are of no interest.
fn copy_files(from: &Path, to: &Path, wanted: &dyn Fn(&str) -> bool, copy: &Copy) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let (from, name) = (entry.path(), entry.file_name().into_string().unwrap());
        if !wanted(&name) {
            continue;
        }
        let to = to.join(name);
        if from.is_dir() {
            copy_files(&from, &to, wanted, copy);
        } else if let Err(error) = copy(&from, &to) {
            assert_eq!(error.kind(), io::ErrorKind::NotFound, "{}: {error}", from.display());
        }
    }
}

/// Whether one compiler message, from `error` to the next empty line, has all these parts.
fn says(said: &str, parts: &[&str]) -> bool {
    said.split("\n\n").any(|message| parts.iter().all(|part| message.contains(part)))
}

#[test]
fn a_file_that_cannot_be_a_platform_is_named() {
    let package = Package::new("mistakes");
    let good = Package::example();
    let check = |mistakes: &[(&str, String, &[&str])]| {
        for (name, text, _) in mistakes {
            package.put(name, text);
        }
        let (built, said) = package.build(&["--lib"]);
        assert!(!built, "{said}");
        for (name, _, parts) in mistakes {
            let file = format!("platforms/{name}");
            assert!(says(&said, &[&[file.as_str()], *parts].concat()), "{name}, {parts:?} in\n{said}");
            package.remove(name);
        }
    };
    let without = |line: &str| good.lines().filter(|l| !l.contains(line)).collect::<Vec<_>>().join("\n");
    let run = "pub async fn _run(job: Context, settings: Settings) -> Result<Report>";

    // By build.rs, all at once.
    check(&[
        ("Bad-Name.rs", good.clone(), &["rename it to lower-case letters, digits and _"]),
        ("1st.rs", good.clone(), &["starting with a letter"]),
        ("super.rs", good.clone(), &["none of crate, self, super"]),
        ("undocumented.rs", without("//!"), &["its first line must be a doc comment"]),
        ("hardly_documented.rs", good.replace("//! Counts", "//!\n//! Counts"), &["its first line must be"]),
    ]);
    // By the compiler, when it looks for names.
    check(&[
        ("no_run.rs", good.replace("_run", "_start"), &["error[E0425]: cannot find value `_run`", run]),
        ("private_run.rs", good.replace("pub async fn _run", "async fn _run"), &["function `_run` is private", run]),
        ("no_spec.rs", without("pub const PLATFORM"), &["cannot find value `PLATFORM`", "pub const PLATFORM: Spec"]),
    ]);
    // By the compiler, when it looks at types.
    let one = good.replace("_run(job: Context, settings: Settings)", "_run(settings: Settings)");
    check(&[
        (
            "one_argument.rs",
            one.replace("    job.progress(0.5, \"counting\").await;\n", ""),
            &["takes 1 argument", run],
        ),
        ("no_settings.rs", good.replace("settings: Settings)", "settings: std::time::Instant)"), &["Instant", run]),
        ("no_derive.rs", good.replacen("Deserialize, JsonSchema", "Deserialize", 1), &["JsonSchema", run]),
        (
            "no_report.rs",
            good.replacen("Serialize, JsonSchema)]\npub struct Report", "Debug)]\npub struct Report", 1),
            &["Serialize", run],
        ),
        (
            "wrong_spec.rs",
            good.replace("PLATFORM: Spec = Spec {", "PLATFORM: u8 = 1; const _: Spec = Spec {"),
            &["expected `Spec`, found `u8`"],
        ),
    ]);
}

/// A platform whose jobs never end by themselves.
const STANDING: &str = "//! Counts for ever.
use crate::platform::prelude::*;

pub const PLATFORM: Spec = Spec { pool: STANDING, timeout: None, ..Spec::DEFAULT };

#[derive(Deserialize, JsonSchema)]
pub struct Settings {}

pub async fn _run(job: Context, _: Settings) -> Result<()> {
    let mut count: u64 = job.resume().unwrap_or(0);
    while !job.cancelled().is_cancelled() {
        count += 1;
        job.progress(0.0, format!(\"{count}\")).await;
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    }
    job.checkpoint(&count).await
}
";

/// A standing job yields to the drain of its process, says where it is, and goes on from there, at no cost.
async fn goes_on_after_a_reload(collector: &Collector) {
    let id = collector.submit(&json!({"platform_id": "forever"})).await;
    let count = |job: &serde_json::Value| job["message"].as_str().and_then(|count| count.parse::<u64>().ok());
    let counted = async |least: u64, lease: u64| {
        let what = format!("it counts to {least} under lease {lease}");
        eventually(&what, async || {
            let job = collector.job(&id).await;
            (count(&job) >= Some(least) && job["lease"] == lease).then_some(job)
        })
        .await
    };
    let before = counted(20, 1).await;
    assert_eq!(before["pool"], "standing", "{before}");
    signal(collector.pid(), Signal::HUP);
    let after = counted(count(&before).unwrap() + 1, 2).await;
    assert_eq!((&after["attempt"], &after["crashes"]), (&json!(1), &json!(0)), "{after}");
    assert_eq!(after["history"][0]["outcome"], "handed_back", "{after}");
    collector.cancel(&id).await;
    collector.reaches(&id, "cancelled").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_dropped_in_runs() {
    let package = Package::new("dropped");
    package.put("hello.rs", &Package::example());
    // A word of the language, and older than every build: both are found all the same.
    package.put("match.rs", &Package::example().replace("Counts how often", "Looks where"));
    let old = fs::File::open(package.0.join("platforms/match.rs")).unwrap();
    old.set_modified(std::time::UNIX_EPOCH).unwrap();
    package.put("forever.rs", STANDING);
    // What an editor leaves beside a file that is being edited is no platform.
    package.put(".#hello.rs", "");
    let (built, said) = package.build(&["--bin", "collector"]);
    assert!(built, "{said}");
    assert!(!said.contains("warning"), "{said}");

    let scratch = Scratch::new();
    let args = ["up", "--listen", "127.0.0.1:0", "--data-dir", "data", "--pool", "light=1x2", "--pool", "standing=1x2"];
    let mut collector = Collector::start_program(&package.target().join("collector"), &scratch, &args).await;
    let listed = finished(&scratch, ["platforms", "--api", &collector.base], &[]).await;
    assert!(listed.stdout.contains("hello  (light)\n  Counts how often a word stands in a text."), "{listed:?}");
    assert!(listed.stdout.contains("match  (light)\n  Looks where"), "{listed:?}");
    for platform in ["hello", "match"] {
        let spec = json!({"platform_id": platform, "settings": {"text": "the cat and the dog"}});
        let job = collector.reaches(&collector.submit(&spec).await, "succeeded").await;
        assert_eq!(job["result"], json!({"count": 2}), "{job}");
    }
    let unknown = json!({"platform_id": "hello", "settings": {"text": "", "words": 1}});
    assert_eq!(collector.post("/execution/run", unknown.to_string()).await.status, 422);
    goes_on_after_a_reload(&collector).await;
    assert!(collector.stop().await.success());
}
