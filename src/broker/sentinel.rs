//! Asking Sentinels which server is the primary, and hearing of it when another one is.
//!
//! The newest word counts: that of the highest epoch, for a Sentinel that was cut off still names the old primary. A
//! server that is named must say of itself that it is a primary. And it is not enough to ask when a connection breaks:
//! a primary that is to step back takes writes for some ten seconds after another has taken its place, and all of them
//! are lost. So nobody is the primary from the moment a replica is chosen until it has taken over.

use std::{
    collections::HashMap,
    sync::{Arc, Weak},
    time::Duration,
};

use futures_util::{StreamExt as _, future::join_all};
use redis::{AsyncConnectionConfig, Client, RedisResult, Value, aio::MultiplexedConnection};
use tokio::{
    sync::watch,
    time::{sleep, timeout},
};

use super::{
    link::{BACKOFF, away, too_slow, unbounded},
    slots::Address,
};
use crate::config::Watched;

/// How long one Sentinel, and the server that is named, may take: some may hang.
const PATIENCE: Duration = Duration::from_secs(2);

/// How often each Sentinel is asked without any sign: what it says may get lost.
const ASK_ANYWAY: Duration = Duration::from_secs(5);

/// What Sentinels publish when a failover begins, goes on, is given up, or has come to its end.
const SIGNS: [&str; 3] = ["?failover-*", "+promoted-slave", "+switch-master"];

/// Where a failover stands after a replica was chosen and before it is named as the primary.
const IN_BETWEEN: [&str; 3] = ["select_slave", "send_slaveof_noone", "wait_promotion"];

/// The Sentinels of one primary.
#[derive(Debug)]
pub(super) struct Sentinels {
    clients: Vec<Client>,
    watched: Watched,
    patience: Duration,
    /// The last word of each, unless it is away.
    words: watch::Sender<Vec<Option<Word>>>,
}

/// What a Sentinel says.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Word {
    /// Of two words, the one with the higher epoch is the newer one.
    epoch: u64,
    primary: Primary,
}

/// Which server is the primary.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Primary {
    /// None, for this moment.
    Nobody,
    Server(Address),
}

impl Sentinels {
    /// Listens to these Sentinels from now on.
    pub(super) fn new(watched: Watched, patience: Duration) -> RedisResult<Arc<Self>> {
        let clients: Vec<_> = watched.sentinels.iter().cloned().map(Client::open).collect::<Result<_, _>>()?;
        let words = watch::Sender::new(vec![None; clients.len()]);
        let sentinels = Arc::new(Self { clients, watched, patience: patience.min(PATIENCE), words });
        for (n, client) in sentinels.clients.iter().enumerate() {
            tokio::spawn(listen(n, client.clone(), Arc::downgrade(&sentinels), sentinels.words.subscribe()));
        }
        Ok(sentinels)
    }

    /// What they call the primary.
    pub(super) fn name(&self) -> &str {
        &self.watched.name
    }

    /// Connects to the primary of now.
    pub(super) async fn connect(
        &self,
        config: &AsyncConnectionConfig,
    ) -> RedisResult<(Arc<Client>, MultiplexedConnection)> {
        let answers = join_all(self.clients.iter().map(|client| self.ask(client))).await;
        let mut problem = format!("the sentinels know no primary of the name {}", self.name());
        for (n, answer) in answers.into_iter().enumerate() {
            if let Err(error) = &answer {
                problem = format!("no sentinel names a primary of {}: {error}", self.name());
            }
            self.note(n, answer.unwrap_or(None));
        }
        let primary = primary(&self.words.borrow()).cloned();
        let (host, port) = match primary {
            Some(Primary::Server(server)) => server,
            Some(Primary::Nobody) => return Err(away("the sentinels are replacing the primary")),
            None => return Err(away(&problem)),
        };
        let trying = self.bounded(self.try_server(&host, port, config)).await;
        trying.map_err(|error| away(&format!("{host}:{port}, which the sentinels name: {error}")))
    }

    /// Waits until this client's server is the primary no more.
    pub(super) async fn replaced(&self, client: &Client) {
        let is_another = |words: &Vec<Option<Word>>| match primary(words) {
            Some(Primary::Server((host, port))) => {
                self.watched.server(host, *port).is_ok_and(|info| info.addr() != client.get_connection_info().addr())
            }
            Some(Primary::Nobody) => true,
            None => false,
        };
        // The sender is our own.
        self.words.subscribe().wait_for(is_another).await.ok();
    }

    fn note(&self, n: usize, word: Option<Word>) {
        self.words.send_if_modified(|words| match words.get_mut(n) {
            Some(last) if *last != word => {
                *last = word;
                true
            }
            _ => false,
        });
    }

    async fn ask(&self, client: &Client) -> RedisResult<Option<Word>> {
        self.bounded(async {
            let mut sentinel = client.get_multiplexed_async_connection_with_config(&unbounded()).await?;
            self.ask_on(&mut sentinel).await
        })
        .await
    }

    /// What one Sentinel says; nothing if it does not know the name.
    async fn ask_on(&self, sentinel: &mut MultiplexedConnection) -> RedisResult<Option<Word>> {
        let mut both = redis::pipe();
        both.cmd("SENTINEL").arg("GET-MASTER-ADDR-BY-NAME").arg(self.name());
        both.cmd("SENTINEL").arg("MASTER").arg(self.name());
        let answers = sentinel.send_packed_commands(&both, 0, 2).await?;
        let [server, more] = answers.as_slice() else { return Err(away("no answer")) };
        let server: Option<Address> = redis::from_redis_value(server.clone().extract_error()?)?;
        // An error here is one that the first command did not have: a user that may only ask for the address.
        let more: HashMap<String, String> = redis::from_redis_value_ref(more).unwrap_or_default();
        Ok(server.map(|server| word(server, &more)))
    }

