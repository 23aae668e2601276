//! What a client posts, and how it becomes an order.

use std::collections::BTreeSet;

use serde::Deserialize;
use serde_json::{Map, Value};
use url::Url;

use super::{Mode, Order, Provider, receivers::Receivers};
use crate::{
    config::{Config, Span},
    outbound::{Client, Finding},
};

/// Parameters of a request.
const MAX_PARAMETERS: usize = 50;
/// Bytes of a parameter's name or value.
const MAX_PARAMETER: usize = 1000;
/// Bytes of a URL that stands for a provider.
const MAX_URL: usize = 500;

/// The body of `POST /request`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Post {
    /// Whom to ask: names of the configuration or, where that is allowed, URLs.
    providers: Vec<String>,
    /// What they are asked: query parameters.
    #[serde(default)]
    parameters: Map<String, Value>,
    /// Who is told; without it the client reads the request.
    callback_url: Option<Url>,
    /// How long it may take: `"15m"`.
    deadline: Option<Span>,
    /// What it waits for.
    #[serde(default)]
    mode: Mode,
    /// How many answers are enough, for a quorum.
    minimum: Option<u32>,
}

/// Why a post is not accepted; nothing was stored.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Refused(String);

impl Refused {
    pub(super) fn new(reason: impl Into<String>) -> Self {
        Self(reason.into())
    }
}

fn no<T>(reason: impl Into<String>) -> Result<T, Refused> {
    Err(Refused(reason.into()))
}

impl Post {
    /// Reads a body.
    pub fn read(body: &[u8]) -> Result<Self, Refused> {
        serde_json::from_slice(body).map_err(|error| Refused(error.to_string()))
    }

    /// The order that it is, by what the operator allows. Asks name servers about URLs, so that a client learns at once
    /// what a delivery could only tell later.
    pub(super) async fn into_order(
        self,
        fingerprint: String,
        config: &Config,
        receivers: &Receivers,
        http: &Client,
    ) -> Result<Order, Refused> {
        let order = self.checked(fingerprint, config)?;
        if let Some(url) = &order.callback_url {
            if !receivers.may_call(url) {
                return no("callbackUrl: callbacks go to the receivers of this collector's configuration only");
            }
            admitted("callbackUrl", url, http).await?;
        }
        for provider in &order.providers {
            if !config.providers.contains_key(&provider.name) {
                admitted("providers", &provider.url, http).await?;
            }
        }
        Ok(order)
    }

    /// All that can be said without asking anybody.
    fn checked(self, fingerprint: String, config: &Config) -> Result<Order, Refused> {
        let limits = &config.requests;
        if !(1..=limits.max_providers).contains(&self.providers.len()) {
            return no(format!("providers: expected 1 to {} (requests.max_providers)", limits.max_providers));
        }
        let (total, mut seen) = (self.providers.len(), BTreeSet::new());
        let mut providers = Vec::with_capacity(total);
        for name in self.providers {
            if !seen.insert(name.clone()) {
                return no(format!("providers: {name:?} is named twice"));
            }
            providers.push(provider(name, config)?);
        }
        let deadline = self.deadline.unwrap_or(limits.deadline);
        if deadline.0.is_zero() || deadline.0 > limits.max_deadline.0 {
            return no(format!("deadline: expected at most {} (requests.max_deadline)", limits.max_deadline));
        }
        let minimum = match (self.mode, self.minimum) {
            (Mode::Quorum, Some(minimum)) if (1..=total).contains(&usize::try_from(minimum).unwrap_or(0)) => minimum,
            (Mode::Quorum, _) => return no(format!("minimum: expected 1 to {total} with the mode quorum")),
            (_, None) => 0,
            (_, Some(_)) => return no("minimum: it belongs to the mode quorum"),
        };
        if self.parameters.len() > MAX_PARAMETERS {
            return no(format!("parameters: expected at most {MAX_PARAMETERS}"));
        }
        for (name, value) in &self.parameters {
            let length = value.as_str().map_or_else(|| value.to_string().len(), str::len);
            if value.is_array() || value.is_object() || value.is_null() || length.max(name.len()) > MAX_PARAMETER {
                return no(format!("parameters: {name:?}: expected text, a number, true or false"));
            }
        }
        Ok(Order {
            fingerprint,
            callback_url: self.callback_url,
            mode: self.mode,
            minimum,
            parameters: self.parameters,
            providers,
            deadline_ms: deadline.as_millis(),
            retention_ms: limits.retention.as_millis(),
        })
    }
}

