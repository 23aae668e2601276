//! Which server a URL names, and whether it may be contacted.

use std::net::{IpAddr, SocketAddr};

use sqlx::{
    ConnectOptions as _,
    postgres::{PgConnectOptions, PgSslMode},
};
use url::Url;

use crate::{platform::Network, storage::StorageError};

pub(super) const POINTER: &str = "/storage/settings/url";

const PORT: u16 = 5432;

/// Reads the URL. What it does not say is not taken from elsewhere: the driver would look into the environment and into
/// `~/.pgpass`, and send the operator's own password to whatever server a task spec names.
pub(super) fn read(text: &str) -> Result<PgConnectOptions, StorageError> {
    let wrong = |detail: String| StorageError::settings(POINTER, detail);
    let form = "postgres://user:password@host:port/database";
    let url = Url::parse(text).map_err(|error| wrong(format!("must be a URL like {form}: {error}")))?;
    if !matches!(url.scheme(), "postgres" | "postgresql") {
        return Err(wrong(format!("must begin with postgres://, like {form}")));
    }
    let (mut host, mut user) = (url.host_str().is_some_and(|host| !host.is_empty()), !url.username().is_empty());
    let mut tls = PgSslMode::Prefer;
    for (name, value) in url.query_pairs() {
        match name.as_ref() {
            "host" if value.starts_with('/') => host = true,
            "host" => return Err(wrong("takes only a directory (of a unix socket) as ?host=".into())),
            "user" => user = !value.is_empty(),
            "sslmode" => {
                let modes = "disable, allow, prefer, require, verify-ca or verify-full";
                tls = value.parse().map_err(|_| wrong(format!("must have one of {modes} as ?sslmode=")))?;
            }
            _ => return Err(wrong("takes no parameters but host, user and sslmode".into())),
        }
    }
    for (there, what) in [(host, "a host"), (user, "a user"), (url.path().len() > 1, "a database")] {
        if !there {
            return Err(wrong(format!("must name {what}, like {form}")));
        }
    }
    let options = PgConnectOptions::from_url(&url).map_err(|error| wrong(format!("cannot be read: {error}")))?;
    let options = if url.password().is_none() { options.password("") } else { options };
    let options = options.port(url.port().unwrap_or(PORT)).ssl_mode(tls).application_name("collector");
    Ok(options.disable_statement_logging())
}

