//! One provider's part of a request, as a job of the queue: asks, and writes into the record what came of it.
//!
//! How often a provider was asked stands in the record, not on the job: a job that the sweep makes in the place of a lost
//! one goes on counting. Waits never hold a slot: the job ends, and is run again when its time has come.

use std::time::Duration;

use schemars::JsonSchema;
use serde::Serialize;
use serde_json::{Map, Value, json};
use url::Url;

use super::{
    About, Answer, At, Content, Door, Fault, Fetch, JobStatus, Record, RequestId, Requests, RequestsError,
    outcome::until_deadline,
    store::{Advanced, Because, Step},
};
use crate::{
    outbound::{self, Reply},
    platform::{Context, Failure, Result},
};

/// Bytes of one provider's answer: it is kept whole until its request is forgotten.
const MAX_ANSWER: u64 = 1 << 20;

/// What became of a fetch.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Fetched {
    /// DONE, FAILED or EXPIRED; nothing if another job has taken over.
    status: Option<String>,
    /// What the provider answered with.
    #[serde(skip_serializing_if = "Option::is_none")]
    http_status: Option<u16>,
    /// How long its answer took.
    #[serde(skip_serializing_if = "Option::is_none")]
    duration_ms: Option<u64>,
    /// What it answered, unless that lies in a request's record.
    #[serde(skip_serializing_if = "Option::is_none")]
    content: Option<Value>,
}

/// One exchange with a provider.
struct Exchange {
    answer: Answer,
    /// What it means.
    meaning: Fetch,
    /// The same for people.
    message: String,
    duration: Option<Duration>,
    content: Option<Content>,
}

/// Asks a provider for a request and writes into its record what came of it. After `fatal` statuses it is not asked again.
pub async fn fetch(job: &Context, id: &str, provider: &str, fatal: &[u16]) -> Result<Fetched> {
    let door = job.room::<Door>()?;
    let requests = door.enter().await?;
    let id: RequestId = id.parse().map_err(|_| Failure::settings("/request", "expected the id of a request"))?;
    let record = requests.store().read(&id).await.map_err(RequestsError::from)?;
    let record = record.ok_or_else(|| Failure::fatal("unknown_request", "there is no such request"))?;
    let Some(part) = record.jobs.get(provider).filter(|part| part.job == job.id()) else {
        return Ok(Fetched::nothing(None));
    };
    if part.status.is_over() {
        // The answer to its last step may have been lost.
        if record.is_decided() && record.callback.job.is_none() {
            requests.conclude(&id, Because::Decided).await?;
        }
        return Ok(Fetched::nothing(Some(part.status)));
    }
    if record.is_late() || record.is_decided() {
        let because = if record.is_decided() { Because::Decided } else { Because::Late };
        requests.conclude(&id, because).await?;
        return Ok(Fetched::nothing(Some(JobStatus::Expired)));
    }
    let turn = Turn { job, requests, record: &record, provider };
    turn.take(part.about.clone(), fatal).await
}

/// Asks once, for no request: the result is the job's own.
pub async fn fetch_once(
    job: &Context,
    provider: &str,
    parameters: &Map<String, Value>,
    fatal: &[u16],
) -> Result<Fetched> {
    let url = match provider.parse() {
        Ok(url) => url,
        Err(_) => job.room::<Door>()?.enter().await?.url_of(provider)?,
    };
    let exchange = ask(job, asked(&url, parameters), None, fatal).await?;
    let failed = || exchange.message.clone();
    match exchange.meaning {
        Fetch::Done => Ok(Fetched {
            content: exchange.content.map(|content| json!(content)),
            ..Fetched::nothing(Some(JobStatus::Done))
        }),
        Fetch::Retry => {
            let retry_after = job.http().schedules().fetch.delay(job.attempt(), exchange.answer.asked());
            Err(Failure::Transient { code: exchange.answer.code(), message: failed(), retry_after })
        }
        Fetch::Wait(wait) => Err(Failure::snooze(wait, failed())),
        Fetch::Fail => Err(Failure::fatal(exchange.answer.code(), failed())),
    }
}

impl Fetched {
    fn nothing(status: Option<JobStatus>) -> Self {
        let status = status.map(|status| status.to_string());
        Self { status, http_status: None, duration_ms: None, content: None }
    }
}

impl Requests {
    /// Where a provider of the configuration is asked.
    fn url_of(&self, provider: &str) -> Result<Url> {
        let known = super::accept::provider(provider.to_owned(), self.config());
        known.map(|known| known.url).map_err(|refused| Failure::settings("/provider", refused.to_string()))
    }
}

/// A provider's turn to be asked.
struct Turn<'a> {
    job: &'a Context,
    requests: &'a Requests,
    record: &'a Record,
    provider: &'a str,
}

