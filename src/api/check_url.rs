//! `POST /system/check_url`

use std::net::IpAddr;

use axum::{
    Json,
    extract::{Request, State},
};
use serde::{Deserialize, Serialize};

use super::{Api, body, problem::Problem, query::Query};
use crate::outbound::{Finding, Verdict};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Question {
    url: String,
}

/// What would become of a call.
#[derive(Serialize)]
pub(super) struct Answer {
    allowed: bool,
    rule: Option<String>,
    reason: String,
    addresses: Vec<IpAddr>,
}

/// Judges a URL as a job's call of it would be judged here and now, without making it.
pub(super) async fn check(State(api): State<Api>, query: Query, request: Request) -> Result<Json<Answer>, Problem> {
    query.only(&[])?;
    let body = body::json(&api, request).await?;
    let question: Question = body::read(&body)?;
    let Verdict { addresses, finding } = api.http.check(&question.url).await;
    let (allowed, rule, reason) = match finding {
        Finding::Allowed => (true, None, "no rule forbids it".to_owned()),
        Finding::Refused(refusal) => (false, Some(refusal.rule.word()), refusal.to_string()),
        Finding::Unknown(reason) => (false, Some("unresolved".to_owned()), reason),
    };
    Ok(Json(Answer { allowed, rule, reason, addresses }))
}
