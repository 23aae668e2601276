//! A redis-server for one measurement or one test: private, without persistence, gone when dropped.

use std::{
    env, fs, io,
    path::PathBuf,
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use super::{Broker, BrokerError, server};
use crate::config;

/// A running scratch server.
#[derive(Debug)]
pub struct Scratch {
    server: Child,
    dir: PathBuf,
}

impl Scratch {
    /// Starts one on a unix socket in a directory of its own.
    pub fn start() -> io::Result<Self> {
        let dir =
            env::temp_dir().join(format!("collector-scratch-{}-{:08x}", std::process::id(), rand::random::<u32>()));
        fs::create_dir(&dir)?;
        let server = Command::new("redis-server")
            .args(["--port", "0", "--save", "", "--appendonly", "no", "--unixsocket", "redis.sock", "--dir"])
            .arg(&dir)
            .args([&format!("--{}", server::HASHES), server::HASHES_MAX])
            .current_dir(&dir)
            .stdout(Stdio::null())
            .spawn()?;
        let scratch = Self { server, dir };
        let deadline = Instant::now() + Duration::from_secs(10);
        while std::os::unix::net::UnixStream::connect(scratch.socket()).is_err() {
            if Instant::now() > deadline {
                return Err(io::Error::other("the scratch redis-server does not answer"));
            }
            std::thread::sleep(Duration::from_millis(5));
        }
        Ok(scratch)
    }

    /// Its URL.
    pub fn url(&self) -> String {
        format!("unix://{}", self.socket().display())
    }

    /// A connection to it.
    pub async fn broker(&self) -> Result<Broker, BrokerError> {
        Broker::connect(&config::Redis::at(self.url(), Duration::from_secs(10))).await
    }

    /// Its directory, for what else lives as long as it.
    pub fn dir(&self) -> &std::path::Path {
        &self.dir
    }

    fn socket(&self) -> PathBuf {
        self.dir.join("redis.sock")
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        // Nothing can be done about a failure here, and nothing is lost by it.
        self.server.kill().ok();
        self.server.wait().ok();
        fs::remove_dir_all(&self.dir).ok();
    }
}
