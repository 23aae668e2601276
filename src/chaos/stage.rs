//! The collector that is struck: real processes of this program in a directory of their own.
//!
//! Host 1 is `collector up`, with its private Redis unless another was named; the others are `collector sanjer`. They
//! share nothing but Redis and the key file. Each is in a process group of its own, so that a Ctrl-C reaches us alone,
//! who stop them.

use std::{
    fs,
    net::{Ipv4Addr, SocketAddr, TcpListener},
    path::{Path, PathBuf},
    time::Duration,
};

use rustix::process::Signal;
use tokio::time::{Instant, sleep, timeout};

use super::{
    ChaosError, Rehearsal,
    acts::Kind,
    host::{Host, configuration, last_lines, sanjer, socket, up},
    processes,
};
use crate::{broker::Broker, config, sanjer::PROCESS_COMMAND};

/// Shards of the queue: more than one, so that every rule across them is at work.
pub(super) const SHARDS: u16 = 2;
/// How long the collector may take to come up.
const START: Duration = Duration::from_mins(1);
/// What the command line of redis-server has.
const REDIS: &str = "redis-server";
/// What the command line of a host has, whatever our program is called.
pub(super) const HOST: &str = "--data-dir";
/// The exit code of a command that could not start.
const COULD_NOT_START: i32 = 2;

/// All hosts and their Redis.
pub(super) struct Stage {
    dir: PathBuf,
    hosts: Vec<Host>,
    api: SocketAddr,
    redis_url: String,
    own_redis: bool,
    /// Our Redis, as last seen.
    redis_pid: Option<u32>,
    /// What to do later: bring a host back, wake somebody up.
    later: Vec<(Instant, Later)>,
}

enum Later {
    Start(usize),
    Wake { pid: u32, word: &'static str },
}

/// What an act did.
pub(super) struct Struck {
    /// For the screen.
    pub(super) what: String,
    /// The sanjers that died of it or stand still.
    pub(super) sanjers: Vec<u32>,
}

impl Stage {
    /// Prepares everything; nothing is started yet.
    pub(super) fn new(rehearsal: &Rehearsal, dir: &Path) -> Result<Self, ChaosError> {
        let (redis_url, own_redis) = match &rehearsal.redis_url {
            Some(url) => (url.clone(), false),
            None => (format!("unix://{}", socket(dir)?.display()), true),
        };
        let files = |source| ChaosError::Files { path: dir.to_owned(), source };
        fs::write(dir.join("collector.toml"), configuration(rehearsal)).map_err(files)?;
        // Whoever comes back must be found where it was, so the port cannot be left to chance twice.
        let api = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).and_then(|free| free.local_addr()).map_err(files)?;
        let mut hosts = vec![Host::new(1, dir, up(api), (!own_redis).then_some(&redis_url))];
        hosts.extend(
            (2..=usize::from(rehearsal.hosts)).map(|number| Host::new(number, dir, sanjer(), Some(&redis_url))),
        );
        Ok(Self { dir: dir.to_owned(), hosts, api, redis_url, own_redis, redis_pid: None, later: vec![] })
    }

    /// Starts everything and waits until the API answers.
    pub(super) async fn come_up(&mut self) -> Result<(), ChaosError> {
        for index in 0..self.hosts.len() {
            let dir = self.dir.clone();
            self.host(index)?.spawn(&dir)?;
            if index == 0 {
                // It has the Redis that the others need.
                self.wait_for_api().await?;
                self.look_at_redis().await;
            }
        }
        Ok(())
    }

    /// Where posts go.
    pub(super) fn api(&self) -> SocketAddr {
        self.api
    }

    /// A connection to the Redis of the stage that gives up soon: it will often be away.
    pub(super) async fn broker(&self) -> Result<Broker, ChaosError> {
        let settings = config::Redis::at(self.redis_url.clone(), Duration::from_secs(2));
        Broker::connect(&settings).await.map_err(ChaosError::Redis)
    }

    async fn wait_for_api(&mut self) -> Result<(), ChaosError> {
        let started = Instant::now();
        while tokio::net::TcpStream::connect(self.api).await.is_err() {
            let ended = self.host(0)?.ended();
            if ended.is_some() || started.elapsed() > START {
                return Err(ChaosError::NotUp { log: last_lines(&self.dir.join("host-1.log")) });
            }
            sleep(Duration::from_millis(50)).await;
        }
        Ok(())
    }

