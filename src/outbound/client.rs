//! The client: one a process, its connections shared by all of the process's jobs.

use std::{
    fmt,
    sync::{Arc, OnceLock},
    time::Duration,
};

use bytes::Bytes;
use jiff::Timestamp;
use reqwest::{
    Method,
    dns::Resolve,
    header::{self, HeaderMap, HeaderName, HeaderValue},
    redirect,
};
use tokio::time::{Instant, timeout};
use url::Url;

use super::{
    Error, Gate, Policy, Refusal, Response, Rule, Schedules,
    body::{self, Fault},
    gate::Crowd,
    resolver::{Guarded, System},
    response::retry_after,
};
use crate::{broker::Broker, config};

/// Redirects of one call that are followed.
const MAX_REDIRECTS: usize = 3;

/// Idle connections to one host, and how long they are kept: there may be very many hosts.
const IDLE: (usize, Duration) = (8, Duration::from_secs(15));

/// Headers that belong to the connection. A caller who set them could speak to another host than the one that was judged,
/// or ask for an encoding that is not read here.
const OWN_HEADERS: [HeaderName; 9] = [
    header::HOST,
    header::CONNECTION,
    header::CONTENT_LENGTH,
    header::TRANSFER_ENCODING,
    header::TE,
    header::UPGRADE,
    header::PROXY_AUTHORIZATION,
    header::ACCEPT_ENCODING,
    header::EXPECT,
];

/// Headers that may be told to another host than the one they were meant for.
const HARMLESS_HEADERS: [HeaderName; 3] = [header::ACCEPT, header::ACCEPT_LANGUAGE, header::USER_AGENT];

/// One call to make.
#[derive(Clone, Debug)]
pub struct Request {
    /// The method.
    pub method: Method,
    /// Where to; anybody may have chosen it.
    pub url: Url,
    /// Headers; the client adds its own `User-Agent` where there is none.
    pub headers: HeaderMap,
    /// The body.
    pub body: Bytes,
    /// How long it may take until the last byte; `None` and more than that: `network.timeout`.
    pub timeout: Option<Duration>,
    /// Bytes the answer's body may have; `None` and more than that: `network.max_body`.
    pub max_body: Option<u64>,
    /// What becomes of a redirect.
    pub redirects: Redirects,
}

/// What becomes of a redirect.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Redirects {
    /// It is the answer.
    Returned,
    /// It is followed, if it was GET or HEAD: 3 times at most, each as if it were a new call, never from https to http.
    /// Another origin is told none of the headers that may be secret.
    Followed,
}

impl Request {
    /// GET, following redirects.
    pub fn get(url: Url) -> Self {
        let (headers, body) = (HeaderMap::new(), Bytes::new());
        Self { method: Method::GET, url, headers, body, timeout: None, max_body: None, redirects: Redirects::Followed }
    }

    /// POST of JSON text; a redirect is the answer.
    pub fn post(url: Url, json: impl Into<Bytes>) -> Self {
        let kind = (header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
        let headers = HeaderMap::from_iter([kind]);
        let redirects = Redirects::Returned;
        Self { method: Method::POST, headers, body: json.into(), redirects, ..Self::get(url) }
    }
}

/// The guarded client. Cheap to clone.
#[derive(Clone)]
pub struct Client(Arc<Inner>);

struct Inner {
    guarded: Guarded,
    settings: config::Network,
    schedules: Schedules,
    crowd: Crowd,
    /// Made at the first call: the certificate authorities take time and memory that few processes need.
    http: OnceLock<reqwest::Client>,
}

impl Client {
    /// A client for what the operator allows. Nothing is opened yet.
    pub fn new(network: &config::Network) -> Self {
        Self::with_resolver(network, Arc::new(System::new()))
    }

    /// The same, with another source of addresses; they are judged all the same.
    pub fn with_resolver(network: &config::Network, names: Arc<dyn Resolve>) -> Self {
        Self(Arc::new(Inner {
            guarded: Guarded { policy: Arc::new(Policy::new(network)), names },
            settings: network.clone(),
            schedules: Schedules::new(&network.retry),
            crowd: Crowd::new(network),
            http: OnceLock::new(),
        }))
    }

    /// What it may call.
    pub fn policy(&self) -> &Policy {
        &self.0.guarded.policy
    }

    /// How long to wait between the tries of a call.
    pub fn schedules(&self) -> &Schedules {
        &self.0.schedules
    }

