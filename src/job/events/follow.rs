//! One client's view of one job: a snapshot, then what happens, until the end.

use std::collections::VecDeque;

use serde::Deserialize;
use serde_json::{Value, json};

use super::{
    hub::{Event, Subscription},
    id::{Entry, EventId},
};
use crate::{
    broker::BrokerError,
    job::{JobId, Jobs, Status},
};

/// One thing to tell a client.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Told {
    /// To go on after it.
    pub id: EventId,
    /// `snapshot`, `status`, `progress`, `log`, `reset` or `end`.
    pub name: String,
    /// JSON on one line.
    pub data: String,
}

/// Follows one job until it ends.
pub struct Follower {
    jobs: Jobs,
    job: JobId,
    subscription: Subscription,
    ready: VecDeque<Told>,
    /// Everything up to here has been told.
    told: (Entry, u16),
    ended: bool,
}

/// What must be known of an event to pass it on.
#[derive(Deserialize)]
struct Kind {
    #[serde(rename = "type")]
    name: String,
    status: Option<Status>,
}

impl Jobs {
    /// Follows a job: with `after`, from what came after it if that is still kept. `None` if there is no such job.
    pub async fn follow(&self, job: JobId, after: Option<EventId>) -> Result<Option<Follower>, BrokerError> {
        // First listen, then look: whatever happens in between is told twice rather than never.
        let subscription = self.hub.subscribe(job).await?;
        let from = subscription.from;
        let mut follower = Follower {
            jobs: self.clone(),
            job,
            subscription,
            ready: VecDeque::new(),
            told: (from, u16::MAX),
            ended: false,
        };
        let missed = match after {
            Some(after) => self.hub.missed(job, after, from.max(after.entry)).await?,
            None => None,
        };
        match (after, missed) {
            (Some(after), Some(missed)) => {
                follower.told = (after.entry, after.place);
                for event in &missed {
                    follower.take(event);
                }
                follower.told = follower.told.max((from, u16::MAX));
                // The end itself may be what the client had seen last.
                let Some(status) = self.record(job).await?.status() else { return Ok(None) };
                if status.is_terminal() && !follower.ended {
                    follower.end(EventId::whole(job.shard(), from), status);
                }
            }
            (after, _) => {
                let name = if after.is_some() { "reset" } else { "snapshot" };
                if !follower.look(name).await? {
                    return Ok(None);
                }
            }
        }
        Ok(Some(follower))
    }
}

impl Follower {
    /// The next thing to tell; `None` after the end, or when the job is gone.
    pub async fn next(&mut self) -> Result<Option<Told>, BrokerError> {
        loop {
            if let Some(told) = self.ready.pop_front() {
                return Ok(Some(told));
            }
            if self.ended {
                return Ok(None);
            }
            if let Some(event) = self.subscription.events.recv().await {
                self.take(&event);
            } else {
                // We were too slow, or Redis lost events.
                self.subscription = self.jobs.hub.subscribe(self.job).await?;
                self.told = (self.subscription.from, u16::MAX);
                if !self.look("reset").await? {
                    return Ok(None);
                }
            }
        }
    }

    /// Tells the job as it is now; `false` if there is no such job.
    async fn look(&mut self, name: &str) -> Result<bool, BrokerError> {
        let record = self.jobs.record(self.job).await?;
        let (Some(status), Some(job)) = (record.status(), record.job()) else { return Ok(false) };
        let id = EventId::whole(self.job.shard(), self.told.0);
        self.ready.push_back(Told { id, name: name.to_owned(), data: Value::from(job).to_string() });
        if status.is_terminal() {
            self.end(id, status);
        }
        Ok(true)
    }

    /// Tells one event, unless it was told before.
    fn take(&mut self, event: &Event) {
        let at = (event.id.entry, event.id.place);
        let Ok(kind) = serde_json::from_str::<Kind>(&event.json) else { return };
        if at <= self.told || self.ended {
            return;
        }
        self.told = at;
        self.ready.push_back(Told { id: event.id, name: kind.name, data: event.json.to_string() });
        if let Some(status) = kind.status.filter(|status| status.is_terminal()) {
            self.end(EventId::whole(event.id.shard, event.id.entry), status);
        }
    }

    fn end(&mut self, id: EventId, status: Status) {
        self.ended = true;
        self.ready.push_back(Told { id, name: "end".into(), data: json!({ "status": status }).to_string() });
    }
}

impl std::fmt::Debug for Follower {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Follower").field("job", &self.job).field("told", &self.told).finish_non_exhaustive()
    }
}