    /// Does one act, if there is anything left to strike.
    pub(super) async fn strike(&mut self, kind: Kind, pick: usize, lasts: Duration) -> Option<Struck> {
        match kind {
            Kind::Sanjer | Kind::StalledSanjer => self.strike_sanjer(kind, pick, lasts),
            Kind::Redis | Kind::StalledRedis => self.strike_redis(kind, lasts).await,
            Kind::StalledApi => {
                let pid = self.living().find(|(host, _)| host.number == 1)?.1;
                self.stall(pid, HOST, &format!("collector up {pid}"), lasts)
                    .map(|what| Struck { what, sanjers: vec![] })
            }
            Kind::Supervisor | Kind::Api | Kind::Host => self.strike_host(kind, pick, lasts),
        }
    }

    fn strike_sanjer(&mut self, kind: Kind, pick: usize, lasts: Duration) -> Option<Struck> {
        let sanjers: Vec<(usize, u32)> = self
            .living()
            .flat_map(|(host, pid)| {
                processes::children(pid, PROCESS_COMMAND).into_iter().map(|sanjer| (host.number, sanjer))
            })
            .collect();
        let (number, pid) = *sanjers.get(pick % sanjers.len().max(1))?;
        let what = if kind == Kind::Sanjer {
            processes::signal(pid, PROCESS_COMMAND, Signal::KILL)
                .then(|| format!("kill -9 sanjer {pid} of host {number}"))?
        } else {
            self.stall(pid, PROCESS_COMMAND, &format!("sanjer {pid} of host {number}"), lasts)?
        };
        Some(Struck { what, sanjers: vec![pid] })
    }

    async fn strike_redis(&mut self, kind: Kind, lasts: Duration) -> Option<Struck> {
        self.look_at_redis().await;
        let pid = self.redis_pid?;
        let what = if kind == Kind::Redis {
            processes::signal(pid, REDIS, Signal::KILL).then(|| format!("kill -9 redis-server {pid}"))?
        } else {
            self.stall(pid, REDIS, &format!("redis-server {pid}"), lasts)?
        };
        Some(Struck { what, sanjers: vec![] })
    }

    fn strike_host(&mut self, kind: Kind, pick: usize, lasts: Duration) -> Option<Struck> {
        let candidates: Vec<usize> = (0..self.hosts.len())
            .filter(|index| match kind {
                Kind::Api => *index == 0,
                Kind::Supervisor => *index > 0,
                _ => true,
            })
            .collect();
        let index = *candidates.get(pick % candidates.len().max(1))?;
        let host = self.hosts.get_mut(index)?;
        let child = host.child.as_mut()?;
        let pid = child.id()?;
        let sanjers = processes::children(pid, PROCESS_COMMAND);
        if kind == Kind::Host {
            // A machine that loses its power says nothing more: nobody may notice the others' deaths.
            for sanjer in &sanjers {
                processes::signal(*sanjer, PROCESS_COMMAND, Signal::STOP);
            }
        }
        child.start_kill().ok()?;
        if kind == Kind::Host {
            for sanjer in &sanjers {
                processes::signal(*sanjer, PROCESS_COMMAND, Signal::KILL);
            }
        }
        host.child = None;
        self.later.push((Instant::now() + lasts, Later::Start(index)));
        let number = index + 1;
        let with = if kind == Kind::Host { format!(" and its {} sanjers", sanjers.len()) } else { String::new() };
        let name = if index == 0 { "collector up" } else { "collector sanjer" };
        let what = format!("kill -9 {name} {pid} of host {number}{with}, back after {:.1} s", lasts.as_secs_f64());
        Some(Struck { what, sanjers })
    }

    fn stall(&mut self, pid: u32, word: &'static str, name: &str, lasts: Duration) -> Option<String> {
        if !processes::signal(pid, word, Signal::STOP) {
            return None;
        }
        self.later.push((Instant::now() + lasts, Later::Wake { pid, word }));
        Some(format!("stall {name} for {:.1} s", lasts.as_secs_f64()))
    }

