//! The servers.

use std::{convert::Infallible, io, sync::Arc, time::Duration};

use axum::{
    Router,
    body::{Body, Bytes},
    extract::{RawQuery, State},
    http::{HeaderName, HeaderValue, StatusCode, header},
    response::{IntoResponse as _, Response},
};
use futures_util::{StreamExt as _, stream};
use serde_json::json;
use tokio::{net::TcpListener, task::JoinSet, time::sleep};
use url::{Url, form_urlencoded};

use super::{Script, Step, memory::Memory};

/// The parameter that brings a script.
const SCRIPT: &str = "script";

/// The longest that nothing is said: longer than anybody waits.
const SILENCE: Duration = Duration::from_hours(1);

/// Servers that run until this is dropped.
#[derive(Debug)]
pub struct Providers {
    all: Vec<Provider>,
    _servers: JoinSet<()>,
}

/// One of them.
#[derive(Clone, Debug)]
pub struct Provider {
    /// Its name: `p0`, `p1`, ….
    pub name: String,
    /// Where it is asked.
    pub url: Url,
    /// What it does.
    pub script: Script,
}

#[derive(Clone)]
struct Shared {
    name: String,
    script: Script,
    memory: Arc<Memory>,
}

impl Providers {
    /// Starts one for each script, on free ports, or from `first_port` on.
    pub async fn start(scripts: Vec<Script>, first_port: u16) -> io::Result<Self> {
        let (mut all, mut servers) = (Vec::new(), JoinSet::new());
        let memory = Arc::new(Memory::new());
        for (n, script) in (0_u16..).zip(scripts) {
            let port = if first_port == 0 { 0 } else { first_port.saturating_add(n) };
            let listener = TcpListener::bind(("127.0.0.1", port)).await?;
            let name = format!("p{n}");
            let url = format!("http://{}/{name}", listener.local_addr()?).parse().map_err(io::Error::other)?;
            let shared = Shared { name: name.clone(), script: script.clone(), memory: memory.clone() };
            let router = Router::new().fallback(answer).with_state(shared);
            servers.spawn(async move {
                if let Err(error) = axum::serve(listener, router).await {
                    tracing::warn!(%error, "a provider has ended");
                }
            });
            all.push(Provider { name, url, script });
        }
        Ok(Self { all, _servers: servers })
    }

    /// All of them.
    pub fn all(&self) -> &[Provider] {
        &self.all
    }

    /// As a section of a collector's configuration.
    pub fn to_toml(&self) -> String {
        let section = |provider: &Provider| format!("[providers.{}]\nurl = \"{}\"\n", provider.name, provider.url);
        self.all.iter().map(section).collect()
    }
}

/// Does the next step of the script that the question brings, or of the provider's own.
async fn answer(State(shared): State<Shared>, RawQuery(query): RawQuery) -> Response {
    let query = query.unwrap_or_default();
    let mut pairs = form_urlencoded::parse(query.as_bytes());
    let script = match pairs.find(|(name, _)| name == SCRIPT) {
        None => shared.script.clone(),
        Some((_, text)) => match text.parse() {
            Ok(script) => script,
            Err(error) => return (StatusCode::BAD_REQUEST, format!("{error}")).into_response(),
        },
    };
    let number = shared.memory.count(format!("{}?{query}", shared.name));
    let data = json!({ "provider": shared.name, "question": query, "number": number });
    match script.step(number) {
        Step::Json => typed("application/json", data.to_string()),
        Step::Text => typed("text/plain; charset=utf-8", format!("{} says hello\n", shared.name)),
        Step::Ndjson => typed("application/x-ndjson", format!("{data}\n{data}\n")),
        Step::Csv => typed("text/csv", format!("provider,number\n{},{number}\n", shared.name)),
        Step::Bytes => typed("application/octet-stream", vec![0, 1, 2, 254, 255]),
        Step::Large(bytes) => typed("application/json", json!("x".repeat(bytes.saturating_sub(2))).to_string()),
        Step::Wrong => typed("application/json", "<html>not JSON</html>"),
        Step::Status(status, after) => with_status(status, after),
        Step::Slow(time) => typed("application/json", slowly(data.to_string(), time)),
        Step::Endless => typed("application/json", endless()),
        Step::Silent => {
            sleep(SILENCE).await;
            StatusCode::GATEWAY_TIMEOUT.into_response()
        }
        Step::Reset => typed("application/json", broken()),
        Step::Redirect => {
            let location = HeaderValue::from_str(&format!("/{}?redirected={number}", shared.name));
            location.map_or_else(
                |_| StatusCode::FOUND.into_response(),
                |to| (StatusCode::FOUND, [(header::LOCATION, to)]).into_response(),
            )
        }
    }
}

fn typed(kind: &'static str, body: impl Into<Body>) -> Response {
    ([(header::CONTENT_TYPE, kind)], body.into()).into_response()
}

fn with_status(status: u16, after: Option<u64>) -> Response {
    let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let after: Option<(HeaderName, HeaderValue)> = after.map(|seconds| (header::RETRY_AFTER, seconds.into()));
    let mut response = (status, "by script").into_response();
    response.headers_mut().extend(after);
    response
}

/// A byte at a time.
fn slowly(text: String, time: Duration) -> Body {
    let pause = time / u32::try_from(text.len().max(1)).unwrap_or(u32::MAX);
    let bytes = stream::iter(text.into_bytes()).then(move |byte| async move {
        sleep(pause).await;
        Ok::<_, Infallible>(Bytes::from(vec![byte]))
    });
    Body::from_stream(bytes)
}

fn endless() -> Body {
    let spaces = Bytes::from(vec![b' '; 16 << 10]);
    Body::from_stream(stream::repeat_with(move || Ok::<_, Infallible>(spaces.clone())))
}

/// Breaks off after its first bytes.
fn broken() -> Body {
    let pieces = [Ok(Bytes::from_static(b"{\"half\": ")), Err(io::Error::from(io::ErrorKind::ConnectionReset))];
    Body::from_stream(stream::iter(pieces))
}
