//! Which networks there are, and where they lie.

use std::{collections::BTreeMap, fmt, str::FromStr, time::Duration};

use sha2::{Digest as _, Sha256};

use super::Store;
use crate::{
    broker::{Broker, BrokerError},
    discv5::NodeId,
    job::Shard,
    queue::keys,
};

/// Characters of a network's name.
const MAX_NAME: usize = 40;

/// The name of a network: 1 to 40 lower case letters, digits, `-` and `_`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct NetworkName(String);

/// Not the name of a network.
#[derive(Debug, thiserror::Error)]
#[error("expected 1 to {MAX_NAME} lower case letters, digits, - and _")]
pub struct NetworkNameError;

impl FromStr for NetworkName {
    type Err = NetworkNameError;

    fn from_str(text: &str) -> Result<Self, NetworkNameError> {
        let fits = (1..=MAX_NAME).contains(&text.len())
            && text.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"-_".contains(&byte));
        if fits { Ok(Self(text.to_owned())) } else { Err(NetworkNameError) }
    }
}

impl fmt::Display for NetworkName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl NetworkName {
    /// What Ethereum's main network is called.
    pub fn mainnet() -> Self {
        Self("mainnet".into())
    }

    /// The name of whatever network these bootnodes lead to: the same nodes in any order, the same name.
    pub fn of(bootnodes: impl Iterator<Item = NodeId>) -> Self {
        let mut ids: Vec<NodeId> = bootnodes.collect();
        ids.sort_unstable();
        ids.dedup();
        let hash = ids.iter().fold(Sha256::new(), |hash, id| hash.chain_update(id.0)).finalize();
        let short = hash.iter().take(4).fold(String::from("net-"), |name, byte| format!("{name}{byte:02x}"));
        Self(short)
    }
}

/// Where networks are entered: `{etlas:0}:crawls`, name → shard.
#[derive(Clone, Debug)]
pub struct Directory {
    broker: Broker,
    shards: u16,
}

impl Directory {
    /// The directory behind `broker`, whose keys are shared among so many shards.
    pub fn new(broker: Broker, shards: u16) -> Self {
        Self { broker, shards }
    }

    /// The store of a network, which is entered here if it is not yet.
    pub async fn enter(&self, name: &NetworkName, keep: Duration) -> Result<Store, BrokerError> {
        let hash = Sha256::digest(name.0.as_bytes());
        let shard = hash.first_chunk().map_or(0, |start| u16::from_be_bytes(*start)) % self.shards.max(1);
        // Once entered it stays where it is, however many shards there are later.
        let mut both = redis::pipe();
        both.hset_nx(directory_key(), &name.0, shard).ignore().hget(directory_key(), &name.0);
        let (shard,): (u16,) = self.broker.pipeline(&both).await?;
        Ok(self.at(name, Shard(shard), keep))
    }

    /// Enters a store that holds something by now: whoever listed the networks before that may have taken it out.
    pub async fn confirm(&self, name: &NetworkName, store: &Store) -> Result<(), BrokerError> {
        self.broker.query(redis::cmd("HSETNX").arg(directory_key()).arg(&name.0).arg(store.shard.0)).await
    }

    /// The store of a network, if it is here.
    pub async fn find(&self, name: &NetworkName) -> Result<Option<Store>, BrokerError> {
        let shard: Option<u16> = self.broker.query(redis::cmd("HGET").arg(directory_key()).arg(&name.0)).await?;
        let Some(shard) = shard else { return Ok(None) };
        let store = self.at(name, Shard(shard), Duration::ZERO);
        Ok(store.exists().await?.then_some(store))
    }

    /// All networks by name. Those that are not kept any more are taken out.
    pub async fn list(&self) -> Result<BTreeMap<NetworkName, Store>, BrokerError> {
        let entered: BTreeMap<String, u16> = self.broker.query(redis::cmd("HGETALL").arg(directory_key())).await?;
        let mut stores = BTreeMap::new();
        for (name, shard) in entered {
            let Ok(name) = name.parse::<NetworkName>() else { continue };
            let store = self.at(&name, Shard(shard), Duration::ZERO);
            if store.exists().await? {
                stores.insert(name, store);
            } else {
                let () = self.broker.query(redis::cmd("HDEL").arg(directory_key()).arg(&name.0)).await?;
                // A crawl may have begun meanwhile.
                if store.exists().await? {
                    self.confirm(&name, &store).await?;
                    stores.insert(name, store);
                }
            }
        }
        Ok(stores)
    }

    fn at(&self, name: &NetworkName, shard: Shard, keep: Duration) -> Store {
        Store::new(self.broker.clone(), shard, keys::named(shard, format_args!("crawl:{name}:")), keep)
    }
}

fn directory_key() -> String {
    keys::named(Shard(0), "crawls")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{broker::Scratch, crawl::store::Member};

    #[tokio::test]
    async fn who_lists_networks_takes_out_none_that_is_about_to_begin() {
        let redis = Scratch::start().expect("a redis-server");
        let directory = Directory::new(redis.broker().await.expect("it answers"), 4);
        let (name, keep) = (NetworkName::mainnet(), Duration::from_mins(1));
        let store = directory.enter(&name, keep).await.expect("a store");
        assert!(directory.list().await.expect("none yet").is_empty());
        let member = Member { name: "a", root: "job:1", lease: keep, epochs: Some(1) };
        store.join(&member, "{}", &[]).await.expect("joined");
        directory.confirm(&name, &store).await.expect("entered");
        let found = directory.find(&name).await.expect("an answer").expect("a network");
        assert_eq!(found.events_key(), store.events_key());
        assert_eq!(directory.list().await.expect("one").len(), 1);
    }

    #[test]
    fn a_name_is_safe_in_keys_and_paths() {
        for good in ["mainnet", "net-0a1b2c3d", "a", "x_1"] {
            assert_eq!(good.parse::<NetworkName>().expect("a name").to_string(), good);
        }
        for bad in ["", "Main", "a b", "a:b", "{a}", "ä", &"x".repeat(41)] {
            assert!(bad.parse::<NetworkName>().is_err(), "{bad}");
        }
    }

    #[test]
    fn the_same_bootnodes_lead_to_the_same_network() {
        let [a, b] = [NodeId([1; 32]), NodeId([2; 32])];
        let name = |ids: &[NodeId]| NetworkName::of(ids.iter().copied());
        assert_eq!(name(&[a, b]), name(&[b, a, b]));
        assert_ne!(name(&[a]), name(&[b]));
        assert!(name(&[a]).to_string().parse::<NetworkName>().is_ok());
    }
}