    /// When something is to be done by [`Stage::tend`].
    pub(super) fn next(&self) -> Option<Instant> {
        self.later.iter().map(|(at, _)| *at).min()
    }

    /// Does what is due, and starts hosts again that ended by themselves. Says what happened, and which of it nobody
    /// asked for.
    pub(super) fn tend(&mut self) -> Result<Vec<Tended>, ChaosError> {
        let now = Instant::now();
        let (due, later) = std::mem::take(&mut self.later).into_iter().partition(|(at, _)| *at <= now);
        self.later = later;
        self.perform(due)?;
        let mut tended = Vec::new();
        for (index, host) in self.hosts.iter_mut().enumerate() {
            let Some(status) = host.ended() else { continue };
            let what = format!("host {} ended by itself: {status}", host.number);
            tended.push(Tended { what, allowed: status.code() == Some(COULD_NOT_START) });
            self.later.push((now + Duration::from_millis(500), Later::Start(index)));
        }
        Ok(tended)
    }

    /// Ends all stalls and brings everybody back.
    pub(super) fn restore(&mut self) -> Result<(), ChaosError> {
        let all = std::mem::take(&mut self.later);
        self.perform(all)
    }

    fn perform(&mut self, due: Vec<(Instant, Later)>) -> Result<(), ChaosError> {
        for (_, later) in due {
            match later {
                Later::Start(index) => {
                    let dir = self.dir.clone();
                    self.host(index)?.spawn(&dir)?;
                }
                // It may have been killed meanwhile.
                Later::Wake { pid, word } => drop(processes::signal(pid, word, Signal::CONT)),
            }
        }
        Ok(())
    }

    fn host(&mut self, index: usize) -> Result<&mut Host, ChaosError> {
        self.hosts.get_mut(index).ok_or(ChaosError::NoHost)
    }

    fn living(&self) -> impl Iterator<Item = (&Host, u32)> {
        self.hosts.iter().filter_map(|host| Some((host, host.child.as_ref()?.id()?)))
    }

    /// Learns the process id of our Redis, if it answers now.
    async fn look_at_redis(&mut self) {
        if !self.own_redis {
            return;
        }
        let ask = async {
            let client = redis::Client::open(self.redis_url.as_str())?;
            let mut connection = client.get_multiplexed_async_connection().await?;
            redis::cmd("INFO").arg("server").query_async::<redis::InfoDict>(&mut connection).await
        };
        if let Ok(Ok(info)) = timeout(Duration::from_millis(500), ask).await {
            self.redis_pid = info.get("process_id");
        }
    }

    /// Lines of the logs that tell of a panic: a bug, whatever it led to.
    pub(super) fn panics(&self) -> Vec<String> {
        let logs = self.hosts.iter().map(|host| (host.number, fs::read_to_string(&host.log).unwrap_or_default()));
        let of_host = |(number, log): (usize, String)| {
            let lines = log.lines().filter(|line| line.contains("panicked at"));
            lines.map(|line| format!("in the log of host {number}: {line}")).collect::<Vec<_>>()
        };
        logs.flat_map(of_host).collect()
    }

    /// Ends everything that was started here. Host 1 goes last: it has the Redis that the others need to say goodbye.
    pub(super) async fn stop(&mut self) {
        // What cannot be brought back now is not needed any more.
        self.later.retain(|(_, later)| matches!(later, Later::Wake { .. }));
        self.restore().ok();
        self.look_at_redis().await;
        for host in self.hosts.iter_mut().rev() {
            host.stop().await;
        }
        // An `up` that was dead at the end could not stop it.
        if let Some(pid) = self.redis_pid {
            processes::signal(pid, REDIS, Signal::KILL);
        }
    }
}

impl Drop for Stage {
    /// For an end without [`Stage::stop`]: the children are killed with their handles, their sanjers end with them.
    fn drop(&mut self) {
        for (_, later) in &self.later {
            if let Later::Wake { pid, word } = later {
                processes::signal(*pid, word, Signal::CONT);
            }
        }
        if let Some(pid) = self.redis_pid {
            processes::signal(pid, REDIS, Signal::KILL);
        }
    }
}

/// Something that happened by itself.
pub(super) struct Tended {
    /// For the screen.
    pub(super) what: String,
    /// Whether it may happen: a host does not start while Redis is away.
    pub(super) allowed: bool,
}