/// The same server, as it may be contacted: if only this machine may be, then by an address that was looked at, so that
/// its name cannot mean another a moment later.
pub(super) async fn reach(options: PgConnectOptions, network: Network) -> Result<PgConnectOptions, StorageError> {
    if network.allow_public || options.get_socket().is_some() {
        return Ok(options);
    }
    let host = options.get_host().trim_matches(['[', ']']).to_owned();
    let refused = |why: String| {
        let detail = format!("{why}, and contacting others needs network.allow_public = true");
        Err(StorageError::settings(POINTER, detail))
    };
    if matches!(options.get_ssl_mode(), PgSslMode::VerifyFull) && host.parse::<IpAddr>().is_err() && host != "localhost"
    {
        // The certificate is checked against what is connected to: it must stay a name.
        return refused(format!("with sslmode=verify-full, {host} must be localhost or an address of this machine"));
    }
    let found = tokio::net::lookup_host((host.as_str(), options.get_port())).await;
    let addresses: Vec<SocketAddr> = found.map_err(|error| StorageError::Unavailable(error.into()))?.collect();
    if let Some(other) = addresses.iter().find(|address| !address.ip().to_canonical().is_loopback()) {
        return refused(format!("{} is not on this machine", other.ip()));
    }
    match addresses.first() {
        None => refused(format!("{host} has no address")),
        Some(_) if matches!(options.get_ssl_mode(), PgSslMode::VerifyFull) => Ok(options),
        Some(address) => Ok(options.host(&address.ip().to_string())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn detail(error: StorageError) -> String {
        match error {
            StorageError::Settings { pointer: POINTER, detail } => detail,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_url_says_everything_itself() {
        let table = [
            ("postgres://me:secret@localhost/db", Ok(("localhost", 5432, None))),
            ("postgresql://me@10.1.2.3:1/db?sslmode=require", Ok(("10.1.2.3", 1, None))),
            ("postgres://me:secret@%2Frun%2Fpg/db", Ok(("", 5432, Some("/run/pg")))),
            ("postgres:///db?host=/run/pg&user=me", Ok(("", 5432, Some("/run/pg")))),
            ("postgres://me:secret@elsewhere:7/db?host=/run/pg", Ok(("elsewhere", 7, Some("/run/pg")))),
            ("secret", Err("must be a URL")),
            ("mysql://me:secret@localhost/db", Err("must begin with postgres://")),
            ("postgres:///db?user=me", Err("a host")),
            ("postgres://localhost/db", Err("a user")),
            ("postgres://me:secret@localhost", Err("a database")),
            ("postgres://me:secret@localhost/db?sslmode=secret", Err("?sslmode=")),
            ("postgres://me:secret@localhost/db?hostaddr=8.8.8.8", Err("no parameters but")),
            ("postgres://me:secret@localhost/db?host=8.8.8.8", Err("only a directory")),
            ("postgres://me:secret@localhost/db?sslkey=/etc/shadow", Err("no parameters but")),
            ("postgres://me:secret@localhost/db?options=-csecret", Err("no parameters but")),
            ("postgres://me:secret@localhost:port/db", Err("must be a URL")),
            ("postgres://me:secret%FF@localhost/db", Err("cannot be read")),
        ];
        for (url, wanted) in table {
            match (read(url).map_err(detail), wanted) {
                (Ok(options), Ok((host, port, socket))) => {
                    assert!(host.is_empty() || options.get_host() == host, "{url}");
                    assert_eq!(options.get_port(), port, "{url}");
                    assert_eq!(options.get_socket().and_then(|path| path.to_str()), socket, "{url}");
                    assert_eq!((options.get_username(), options.get_database()), ("me", Some("db")), "{url}");
                }
                (Err(said), Err(part)) => {
                    assert!(said.contains(part), "{url}: {said}");
                    assert!(!said.contains("secret"), "{url}: {said}");
                }
                (read, _) => panic!("{url}: {}", read.map_or_else(|said| said, |_| "was read".into())),
            }
        }
    }

    #[tokio::test]
    async fn only_this_machine_unless_more_is_allowed() {
        // No name is looked up here but localhost.
        let table = [
            ("localhost", "", true),
            ("127.0.0.1:99", "", true),
            ("[::1]", "", true),
            ("[::ffff:127.0.0.1]", "", true),
            ("%2Frun", "", true),
            ("localhost", "?sslmode=verify-full", true),
            ("127.0.0.1", "?sslmode=verify-full", true),
            ("8.8.8.8", "?host=/run", true),
            ("0.0.0.0", "", false),
            ("8.8.8.8", "", false),
            ("10.0.0.1", "", false),
            ("169.254.169.254:80", "", false),
            ("134744072", "", false),
            ("[2001:db8::1]", "", false),
            ("[::ffff:8.8.8.8]", "", false),
            ("db.example.org", "?sslmode=verify-full", false),
        ];
        for (host, parameters, here) in table {
            let url = format!("postgres://me:secret@{host}/db{parameters}");
            let options = || read(&url).unwrap();
            assert!(reach(options(), Network { allow_public: true }).await.is_ok(), "{url}");
            match reach(options(), Network { allow_public: false }).await {
                Ok(reached) => {
                    assert!(here, "{url}");
                    let by_name = reached.get_socket().is_some() || parameters.contains("verify-full");
                    assert!(by_name || reached.get_host().parse::<IpAddr>().unwrap().to_canonical().is_loopback());
                }
                Err(error) => {
                    let said = detail(error);
                    assert!(
                        !here && said.contains("network.allow_public") && !said.contains("secret"),
                        "{url}: {said}"
                    );
                }
            }
        }
    }
}
