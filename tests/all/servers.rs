//! Several redis-servers of one test: on loopback, each with a directory of its own, gone when they are dropped.

use std::{
    fs::{self, File},
    net::TcpListener,
    path::PathBuf,
    process::{Child, Command, Stdio},
};

use redis::{FromRedisValue, aio::MultiplexedConnection};

use crate::support::{Scratch, eventually};

/// What all servers want to be told, and what no log may show.
pub(crate) const PASSWORD: &str = "zyxwvut";

/// The same of Sentinels.
pub(crate) const SENTINEL_PASSWORD: &str = "gfedcba";

/// One redis-server, or one Sentinel.
#[derive(Debug)]
pub(crate) struct Server {
    pub(crate) port: u16,
    password: &'static str,
    dir: PathBuf,
    args: Vec<String>,
    process: Child,
}

impl Server {
    /// Starts a server with an append-only file.
    pub(crate) async fn start(scratch: &Scratch, more: &[&str]) -> Self {
        let args = ["--requirepass", PASSWORD, "--masterauth", PASSWORD, "--appendonly", "yes", "--save", ""];
        Self::launch(scratch, free_port(), PASSWORD, &[&args[..], more].concat()).await
    }

    /// Starts a Sentinel with these lines of configuration, into which it writes too.
    pub(crate) async fn sentinel(scratch: &Scratch, lines: &str) -> Self {
        let port = free_port();
        let lines = format!("{lines}\nrequirepass {SENTINEL_PASSWORD}\nsentinel sentinel-pass {SENTINEL_PASSWORD}\n");
        let file = scratch.write(&format!("sentinel-{port}.conf"), &lines);
        Self::launch(scratch, port, SENTINEL_PASSWORD, &[file.to_str().unwrap(), "--sentinel"]).await
    }

    async fn launch(scratch: &Scratch, port: u16, password: &'static str, args: &[&str]) -> Self {
        let dir = scratch.path().join(port.to_string());
        fs::create_dir(&dir).unwrap();
        let common = ["--port", &port.to_string(), "--bind", "127.0.0.1", "--dir", dir.to_str().unwrap()];
        let args: Vec<String> = [args, &common].concat().into_iter().map(str::to_owned).collect();
        let process = spawn(&dir, &args);
        let server = Self { port, password, dir, args, process };
        server.answers().await;
        server
    }

    async fn answers(&self) {
        eventually("a server answers", async || self.try_connect().await).await;
    }

    async fn try_connect(&self) -> Option<MultiplexedConnection> {
        let client = redis::Client::open(format!("redis://:{}@127.0.0.1:{}", self.password, self.port)).unwrap();
        client.get_multiplexed_async_connection().await.ok()
    }

    /// Asks it one thing: words parted by spaces.
    pub(crate) async fn ask<T: FromRedisValue>(&self, words: &str) -> Option<T> {
        let mut connection = self.try_connect().await?;
        let mut command = redis::Cmd::new();
        for word in words.split(' ') {
            command.arg(word);
        }
        command.query_async(&mut connection).await.ok()
    }

    /// `host:port`.
    pub(crate) fn address(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    pub(crate) fn pid(&self) -> u32 {
        self.process.id()
    }

    /// `kill -9`.
    pub(crate) fn kill(&mut self) {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
    }

    /// Starts it again with what it has on disk.
    pub(crate) async fn restart(&mut self) {
        self.process = spawn(&self.dir, &self.args);
        self.answers().await;
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.process.kill().ok();
        self.process.wait().ok();
    }
}

fn spawn(dir: &std::path::Path, args: &[String]) -> Child {
    let log = File::options().create(true).append(true).open(dir.join("log")).unwrap();
    Command::new("redis-server").args(args).stdin(Stdio::null()).stdout(log).spawn().unwrap()
}

/// A free port whose neighbour 10,000 further, where servers of a Cluster talk to each other, is free too.
pub(crate) fn free_port() -> u16 {
    loop {
        let port = rand::random_range(10_000..32_000);
        if [port, port + 10_000].iter().all(|port| TcpListener::bind(("127.0.0.1", *port)).is_ok()) {
            return port;
        }
    }
}

/// A Cluster.
#[derive(Debug)]
pub(crate) struct Cluster(pub(crate) Vec<Server>);

impl Cluster {
    /// As many primaries, each with as many replicas, all in agreement.
    pub(crate) async fn start(scratch: &Scratch, primaries: usize, replicas: usize) -> Self {
        let mut servers = Vec::new();
        let args = ["--cluster-enabled", "yes", "--cluster-node-timeout", "1500", "--repl-diskless-sync-delay", "0"];
        for _ in 0..primaries * (1 + replicas) {
            servers.push(Server::start(scratch, &args).await);
        }
        let made = Command::new("redis-cli")
            .args(["--no-auth-warning", "-a", PASSWORD, "--cluster", "create"])
            .args(servers.iter().map(Server::address))
            .args(["--cluster-replicas", &replicas.to_string(), "--cluster-yes"])
            .output()
            .expect("redis-cli is missing: apt-get install redis-tools");
        assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stdout));
        let cluster = Self(servers);
        cluster.is_whole().await;
        eventually("every replica follows", async || {
            let mut following = 0;
            for server in &cluster.0 {
                let info: String = server.ask("INFO replication").await?;
                // Both sides must say so: a primary that is not sure yet keeps what is written to itself.
                following += usize::from(info.contains("master_link_status:up"));
                following += info.matches("state=online").count();
            }
            (following == 2 * primaries * replicas).then_some(())
        })
        .await;
        cluster
    }

    /// Waits until every server that lives says that all slots are served.
    pub(crate) async fn is_whole(&self) {
        eventually("the cluster is whole", async || {
            for server in &self.0 {
                let info: Option<String> = server.ask("CLUSTER INFO").await;
                if info.is_some_and(|info| !info.contains("cluster_state:ok")) {
                    return None;
                }
            }
            Some(())
        })
        .await;
    }

    /// What `redis.url` says of it.
    pub(crate) fn url(&self) -> String {
        let some: Vec<_> = self.0.iter().take(2).map(Server::address).collect();
        format!("redis+cluster://:{PASSWORD}@{}", some.join(","))
    }

    /// Which server has a shard now.
    pub(crate) async fn owner(&self, shard: u16) -> usize {
        let key = format!("{{etlas:{shard}}}:meta");
        eventually("the shard has a server", async || {
            for (n, server) in self.0.iter().enumerate() {
                let info: String = server.ask("INFO replication").await.unwrap_or_default();
                // A replica answers for nothing, and a primary only for what it has.
                if info.contains("role:master") && server.ask::<usize>(&format!("EXISTS {key}")).await.is_some() {
                    return Some(n);
                }
            }
            None
        })
        .await
    }
}
