//! The room's desk: takes orders, starts jobs for them, and concludes what is decided.

use std::{fmt, sync::Arc, time::Duration};

use serde_json::{Value, json};
use url::Url;

use super::{
    About, Delivery, JobStatus, Post, Record, Refused, RequestId, Secrets,
    content::Content,
    receivers::Receivers,
    show::{Listed, Page, Shown},
    store::{Advanced, Because, Created, Place, RedisStore, RequestStore, Step, StoreError, Task},
};
use crate::{
    config::{Config, RequestsIn},
    job::{JobId, Jobs, Options, ReadError, Refusal},
    outbound::Client,
};

/// Attempts that a job of the queue may have: how often something is really tried stands in the record.
const ATTEMPTS: u32 = 100;

/// How often a reader that waits looks again.
const LOOK_AGAIN: Duration = Duration::from_millis(200);

/// The platforms that do the work.
const FETCH: &str = "provider_fetch";
const CALLBACK: &str = "request_callback";

/// All requests. Cheap to clone.
#[derive(Clone)]
pub struct Requests(Arc<Inner>);

struct Inner {
    store: Arc<dyn RequestStore>,
    jobs: Jobs,
    config: Config,
    receivers: Receivers,
    http: Client,
}

/// A request that was accepted.
#[derive(Debug)]
pub struct Accepted {
    /// It, as it stands.
    pub id: RequestId,
    /// Whether an earlier post had created it already.
    pub replayed: bool,
}

