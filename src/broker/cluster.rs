//! Sending to a Cluster: each command to the server that has the slot of its first key, a pipeline in one piece to
//! each server it concerns.
//!
//! The crate's own cluster connection is not used. It follows `ASK`, and a script must not: while a slot moves from one
//! server to another, part of its keys lie here and part there, and a script, which touches keys that its command does
//! not name, would see half a shard. A script that is sent on so fails as unavailable until the slot has moved.

use std::{
    collections::{BTreeMap, HashMap},
    sync::{Arc, Mutex, PoisonError, atomic::AtomicU64},
    time::Duration,
};

use futures_util::future::join_all;
use redis::{Cmd, Pipeline, RedisError, RedisResult, ServerErrorKind, Value};
use tokio::time::Instant;

use super::{
    link::{Link, Way, away},
    map::Map,
    slots::{Address, slot, slot_of},
};

/// Where commands without a key go: to the server that has what belongs to all shards, and whose clock their leases
/// go by.
const HOME: &[u8] = b"{etlas:0}:";

/// How often one command is sent on. A Cluster that is at rest needs one.
const REDIRECTS: usize = 5;

/// Links to the servers of a Cluster. Cheap to clone; clones share the links.
#[derive(Clone, Debug)]
pub(super) struct Cluster {
    pub(super) map: Arc<Map>,
    links: Arc<Mutex<HashMap<Address, Link>>>,
    patience: Duration,
    ups: Arc<AtomicU64>,
}

/// What a server that has not what was asked for said.
enum Redirect {
    /// Another server has the slot.
    Moved(Address),
    /// The slot is on its way to another server, and this key has left.
    Ask(Address),
}

impl Cluster {
    /// Links are opened when they are needed.
    pub(super) fn open(map: Arc<Map>, patience: Duration, ups: Arc<AtomicU64>) -> Self {
        Self { map, links: Arc::default(), patience, ups }
    }

    /// Sends one command where it belongs.
    pub(super) async fn request(&self, command: &Cmd) -> RedisResult<Value> {
        self.request_until(self.deadline(), command).await
    }

    /// Sends every command of a pipeline where it belongs; the answers come in the order of the commands.
    pub(super) async fn request_all(
        &self,
        pipeline: &Pipeline,
        offset: usize,
        count: usize,
    ) -> RedisResult<Vec<Value>> {
        let until = self.deadline();
        let mut parts: BTreeMap<Address, Vec<usize>> = BTreeMap::new();
        for (n, command) in pipeline.cmd_iter().enumerate() {
            parts.entry(self.owner(command)?).or_default().push(n);
        }
        // A transaction is a whole; nobody makes one over several slots.
        if let (Some((server, _)), true) = (parts.first_key_value(), parts.len() == 1 || pipeline.is_transaction()) {
            let mut link = self.link(server)?;
            let answer = link.send(until, self.patience, async |mut connection| {
                connection.send_packed_commands(pipeline, offset, count).await
            });
            let mut values = answer.await.inspect_err(|error| self.heed(error))?;
            if !pipeline.is_transaction() {
                for (command, value) in pipeline.cmd_iter().zip(&mut values) {
                    self.redirected(until, command, value).await?;
                }
            }
            return Ok(values);
        }
        let commands: Vec<&Cmd> = pipeline.cmd_iter().collect();
        let parts: Vec<_> = parts.into_iter().collect();
        let answers = join_all(parts.iter().map(|(server, members)| self.part(until, server, &commands, members)));
        let mut values = vec![Value::Nil; commands.len()];
        for ((_, members), answers) in parts.iter().zip(answers.await) {
            for (n, mut answer) in members.iter().zip(answers?) {
                if let (Some(command), Some(value)) = (commands.get(*n), values.get_mut(*n)) {
                    self.redirected(until, command, &mut answer).await?;
                    *value = answer;
                }
            }
        }
        Ok(values)
    }

    /// Sends a command to every primary.
    pub(super) async fn request_everywhere(&self, command: &Cmd) -> RedisResult<Vec<Value>> {
        let until = self.deadline();
        let slots = self.map.slots();
        let answers = slots.primaries().into_iter().map(|server| self.send(until, server, false, command));
        join_all(answers).await.into_iter().collect()
    }

    fn deadline(&self) -> Instant {
        Instant::now() + self.patience
    }

