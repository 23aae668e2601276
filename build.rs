//! Finds the platforms: every `platforms/*.rs` becomes a private module and one entry of the registry.
//!
//! What stands in `OUT_DIR/platforms.rs` is, per file, a `mod` with its path and a `Platform::new` with its
//! name, its doc comment, its `PLATFORM` and its `_run`. A file with a bad name stops the build by name.

use std::{env, fmt::Write as _, fs, path::Path};

fn main() -> Result<(), String> {
    println!("cargo::rerun-if-changed=platforms");
    let root = env::var("CARGO_MANIFEST_DIR").map_err(|e| e.to_string())?;
    let out = env::var("OUT_DIR").map_err(|e| e.to_string())?;
    let dir = Path::new(&root).join("platforms");
    let mut files: Vec<_> = fs::read_dir(&dir)
        .map_err(|e| format!("platforms/: {e}"))?
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|path| path.extension().is_some_and(|ext| ext == "rs"))
        .collect();
    files.sort();

    let (mut modules, mut entries) = (String::new(), String::new());
    for path in &files {
        let name = path.file_stem().and_then(|s| s.to_str()).unwrap_or_default();
        if !is_platform_id(name) {
            return Err(format!(
                "platforms/{name}.rs: a platform's file name is its id: lower-case letters, digits and _, \
                 starting with a letter, at most 40 characters"
            ));
        }
        let source = fs::read_to_string(path).map_err(|e| format!("platforms/{name}.rs: {e}"))?;
        let doc: Vec<&str> = source
            .lines()
            .map_while(|line| line.strip_prefix("//!"))
            .map(|line| line.strip_prefix(' ').unwrap_or(line))
            .collect();
        if doc.is_empty() {
            return Err(format!("platforms/{name}.rs: starts with a doc comment (//!) that says what it does"));
        }
        let (path, doc) = (path.display(), doc.join("\n"));
        writeln!(modules, "#[path = {:?}] mod {name};", path.to_string()).map_err(|e| e.to_string())?;
        writeln!(entries, "    Platform::new({name:?}, {doc:?}, {name}::PLATFORM, {name}::_run)?,")
            .map_err(|e| e.to_string())?;
    }
    let generated = format!(
        "use crate::platform::{{Platform, RegistryError}};\n\n{modules}\n\
         pub(super) fn found() -> Result<Vec<Platform>, RegistryError> {{\n    Ok(vec![\n{entries}    ])\n}}\n"
    );
    fs::write(Path::new(&out).join("platforms.rs"), generated).map_err(|e| e.to_string())
}

fn is_platform_id(name: &str) -> bool {
    (1..=40).contains(&name.len())
        && name.starts_with(|c: char| c.is_ascii_lowercase())
        && name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_')
}