    /// The gate that all processes share which use this Redis, of so many shards.
    pub fn gate(&self, broker: Broker, shards: u16) -> Gate {
        Gate::new(broker, shards, &self.0.settings, self.0.crowd.clone())
    }

    /// Makes the call and reads the whole answer. Any status is an answer.
    pub async fn send(&self, request: Request) -> Result<Response, Error> {
        let started = Instant::now();
        let most = self.0.settings.timeout.0;
        let after = request.timeout.unwrap_or(most).min(most);
        let answer = timeout(after, self.exchange(request, after)).await;
        let answer = answer.unwrap_or(Err(Error::Timeout { after }))?;
        Ok(Response { elapsed: started.elapsed(), ..answer })
    }

    async fn exchange(&self, mut request: Request, after: Duration) -> Result<Response, Error> {
        if let Some(name) = OWN_HEADERS.iter().find(|name| request.headers.contains_key(*name)) {
            return Err(Refusal::new(Rule::Header, name).into());
        }
        let most = self.0.settings.max_body.0;
        let max_body = request.max_body.unwrap_or(most).min(most);
        let client = self.http().map_err(|error| Error::from_client(error, after))?;
        // Literal addresses never come to the resolver: this is where they are judged.
        request.url = self.policy().admit(&request.url)?;
        let mut redirects = 0;
        loop {
            let sent = client
                .request(request.method.clone(), request.url.clone())
                .headers(request.headers.clone())
                .body(request.body.clone())
                .send();
            let answer = sent.await.map_err(|error| {
                let after = if error.is_connect() { self.connect_timeout() } else { after };
                Error::from_client(error, after)
            })?;
            if let Some(location) = location(&request, &answer) {
                if redirects == MAX_REDIRECTS {
                    return Err(Refusal::new(Rule::Redirects, super::Endpoint::of(&request.url)).into());
                }
                redirects += 1;
                let to = self.policy().redirect(&request.url, &location)?;
                if to.origin() != request.url.origin() {
                    request.headers = harmless(&request.headers);
                }
                request.url = to;
                continue;
            }
            let (status, headers) = (answer.status(), answer.headers().clone());
            let body = body::read(answer, max_body).await.map_err(|fault| match fault {
                Fault::Own(error) => error,
                Fault::Client(error) => Error::from_client(error, after),
            })?;
            let retry_after = retry_after(&headers, Timestamp::now());
            return Ok(Response { status, url: request.url, headers, retry_after, body, elapsed: Duration::ZERO });
        }
    }

    fn http(&self) -> Result<&reqwest::Client, reqwest::Error> {
        if let Some(client) = self.0.http.get() {
            return Ok(client);
        }
        let mut headers = HeaderMap::new();
        headers.insert(header::ACCEPT_ENCODING, HeaderValue::from_static("gzip"));
        let client = reqwest::Client::builder()
            .user_agent(concat!("collector/", env!("CARGO_PKG_VERSION")))
            .default_headers(headers)
            .dns_resolver(Arc::new(self.0.guarded.clone()))
            .redirect(redirect::Policy::none())
            // A proxy would look names up where nobody judges them.
            .no_proxy()
            .referer(false)
            .retry(reqwest::retry::never())
            .connect_timeout(self.connect_timeout())
            .pool_max_idle_per_host(IDLE.0)
            .pool_idle_timeout(IDLE.1)
            .build()?;
        Ok(self.0.http.get_or_init(|| client))
    }

    pub(super) fn guarded(&self) -> &Guarded {
        &self.0.guarded
    }

    pub(super) fn connect_timeout(&self) -> Duration {
        self.0.settings.connect_timeout.0
    }
}

/// Where an answer sends the caller, if it shall go there.
fn location(request: &Request, answer: &reqwest::Response) -> Option<String> {
    let is_redirect = matches!(answer.status().as_u16(), 301 | 302 | 303 | 307 | 308);
    let may_follow = request.redirects == Redirects::Followed && matches!(request.method, Method::GET | Method::HEAD);
    let location = answer.headers().get(header::LOCATION).filter(|_| is_redirect && may_follow)?;
    Some(String::from_utf8_lossy(location.as_bytes()).into_owned())
}

fn harmless(headers: &HeaderMap) -> HeaderMap {
    let kept = HARMLESS_HEADERS.iter().filter_map(|name| Some((name.clone(), headers.get(name)?.clone())));
    kept.collect()
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client").field("policy", self.policy()).finish_non_exhaustive()
    }
}