    fn owner(&self, command: &Cmd) -> RedisResult<Address> {
        let slot = slot_of(command).unwrap_or_else(|| slot(HOME));
        self.map.slots().owner(slot).cloned().ok_or_else(|| {
            self.map.doubt();
            away(&format!("no server of the cluster has slot {slot}"))
        })
    }

    fn link(&self, server: &Address) -> RedisResult<Link> {
        let mut links = self.links.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(link) = links.get(server) {
            return Ok(link.clone());
        }
        // Those that have no slots any more are given up when others take their place.
        let slots = self.map.slots();
        let primaries = slots.primaries();
        links.retain(|server, _| primaries.contains(&server));
        let link = Link::open(Way::Fixed(Arc::new(self.map.client(server)?)), self.patience, self.ups.clone());
        links.insert(server.clone(), link.clone());
        Ok(link)
    }

    /// Sends the commands that belong to one server.
    async fn part(
        &self,
        until: Instant,
        server: &Address,
        commands: &[&Cmd],
        members: &[usize],
    ) -> RedisResult<Vec<Value>> {
        let mut part = Pipeline::with_capacity(members.len());
        for command in members.iter().filter_map(|n| commands.get(*n)) {
            part.add_command((*command).clone());
        }
        let mut link = self.link(server)?;
        let answer = link.send(until, self.patience, async |mut connection| {
            connection.send_packed_commands(&part, 0, part.len()).await
        });
        answer.await.inspect_err(|error| self.heed(error))
    }

    async fn request_until(&self, until: Instant, command: &Cmd) -> RedisResult<Value> {
        let mut server = self.owner(command)?;
        let mut asking = false;
        for _ in 0..REDIRECTS {
            let answer = self.send(until, &server, asking, command).await?;
            match self.redirect(&server, &answer) {
                Some(Redirect::Moved(there)) => (server, asking) = (there, false),
                Some(Redirect::Ask(there)) if !is_script(command) => (server, asking) = (there, true),
                Some(Redirect::Ask(_)) | None => return Ok(answer),
            }
        }
        Err(away("the servers of the cluster do not agree on who has the slot"))
    }

    /// Replaces a piece of a pipeline's answer that is no answer.
    async fn redirected(&self, until: Instant, command: &Cmd, value: &mut Value) -> RedisResult<()> {
        // Whose answer it was does not matter: the map is asked again.
        if self.redirect(&Address::default(), value).is_some() {
            *value = self.request_until(until, command).await?;
        }
        Ok(())
    }

    async fn send(&self, until: Instant, server: &Address, asking: bool, command: &Cmd) -> RedisResult<Value> {
        let mut link = self.link(server)?;
        let answer = link.send(until, self.patience, async |mut connection| {
            if !asking {
                return connection.send_packed_command(command).await;
            }
            let mut both = Pipeline::new();
            both.cmd("ASKING").add_command(command.clone());
            let mut answers = connection.send_packed_commands(&both, 0, 2).await?;
            answers.pop().ok_or_else(|| away("no answer"))
        });
        // An error among the answers is a value: an error here is one of the link.
        answer.await.inspect_err(|error| self.heed(error))
    }

    /// A server that cannot be asked may not be the right one any more.
    fn heed(&self, error: &RedisError) {
        tracing::debug!(%error, "a server of the cluster does not answer");
        self.map.doubt();
    }

    /// Whether the answer is that another server has it.
    fn redirect(&self, server: &Address, answer: &Value) -> Option<Redirect> {
        let Value::ServerError(error) = answer else { return None };
        if !matches!(error.kind(), Some(ServerErrorKind::Moved | ServerErrorKind::Ask | ServerErrorKind::ClusterDown)) {
            return None;
        }
        self.map.doubt();
        // `slot host:port`; without a host it is the one that answered.
        let (host, port) = error.details()?.split_once(' ')?.1.rsplit_once(':')?;
        let host = if host.is_empty() { server.0.clone() } else { host.to_owned() };
        let there = (host, port.parse().ok()?);
        match error.kind() {
            Some(ServerErrorKind::Moved) => Some(Redirect::Moved(there)),
            Some(ServerErrorKind::Ask) => Some(Redirect::Ask(there)),
            _ => None,
        }
    }
}

fn is_script(command: &Cmd) -> bool {
    let verb = command.args_iter().next();
    matches!(verb, Some(redis::Arg::Simple(verb)) if verb.to_ascii_uppercase().starts_with(b"EVAL"))
}
