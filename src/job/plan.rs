//! Which indexes a list walks: the smallest that hold every job that is meant. What they hold beyond that is left out by
//! looking at each job.

use std::collections::{BTreeMap, BTreeSet};

use redis::Pipeline;
use serde::{Deserialize, Serialize};

use super::{
    Filter, JobId, Jobs, Shard, Status,
    cursor::Position,
    list::EXAMINED,
    sources::{ById, ByScore, Order, Sources, oldest},
};
use crate::{
    broker::BrokerError,
    platform::Platform,
    queue::{Lane, Named, keys},
};

/// Sanjers whose jobs a list of running jobs asks for, per shard.
const SANJERS: usize = 1000;

/// What a list is walked by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum By {
    /// The index of its status, or of its platform if it asks for none: its natural order.
    Index,
    /// The jobs with its label.
    Label,
    /// The jobs with its `_id`.
    Client,
    /// The jobs of its platform and its time of creation.
    Created,
}

/// How a list is walked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Walk {
    pub(super) by: By,
    /// Whether the few jobs found by it are put into the natural order.
    pub(super) placed: bool,
}

/// Where a list takes its candidates from.
pub(super) struct Plan {
    pub(super) sources: Sources,
    pub(super) walk: Walk,
}

impl Jobs {
    /// How to list these jobs; as `walk` says, if an earlier page was listed so.
    pub(super) async fn plan(&self, filter: &Filter, walk: Option<Walk>) -> Result<Plan, BrokerError> {
        let index = self.index(filter).await?;
        let others = self.others(filter, &index).await?;
        let walk = match walk {
            Some(walk) => walk,
            None => self.smallest(&index, &others).await?,
        };
        let Some((_, sets)) = others.into_iter().find(|(by, _)| *by == walk.by) else {
            return Ok(Plan { sources: index, walk: Walk { by: By::Index, placed: false } });
        };
        // Those that were there when the list began are the oldest: whatever comes meanwhile, none of them is missed.
        let sources = if walk.placed { self.placed(&sets, index).await? } else { Sources::Newest(sets) };
        Ok(Plan { sources, walk })
    }

    async fn smallest(&self, index: &Sources, others: &[(By, Vec<ById>)]) -> Result<Walk, BrokerError> {
        let mut best = (Walk { by: By::Index, placed: false }, usize::MAX);
        if others.is_empty() {
            return Ok(best.0);
        }
        best.1 = index.count(self.broker()).await?;
        for (by, sets) in others {
            let count = Sources::Newest(sets.clone()).count(self.broker()).await?;
            if count < best.1 {
                let is_placeable = matches!(index, Sources::Next(_) | Sources::Latest(_));
                best = (Walk { by: *by, placed: is_placeable && count <= EXAMINED }, count);
            }
        }
        Ok(best.0)
    }

    /// The sets of the natural order of these jobs.
    async fn index(&self, filter: &Filter) -> Result<Sources, BrokerError> {
        if filter.is_of_finished() {
            return Ok(Sources::Latest(self.finished(filter).await?));
        }
        match filter.status {
            _ if filter.has_finished_window() => Ok(Sources::Given(Vec::new(), Order::Newest)),
            None => Ok(Sources::Newest(self.created(filter).await?)),
            Some(Status::Running) => self.held().await,
            Some(_) => Ok(Sources::Next(self.waiting(filter))),
        }
    }

    /// Other sets that hold all of them.
    async fn others(&self, filter: &Filter, index: &Sources) -> Result<Vec<(By, Vec<ById>)>, BrokerError> {
        let mut others = Vec::new();
        for (by, index, name) in [(By::Label, "labels", &filter.label), (By::Client, "clients", &filter.client_id)] {
            if let Some(name) = name {
                let of_name = |key| ById { key, name: Some(name.clone()), ids: filter.ids() };
                others.push((by, self.keys(index).into_iter().map(of_name).collect()));
            }
        }
        let is_by_age = matches!(index, Sources::Newest(_) | Sources::Given(..));
        if !is_by_age && (filter.platform.is_some() || filter.has_created_window()) {
            others.push((By::Created, self.created(filter).await?));
        }
        Ok(others)
    }

    /// The sets of all jobs, by age.
    async fn created(&self, filter: &Filter) -> Result<Vec<ById>, BrokerError> {
        let keys = match &filter.platform {
            Some(platform) => self.keys(&format!("platform:{platform}")),
            None => self.of_platforms(filter).await?,
        };
        Ok(keys.into_iter().map(|key| ById { key, name: None, ids: filter.ids() }).collect())
    }

    /// The index of every platform that has, or had, jobs in the pool that is meant.
    async fn of_platforms(&self, filter: &Filter) -> Result<Vec<String>, BrokerError> {
        let mut keys = Vec::new();
        for (shard, platforms) in self.platforms().await? {
            let meant = platforms.into_iter().filter(|platform| self.may_be_in(platform, filter));
            keys.extend(meant.map(|platform| keys::named(shard, format_args!("platform:{platform}"))));
        }
        Ok(keys)
    }

    /// The platforms that have, or had, jobs, by shard.
    pub(super) async fn platforms(&self) -> Result<Vec<(Shard, Vec<String>)>, BrokerError> {
        let mut pipeline = Pipeline::new();
        for key in self.keys("platforms") {
            pipeline.cmd("SMEMBERS").arg(key);
        }
        let sets: Vec<Vec<String>> = self.broker().pipeline(&pipeline).await?;
        Ok(self.queue.shards().zip(sets).collect())
    }

