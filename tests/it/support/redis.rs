//! A redis-server that is not the collector's own.

use std::process::{Child, Command, Stdio};

use super::{Scratch, eventually};

#[derive(Debug)]
pub(crate) struct RedisServer(Child);

/// Starts one with these options (`--port 0 …`) and waits until it answers at `url`.
pub(crate) async fn redis_server(scratch: &Scratch, args: &[&str], url: &str) -> RedisServer {
    let child = Command::new("redis-server")
        .args(args)
        .args(["--save", "", "--dir"])
        .arg(scratch.path())
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    let server = RedisServer(child);
    let client = redis::Client::open(url).unwrap();
    eventually("redis-server answers", async || client.get_multiplexed_async_connection().await.ok()).await;
    server
}

/// One that listens on a socket of `scratch` only; and its URL.
pub(crate) async fn redis_on_a_socket(scratch: &Scratch) -> (RedisServer, String) {
    let url = format!("unix://{}", scratch.path().join("r.sock").display());
    (redis_server(scratch, &["--port", "0", "--unixsocket", "r.sock"], &url).await, url)
}

impl RedisServer {
    pub(crate) fn pid(&self) -> u32 {
        self.0.id()
    }
}

impl Drop for RedisServer {
    fn drop(&mut self) {
        self.0.kill().ok();
        self.0.wait().ok();
    }
}
