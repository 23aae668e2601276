//! Jobs that many callers submit at once go to Redis together, in one script call a shard.
//!
//! While a call is under way, whatever arrives waits for the next one. A job that comes alone waits for nobody.

use std::sync::Arc;

use tokio::sync::{mpsc, oneshot};

use super::{BATCH, NewJob, Queue};
use crate::{broker::BrokerError, job::Shard};

/// Jobs that may wait for the next call of a shard; then their callers wait.
const WAITING: usize = 4 * BATCH;
/// Bytes of settings in one call, once it has more than one job: Redis reads it all before it does anything else.
const BYTES: usize = 1 << 20;

/// The way in for single jobs. Cheap to clone; ends with its last clone.
#[derive(Clone, Debug)]
pub struct Submitter {
    shards: Arc<[mpsc::Sender<Waiting>]>,
}

#[derive(Debug)]
struct Waiting {
    job: NewJob,
    answer: oneshot::Sender<Result<(), BrokerError>>,
}

impl Submitter {
    /// Starts one task a shard. Must be called in a runtime.
    pub fn start(queue: &Queue) -> Self {
        let start = |shard| {
            let (sender, waiting) = mpsc::channel(WAITING);
            tokio::spawn(submit(queue.clone(), shard, waiting));
            sender
        };
        Self { shards: queue.shards().map(start).collect() }
    }

    /// Records and queues a job. A caller that leaves meanwhile takes nothing back.
    pub async fn submit(&self, job: NewJob) -> Result<(), BrokerError> {
        let ended = || BrokerError::Unavailable { reason: "the submitter has ended".into(), source: None };
        let shard = self.shards.get(usize::from(job.id.shard().0)).ok_or_else(ended)?;
        let (answer, answered) = oneshot::channel();
        shard.send(Waiting { job, answer }).await.map_err(|_| ended())?;
        answered.await.unwrap_or_else(|_| Err(ended()))
    }
}

/// Submits what waits, as much as there is, until nobody can send any more.
async fn submit(queue: Queue, shard: Shard, mut waiting: mpsc::Receiver<Waiting>) {
    let mut taken = Vec::with_capacity(BATCH);
    while waiting.recv_many(&mut taken, BATCH).await > 0 {
        let mut rest = taken.drain(..).peekable();
        while rest.peek().is_some() {
            let mut bytes = 0;
            let (mut jobs, mut answers) = (Vec::new(), Vec::new());
            while let Some(next) = rest.next_if(|next| jobs.is_empty() || bytes + next.job.settings.len() <= BYTES) {
                bytes += next.job.settings.len();
                jobs.push(next.job);
                answers.push(next.answer);
            }
            let result = queue.submit(shard, &jobs).await;
            for answer in answers {
                // A caller that left does not want to know.
                answer.send(result.clone()).ok();
            }
        }
    }
}