    /// The sets of these finished jobs, by when they ended.
    async fn finished(&self, filter: &Filter) -> Result<Vec<ByScore>, BrokerError> {
        let fails = |status| matches!(status, None | Some(Status::Failed | Status::TimedOut | Status::Dead));
        let sets = match &filter.error {
            Some(code) if fails(filter.status) => self.queue.error_sets(&format!("{code}:")).await?.0,
            _ => self.queue.done_sets().await?,
        };
        let is_meant = |set: &Named| {
            filter.status.is_none_or(|status| status == set.status)
                && filter.platform.as_ref().is_none_or(|platform| *platform == set.platform)
                && self.may_be_in(&set.platform, filter)
        };
        let meant = sets.into_iter().filter(is_meant);
        Ok(meant.map(|set| ByScore { key: set.key, scores: filter.finished() }).collect())
    }

    /// The sets in which queued or delayed jobs wait; of the platform's pool alone, if that is known.
    fn waiting(&self, filter: &Filter) -> Vec<ByScore> {
        let platform = filter.platform.as_deref().and_then(|id| self.registry.get(id));
        let mut pools =
            platform.map_or_else(|| self.pools(), |platform| platform.spec.pools().map(str::to_owned).collect());
        match &filter.pool {
            // A pool of another build is looked at too.
            Some(pool) if platform.is_none() => pools = BTreeSet::from([pool.clone()]),
            Some(pool) => pools.retain(|name| name == pool),
            None => {}
        }
        let names = pools.into_iter().flat_map(|pool| match filter.status {
            Some(Status::Queued) => [Lane::Queue, Lane::Alone].map(|lane| format!("{}:{pool}", lane.as_str())).to_vec(),
            _ => vec![format!("delayed:{pool}")],
        });
        let keys = names.flat_map(|name| self.keys(&name));
        keys.map(|key| ByScore { key, scores: (None, None) }).collect()
    }

    /// Whether a platform's jobs can be in the pool that is meant; one of another build may be anywhere.
    fn may_be_in(&self, platform: &str, filter: &Filter) -> bool {
        let has = |pool: &str| {
            self.registry.get(platform).is_none_or(|platform: &Platform| platform.spec.pools().any(|name| name == pool))
        };
        filter.pool.as_deref().is_none_or(has)
    }

    /// A key of every shard.
    pub(super) fn keys(&self, name: &str) -> Vec<String> {
        self.queue.shards().map(|shard| keys::named(shard, name)).collect()
    }

    /// Every pool that a job of this build can be in.
    pub(crate) fn pools(&self) -> BTreeSet<String> {
        self.registry.iter().flat_map(|platform| platform.spec.pools()).map(str::to_owned).collect()
    }

    /// The jobs of a few small sets, each at the place where it stands in one of `index`.
    async fn placed(&self, sets: &[ById], index: Sources) -> Result<Sources, BrokerError> {
        let order = index.order();
        let (Sources::Next(index) | Sources::Latest(index)) = index else { return Ok(Sources::Newest(sets.to_vec())) };
        let mut by_shard: BTreeMap<Shard, Vec<JobId>> = BTreeMap::new();
        for id in oldest(self.broker(), sets, EXAMINED).await? {
            by_shard.entry(id.shard()).or_default().push(id);
        }
        let mut placed = Vec::new();
        for (shard, ids) in by_shard {
            let prefix = keys::prefix(shard);
            let there: Vec<&ByScore> = index.iter().filter(|set| set.key.starts_with(&prefix)).collect();
            if there.is_empty() {
                continue;
            }
            let mut pipeline = Pipeline::new();
            for set in there {
                pipeline.cmd("ZMSCORE").arg(&set.key).arg(&ids);
            }
            let scores: Vec<Vec<Option<f64>>> = self.broker().pipeline(&pipeline).await?;
            let found = scores.iter().flat_map(|scores| ids.iter().zip(scores));
            placed.extend(found.filter_map(|(id, score)| Some(Position { score: (*score)?, id: *id })));
        }
        order.sort(&mut placed);
        Ok(Sources::Given(placed, order))
    }

    /// Every running job: what all sanjers hold, which their slots bound.
    async fn held(&self) -> Result<Sources, BrokerError> {
        let mut running = Vec::new();
        for shard in self.queue.shards() {
            let mut sanjers = redis::cmd("ZRANGE");
            sanjers.arg(keys::named(shard, "sanjers")).arg(0).arg(SANJERS - 1);
            let sanjers: Vec<String> = self.broker().query(&sanjers).await?;
            if sanjers.is_empty() {
                continue;
            }
            let mut pipeline = Pipeline::new();
            for sanjer in sanjers {
                pipeline.cmd("SMEMBERS").arg(keys::named(shard, format_args!("held:{sanjer}")));
            }
            let held: Vec<Vec<String>> = self.broker().pipeline(&pipeline).await?;
            let ids = held.iter().flatten().filter_map(|held| keys::id_of(held));
            running.extend(ids.map(|id| Position { score: 0.0, id }));
        }
        Order::Newest.sort(&mut running);
        Ok(Sources::Given(running, Order::Newest))
    }
}
