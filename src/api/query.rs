//! Query parameters: only those a path knows, each at most once.

use std::{collections::BTreeMap, fmt::Display, str::FromStr};

use axum::{extract::FromRequestParts, http::request::Parts};

use super::problem::{Code, Problem};
use crate::job::JobId;

/// The parameters of a request, not looked at yet.
pub(super) struct Query(Vec<(String, String)>);

/// Parameters that a path knows.
pub(super) struct Known(BTreeMap<String, String>);

impl<S: Sync> FromRequestParts<S> for Query {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        let text = parts.uri.query().unwrap_or_default();
        Ok(Self(url::form_urlencoded::parse(text.as_bytes()).into_owned().collect()))
    }
}

impl Query {
    /// Refuses everything but `names`.
    pub(super) fn only(self, names: &[&str]) -> Result<Known, Problem> {
        let mut known = BTreeMap::new();
        for (name, value) in self.0 {
            if !names.contains(&name.as_str()) {
                let there = if names.is_empty() { "there are none".into() } else { names.join(", ") };
                return Err(bad(format!("there is no parameter {name:?} here; {there}")));
            }
            if known.insert(name.clone(), value).is_some() {
                return Err(bad(format!("{name} is given more than once")));
            }
        }
        Ok(Known(known))
    }
}

impl Known {
    pub(super) fn text(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }

    /// A parameter as its type.
    pub(super) fn parsed<T: FromStr<Err: Display>>(&self, name: &str) -> Result<Option<T>, Problem> {
        let parse = |text: &str| text.parse().map_err(|error| bad(format!("{name}: {error}")));
        self.text(name).map(parse).transpose()
    }

    /// The job that is meant.
    pub(super) fn job_id(&self) -> Result<JobId, Problem> {
        Ok(self.text("job_id").ok_or_else(|| bad("job_id is missing"))?.parse()?)
    }

    /// A parameter that need not say more than its name.
    pub(super) fn flag(&self, name: &str) -> Result<bool, Problem> {
        match self.text(name) {
            None | Some("false") => Ok(false),
            Some("" | "true") => Ok(true),
            Some(_) => Err(bad(format!("{name}: expected true, false or nothing"))),
        }
    }
}

/// What is wrong with the query.
pub(super) fn bad(detail: impl Into<String>) -> Problem {
    Problem::new(Code::BadQuery, detail)
}
