//! A receiver of callbacks: believes what is signed, remembers everything, and answers as it is told.

use std::{
    collections::{BTreeMap, VecDeque},
    sync::{Arc, Mutex},
    time::Instant,
};

use axum::{
    Router,
    body::Bytes,
    extract::State,
    http::{HeaderMap, StatusCode},
};
use collector::requests::{Secrets, SignedDelivery};
use jiff::Timestamp;
use serde_json::Value;
use tokio::{net::TcpListener, task::JoinHandle};

use super::contract;

/// The secrets that its callbacks are signed with, and an older one that is being replaced.
pub(crate) const SECRETS: &str =
    "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw whsec_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=";

/// One that runs until it is dropped.
#[derive(Debug)]
#[allow(dead_code, reason = "each test looks at what it is about")]
pub(crate) struct Receiver {
    /// Where it listens.
    pub(crate) url: String,
    told: Arc<Mutex<Told>>,
    server: JoinHandle<()>,
}

/// What it was told.
#[derive(Debug, Default)]
struct Told {
    /// Bodies by `webhook-id`, in the order in which they came.
    by_id: BTreeMap<String, Vec<Value>>,
    /// When the first delivery under an id came.
    came: BTreeMap<String, Instant>,
    /// What it answers next; 204 when there is nothing more.
    answers: VecDeque<u16>,
    /// What was wrong with a delivery; a panic in a server would be lost.
    faults: Vec<String>,
}

#[allow(dead_code, reason = "each test asks for what it is about")]
impl Receiver {
    pub(crate) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/hooks/test", listener.local_addr().unwrap());
        let told = Arc::<Mutex<Told>>::default();
        let router = Router::new().fallback(receive).with_state(told.clone());
        let server = tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        Self { url, told, server }
    }

    /// What it answers next, one after the other.
    pub(crate) fn answers(&self, statuses: &[u16]) {
        self.told.lock().unwrap().answers.extend(statuses);
    }

    /// As a section of a collector's configuration.
    pub(crate) fn to_toml(&self) -> String {
        format!("[callbacks.test]\nurl = \"{}\"\nsecrets = \"{SECRETS}\"\n", self.url)
    }

    /// What it was told under an id.
    pub(crate) fn told(&self, webhook_id: &str) -> Vec<Value> {
        self.check();
        self.told.lock().unwrap().by_id.get(webhook_id).cloned().unwrap_or_default()
    }

    /// When it was first told under an id.
    pub(crate) fn came(&self, webhook_id: &str) -> Option<Instant> {
        self.told.lock().unwrap().came.get(webhook_id).copied()
    }

    /// How often it was told, by id.
    pub(crate) fn counts(&self) -> BTreeMap<String, usize> {
        self.check();
        self.told.lock().unwrap().by_id.iter().map(|(id, bodies)| (id.clone(), bodies.len())).collect()
    }

    fn check(&self) {
        let told = self.told.lock().unwrap();
        assert!(told.faults.is_empty(), "{:?}", told.faults);
    }
}

async fn receive(State(told): State<Arc<Mutex<Told>>>, headers: HeaderMap, body: Bytes) -> StatusCode {
    let said = |name: &str| headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let (id, timestamp, signature) = (said("webhook-id"), said("webhook-timestamp"), said("webhook-signature"));
    let delivery = SignedDelivery { id, timestamp, signature, body: &body };
    let now = u64::try_from(Timestamp::now().as_second()).unwrap();
    let mut told = told.lock().unwrap();
    // Both sign while one is replaced: a receiver that has either believes it.
    for secret in SECRETS.split(' ') {
        if let Err(error) = secret.parse::<Secrets>().unwrap().verify(&delivery, now) {
            told.faults.push(format!("{id}: {error}"));
        }
    }
    let text = String::from_utf8_lossy(&body);
    if let Err(panic) = std::panic::catch_unwind(|| contract::check_callback(&text)) {
        told.faults.push(format!("{id}: {text}: {:?}", panic.downcast_ref::<String>()));
    }
    let answer = told.answers.pop_front().unwrap_or(204);
    told.came.entry(id.to_owned()).or_insert_with(Instant::now);
    told.by_id.entry(id.to_owned()).or_default().push(serde_json::from_slice(&body).unwrap_or_default());
    StatusCode::from_u16(answer).unwrap()
}

impl Drop for Receiver {
    fn drop(&mut self) {
        self.server.abort();
    }
}
