//! What `redis.url` names: one server, a primary that Sentinels watch over, or a Cluster.
//!
//! | URL | leads to |
//! |---|---|
//! | `redis://`, `rediss://`, `unix://` | that server |
//! | `redis+sentinel://[user:password@]host:port,…/master-name[?db=…]` | the primary that these Sentinels name |
//! | `redis+cluster://[user:password@]host:port,…` | the Cluster that these nodes belong to |
//!
//! `rediss+…` is the same over TLS. User and password are those of the servers with the data; Sentinels that want a
//! password of their own are told it by `sentinel_user` and `sentinel_pass` behind the `?`.

use redis::{ConnectionAddr, ConnectionInfo, IntoConnectionInfo as _, RedisConnectionInfo};
use url::Url;

/// Where Sentinels listen if nothing else is said.
const SENTINEL_PORT: u16 = 26379;

/// Where the servers of a Cluster listen if nothing else is said.
const SERVER_PORT: u16 = 6379;

/// Where `redis.url` leads.
#[derive(Clone, Debug)]
pub enum Place {
    /// One server.
    Server(Box<ConnectionInfo>),
    /// Whatever server the Sentinels call the primary.
    Sentinels(Watched),
    /// Servers that share the keys among them; these are the ones to ask first.
    Cluster(Vec<ConnectionInfo>),
}

/// A primary that Sentinels watch over.
#[derive(Clone, Debug)]
pub struct Watched {
    /// The Sentinels.
    pub sentinels: Vec<ConnectionInfo>,
    /// What they call the primary.
    pub name: String,
    /// Whether its connections are TLS.
    pub tls: bool,
    /// What to tell it: user, password, database.
    pub login: RedisConnectionInfo,
}

/// Why text is no `redis.url`.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum PlaceError {
    /// Something else, or a server's URL that cannot be read.
    #[error(
        "expected a redis://, rediss:// or unix:// URL, redis+sentinel://HOST:PORT,…/MASTER-NAME or \
         redis+cluster://HOST:PORT,…"
    )]
    Shape,
    /// One of a list.
    #[error("{0:?} in the list is no HOST:PORT")]
    Address(String),
    /// More than one `@`.
    #[error("user:password@ stands once, before the first address; an @ in a password is written %40")]
    Login,
    /// Sentinels watch over many primaries.
    #[error("which primary of the Sentinels? their addresses are followed by its name: …/mymaster")]
    NoName,
    /// No number.
    #[error("the database (db) is a number")]
    Database,
    /// Clusters have one database, and nothing else to say.
    #[error("nothing may follow the addresses of a cluster: it has no databases")]
    Cluster,
    /// A misspelt parameter.
    #[error("there is no {0:?} behind the ?; there are db, sentinel_user, sentinel_pass")]
    Parameter(String),
}

impl Place {
    /// Reads a `redis.url`.
    pub fn parse(text: &str) -> Result<Self, PlaceError> {
        let (scheme, rest) = text.split_once("://").ok_or(PlaceError::Shape)?;
        let Some((transport, kind)) = scheme.split_once('+') else {
            let info = text.into_connection_info().map_err(|_| PlaceError::Shape)?;
            return Ok(Self::Server(Box::new(info)));
        };
        if !["redis", "rediss"].contains(&transport) {
            return Err(PlaceError::Shape);
        }
        let (before, query) = rest.split_once('?').unwrap_or((rest, ""));
        let (login, list) = before.rsplit_once('@').unwrap_or(("", before));
        if login.contains('@') || list.contains('@') {
            return Err(PlaceError::Login);
        }
        let (list, path) = list.split_once('/').unwrap_or((list, ""));
        match kind {
            "sentinel" => {
                let sentinels = addresses(transport, "", list, SENTINEL_PORT)?;
                // The crate's own reading of user and password, at an address that is of no further use.
                let login = addresses(transport, login, "primary", SERVER_PORT)?;
                let login = login.first().map(|info| info.redis_settings().clone()).unwrap_or_default();
                Watched { sentinels, name: path.to_owned(), tls: transport == "rediss", login }.with(query)
            }
            "cluster" if path.is_empty() && query.is_empty() => {
                Ok(Self::Cluster(addresses(transport, login, list, SERVER_PORT)?))
            }
            "cluster" => Err(PlaceError::Cluster),
            _ => Err(PlaceError::Shape),
        }
    }
}