/// A provider by its name, or by its URL where that is allowed.
pub(super) fn provider(name: String, config: &Config) -> Result<Provider, Refused> {
    if let Some(known) = config.providers.get(&name) {
        return Ok(Provider { name, url: known.url.clone() });
    }
    let known = || config.providers.keys().map(String::as_str).collect::<Vec<_>>().join(", ");
    match name.parse::<Url>() {
        Ok(_) if name.len() > MAX_URL => no(format!("providers: a URL has {MAX_URL} bytes at most")),
        Ok(url) if config.requests.allow_urls => Ok(Provider { name, url }),
        Ok(_) => no("providers: URLs are not allowed here (requests.allow_urls), only names"),
        Err(_) => no(format!("providers: there is no {name:?}; there are: {}", known())),
    }
}

async fn admitted(field: &str, url: &Url, http: &Client) -> Result<(), Refused> {
    match http.check(url.as_str()).await.finding {
        Finding::Refused(refusal) => no(format!("{field}: {refusal}")),
        // A name server that does not answer now may do so later.
        Finding::Allowed | Finding::Unknown(_) => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use serde_json::json;

    use super::*;

    fn config(allow_urls: &str) -> Config {
        let pairs = [
            ("providers.a.url", "http://127.0.0.1:1/a"),
            ("providers.b.url", "http://127.0.0.1:1/b"),
            ("requests.allow_urls", allow_urls),
            ("requests.max_providers", "3"),
        ];
        let pairs = pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
        crate::config::load(None::<&Path>, pairs).unwrap()
    }

    fn checked(post: &Value, config: &Config) -> Result<Order, String> {
        Post::read(post.to_string().as_bytes())
            .and_then(|post| post.checked("f".into(), config))
            .map_err(|refused| refused.to_string())
    }

    #[test]
    fn a_post_becomes_an_order() {
        let post = json!({"providers": ["b", "a"], "parameters": {"q": "x", "n": 1}, "deadline": "2s",
            "callbackUrl": "http://127.0.0.1:2/hook", "mode": "quorum", "minimum": 2});
        let order = checked(&post, &config("false")).unwrap();
        let names: Vec<&str> = order.providers.iter().map(|provider| provider.name.as_str()).collect();
        assert_eq!((names, order.minimum, order.deadline_ms), (vec!["b", "a"], 2, 2000));
        assert_eq!(order.providers[0].url.as_str(), "http://127.0.0.1:1/b");
        let least = checked(&json!({"providers": ["a"]}), &config("false")).unwrap();
        assert_eq!((least.mode, least.deadline_ms, least.callback_url), (Mode::AllFinished, 900_000, None));
        let url = json!({"providers": ["http://127.0.0.1:3/x"]});
        assert_eq!(checked(&url, &config("true")).unwrap().providers[0].name, "http://127.0.0.1:3/x");
    }

    #[test]
    fn whatever_is_wrong_is_named() {
        for (post, word) in [
            (json!([]), "struct"),
            (json!({}), "providers"),
            (json!({"providers": []}), "providers"),
            (json!({"providers": ["a", "b", "c", "d"]}), "max_providers"),
            (json!({"providers": ["a", "a"]}), "twice"),
            (json!({"providers": ["c"]}), "there are: a, b"),
            (json!({"providers": ["http://127.0.0.1:3/x"]}), "allow_urls"),
            (json!({"providers": ["a"], "callbackUrl": "nowhere"}), "relative URL"),
            (json!({"providers": ["a"], "callback_url": "http://a"}), "unknown field"),
            (json!({"providers": ["a"], "deadline": "25h"}), "max_deadline"),
            (json!({"providers": ["a"], "deadline": "0s"}), "deadline"),
            (json!({"providers": ["a"], "deadline": 10}), "expected"),
            (json!({"providers": ["a"], "mode": "some"}), "unknown variant"),
            (json!({"providers": ["a"], "mode": "quorum"}), "minimum"),
            (json!({"providers": ["a"], "mode": "quorum", "minimum": 2}), "minimum"),
            (json!({"providers": ["a"], "minimum": 1}), "minimum"),
            (json!({"providers": ["a"], "parameters": {"q": [1]}}), "parameters"),
            (json!({"providers": ["a"], "parameters": {"q": "x".repeat(1001)}}), "parameters"),
        ] {
            let error = checked(&post, &config("false")).unwrap_err();
            assert!(error.contains(word), "{post}: {error}");
        }
    }
}
