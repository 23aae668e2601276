//! One client's view of one job: a snapshot, then what happens, until the end.

use std::collections::VecDeque;

use serde::Deserialize;
use serde_json::json;

use super::{
    hub::{Event, Subscription},
    id::{Entry, EventId},
};
use crate::job::{Job, JobId, Jobs, ReadError, Status};

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
    pub async fn follow(&self, job: JobId, after: Option<EventId>) -> Result<Option<Follower>, ReadError> {
        // First listen, then look: whatever happens in between is told twice rather than never.
        let subscription = self.hub.subscribe(job).await?;
        let Some(record) = self.get(job).await? else { return Ok(None) };
        let from = subscription.from;
        let told = (from, u16::MAX);
        let mut follower =
            Follower { jobs: self.clone(), job, subscription, ready: VecDeque::new(), told, ended: false };
        let Some(after) = after else {
            follower.look("snapshot", &record)?;
            return Ok(Some(follower));
        };
        if let Some(missed) = self.hub.missed(job, after, from.max(after.entry)).await? {
            follower.told = (after.entry, after.place);
            for event in &missed {
                follower.take(event);
            }
            follower.told = follower.told.max((from, u16::MAX));
            // It may have ended before what the client had seen last: then nothing more will come.
            if record.status.is_terminal() && !follower.ended {
                follower.look("reset", &record)?;
            }
        } else {
            follower.look("reset", &record)?;
        }
        Ok(Some(follower))
    }
}

impl Follower {
    /// The next thing to tell; `None` after the end, or when the job is gone.
    pub async fn next(&mut self) -> Result<Option<Told>, ReadError> {
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
                let Some(record) = self.jobs.get(self.job).await? else { return Ok(None) };
                self.look("reset", &record)?;
            }
        }
    }

    /// Tells the job as it is now.
    fn look(&mut self, name: &str, job: &Job) -> Result<(), ReadError> {
        let id = EventId::whole(self.job.shard(), self.told.0);
        self.ready.push_back(Told { id, name: name.to_owned(), data: serde_json::to_string(job)? });
        if job.status.is_terminal() {
            self.end(id, job.status);
        }
        Ok(())
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
