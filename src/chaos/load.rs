//! Posts the tasks of a seed at a steady rate, each until it is accepted.
//!
//! A post whose answer was lost may have been accepted; it is repeated with the same Idempotency-Key, so that it leads
//! to one job. Some are repeated although the answer came, which must lead to the same job; some jobs are cancelled.

use std::{net::SocketAddr, time::Duration};

use reqwest::{Client, RequestBuilder, Response, StatusCode, header};
use tokio::{
    task::JoinSet,
    time::{Instant, MissedTickBehavior, interval_at, sleep, timeout},
};
use tokio_util::sync::CancellationToken;

use super::{
    ChaosError,
    task::{Expected, Task, task},
};
use crate::job::JobId;

/// Posts under way at once, at most; a rate of one a second each is what the API answers easily.
const POSTERS: u32 = 64;
/// How long an answer may take. Longer than most stalls last: somebody who waits gets an answer.
const ANSWER: Duration = Duration::from_secs(5);
/// The wait before a post is repeated.
const AGAIN: Duration = Duration::from_millis(200);
/// Every so many-th accepted post is posted once more.
const REPEATED: u64 = 10;
/// The largest answer that is read.
const MAX_ANSWER: usize = 64 << 10;

/// What became of the posts.
#[derive(Debug, Default)]
pub(super) struct Posts {
    /// Accepted ones.
    pub(super) accepted: Vec<Accepted>,
    /// Answers that said: not now.
    pub(super) refused: u64,
    /// Posts that nobody answered.
    pub(super) unanswered: u64,
    /// Posts that must be accepted and were not, with what the last answer said.
    pub(super) wronged: Vec<String>,
}

/// An accepted post.
#[derive(Clone, Copy, Debug)]
pub(super) struct Accepted {
    /// The job.
    pub(super) id: JobId,
    /// What another post with the same key led to, if there was one.
    pub(super) again: Option<JobId>,
    /// How the job must end.
    pub(super) expected: Expected,
    /// When, in milliseconds since 1970.
    pub(super) at_ms: i64,
    /// The answer to a cancel, if the job had not ended by then.
    pub(super) cancelled: Option<Cancelled>,
}

/// The collector has taken a cancel.
#[derive(Clone, Copy, Debug)]
pub(super) struct Cancelled {
    /// Whether it said that the job is cancelled, rather than that its run is being stopped.
    pub(super) at_once: bool,
    /// When, in milliseconds since 1970.
    pub(super) at_ms: i64,
}

/// The posters, at work.
pub(super) struct Load {
    posters: JoinSet<Posts>,
    enough: CancellationToken,
    give_up: CancellationToken,
}

#[derive(Clone)]
struct Poster {
    client: Client,
    /// Where the API is, for good.
    base: String,
    seed: u64,
    enough: CancellationToken,
    give_up: CancellationToken,
}

/// What came back, whole.
struct Answer {
    status: StatusCode,
    location: Option<String>,
    body: String,
}

impl Load {
    /// Starts to post `rate` tasks a second.
    pub(super) fn start(api: SocketAddr, seed: u64, rate: u32) -> Result<Self, ChaosError> {
        let client = Client::builder().no_proxy().timeout(ANSWER).build().map_err(ChaosError::Http)?;
        let (enough, give_up) = (CancellationToken::new(), CancellationToken::new());
        let base = format!("http://{api}/execution");
        let poster = Poster { client, base, seed, enough: enough.clone(), give_up: give_up.clone() };
        let count = rate.clamp(1, POSTERS);
        let begin = Instant::now();
        let mut posters = JoinSet::new();
        for first in 0..count {
            let period = Duration::from_secs(1) * count / rate.max(1);
            let first_at = begin + period * first / count;
            posters.spawn(poster.clone().post(first.into(), count.into(), first_at, period));
        }
        Ok(Self { posters, enough, give_up })
    }

    /// Posts nothing new. What was begun is repeated until it is accepted, or until `patience` is over.
    pub(super) async fn stop(mut self, patience: Duration) -> Posts {
        self.enough.cancel();
        let mut all = Posts::default();
        let collect = async {
            while let Some(posts) = self.posters.join_next().await {
                all.add(posts.unwrap_or_default());
            }
        };
        if timeout(patience, collect).await.is_err() {
            self.give_up.cancel();
            while let Some(posts) = self.posters.join_next().await {
                all.add(posts.unwrap_or_default());
            }
        }
        all.accepted.sort_by_key(|accepted| accepted.at_ms);
        all
    }
}

