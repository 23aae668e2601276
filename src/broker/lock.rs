//! The lock on a data directory: one live `collector up` with a private Redis at a time.

use std::{
    fs::{File, OpenOptions, TryLockError},
    io::{self, Read as _, Seek as _, Write as _},
    os::unix::fs::OpenOptionsExt as _,
    path::{Path, PathBuf},
};

/// The data directory cannot be had.
#[derive(Debug, thiserror::Error)]
pub enum LockError {
    /// Another process has it.
    #[error(
        "another collector (pid {pid}) is running on the data directory {}; stop it or choose another --data-dir",
        dir.display()
    )]
    Held {
        /// What the holder wrote: its process id.
        pid: String,
        /// The directory.
        dir: PathBuf,
    },
    /// The lock file cannot be used.
    #[error("cannot lock {}: {source}", path.display())]
    Io {
        /// The lock file.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
}

/// Holds the lock while it lives. The file stays: removing it would let two processes lock two files of one name.
#[derive(Debug)]
pub(super) struct DirLock {
    _file: File,
}

impl DirLock {
    /// Takes the lock of `dir`, or says who has it.
    pub(super) fn take(dir: &Path) -> Result<Self, LockError> {
        let path = dir.join("lock");
        Self::try_take(dir, &path)
            .unwrap_or_else(|source| Err(LockError::Io { path, source }))
            .map(|file| Self { _file: file })
    }

    /// The process that has the lock of `dir`, if there is one.
    pub(super) fn holder(dir: &Path) -> Option<u32> {
        let file = File::open(dir.join("lock")).ok()?;
        if !matches!(file.try_lock_shared(), Err(TryLockError::WouldBlock)) {
            return None;
        }
        let mut pid = String::new();
        file.take(20).read_to_string(&mut pid).ok()?;
        pid.trim().parse().ok()
    }

    fn try_take(dir: &Path, path: &Path) -> io::Result<Result<File, LockError>> {
        let mut file = OpenOptions::new().read(true).write(true).create(true).truncate(false).mode(0o600).open(path)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                let mut pid = String::new();
                file.take(20).read_to_string(&mut pid)?;
                return Ok(Err(LockError::Held { pid: pid.trim().to_owned(), dir: dir.to_owned() }));
            }
            Err(TryLockError::Error(error)) => return Err(error),
        }
        file.set_len(0)?;
        file.rewind()?;
        writeln!(file, "{}", std::process::id())?;
        Ok(Ok(file))
    }
}
