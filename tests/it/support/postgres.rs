//! A PostgreSQL of the test's own: its directory, a unix socket, no port.

use std::{
    fs,
    os::unix::{fs::chown, process::CommandExt as _},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
};

use rustix::process::{Signal, getuid};
use sqlx::{Connection as _, PgConnection};

use super::{Scratch, eventually, signal};

/// The password of its superuser `owner`.
pub(crate) const PASSWORD: &str = "hunter2";

#[derive(Debug)]
pub(crate) struct Postgres {
    /// Holds the data and the socket; its path is short, as that of a socket must be.
    directory: PathBuf,
    server: Option<Child>,
    /// Further arguments; the last one of a name holds.
    more: Vec<String>,
}

impl Postgres {
    /// Makes a database cluster in `scratch` and starts it.
    pub(crate) async fn start(scratch: &Scratch) -> Self {
        let mut postgres = Self::make(scratch);
        postgres.start_again().await;
        postgres
    }

    /// The same, with TLS on a port of this machine, and a certificate that nobody vouches for.
    pub(crate) async fn start_with_tls(scratch: &Scratch, port: u16) -> Self {
        let mut postgres = Self::make(scratch);
        let made = command("openssl", &postgres.directory)
            .args(["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=localhost"])
            .args(["-addext", "subjectAltName=DNS:localhost", "-keyout", "data/server.key", "-out", "data/server.crt"])
            .output()
            .expect("openssl is missing: apt-get install openssl");
        assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
        let port = format!("port={port}");
        postgres.more = ["-c", "ssl=on", "-c", "listen_addresses=127.0.0.1", "-c", &port].map(str::to_owned).into();
        postgres.start_again().await;
        postgres
    }

    fn make(scratch: &Scratch) -> Self {
        let directory = scratch.path().join("pg");
        fs::create_dir(&directory).unwrap();
        let password = scratch.write("password", PASSWORD);
        for path in [&directory, &password] {
            if let Some((user, group)) = servant() {
                chown(path, Some(user), Some(group)).unwrap();
            }
        }
        let made = command("initdb", &directory)
            .args(["-D", "data", "-U", "owner", "-A", "scram-sha-256", "-E", "UTF8", "--locale=C", "--no-sync"])
            .arg("--pwfile")
            .arg(password)
            .output()
            .unwrap();
        assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
        Self { directory, server: None, more: Vec::new() }
    }

    /// Starts it on the data that are there, and waits until it takes connections.
    pub(crate) async fn start_again(&mut self) {
        let log = fs::File::options().create(true).append(true).open(self.directory.with_extension("log")).unwrap();
        let socket = self.directory.to_str().unwrap();
        // Without fsync, as it only dies here, and the machine under it does not.
        let server = command("postgres", &self.directory)
            .args(["-D", "data", "-k", socket, "-c", "listen_addresses=", "-c", "fsync=off"])
            .args(&self.more)
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()
            .unwrap();
        self.server = Some(server);
        eventually("postgres answers", async || self.try_connect().await.ok()).await;
    }

    /// What a task spec would name.
    pub(crate) fn url(&self) -> String {
        self.url_of("owner", PASSWORD, "postgres")
    }

    pub(crate) fn url_of(&self, user: &str, password: &str, database: &str) -> String {
        let port = self.more.iter().find_map(|arg| arg.strip_prefix("port=")).unwrap_or("5432");
        format!("postgres://{user}:{password}@localhost:{port}/{database}?host={}", self.directory.display())
    }

    async fn try_connect(&self) -> sqlx::Result<PgConnection> {
        PgConnection::connect(&self.url()).await
    }

    /// A connection of the test's own.
    pub(crate) async fn connect(&self) -> PgConnection {
        self.try_connect().await.unwrap()
    }

    /// Makes it drop everything at once, as if it had crashed.
    pub(crate) fn crash(&mut self) {
        if let Some(mut server) = self.server.take() {
            signal(server.id(), Signal::QUIT);
            server.wait().unwrap();
        }
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        self.crash();
    }
}

/// One of PostgreSQL's programs, which Debian keeps out of the path; it will not run as root.
fn command(program: &str, directory: &Path) -> Command {
    let versions =
        fs::read_dir("/usr/lib/postgresql").into_iter().flatten().filter_map(|version| Some(version.ok()?.path()));
    let mut found: Vec<PathBuf> =
        versions.map(|version| version.join("bin").join(program)).filter(|path| path.exists()).collect();
    found.sort();
    let mut command = Command::new(found.pop().unwrap_or_else(|| program.into()));
    if let Some((user, group)) = servant() {
        command.uid(user).gid(group);
    }
    command.current_dir(directory).stdin(Stdio::null());
    command
}

/// The user and group it runs as if we are root: a user who has a name, as initdb wants it.
fn servant() -> Option<(u32, u32)> {
    if !getuid().is_root() {
        return None;
    }
    let users = fs::read_to_string("/etc/passwd").unwrap();
    let ids = |name: &str| {
        let line = users.lines().find(|line| line.split(':').next() == Some(name))?;
        let mut fields = line.split(':').skip(2);
        Some((fields.next()?.parse().ok()?, fields.next()?.parse().ok()?))
    };
    Some(ids("postgres").or_else(|| ids("nobody")).unwrap())
}