impl Posts {
    /// Tells all times by a clock that is so much ahead.
    pub(super) fn shift(&mut self, ahead_ms: i64) {
        for accepted in &mut self.accepted {
            accepted.at_ms += ahead_ms;
            if let Some(cancelled) = &mut accepted.cancelled {
                cancelled.at_ms += ahead_ms;
            }
        }
    }

    fn add(&mut self, other: Self) {
        self.accepted.extend(other.accepted);
        self.wronged.extend(other.wronged);
        self.refused += other.refused;
        self.unanswered += other.unanswered;
    }
}

impl Poster {
    /// Posts every `step`-th task, one each `period`. What an outage delays is not made up for.
    async fn post(self, first: u64, step: u64, at: Instant, period: Duration) -> Posts {
        let mut posts = Posts::default();
        let mut tick = interval_at(at, period);
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        for n in (first..).step_by(usize::try_from(step).unwrap_or(1)) {
            tokio::select! {
                () = self.enough.cancelled() => break,
                _ = tick.tick() => {}
            }
            let task = task(self.seed, n);
            let Some(id) = self.until_accepted(&task, &mut posts).await else { continue };
            let at_ms = now_ms();
            let again = if n.is_multiple_of(REPEATED) { self.until_accepted(&task, &mut posts).await } else { None };
            let cancelled = match task.cancel_after {
                Some(wait) => self.cancel(id, wait, &mut posts).await,
                None => None,
            };
            posts.accepted.push(Accepted { id, again, expected: task.expected, at_ms, cancelled });
        }
        posts
    }

    async fn until_accepted(&self, task: &Task, posts: &mut Posts) -> Option<JobId> {
        let url = format!("{}/run", self.base);
        let post = || self.client.post(&url).header("idempotency-key", &task.key).json(&task.body);
        let accepted = self.until_answered(&task.key, post, posts).await?;
        let id = accepted.location.as_deref().and_then(|location| location.split_once("job_id=")?.1.parse().ok());
        if accepted.status != StatusCode::ACCEPTED || id.is_none() {
            posts.wronged.push(format!("{}: {}: {}", task.key, accepted.status, accepted.body));
        }
        id
    }

    /// Cancels a job a while after it was accepted. None if it had ended by then.
    async fn cancel(&self, id: JobId, wait: Duration, posts: &mut Posts) -> Option<Cancelled> {
        sleep(wait).await;
        let url = format!("{}/cancel?job_id={id}", self.base);
        let what = format!("cancel of {id}");
        let answer = self.until_answered(&what, || self.client.post(&url), posts).await?;
        match answer.status {
            StatusCode::OK | StatusCode::ACCEPTED => {
                Some(Cancelled { at_once: answer.status == StatusCode::OK, at_ms: now_ms() })
            }
            StatusCode::CONFLICT => None,
            status => {
                posts.wronged.push(format!("{what}: {status}: {}", answer.body));
                None
            }
        }
    }

    /// Asks until an answer comes that is not "not now". None if that took too long.
    async fn until_answered(&self, what: &str, ask: impl Fn() -> RequestBuilder, posts: &mut Posts) -> Option<Answer> {
        let mut last = "nobody answered";
        loop {
            match answer(ask()).await {
                Some(answer) if !answer.is_not_now() => return Some(answer),
                Some(_) => {
                    last = "not now (503)";
                    posts.refused += 1;
                }
                None => posts.unanswered += 1,
            }
            tokio::select! {
                () = self.give_up.cancelled() => {
                    posts.wronged.push(format!("{what}: {last}"));
                    return None;
                }
                () = sleep(AGAIN) => {}
            }
        }
    }
}

impl Answer {
    fn is_not_now(&self) -> bool {
        let busy = [StatusCode::REQUEST_TIMEOUT, StatusCode::TOO_MANY_REQUESTS];
        self.status.is_server_error() || busy.contains(&self.status)
    }
}

async fn answer(request: RequestBuilder) -> Option<Answer> {
    let response = request.send().await.ok()?;
    let status = response.status();
    let location = response.headers().get(header::LOCATION).and_then(|value| value.to_str().ok()).map(str::to_owned);
    Some(Answer { status, location, body: read(response).await? })
}

/// The body, as far as it is of interest.
async fn read(mut response: Response) -> Option<String> {
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.ok()? {
        body.extend_from_slice(&chunk);
        if body.len() > MAX_ANSWER {
            break;
        }
    }
    Some(String::from_utf8_lossy(&body).into_owned())
}

/// Milliseconds since 1970 by this machine's clock.
pub(super) fn now_ms() -> i64 {
    jiff::Timestamp::now().as_millisecond()
}