    async fn try_server(
        &self,
        host: &str,
        port: u16,
        config: &AsyncConnectionConfig,
    ) -> RedisResult<(Arc<Client>, MultiplexedConnection)> {
        let client = Arc::new(super::connect::client(self.watched.server(host, port)?)?);
        let mut connection = client.get_multiplexed_async_connection_with_config(config).await?;
        let role: Vec<Value> = redis::cmd("ROLE").query_async(&mut connection).await?;
        match role.first().map(redis::from_redis_value_ref::<String>) {
            Some(Ok(role)) if role == "master" => Ok((client, connection)),
            _ => Err(away("it is no primary")),
        }
    }

    async fn bounded<T>(&self, work: impl Future<Output = RedisResult<T>>) -> RedisResult<T> {
        timeout(self.patience, work).await.unwrap_or_else(|_| Err(too_slow(self.patience)))
    }
}

/// What a Sentinel says, from the address it names and its other fields.
fn word(server: Address, more: &HashMap<String, String>) -> Word {
    let field = |name| more.get(name).map(String::as_str);
    // From the promotion on, the address is that of the new primary, and these are still the old one's.
    let is_old = field("ip") == Some(server.0.as_str()) && field("port") == Some(server.1.to_string().as_str());
    let is_in_between = is_old && field("failover-state").is_some_and(|state| IN_BETWEEN.contains(&state));
    let epoch = field("config-epoch").and_then(|epoch| epoch.parse().ok()).unwrap_or(0);
    Word { epoch, primary: if is_in_between { Primary::Nobody } else { Primary::Server(server) } }
}

/// The newest word of all; of words of one epoch, that of the Sentinel which is at work, or else of the most.
fn primary(words: &[Option<Word>]) -> Option<&Primary> {
    let epoch = words.iter().flatten().map(|word| word.epoch).max()?;
    let newest = || words.iter().flatten().filter(move |word| word.epoch == epoch).map(|word| &word.primary);
    let nobody = newest().find(|primary| **primary == Primary::Nobody);
    nobody.or_else(|| newest().max_by_key(|primary| newest().filter(|other| other == primary).count()))
}

/// Listens to one Sentinel until nobody wants to know any more.
async fn listen(n: usize, client: Client, sentinels: Weak<Sentinels>, mut words: watch::Receiver<Vec<Option<Word>>>) {
    loop {
        let heard = tokio::select! {
            _ = words.wait_for(|_| false) => return,
            heard = hear(n, &client, &sentinels) => heard,
        };
        if let Err(error) = heard {
            tracing::debug!(%error, sentinel = %client.get_connection_info().addr(), "a sentinel does not answer");
        }
        if let Some(sentinels) = sentinels.upgrade() {
            // What it said before it went away must not hold for ever.
            sentinels.note(n, None);
        }
        sleep(BACKOFF.1).await;
    }
}

/// Asks one Sentinel at every sign of news, until it goes away.
async fn hear(n: usize, client: &Client, sentinels: &Weak<Sentinels>) -> RedisResult<()> {
    let connecting = async {
        let mut pubsub = client.get_async_pubsub().await?;
        pubsub.psubscribe(&SIGNS).await?;
        Ok((client.get_multiplexed_async_connection_with_config(&unbounded()).await?, pubsub))
    };
    let (mut sentinel, pubsub) = timeout(PATIENCE, connecting).await.unwrap_or_else(|_| Err(too_slow(PATIENCE)))?;
    let mut signs = pubsub.into_on_message();
    while let Some(sentinels) = sentinels.upgrade() {
        let word = sentinels.bounded(sentinels.ask_on(&mut sentinel)).await?;
        sentinels.note(n, word);
        drop(sentinels);
        if let Ok(None) = timeout(ASK_ANYWAY, signs.next()).await {
            return Ok(());
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(epoch: u64, port: u16, state: Option<&str>, old: u16) -> Word {
        let fields = [("ip", "h".to_owned()), ("port", old.to_string()), ("config-epoch", epoch.to_string())];
        let state = state.map(|state| ("failover-state", state.to_owned()));
        let more = fields.into_iter().chain(state).map(|(name, value)| (name.to_owned(), value)).collect();
        word(("h".into(), port), &more)
    }

    #[test]
    fn the_newest_word_counts() {
        let server = |port| Some(Primary::Server(("h".into(), port)));
        let at_rest = said(3, 1, None, 1);
        for (words, expected) in [
            (vec![None, None], None),
            (vec![None, Some(at_rest.clone())], server(1)),
            // One was cut off.
            (vec![Some(said(2, 9, None, 9)), Some(said(2, 9, None, 9)), Some(at_rest.clone())], server(1)),
            // Elections come and go.
            (vec![Some(said(3, 1, Some("wait_start"), 1)), Some(at_rest.clone())], server(1)),
            (vec![Some(said(3, 1, Some("select_slave"), 1)), Some(at_rest.clone())], Some(Primary::Nobody)),
            (vec![Some(at_rest.clone()), Some(said(3, 1, Some("wait_promotion"), 1))], Some(Primary::Nobody)),
            (vec![Some(said(4, 2, Some("reconf_slaves"), 1)), Some(at_rest.clone())], server(2)),
            // Who may only ask for the address knows no epochs.
            (vec![Some(said(0, 1, None, 1)), Some(said(0, 2, None, 2)), Some(said(0, 2, None, 2))], server(2)),
        ] {
            assert_eq!(primary(&words), expected.as_ref(), "{words:?}");
        }
    }
}
