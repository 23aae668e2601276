//! `[requests]`, `[providers]` and `[callbacks]`.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use url::Url;

use super::{ByteSize, Config, Span, check::is_name};

/// `[requests]`
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
#[expect(missing_docs, reason = "documented key by key in config.default.toml")]
pub struct Requests {
    pub store: RequestsIn,
    pub table: String,
    pub dynamodb_url: String,
    pub allow_urls: bool,
    pub callback_to: CallbackTo,
    pub public_url: String,
    pub max_providers: usize,
    pub deadline: Span,
    pub max_deadline: Span,
    pub retention: Span,
    pub max_inline: ByteSize,
    pub max_callback: ByteSize,
    pub sweep_after: Span,
}

/// Where requests are kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum RequestsIn {
    /// In the Redis that has the queue.
    Redis,
    /// In a DynamoDB table.
    DynamoDb,
}

/// Whom clients may have called back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum CallbackTo {
    /// Any URL that outgoing calls may go to.
    Any,
    /// Only those of `[callbacks]`.
    Named,
}

/// `[providers.NAME]`
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
#[expect(missing_docs, reason = "documented in config.default.toml")]
pub struct Provider {
    pub url: Url,
}

/// `[callbacks.NAME]`
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
#[expect(missing_docs, reason = "documented in config.default.toml")]
pub struct Receiver {
    pub url: Url,
    pub secrets: String,
}

/// What cannot work: the path and why.
pub(super) fn meaning(config: &Config) -> Result<(), (&'static str, String)> {
    let no = |path, reason: &str| Err((path, reason.to_owned()));
    let requests = &config.requests;
    if cfg!(not(feature = "dynamodb")) && requests.store == RequestsIn::DynamoDb {
        return no("requests.store", "this build has no DynamoDB; build it with --features dynamodb");
    }
    if !requests.public_url.is_empty() && !requests.public_url.parse().is_ok_and(|url: Url| is_web(&url)) {
        return no("requests.public_url", "expected nothing or an http or https URL");
    }
    if !requests.dynamodb_url.is_empty() && !requests.dynamodb_url.parse().is_ok_and(|url: Url| is_web(&url)) {
        return no("requests.dynamodb_url", "expected nothing or an http or https URL");
    }
    if !(1..=100).contains(&requests.max_providers) {
        return no("requests.max_providers", "expected 1 to 100");
    }
    if requests.deadline.0 > requests.max_deadline.0 {
        return no("requests.deadline", "expected at most requests.max_deadline");
    }
    if requests.max_callback.0 > 16 << 20 {
        return no("requests.max_callback", "expected at most 16MiB");
    }
    names("providers", config.providers.iter().map(|(name, provider)| (name, &provider.url)).collect())?;
    names("callbacks", config.callbacks.iter().map(|(name, receiver)| (name, &receiver.url)).collect())?;
    let is_secret = |receiver: &Receiver| receiver.secrets.parse::<crate::requests::Secrets>().is_ok();
    if !config.callbacks.values().all(is_secret) {
        return no("callbacks", "secrets: expected one to four whsec_… with 24 to 64 bytes each, parted by spaces");
    }
    Ok(())
}

fn names(path: &'static str, urls: BTreeMap<&String, &Url>) -> Result<(), (&'static str, String)> {
    for (name, url) in urls {
        if !is_name(name) {
            let reason = "a name is lower-case letters, digits, - and _, starting with a letter, at most 40 characters";
            return Err((path, format!("{name}: {reason}")));
        }
        if !is_web(url) {
            return Err((path, format!("{name}: expected an http or https URL without user and password")));
        }
    }
    Ok(())
}

fn is_web(url: &Url) -> bool {
    matches!(url.scheme(), "http" | "https") && url.username().is_empty() && url.password().is_none()
}
