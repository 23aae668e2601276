//! Errors of the API: RFC 9457. Every way to fail has a stable code, chosen by an exhaustive match.

use axum::{
    Json,
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use serde_json::json;

use crate::{
    broker::BrokerError,
    crawl::{MarkError, ReadingError},
    job::{CancelError, EventIdError, Fault, JobIdError, ListError, ReadError, Refusal, RetryError},
};

/// Seconds after which trying again makes sense.
pub(super) const RETRY_AFTER: HeaderValue = HeaderValue::from_static("2");

/// Errors of one task spec that are told: a body can hold a hundred thousand.
const MAX_ERRORS: usize = 100;

/// A request that was not answered as asked. Its body is written by the layer that knows the request id.
#[derive(Clone, Debug)]
pub(super) struct Problem {
    pub(super) code: Code,
    detail: String,
    errors: Vec<Fault>,
    /// A fault of ours: for the log, not for the client.
    cause: Option<String>,
}

/// Stable names of all problems; the words of `openapi.yaml`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Code {
    BadCursor,
    BadEventId,
    BadIdempotencyKey,
    BadJobId,
    BadQuery,
    MalformedJson,
    TooDeep,
    NotFound,
    UnknownJob,
    UnknownNetwork,
    UnknownNode,
    UnknownSanjer,
    MethodNotAllowed,
    UnknownHost,
    RequestTimeout,
    BodyTooLarge,
    UnsupportedMediaType,
    ReadOnly,
    AlreadyRetried,
    WrongStatus,
    IdempotencyKeyReused,
    InvalidTaskSpec,
    TooManyColumns,
    InvalidBody,
    Internal,
    RedisUnavailable,
    Timeout,
    TooManyStreams,
}

impl Code {
    /// Every code, for comparing with `openapi.yaml`.
    #[cfg(test)]
    pub(super) const ALL: [Self; 28] = [
        Self::BadCursor,
        Self::BadEventId,
        Self::BadIdempotencyKey,
        Self::BadJobId,
        Self::BadQuery,
        Self::MalformedJson,
        Self::TooDeep,
        Self::NotFound,
        Self::UnknownJob,
        Self::UnknownNetwork,
        Self::UnknownNode,
        Self::UnknownSanjer,
        Self::MethodNotAllowed,
        Self::UnknownHost,
        Self::RequestTimeout,
        Self::BodyTooLarge,
        Self::UnsupportedMediaType,
        Self::ReadOnly,
        Self::AlreadyRetried,
        Self::WrongStatus,
        Self::IdempotencyKeyReused,
        Self::InvalidTaskSpec,
        Self::TooManyColumns,
        Self::InvalidBody,
        Self::Internal,
        Self::RedisUnavailable,
        Self::Timeout,
        Self::TooManyStreams,
    ];

    pub(super) const fn status(self) -> StatusCode {
        match self {
            Self::BadCursor
            | Self::BadEventId
            | Self::BadIdempotencyKey
            | Self::BadJobId
            | Self::BadQuery
            | Self::MalformedJson
            | Self::TooDeep => StatusCode::BAD_REQUEST,
            Self::NotFound | Self::UnknownJob | Self::UnknownNetwork | Self::UnknownNode | Self::UnknownSanjer => {
                StatusCode::NOT_FOUND
            }
            Self::MethodNotAllowed => StatusCode::METHOD_NOT_ALLOWED,
            Self::UnknownHost => StatusCode::MISDIRECTED_REQUEST,
            Self::RequestTimeout => StatusCode::REQUEST_TIMEOUT,
            Self::BodyTooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Self::UnsupportedMediaType => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Self::ReadOnly => StatusCode::FORBIDDEN,
            Self::AlreadyRetried | Self::WrongStatus => StatusCode::CONFLICT,
            Self::IdempotencyKeyReused | Self::InvalidTaskSpec | Self::TooManyColumns | Self::InvalidBody => {
                StatusCode::UNPROCESSABLE_ENTITY
            }
            Self::Internal => StatusCode::INTERNAL_SERVER_ERROR,
            Self::RedisUnavailable | Self::Timeout | Self::TooManyStreams => StatusCode::SERVICE_UNAVAILABLE,
        }
    }

    const fn title(self) -> &'static str {
        match self {
            Self::BadCursor => "The cursor is of no use",
            Self::BadEventId => "The event id is of no use",
            Self::BadIdempotencyKey => "The Idempotency-Key is of no use",
            Self::BadJobId => "Not a job id",
            Self::BadQuery => "The query is wrong",
            Self::MalformedJson => "The body is not JSON",
            Self::TooDeep => "The body nests too deep",
            Self::NotFound => "There is no such path",
            Self::UnknownJob => "There is no such job",
            Self::UnknownNetwork => "There is no such network",
            Self::UnknownNode => "There is no such node",
            Self::UnknownSanjer => "There is no such sanjer",
            Self::MethodNotAllowed => "The path does not have this method",
            Self::UnknownHost => "This is not a name of the collector",
            Self::RequestTimeout => "The body did not arrive in time",
            Self::BodyTooLarge => "The body is too large",
            Self::UnsupportedMediaType => "The body is not sent as JSON",
            Self::ReadOnly => "This API changes nothing",
            Self::AlreadyRetried => "The job was run again before",
            Self::WrongStatus => "The job does not stand where that is possible",
            Self::IdempotencyKeyReused => "The Idempotency-Key was used with another body",
            Self::InvalidTaskSpec => "The task spec is wrong",
            Self::TooManyColumns => "The rows make no table",
            Self::InvalidBody => "The body is JSON of another shape",
            Self::Internal => "A fault of the collector",
            Self::RedisUnavailable => "Redis is unavailable",
            Self::Timeout => "It took too long",
            Self::TooManyStreams => "Too many event streams",
        }
    }
}

