//! Finds the platforms: every `platforms/*.rs` becomes a private module and one entry of the registry.
//!
//! What stands in `OUT_DIR/platforms.rs` is, per file, a `mod` with its path and a `Platform::new` with its
//! name, its doc comment, its `PLATFORM` and its `_run`. The comments behind the last two are part of the compiler's
//! message when one of them is missing or wrong. A bad file name or a missing doc comment stops the build by name.

use std::{env, fmt::Write as _, fs, path::Path};

const RUN: &str = "pub async fn _run(job: Context, settings: Settings) -> Result<Report>";

fn main() -> Result<(), Box<dyn std::error::Error>> {
    println!("cargo::rerun-if-changed=platforms");
    // A debug build reads the dashboard when it is asked for it.
    if env::var("PROFILE")? == "release" {
        println!("cargo::rerun-if-changed=web/dist");
    }
    let dir = Path::new(&env::var("CARGO_MANIFEST_DIR")?).join("platforms");
    let mut files: Vec<_> = fs::read_dir(&dir)?
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|path| path.extension().is_some_and(|ext| ext == "rs"))
        // Editors keep locks and backups of what is being edited as hidden files.
        .filter(|path| path.file_name().is_some_and(|name| !name.to_string_lossy().starts_with('.')))
        .collect();
    files.sort();

    let (mut modules, mut entries) = (String::new(), String::new());
    for path in &files {
        let name = path.file_stem().unwrap_or_default().to_string_lossy();
        let file = format!("platforms/{name}.rs");
        match described(path, &name) {
            // Raw names: a platform may be called `match`.
            Ok(doc) => {
                writeln!(modules, "#[path = {:?}]\nmod r#{name};", path.display().to_string())?;
                writeln!(entries, "        Platform::new(\n            {name:?},\n            {doc:?},")?;
                writeln!(entries, "            r#{name}::PLATFORM, // {file}: pub const PLATFORM: Spec")?;
                writeln!(entries, "            r#{name}::_run, // {file}: {RUN}\n        )?,")?;
            }
            Err(reason) => println!("cargo::error={file}: {reason}"),
        }
    }
    let generated = format!(
        "use crate::platform::{{Platform, RegistryError}};\n\n{modules}\n\
         pub(super) fn found() -> Result<Vec<Platform>, RegistryError> {{\n    Ok(vec![\n{entries}    ])\n}}\n"
    );
    Ok(fs::write(Path::new(&env::var("OUT_DIR")?).join("platforms.rs"), generated)?)
}

/// The doc comment of a file, or why it cannot be a platform.
fn described(path: &Path, name: &str) -> Result<String, String> {
    if !is_platform_id(name) {
        return Err(
            "a platform's file name is its id: rename it to lower-case letters, digits and _, starting with a \
                    letter, at most 40 characters, none of crate, self, super"
                .into(),
        );
    }
    let source = fs::read_to_string(path).map_err(|error| format!("cannot be read: {error}"))?;
    let lines = source.lines().map_while(|line| line.strip_prefix("//!"));
    let doc: Vec<&str> = lines.map(|line| line.strip_prefix(' ').unwrap_or(line)).collect();
    if doc.first().is_none_or(|first| first.trim().is_empty()) {
        return Err("its first line must be a doc comment that says what it does: `//! Counts words.`".into());
    }
    Ok(doc.join("\n"))
}

fn is_platform_id(name: &str) -> bool {
    (1..=40).contains(&name.len())
        && name.starts_with(|c: char| c.is_ascii_lowercase())
        && name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_')
        && !["crate", "self", "super"].contains(&name)
}