/// Why something was not done.
#[derive(Debug, thiserror::Error)]
pub enum RequestsError {
    /// What was posted is wrong.
    #[error(transparent)]
    Refused(#[from] Refused),
    /// There is a request with this id, of another body.
    #[error("there is a request with this id and another body")]
    Reused,
    /// There is no such request, or it does not ask this provider.
    #[error("there is no such request")]
    Unknown,
    /// It stands where that cannot be.
    #[error("{0}")]
    Conflict(String),
    /// The store.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The queue did not take a job.
    #[error(transparent)]
    Queue(#[from] Refusal),
    /// The queue could not be asked.
    #[error(transparent)]
    Read(#[from] ReadError),
}

impl Requests {
    /// The requests of this configuration.
    #[cfg_attr(not(feature = "dynamodb"), expect(clippy::unused_async, reason = "to open a DynamoDB takes a while"))]
    pub async fn open(jobs: Jobs, config: &Config) -> Result<Self, StoreError> {
        let store: Arc<dyn RequestStore> = match config.requests.store {
            RequestsIn::Redis => Arc::new(RedisStore::new(jobs.queue().broker().clone())),
            #[cfg(feature = "dynamodb")]
            RequestsIn::DynamoDb => Arc::new(super::store::DynamoStore::open(&config.requests).await?),
            #[cfg(not(feature = "dynamodb"))]
            RequestsIn::DynamoDb => return Err(StoreError::Refused("this build has no DynamoDB".into())),
        };
        Ok(Self::with_store(store, jobs, config))
    }

    /// The same with a store that is open.
    pub fn with_store(store: Arc<dyn RequestStore>, jobs: Jobs, config: &Config) -> Self {
        let (receivers, http) = (Receivers::new(config), Client::new(&config.network));
        Self(Arc::new(Inner { store, jobs, config: config.clone(), receivers, http }))
    }

    /// Accepts an order: writes it with all its jobs, then queues them. If `id` is known and the body the same, it is the
    /// request there is.
    pub async fn accept(&self, id: Option<RequestId>, body: &[u8]) -> Result<Accepted, RequestsError> {
        let post = Post::read(body)?;
        let fingerprint = self.0.jobs.keyed_hash(body);
        if let Some(id) = &id
            && let Some(known) = self.0.store.read(id).await?
        {
            return replayed(id.clone(), &known.order.fingerprint, &fingerprint);
        }
        let id = id.unwrap_or_else(RequestId::generate);
        let order = post.into_order(fingerprint.clone(), &self.0.config, &self.0.receivers, &self.0.http).await?;
        let jobs: Vec<JobId> = order.providers.iter().map(|_| self.0.jobs.next_id()).collect();
        let within = self.sweep_after();
        match self.0.store.create(&id, &order, &jobs, within).await? {
            Created::Known { fingerprint: known } => replayed(id, &known, &fingerprint),
            Created::New(record) => {
                let starts = record.jobs.iter().map(|(provider, job)| self.start_fetch(&id, provider, job.job));
                // It is accepted, whatever the queue says: what is not queued now, the sweep will queue.
                for started in futures_util::future::join_all(starts).await {
                    if let Err(error) = started {
                        tracing::warn!(request.id = %id, %error, "a job is not queued yet; the sweep will do it");
                        break;
                    }
                }
                Ok(Accepted { id, replayed: false })
            }
        }
    }

    /// The id that belongs to an idempotency key.
    pub fn id_of_key(&self, key: &str) -> RequestId {
        RequestId::of_key(&self.0.jobs.keyed_hash(format!("request\0{key}").as_bytes()))
    }

    /// A request as it stands; after at most `wait`, if it is not decided.
    pub async fn get(&self, id: &RequestId, wait: Duration) -> Result<Shown, RequestsError> {
        let until = tokio::time::Instant::now() + wait;
        loop {
            let record = self.0.store.read(id).await?.ok_or(RequestsError::Unknown)?;
            if record.is_decided() || tokio::time::Instant::now() >= until {
                return Ok(Shown::of(&record, &self.0.config.requests.public_url));
            }
            tokio::time::sleep_until(until.min(tokio::time::Instant::now() + LOOK_AGAIN)).await;
        }
    }

    /// What one provider answered.
    pub async fn result(&self, id: &RequestId, provider: &str) -> Result<Content, RequestsError> {
        let text = self.0.store.result(id, provider).await?.ok_or(RequestsError::Unknown)?;
        let damaged = |_| StoreError::Damaged { id: id.clone(), field: format!("result of {provider}") };
        Ok(serde_json::from_str(&text).map_err(damaged)?)
    }

    /// The newest requests, after the place that an earlier page ended at.
    pub async fn list(&self, after: Option<&Place>, limit: usize) -> Result<Page, RequestsError> {
        let places = self.0.store.list(after, limit.saturating_add(1)).await?;
        let more = places.len() > limit;
        let mut listed = Vec::with_capacity(limit);
        for place in places.iter().take(limit) {
            // One that was deleted meanwhile is left out.
            if let Some(record) = self.0.store.read(&place.id).await? {
                listed.push(Listed::of(&record));
            }
        }
        Ok(Page { requests: listed, next: if more { places.into_iter().nth(limit.saturating_sub(1)) } else { None } })
    }

    /// Writes what somebody outside of the collector did about a provider.
    pub async fn update(&self, id: &RequestId, update: Update) -> Result<Shown, RequestsError> {
        let provider = update.provider.clone();
        let step = update.into_step()?;
        let status = step.status;
        match self.advance(id, &step).await? {
            Advanced::Now(record) => Ok(Shown::of(&record, &self.0.config.requests.public_url)),
            Advanced::Over(record) => {
                let now = record.jobs.get(&provider).map_or(JobStatus::Expired, |job| job.status);
                if now == status {
                    // Said twice.
                    return Ok(Shown::of(&record, &self.0.config.requests.public_url));
                }
                Err(RequestsError::Conflict(format!("{provider} is {now}, and stays so")))
            }
            Advanced::Superseded | Advanced::Unknown => Err(RequestsError::Unknown),
        }
    }

    /// Has the callback delivered once more, under the same id.
    pub async fn redeliver(&self, id: &RequestId) -> Result<(), RequestsError> {
        let record = self.0.store.read(id).await?.ok_or(RequestsError::Unknown)?;
        if record.callback.state == Delivery::None {
            return Err(RequestsError::Conflict("this request has no callbackUrl".into()));
        }
        if !record.is_decided() {
            return Err(RequestsError::Conflict("it is not decided yet; its callback comes then".into()));
        }
        let record = self.0.store.reopen(id).await?.ok_or(RequestsError::Unknown)?;
        let is_under_way = match record.callback.job {
            Some(job) => self.0.jobs.is_open(job).await?,
            None => false,
        };
        if is_under_way { Ok(()) } else { self.start_callback(&record).await }
    }

    /// What deliveries to a URL are signed with.
    pub fn secrets(&self, url: &Url) -> Result<Secrets, super::SecretError> {
        self.0.receivers.secrets(url, |bytes| self.0.jobs.keyed_hash(bytes))
    }

    pub(super) fn store(&self) -> &dyn RequestStore {
        &*self.0.store
    }

    pub(super) fn config(&self) -> &Config {
        &self.0.config
    }

    pub(super) fn sweep_after(&self) -> Duration {
        self.0.config.requests.sweep_after.0
    }

    /// Whether a job of the queue is still there to do what it is for.
    pub(super) async fn is_open(&self, job: JobId) -> Result<bool, ReadError> {
        self.0.jobs.is_open(job).await
    }

    /// Writes a step and concludes the request if that decided it.
    pub(super) async fn advance(&self, id: &RequestId, step: &Step) -> Result<Advanced, RequestsError> {
        let advanced = self.0.store.advance(id, step).await?;
        match &advanced {
            Advanced::Now(record) if record.order.join().is_decided_by(step.status, record.tally) => {
                self.conclude(id, Because::Decided).await?;
            }
            // The answer to a step that decided it may have been lost; whoever comes after sees to it.
            Advanced::Over(record) if record.is_decided() && record.callback.job.is_none() => {
                self.conclude(id, Because::Decided).await?;
            }
            Advanced::Now(_) | Advanced::Over(_) | Advanced::Superseded | Advanced::Unknown => {}
        }
        Ok(advanced)
    }

    /// Ends what is not needed any more, and has the callback delivered. However often it is called, and by however many,
    /// one job delivers.
    pub(super) async fn conclude(&self, id: &RequestId, because: Because) -> Result<Option<Record>, RequestsError> {
        let Some(record) = self.0.store.settle(id, because).await? else { return Ok(None) };
        if record.is_decided() && record.callback.state == Delivery::Pending && record.callback.job.is_none() {
            self.start_callback(&record).await?;
        }
        Ok(Some(record))
    }

    /// Gives the callback to a new job, unless somebody else has just done so.
    pub(super) async fn start_callback(&self, record: &Record) -> Result<(), RequestsError> {
        let job = self.0.jobs.next_id();
        if self.0.store.assign(&record.id, Task::Callback, record.callback.job, job).await? {
            self.start(job, CALLBACK, json!({ "request": record.id })).await?;
        }
        Ok(())
    }

    /// Gives a provider to a new job, unless somebody else has just done so.
    pub(super) async fn restart_fetch(
        &self,
        record: &Record,
        provider: &str,
        lost: JobId,
    ) -> Result<(), RequestsError> {
        let job = self.0.jobs.next_id();
        if self.0.store.assign(&record.id, Task::Fetch(provider), Some(lost), job).await? {
            self.start_fetch(&record.id, provider, job).await?;
        }
        Ok(())
    }

    async fn start_fetch(&self, id: &RequestId, provider: &str, job: JobId) -> Result<(), RequestsError> {
        self.start(job, FETCH, json!({ "request": id, "provider": provider })).await
    }

    async fn start(&self, job: JobId, platform: &str, settings: Value) -> Result<(), RequestsError> {
        let Value::Object(settings) = settings else { return Ok(()) };
        let options = Options { max_attempts: Some(ATTEMPTS), ..Options::default() };
        Ok(self.0.jobs.start(job, platform, settings, options).await?)
    }
}

fn replayed(id: RequestId, known: &str, fingerprint: &str) -> Result<Accepted, RequestsError> {
    if known == fingerprint { Ok(Accepted { id, replayed: true }) } else { Err(RequestsError::Reused) }
}

/// What somebody outside of the collector did about a provider: the body of `PUT /request`.
#[derive(Debug, serde::Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Update {
    /// Whom it is about.
    provider: String,
    /// Where it stands now.
    status: JobStatus,
    /// What it answered, with DONE.
    result: Option<Value>,
    /// What went wrong, with FAILED.
    error: Option<String>,
    /// What it answered with.
    http_status: Option<u16>,
}

impl Update {
    /// Reads a body.
    pub fn read(body: &[u8]) -> Result<Self, Refused> {
        serde_json::from_slice(body).map_err(|error| Refused::new(error.to_string()))
    }

    fn into_step(self) -> Result<Step, Refused> {
        let Self { provider, status, result, error, http_status } = self;
        if !matches!(status, JobStatus::Running | JobStatus::Done | JobStatus::Failed) {
            return Err(Refused::new("status: expected RUNNING, DONE or FAILED"));
        }
        let result = match (status, result) {
            (JobStatus::Done, value) => Some(json!(Content::Json(value.unwrap_or_default())).to_string()),
            (_, Some(_)) => return Err(Refused::new("result: it belongs to DONE")),
            (_, None) => None,
        };
        let fault =
            |message: String| super::Fault { code: "reported".into(), message: message.chars().take(500).collect() };
        let about = About {
            http_status,
            error: error.map(fault),
            bytes: result.as_ref().map(|text| text.len() as u64),
            ..About::default()
        };
        Ok(Step { provider, job: None, status, about, result })
    }
}

impl fmt::Debug for Requests {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Requests").field("store", &self.0.store).finish_non_exhaustive()
    }
}
