//! The client side of the HTTP API.

use std::time::Duration;

use reqwest::{Method, RequestBuilder, Response, StatusCode, header};
use serde_json::Value;
use url::Url;

use super::{CliError, error::Problem};

/// The largest answer that is read: a job with its datasets.
const MAX_ANSWER: usize = 256 << 20;

/// How long connecting may take, and the silence after which an answer or a stream counts as lost.
const PATIENCE: (Duration, Duration) = (Duration::from_secs(5), Duration::from_mins(1));

/// Which API to talk to.
#[derive(Debug, clap::Args)]
pub(super) struct Api {
    /// Base URL of the API.
    #[arg(long, value_name = "URL", env = "COLLECTOR_API_URL", default_value = "http://127.0.0.1:8900")]
    api: Url,
}

/// A connection to it.
#[derive(Clone, Debug)]
pub(super) struct Client {
    http: reqwest::Client,
    base: Url,
}

impl Api {
    /// Prepares to talk; nothing is sent yet.
    pub(super) fn client(self) -> Result<Client, CliError> {
        let mut http = reqwest::Client::builder()
            .user_agent(concat!("collector/", env!("CARGO_PKG_VERSION")))
            .connect_timeout(PATIENCE.0)
            .read_timeout(PATIENCE.1);
        if self.api.host().is_some_and(|host| is_local(&host)) {
            // A proxy of the environment does not lead back here.
            http = http.no_proxy();
        }
        let http = http.build().map_err(|error| CliError::Start(format!("cannot prepare HTTP: {}", whole(&error))))?;
        let mut base = self.api;
        if !base.path().ends_with('/') {
            base.set_path(&format!("{}/", base.path()));
        }
        Ok(Client { http, base })
    }
}

impl Client {
    /// The URL of a path, for people too.
    pub(super) fn url(&self, path: &str, query: &[(&str, &str)]) -> Url {
        let mut url = self.base.clone();
        url.set_path(&format!("{}{path}", self.base.path()));
        if !query.is_empty() {
            url.query_pairs_mut().extend_pairs(query);
        }
        url
    }

    /// Asks for a JSON answer.
    pub(super) async fn get(&self, path: &str, query: &[(&str, &str)]) -> Result<Value, CliError> {
        json(self.send(self.http.request(Method::GET, self.url(path, query))).await?).await
    }

    /// Asks for an answer of any size, to be read as it comes.
    pub(super) async fn open(&self, path: &str, query: &[(&str, &str)]) -> Result<Response, CliError> {
        self.send(self.http.request(Method::GET, self.url(path, query))).await
    }

    /// Posts a JSON text as it is and reads the JSON answer.
    pub(super) async fn post(&self, path: &str, body: String) -> Result<Value, CliError> {
        self.post_to(self.url(path, &[]), body).await
    }

    /// The same about a job; the text may be empty.
    pub(super) async fn post_about(&self, path: &str, job: &str, body: String) -> Result<Value, CliError> {
        self.post_to(self.url(path, &[("job_id", job)]), body).await
    }

    async fn post_to(&self, url: Url, body: String) -> Result<Value, CliError> {
        let request = self.http.request(Method::POST, url);
        json(self.send(request.header(header::CONTENT_TYPE, "application/json").body(body)).await?).await
    }

    /// Opens the event stream of a job, after the event `last`.
    pub(super) async fn events(&self, job: &str, last: Option<&str>) -> Result<Response, CliError> {
        let url = self.url("execution/events", &[("job_id", job)]);
        let mut request = self.http.request(Method::GET, url).header(header::ACCEPT, "text/event-stream");
        if let Some(last) = last {
            request = request.header("last-event-id", last);
        }
        self.send(request).await
    }

    /// One job, with everything if it shall be `full`.
    pub(super) async fn job(&self, job: &str, full: bool) -> Result<Value, CliError> {
        let query: &[_] = if full { &[("job_id", job), ("full", "true")] } else { &[("job_id", job)] };
        self.get("execution/get", query).await
    }

    async fn send(&self, request: RequestBuilder) -> Result<Response, CliError> {
        let response = request.send().await.map_err(|error| self.unreachable(&error))?;
        let status = response.status();
        if status.is_success() {
            return Ok(response);
        }
        let body = read(response).await?;
        let mut problem: Problem = serde_json::from_slice(&body).unwrap_or_default();
        if problem.status == 0 {
            problem = Problem::bare(status.as_u16(), status.canonical_reason().unwrap_or("not an answer of the API"));
        }
        Err(match status {
            StatusCode::BAD_GATEWAY | StatusCode::SERVICE_UNAVAILABLE | StatusCode::GATEWAY_TIMEOUT => {
                CliError::Unreachable(problem.to_string())
            }
            _ => CliError::Refused(problem),
        })
    }

    fn unreachable(&self, error: &reqwest::Error) -> CliError {
        CliError::Unreachable(format!(
            "the API at {} cannot be reached: {}; is `collector up` running there? (--api URL)",
            self.base,
            whole(error)
        ))
    }
}

async fn json(response: Response) -> Result<Value, CliError> {
    let body = read(response).await?;
    serde_json::from_slice(&body)
        .map_err(|error| CliError::Unreachable(format!("the API did not answer JSON: {error}")))
}

/// The whole body, if it is not larger than it may be.
async fn read(mut response: Response) -> Result<Vec<u8>, CliError> {
    let lost = |error: reqwest::Error| CliError::Unreachable(format!("the answer broke off: {}", whole(&error)));
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(lost)? {
        if body.len() + chunk.len() > MAX_ANSWER {
            return Err(CliError::Unreachable(format!("the answer is larger than {} MiB", MAX_ANSWER >> 20)));
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body)
}

/// An error with its causes: reqwest's own text stops before the interesting part.
pub(super) fn whole(error: &reqwest::Error) -> String {
    let mut last: &dyn std::error::Error = error;
    while let Some(source) = last.source() {
        last = source;
    }
    last.to_string()
}

fn is_local(host: &url::Host<&str>) -> bool {
    match host {
        url::Host::Domain(name) => *name == "localhost",
        url::Host::Ipv4(ip) => ip.is_loopback(),
        url::Host::Ipv6(ip) => ip.is_loopback(),
    }
}
