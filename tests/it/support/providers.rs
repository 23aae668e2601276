//! Providers of data that fail by script, and a collector that knows them.

use serde_json::{Value, json};

use super::{Collector, Receiver, Scratch, eventually};

/// Providers, a receiver of callbacks, and a collector between them.
#[allow(dead_code, reason = "each test looks at what it is about")]
pub(crate) struct Scene {
    pub(crate) collector: Collector,
    pub(crate) receiver: Receiver,
    /// The URLs of the providers, to which scripts can be added.
    pub(crate) urls: Vec<String>,
    _providers: Collector,
}

#[allow(dead_code, reason = "each test asks for what it is about")]
impl Scene {
    /// With `devnet` as arguments of `collector devnet --providers`, and `more` lines of configuration in `[requests]`.
    pub(crate) async fn start(scratch: &Scratch, devnet: &[&str], more: &str, up: &[&str]) -> Self {
        let (providers, receiver, urls) = Self::around(scratch, devnet, more).await;
        let collector = Collector::up(scratch, up).await;
        Self { collector, receiver, urls, _providers: providers }
    }

    /// All but the collector, for which a configuration is written.
    pub(crate) async fn around(scratch: &Scratch, devnet: &[&str], more: &str) -> (Collector, Receiver, Vec<String>) {
        let mut args = vec!["devnet", "--write-config", "providers.toml", "--json"];
        args.extend(devnet);
        let mut providers = Collector::silent(scratch, &args, &[]);
        let said: Value = serde_json::from_str(&providers.line().await).unwrap();
        let urls =
            said["providers"].as_object().unwrap().values().map(|url| url.as_str().unwrap().to_owned()).collect();
        let receiver = Receiver::start().await;
        let toml = format!(
            "[network.retry]\nfetch = [\"20ms\", \"20ms\", \"20ms\"]\ncallback = [\"20ms\", \"20ms\"]\n\
             [network.breaker]\nmin_requests = 1000000\nbusy = \"100ms\"\n\
             [requests]\nallow_urls = true\n{more}\n{}{}",
            receiver.to_toml(),
            std::fs::read_to_string(scratch.path().join("providers.toml")).unwrap()
        );
        std::fs::write(scratch.path().join("collector.toml"), toml).unwrap();
        (providers, receiver, urls)
    }

    /// The first provider with a script of its own; `n` tells those apart who have the same.
    pub(crate) fn scripted(&self, script: &str, n: usize) -> String {
        self.scripted_at(0, script, n)
    }

    /// The same of any provider.
    pub(crate) fn scripted_at(&self, provider: usize, script: &str, n: usize) -> String {
        format!("{}?script={script}&n={n}", self.urls[provider])
    }

    /// Posts a request that calls back.
    pub(crate) async fn request(&self, mut post: Value) -> String {
        post["callbackUrl"] = json!(self.receiver.url);
        self.collector.request(&post).await
    }

    /// What the receiver is told of a request.
    pub(crate) async fn called_back(&self, id: &str) -> Value {
        eventually(&format!("request {id} is called back"), async || {
            self.receiver.told(&format!("req_{id}")).into_iter().next()
        })
        .await
    }
}

#[allow(dead_code, reason = "each test asks for what it is about")]
impl Collector {
    /// Posts a request and returns its id.
    pub(crate) async fn request(&self, post: &Value) -> String {
        let answer = self.post("/request", post.to_string()).await;
        assert_eq!(answer.status, 202, "{}", answer.text);
        let id = answer.json["requestId"].as_str().unwrap().to_owned();
        assert_eq!(answer.headers["location"], format!("/request?id={id}"));
        id
    }

    /// A request as it stands.
    pub(crate) async fn request_now(&self, id: &str) -> Value {
        let answer = self.get(&format!("/request?id={id}")).await;
        assert_eq!(answer.status, 200, "{}", answer.text);
        answer.json
    }

    /// A request once its callback is no longer pending.
    pub(crate) async fn closed(&self, id: &str) -> Value {
        eventually(&format!("request {id} is closed"), async || {
            let request = self.request_now(id).await;
            (request["callback"]["state"] != "PENDING").then_some(request)
        })
        .await
    }
}
