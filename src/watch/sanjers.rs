//! Single sanjers: how each is, and what people ask of one.

use serde::Serialize;

use super::{
    Watch,
    store::{HERE, script},
};
use crate::{
    broker::BrokerError,
    job::JobId,
    queue::{Lane, keys},
};

/// Jobs of one sanjer, living or dead, that are named.
pub(super) const NAMED: usize = 100;

/// What a sanjer says of itself, in the order in which it is read.
pub(super) const FIELDS: [&str; 10] =
    ["pool", "lane", "state", "slots", "host", "pid", "started_at", "version", "rss", "cpu_ms"];

/// A sanjer that renewed its lease.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[expect(missing_docs, reason = "the names of the API, documented in openapi.yaml")]
pub struct SanjerNow {
    #[serde(rename = "sanjer")]
    pub name: String,
    pub host: String,
    pub pid: u64,
    pub pool: String,
    pub lane: Lane,
    pub state: State,
    pub slots: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub started_at: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rss_bytes: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cpu_s: Option<f64>,
    pub running: u64,
}

/// What a sanjer does about new jobs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// It takes jobs of its pool.
    Serving,
    /// It waits to take somebody's place, and runs suspects meanwhile.
    Spare,
    /// It was told to take none.
    Quiet,
    /// It ends when its jobs have.
    Retiring,
}

/// What can be asked of a sanjer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Ask {
    /// Take no more jobs.
    Quiet,
    /// Take jobs again.
    Resume,
    /// Have a fresh process take your place.
    Recycle,
}

/// There is no such sanjer, or it has ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Unknown;

impl State {
    /// Every state.
    pub const ALL: [Self; 4] = [Self::Serving, Self::Spare, Self::Quiet, Self::Retiring];

    /// The word in Redis and in the API.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Serving => "serving",
            Self::Spare => "spare",
            Self::Quiet => "quiet",
            Self::Retiring => "retiring",
        }
    }
}

impl Ask {
    /// The word in Redis and in the API.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Quiet => "quiet",
            Self::Resume => "resume",
            Self::Recycle => "recycle",
        }
    }

    /// Reads it.
    pub fn parse(text: &str) -> Option<Self> {
        [Self::Quiet, Self::Resume, Self::Recycle].into_iter().find(|ask| ask.as_str() == text)
    }
}

impl SanjerNow {
    /// From the values of [`FIELDS`], empty ones being absent; `None` for one that has not said who it is.
    pub(super) fn read(name: &str, values: &[String]) -> Option<Self> {
        let mut values = values.iter().map(String::as_str).map(|text| Some(text).filter(|text| !text.is_empty()));
        let mut next = || values.next().flatten();
        let (pool, lane, state) = (next()?, next(), next());
        let number = |text: Option<&str>| text.and_then(|text| text.parse::<u64>().ok());
        let lane = if lane == Some(Lane::Alone.as_str()) { Lane::Alone } else { Lane::Queue };
        let by_lane = if lane == Lane::Alone { State::Spare } else { State::Serving };
        let slots = number(next()).unwrap_or(1);
        let (host, pid) = (next().unwrap_or_default().to_owned(), number(next()).unwrap_or(0));
        Some(Self {
            name: name.to_owned(),
            host,
            pid,
            pool: pool.to_owned(),
            lane,
            state: State::ALL.into_iter().find(|known| Some(known.as_str()) == state).unwrap_or(by_lane),
            slots,
            started_at: next().map(str::to_owned),
            version: next().map(str::to_owned),
            rss_bytes: number(next()),
            cpu_s: number(next()).map(seconds),
            running: 0,
        })
    }
}

/// Milliseconds as seconds.
#[expect(clippy::cast_precision_loss, reason = "exact for 200,000 years")]
fn seconds(ms: u64) -> f64 {
    ms as f64 / 1000.0
}

impl Watch {
    /// Asks something of a sanjer, on whichever host it is.
    pub async fn ask(&self, sanjer: &str, what: Ask) -> Result<Result<(), Unknown>, BrokerError> {
        let known: u8 = self
            .script(script!("ask"), HERE, |cmd| {
                cmd.arg(sanjer).arg(what.as_str()).arg(keys::stop_channel(sanjer));
            })
            .await?;
        Ok(if known == 1 { Ok(()) } else { Err(Unknown) })
    }

    /// Some of the jobs that each of these sanjers holds.
    pub async fn jobs_of(&self, sanjers: &[SanjerNow]) -> Result<Vec<Vec<JobId>>, BrokerError> {
        let mut jobs = vec![Vec::new(); sanjers.len()];
        let busy: Vec<_> = sanjers.iter().zip(&mut jobs).filter(|(sanjer, _)| sanjer.running > 0).collect();
        if busy.is_empty() {
            return Ok(jobs);
        }
        let shards: Vec<_> = self.queue.shards().collect();
        let mut pipeline = redis::pipe();
        for (sanjer, _) in &busy {
            for shard in &shards {
                let key = keys::named(*shard, format_args!("held:{}", sanjer.name));
                pipeline.cmd("SRANDMEMBER").arg(key).arg(NAMED);
            }
        }
        let held: Vec<Vec<String>> = self.queue.broker().pipeline(&pipeline).await?;
        for ((_, jobs), held) in busy.into_iter().zip(held.chunks(shards.len())) {
            jobs.extend(held.iter().flatten().filter_map(|held| keys::id_of(held)).take(NAMED));
            jobs.sort_unstable();
        }
        Ok(jobs)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_that_says_little_is_read_all_the_same() {
        let read = |texts: [&str; 10]| SanjerNow::read("h:1:2", &texts.map(str::to_owned));
        assert_eq!(read([""; 10]), None, "it has not introduced itself yet");
        let old = read(["light", "alone", "", "8", "h", "7", "", "", "", ""]).unwrap();
        assert_eq!((old.state, old.lane, old.slots, old.pid, old.rss_bytes), (State::Spare, Lane::Alone, 8, 7, None));
        let new = read(["light", "queue", "quiet", "8", "h", "7", "t", "0.1.0", "4096", "1500"]).unwrap();
        assert_eq!((new.state, new.rss_bytes, new.cpu_s), (State::Quiet, Some(4096), Some(1.5)));
    }
}
