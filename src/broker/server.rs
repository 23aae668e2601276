//! Where a private redis-server listens, how it is configured, and whether one answers there already.

use std::{
    fmt, fs, io,
    net::{Ipv4Addr, TcpListener},
    os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _},
    path::{Path, PathBuf},
    time::Duration,
};

use redis::{Client, aio::MultiplexedConnection};
use tokio::time::timeout;

/// The kernel's limit for the path of a unix socket is 108 bytes; redis-server adds a few for a temporary name.
const MAX_SOCKET_PATH: usize = 100;

/// How long a server on this host may take to answer a probe.
const PROBE: Duration = Duration::from_secs(5);

/// Where a private redis-server listens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Address {
    /// On a unix socket in the data directory.
    Socket(PathBuf),
    /// On a loopback port with a password, because the socket's path would be too long.
    Port {
        /// The port on 127.0.0.1.
        port: u16,
        /// The file that holds the password.
        password_file: PathBuf,
        /// The password.
        password: String,
    },
}

/// What a probe found.
#[derive(Debug)]
pub(super) enum Found {
    /// Nobody listens.
    Nobody,
    /// Redis answers, or will when it has loaded its data.
    Redis {
        /// Whether it can answer everything already.
        ready: bool,
        /// Its directory.
        dir: Option<PathBuf>,
    },
}

impl Address {
    /// The address that belongs to `home`, the server's own directory: the same one at every start, as far as it is free.
    pub(super) fn of(data_dir: &Path, home: &Path) -> io::Result<Self> {
        let socket = data_dir.join("redis.sock");
        if socket.as_os_str().len() <= MAX_SOCKET_PATH {
            return Ok(Self::Socket(socket));
        }
        let password_file = home.join("password");
        let password = match fs::read_to_string(&password_file) {
            Ok(password) => password.trim().to_owned(),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                let password = format!("{:032x}", rand::random::<u128>());
                write_private(&password_file, &password)?;
                password
            }
            Err(error) => return Err(error),
        };
        let port_file = home.join("port");
        let port = fs::read_to_string(&port_file).ok().and_then(|text| text.trim().parse().ok());
        let port = match port {
            Some(port) => port,
            None => TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?.port(),
        };
        write_private(&port_file, &port.to_string())?;
        Ok(Self::Port { port, password_file, password })
    }

    /// The same, on another port: somebody else has taken this one.
    pub(super) fn elsewhere(data_dir: &Path, home: &Path) -> io::Result<Self> {
        match fs::remove_file(home.join("port")) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => Self::of(data_dir, home),
        }
    }

    /// As `redis.url` would say it.
    pub fn url(&self) -> String {
        match self {
            Self::Socket(path) => {
                // Escapes what a URL cannot hold. The path is absolute, so there is nothing it can fail at.
                let file = url::Url::from_file_path(path).map(String::from).unwrap_or_default();
                format!("unix{}", file.strip_prefix("file").unwrap_or_default())
            }
            Self::Port { port, password, .. } => format!("redis://:{password}@127.0.0.1:{port}"),
        }
    }

    /// Who answers there now.
    pub(super) async fn probe(&self) -> Found {
        match timeout(PROBE, self.ask()).await {
            Ok(Ok(found)) => found,
            Ok(Err(error)) if error.kind() == redis::ErrorKind::AuthenticationFailed => {
                // A server that wants another password is not ours.
                Found::Redis { ready: false, dir: Some(PathBuf::from("(unknown)")) }
            }
            Ok(Err(error)) if error.is_io_error() && !error.is_timeout() => Found::Nobody,
            // It listens and does not answer: whoever it is, it is busy.
            Ok(Err(_)) | Err(_) => Found::Redis { ready: false, dir: None },
        }
    }

    async fn ask(&self) -> redis::RedisResult<Found> {
        let mut connection = self.connect().await?;
        match redis::cmd("CONFIG").arg("GET").arg("dir").query_async::<Vec<String>>(&mut connection).await {
            Ok(answer) => Ok(Found::Redis { ready: true, dir: answer.into_iter().nth(1).map(PathBuf::from) }),
            Err(error) if error.code() == Some("LOADING") => Ok(Found::Redis { ready: false, dir: None }),
            Err(error) => Err(error),
        }
    }

    /// A plain connection, for asking the server itself rather than for jobs.
    pub(super) async fn connect(&self) -> redis::RedisResult<MultiplexedConnection> {
        let config = redis::AsyncConnectionConfig::new().set_response_timeout(Some(PROBE));
        Client::open(self.url())?.get_multiplexed_async_connection_with_config(&config).await
    }

    /// The server's configuration file.
    pub(super) fn configuration(&self, home: &Path, log: &Path, fsync: &str) -> String {
        let listen = match self {
            Self::Socket(path) => format!("port 0\nunixsocket {}\nunixsocketperm 700", quoted(path)),
            Self::Port { port, password, .. } => format!("bind 127.0.0.1\nport {port}\nrequirepass {password}"),
        };
        format!(
            "# Written at every start of `collector up`; edits are lost.\n\
             {listen}\n\
             dir {}\n\
             logfile {}\n\
             daemonize no\n\
             appendonly yes\n\
             appendfsync {fsync}\n\
             save \"\"\n\
             maxmemory-policy noeviction\n\
             {HASHES} {HASHES_MAX}\n",
            quoted(home),
            quoted(log),
        )
    }
}

/// Values up to this size leave a hash in its compact form, which nearly halves what a job takes. Its name of before
/// Redis 7.0, which all understand.
pub(super) const HASHES: &str = "hash-max-ziplist-value";
pub(super) const HASHES_MAX: &str = "1024";

impl fmt::Display for Address {
    /// The command line that reaches it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Socket(path) => write!(f, "redis-cli -s {}", shell_word(path)),
            Self::Port { port, password_file, .. } => {
                write!(f, "REDISCLI_AUTH=$(cat {}) redis-cli -p {port}", shell_word(password_file))
            }
        }
    }
}

/// Makes `dir` with its parents, readable by us alone if it is new.
pub(super) fn make_private_dir(dir: &Path) -> io::Result<()> {
    fs::DirBuilder::new().recursive(true).mode(0o700).create(dir)
}

/// Replaces a file that only we may read.
pub(super) fn write_private(path: &Path, text: &str) -> io::Result<()> {
    use io::Write as _;
    let mut file = fs::OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(path)?;
    file.write_all(text.as_bytes())
}

/// As redis.conf wants it.
fn quoted(path: &Path) -> String {
    let escaped = path.display().to_string().replace('\\', "\\\\").replace('"', "\\\"");
    format!("\"{escaped}\"")
}

/// As a shell wants it.
fn shell_word(path: &Path) -> String {
    let text = path.display().to_string();
    let plain = |c: char| c.is_ascii_alphanumeric() || "/._-+=@%,:".contains(c);
    if text.chars().all(plain) { text } else { format!("'{}'", text.replace('\'', r"'\''")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_survive_urls_files_and_shells() {
        let address = Address::Socket("/tmp/a b/it's \"x\"/redis.sock".into());
        assert_eq!(address.url(), "unix:///tmp/a%20b/it's%20%22x%22/redis.sock");
        assert_eq!(address.to_string(), r#"redis-cli -s '/tmp/a b/it'\''s "x"/redis.sock'"#);
        let conf = address.configuration(Path::new("/d"), Path::new("/l"), "always");
        assert!(conf.contains("unixsocket \"/tmp/a b/it's \\\"x\\\"/redis.sock\"\n"), "{conf}");
    }
}