impl Turn<'_> {
    async fn take(&self, mut about: About, fatal: &[u16]) -> Result<Fetched> {
        let Self { job, record, .. } = self;
        about.next_attempt_ms = None;
        if !self.write(JobStatus::Running, about.clone(), None).await? {
            return Ok(Fetched::nothing(None));
        }
        let url =
            record.url_of(self.provider).ok_or_else(|| Failure::fatal("unknown_provider", "not in the record"))?;
        let left = record.deadline_at.since(record.now);
        let exchange = ask(job, asked(url, &record.order.parameters), Some(left), fatal).await?;
        about.http_status = exchange.answer.status();
        about.duration_ms = exchange.duration.map(|time| u64::try_from(time.as_millis()).unwrap_or(u64::MAX));
        let code = exchange.answer.code();
        about.error = Some(Fault { code: code.into(), message: exchange.message.clone() });
        // What the clock says now: the answer may have taken long.
        let now = record.now.plus(exchange.duration.unwrap_or_default());
        if !matches!(exchange.meaning, Fetch::Wait(_)) {
            about.attempts += 1;
        }
        match exchange.meaning {
            Fetch::Done => {
                let text = serde_json::to_string(&exchange.content)?;
                (about.error, about.bytes) = (None, Some(text.len() as u64));
                self.end(JobStatus::Done, about, Some(text)).await
            }
            Fetch::Fail => self.end(JobStatus::Failed, about, None).await,
            Fetch::Wait(wait) => {
                let wait = self.wait(&mut about, wait, now);
                self.write(JobStatus::Waiting, about, None).await?;
                Err(Failure::snooze(wait, exchange.message))
            }
            Fetch::Retry => {
                let schedule = &job.http().schedules().fetch;
                let Some(wait) = schedule.delay(about.attempts, exchange.answer.asked()) else {
                    return self.end(JobStatus::Failed, about, None).await;
                };
                let wait = self.wait(&mut about, wait, now);
                self.write(JobStatus::Waiting, about, None).await?;
                Err(Failure::Transient { code, message: exchange.message, retry_after: Some(wait) })
            }
        }
    }

    /// How long it really waits, which its record says too.
    fn wait(&self, about: &mut About, wait: Duration, now: At) -> Duration {
        let wait = until_deadline(wait, now, self.record.deadline_at);
        about.next_attempt_ms = Some(now.plus(wait).0);
        wait
    }

    async fn end(&self, status: JobStatus, about: About, result: Option<String>) -> Result<Fetched> {
        let fetched = Fetched {
            http_status: about.http_status,
            duration_ms: about.duration_ms,
            ..Fetched::nothing(Some(status))
        };
        let is_ours = self.write(status, about, result).await?;
        Ok(if is_ours { fetched } else { Fetched::nothing(None) })
    }

    /// Whether it was ours to write.
    async fn write(&self, status: JobStatus, about: About, result: Option<String>) -> Result<bool> {
        let step = Step { provider: self.provider.to_owned(), job: Some(self.job.id()), status, about, result };
        Ok(matches!(self.requests.advance(&self.record.id, &step).await?, Advanced::Now(_)))
    }
}

/// The URL with the parameters of the request.
fn asked(url: &Url, parameters: &Map<String, Value>) -> Url {
    let mut url = url.clone();
    if !parameters.is_empty() {
        let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        url.query_pairs_mut().extend_pairs(parameters.iter().map(|(name, value)| (name, text(value))));
    }
    url
}

/// Asks, unless the provider wants to be left alone, and reads what came by its type.
async fn ask(job: &Context, url: Url, left: Option<Duration>, fatal: &[u16]) -> Result<Exchange> {
    let request = outbound::Request { timeout: left, max_body: Some(MAX_ANSWER), ..outbound::Request::get(url) };
    let sent = match call(job, request).await? {
        Ok(sent) => sent,
        Err(wait) => {
            let (answer, message) = (Answer::Unreachable("left_alone"), wait.because.to_string());
            return Ok(Exchange { answer, meaning: Fetch::Wait(wait.after), message, duration: None, content: None });
        }
    };
    let (mut answer, mut message) = Answer::of(sent.as_ref());
    let (mut duration, mut content) = (None, None);
    if let Ok(response) = sent {
        duration = Some(response.elapsed);
        if response.status.is_success() {
            match Content::read(response.content_type().as_deref(), &response.body) {
                Ok(read) => content = Some(read),
                Err(error) => (answer, message) = (Answer::Garbled, error.to_string()),
            }
        }
    }
    Ok(Exchange { meaning: answer.for_fetch(fatal), answer, message, duration, content })
}

/// Makes a call through the gate that all processes share; or how long to wait before it may be made.
pub(super) async fn call(
    job: &Context,
    request: outbound::Request,
) -> Result<std::result::Result<std::result::Result<outbound::Response, outbound::Error>, outbound::Wait>> {
    // Run by hand, without a Redis, there is nobody to share it with.
    let Ok(gate) = job.gate() else { return Ok(Ok(job.http().send(request).await)) };
    let called = gate.call(job.http(), request).await;
    Ok(match called.map_err(|error| Failure::snooze(PATIENCE, error.to_string()))? {
        Reply::Answered(response) => Ok(Ok(*response)),
        Reply::Failed(error) => Ok(Err(error)),
        Reply::Wait(wait) => Err(wait),
    })
}

/// When a job tries again that could not reach what it needs.
const PATIENCE: Duration = Duration::from_secs(1);

impl From<RequestsError> for Failure {
    fn from(error: RequestsError) -> Self {
        let message = error.to_string();
        match error {
            // A run again finds out how far it came.
            RequestsError::Store(error) if error.is_unavailable() => Self::snooze(PATIENCE, message),
            RequestsError::Queue(_) | RequestsError::Read(_) => Self::snooze(PATIENCE, message),
            RequestsError::Store(_) => Self::fatal("store_of_requests", message),
            RequestsError::Refused(_) | RequestsError::Reused | RequestsError::Unknown | RequestsError::Conflict(_) => {
                Self::fatal("requests", message)
            }
        }
    }
}