impl Problem {
    pub(super) fn new(code: Code, detail: impl Into<String>) -> Self {
        Self { code, detail: detail.into(), errors: Vec::new(), cause: None }
    }

    /// What is wrong, for people.
    pub(super) fn into_detail(self) -> String {
        self.detail
    }

    /// A fault of ours.
    pub(super) fn internal(error: &dyn std::fmt::Display) -> Self {
        let problem = Self::new(Code::Internal, "the log of the collector says more under this request id");
        Self { cause: Some(error.to_string()), ..problem }
    }

    /// The response for one request, in the shape of the errors of its path.
    pub(super) fn render(&self, path: &str, request_id: &str) -> Response {
        if let Some(cause) = &self.cause {
            tracing::error!(request.id = request_id, cause, "cannot answer a request");
        }
        let status = self.code.status();
        if is_of_another_system(path) {
            let mut response = (status, Json(json!({ "error": self.detail }))).into_response();
            if status == StatusCode::SERVICE_UNAVAILABLE {
                response.headers_mut().insert(header::RETRY_AFTER, RETRY_AFTER);
            }
            return response;
        }
        let code = json!(self.code);
        let mut body = json!({
            "type": format!("/openapi.yaml#{}", code.as_str().unwrap_or_default()),
            "title": self.code.title(),
            "status": status.as_u16(),
            "code": code,
            "detail": self.detail,
            "request_id": request_id,
        });
        if let (false, Some(body)) = (self.errors.is_empty(), body.as_object_mut()) {
            body.insert("errors".into(), json!(self.errors));
        }
        let mut response = (status, Json(body)).into_response();
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        if status == StatusCode::SERVICE_UNAVAILABLE {
            headers.insert(header::RETRY_AFTER, RETRY_AFTER);
        }
        response
    }
}

/// Whether a path belongs to a system whose clients read errors as `{"error": …}`.
pub(super) fn is_of_another_system(path: &str) -> bool {
    path == "/request" || path.starts_with("/request/")
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let mut response = self.code.status().into_response();
        response.extensions_mut().insert(self);
        response
    }
}

impl From<BrokerError> for Problem {
    fn from(error: BrokerError) -> Self {
        match error {
            BrokerError::Unavailable { .. } => {
                tracing::warn!(%error, "cannot answer a request");
                Self::new(Code::RedisUnavailable, "try again in a moment")
            }
            BrokerError::Refused(_) => Self::internal(&error),
        }
    }
}

impl From<ReadingError> for Problem {
    fn from(error: ReadingError) -> Self {
        match error {
            ReadingError::Broker(error) => error.into(),
            ReadingError::Broken(_) => Self::internal(&error),
        }
    }
}

impl From<MarkError> for Problem {
    fn from(error: MarkError) -> Self {
        Self::new(Code::BadEventId, error.to_string())
    }
}

impl From<Refusal> for Problem {
    fn from(refusal: Refusal) -> Self {
        let text = refusal.to_string();
        match refusal {
            Refusal::Malformed { .. } => Self::new(Code::MalformedJson, text),
            Refusal::TooDeep(_) => Self::new(Code::TooDeep, text),
            Refusal::BadKey => Self::new(Code::BadIdempotencyKey, text),
            Refusal::KeyReused => Self::new(Code::IdempotencyKeyReused, text),
            Refusal::Broker(error) => error.into(),
            Refusal::Invalid(mut errors) => {
                let (all, s) = (errors.len(), if errors.len() == 1 { "" } else { "s" });
                let shown =
                    if all > MAX_ERRORS { format!(", the first {MAX_ERRORS} are shown") } else { String::new() };
                errors.truncate(MAX_ERRORS);
                let detail = format!("{all} error{s}{shown}; nothing was stored");
                Self { errors, ..Self::new(Code::InvalidTaskSpec, detail) }
            }
        }
    }
}

impl From<ListError> for Problem {
    fn from(error: ListError) -> Self {
        match error {
            ListError::Cursor(error) => Self::new(Code::BadCursor, error.to_string()),
            ListError::Broker(error) => error.into(),
            ListError::Encode(_) => Self::internal(&error),
        }
    }
}

impl From<ReadError> for Problem {
    fn from(error: ReadError) -> Self {
        match error {
            ReadError::Broker(error) => error.into(),
            ReadError::Record(_) | ReadError::Encode(_) | ReadError::Replaced { .. } => Self::internal(&error),
        }
    }
}

impl From<CancelError> for Problem {
    fn from(error: CancelError) -> Self {
        match error {
            CancelError::Unknown => super::get::unknown(),
            CancelError::Ended(_) => Self::new(Code::WrongStatus, error.to_string()),
            CancelError::Broker(error) => error.into(),
        }
    }
}

impl From<RetryError> for Problem {
    fn from(error: RetryError) -> Self {
        match error {
            RetryError::Unknown => super::get::unknown(),
            RetryError::Status(_) => Self::new(Code::WrongStatus, error.to_string()),
            RetryError::Before(_) => Self::new(Code::AlreadyRetried, error.to_string()),
            RetryError::Refused(refusal) => refusal.into(),
            RetryError::Read(error) => error.into(),
            RetryError::Seal(_) => Self::internal(&error),
        }
    }
}

impl From<JobIdError> for Problem {
    fn from(error: JobIdError) -> Self {
        Self::new(Code::BadJobId, error.to_string())
    }
}

impl From<EventIdError> for Problem {
    fn from(error: EventIdError) -> Self {
        Self::new(Code::BadEventId, error.to_string())
    }
}
