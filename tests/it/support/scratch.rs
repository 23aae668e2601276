//! A private directory that is removed at the end.

use std::{
    fs,
    path::{Path, PathBuf},
};

#[derive(Debug)]
pub(crate) struct Scratch(PathBuf);

impl Scratch {
    /// Its path is short: unix sockets lie in it. A failed test leaves its own behind, so names are never used again.
    pub(crate) fn new() -> Self {
        let dir = std::env::temp_dir().join(format!("cit-{}-{:08x}", std::process::id(), rand::random::<u32>()));
        fs::create_dir(&dir).unwrap();
        Self(dir.canonicalize().unwrap())
    }

    pub(crate) fn path(&self) -> &Path {
        &self.0
    }

    /// Writes a file in it.
    pub(crate) fn write(&self, name: &str, text: &str) -> PathBuf {
        let path = self.0.join(name);
        fs::write(&path, text).unwrap();
        path
    }

    pub(crate) fn read(&self, name: &str) -> String {
        fs::read_to_string(self.0.join(name)).unwrap_or_default()
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        // A failing test keeps its directory: the logs are in it.
        if !std::thread::panicking() {
            fs::remove_dir_all(&self.0).ok();
        }
    }
}