impl Watched {
    /// With what stands behind the `?`.
    fn with(mut self, query: &str) -> Result<Place, PlaceError> {
        if self.name.is_empty() || self.name.contains('/') {
            return Err(PlaceError::NoName);
        }
        let mut own = RedisConnectionInfo::default();
        for (name, value) in url::form_urlencoded::parse(query.as_bytes()) {
            match &*name {
                "db" => self.login = self.login.set_db(value.parse().map_err(|_| PlaceError::Database)?),
                "sentinel_user" => own = own.set_username(value),
                "sentinel_pass" => own = own.set_password(value),
                _ => return Err(PlaceError::Parameter(name.into_owned())),
            }
        }
        self.sentinels = self.sentinels.into_iter().map(|info| info.set_redis_settings(own.clone())).collect();
        Ok(Place::Sentinels(self))
    }

    /// The way to a server of this primary's kind.
    pub fn server(&self, host: &str, port: u16) -> Result<ConnectionInfo, redis::RedisError> {
        let host = host.to_owned();
        let address = if self.tls {
            ConnectionAddr::TcpTls { host, port, insecure: false, tls_params: None }
        } else {
            ConnectionAddr::Tcp(host, port)
        };
        Ok(address.into_connection_info()?.set_redis_settings(self.login.clone()))
    }
}

/// Every address of a list, with the same login.
fn addresses(transport: &str, login: &str, list: &str, port: u16) -> Result<Vec<ConnectionInfo>, PlaceError> {
    let read = |address: &str| {
        let wrong = || PlaceError::Address(address.to_owned());
        let login = if login.is_empty() { String::new() } else { format!("{login}@") };
        let mut url = Url::parse(&format!("{transport}://{login}{address}")).map_err(|_| wrong())?;
        if url.host_str().is_none_or(str::is_empty) {
            return Err(wrong());
        }
        if url.port().is_none() {
            url.set_port(Some(port)).map_err(|()| wrong())?;
        }
        url.into_connection_info().map_err(|_| wrong())
    };
    list.split(',').map(|address| read(address.trim())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(infos: &[ConnectionInfo]) -> Vec<String> {
        infos.iter().map(|info| info.addr().to_string()).collect()
    }

    #[test]
    fn sentinels_and_their_primary() {
        let url = "redis+sentinel://me:p%40w@10.0.0.1:5000,b,[::1]:7/mymaster?db=2&sentinel_pass=s%26s";
        let Ok(Place::Sentinels(watched)) = Place::parse(url) else { panic!("{:?}", Place::parse(url)) };
        assert_eq!(shown(&watched.sentinels), ["10.0.0.1:5000", "b:26379", "::1:7"]);
        assert!(watched.sentinels.iter().all(|info| info.redis_settings().password() == Some("s&s")));
        assert_eq!((watched.name.as_str(), watched.tls), ("mymaster", false));
        let server = watched.server("10.0.0.9", 6380).unwrap();
        let login = server.redis_settings();
        assert_eq!((login.username(), login.password(), login.db()), (Some("me"), Some("p@w"), 2));
        assert_eq!(server.addr().to_string(), "10.0.0.9:6380");
    }

    #[test]
    fn a_cluster() {
        let Ok(Place::Cluster(nodes)) = Place::parse("rediss+cluster://:pw@a,b:7000") else { panic!() };
        assert_eq!(shown(&nodes), ["a:6379", "b:7000"]);
        for node in nodes {
            assert_eq!(node.redis_settings().password(), Some("pw"));
            assert!(matches!(node.addr(), ConnectionAddr::TcpTls { insecure: false, .. }));
        }
    }

    #[test]
    fn mistakes_are_named() {
        for (url, error) in [
            ("redis", PlaceError::Shape),
            ("http://host", PlaceError::Shape),
            ("unix+cluster://host", PlaceError::Shape),
            ("redis+ring://host", PlaceError::Shape),
            ("redis+cluster://", PlaceError::Address(String::new())),
            ("redis+cluster://a,,b", PlaceError::Address(String::new())),
            ("redis+cluster://a:b", PlaceError::Address("a:b".into())),
            ("redis+cluster://a:70000", PlaceError::Address("a:70000".into())),
            ("redis+cluster://a,b/1", PlaceError::Cluster),
            ("redis+cluster://a,b?db=1", PlaceError::Cluster),
            ("redis+cluster://:pw@a,:pw@b", PlaceError::Login),
            ("redis+sentinel://a,b", PlaceError::NoName),
            ("redis+sentinel://a,b/", PlaceError::NoName),
            ("redis+sentinel://a,b/m/1", PlaceError::NoName),
            ("redis+sentinel://a,b/m?db=one", PlaceError::Database),
            ("redis+sentinel://a,b/m?password=pw", PlaceError::Parameter("password".into())),
        ] {
            assert_eq!(Place::parse(url).err(), Some(error), "{url}");
        }
    }
}
