//! Why a call has no answer: the variant says whether another try makes sense.

use std::{error, io, time::Duration};

use super::{Refusal, resolver::LookupError};

/// A call without an answer. No text of it holds a URL's path or query, where tokens may stand.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A rule forbids it. Nothing was sent; trying again does not help.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// The body is larger than it may be, as sent or unpacked. Trying again does not help.
    #[error("the answer has more than {limit} bytes")]
    BodyTooLarge {
        /// Bytes it may have.
        limit: u64,
    },
    /// The body is packed in a way that was not asked for.
    #[error("the answer is encoded as {0:?}; identity and gzip are read")]
    Encoding(String),
    /// The body is not the gzip that it says it is.
    #[error("the answer is no sound gzip")]
    Gzip(#[source] io::Error),
    /// The name has no address now.
    #[error("the name cannot be looked up: {0}")]
    Lookup(#[source] Box<dyn error::Error + Send + Sync>),
    /// Nobody listens there, or nobody answers.
    #[error("cannot connect: {reason}")]
    Connect {
        /// The innermost cause, as the system says it.
        reason: String,
        /// All of them.
        #[source]
        source: reqwest::Error,
    },
    /// No secure connection: a certificate that nobody vouches for, no protocol in common.
    #[error("no secure connection: {reason}")]
    Tls {
        /// What is wrong.
        reason: String,
        /// All causes.
        #[source]
        source: reqwest::Error,
    },
    /// It took longer than it may, body included.
    #[error("no whole answer within {after:?}")]
    Timeout {
        /// How long it may take.
        after: Duration,
    },
    /// The connection was lost before the answer was whole.
    #[error("the connection broke off: {reason}")]
    Broken {
        /// The innermost cause.
        reason: String,
        /// All of them.
        #[source]
        source: reqwest::Error,
    },
    /// What came is not HTTP/1.1, or its head is too large.
    #[error("the answer is not HTTP: {reason}")]
    Malformed {
        /// What is wrong.
        reason: String,
        /// All causes.
        #[source]
        source: reqwest::Error,
    },
    /// The request cannot be put together, or this machine has no certificate authorities.
    #[error("the call cannot be prepared: {reason}")]
    Unprepared {
        /// What is wrong.
        reason: String,
        /// All causes.
        #[source]
        source: reqwest::Error,
    },
}

impl Error {
    /// Stable, for machines.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Refused(_) => "refused",
            Self::BodyTooLarge { .. } => "body_too_large",
            Self::Encoding(_) | Self::Gzip(_) => "bad_encoding",
            Self::Lookup(_) => "lookup_failed",
            Self::Connect { .. } => "connection_failed",
            Self::Tls { .. } => "tls_failed",
            Self::Timeout { .. } => "timeout",
            Self::Broken { .. } => "connection_lost",
            Self::Malformed { .. } => "not_http",
            Self::Unprepared { .. } => "unprepared",
        }
    }

    /// Whether the same call may succeed later.
    pub const fn may_pass(&self) -> bool {
        !matches!(self, Self::Refused(_) | Self::BodyTooLarge { .. } | Self::Unprepared { .. })
    }

    /// What the error of a client is to us. Decided by the types of its causes, never by their text.
    pub(super) fn from_client(error: reqwest::Error, timeout: Duration) -> Self {
        let error = error.without_url();
        if let Some(refusal) = find::<LookupError>(&error) {
            return match refusal {
                LookupError::Refused(refusal) => Self::Refused(refusal.clone()),
                LookupError::Unknown(reason) => Self::Lookup(reason.to_string().into()),
            };
        }
        if error.is_timeout() {
            return Self::Timeout { after: timeout };
        }
        let (reason, source) = (innermost(&error), error);
        if source.is_dns() {
            return Self::Lookup(reason.into());
        }
        if find::<rustls::Error>(&source).is_some() {
            return Self::Tls { reason, source };
        }
        if source.is_connect() {
            return Self::Connect { reason, source };
        }
        if source.is_builder() {
            return Self::Unprepared { reason, source };
        }
        if find::<hyper::Error>(&source).is_some_and(hyper::Error::is_parse) {
            return Self::Malformed { reason, source };
        }
        Self::Broken { reason, source }
    }
}

/// The first cause of a type.
fn find<'a, T: error::Error + 'static>(error: &'a (dyn error::Error + 'static)) -> Option<&'a T> {
    causes(error).find_map(<dyn error::Error>::downcast_ref)
}

fn innermost(error: &(dyn error::Error + 'static)) -> String {
    causes(error).last().map(ToString::to_string).unwrap_or_default()
}

/// An error, and what caused it, and so on.
fn causes<'a>(error: &'a (dyn error::Error + 'static)) -> impl Iterator<Item = &'a (dyn error::Error + 'static)> {
    std::iter::successors(Some(error), |error| {
        // The cause of an io::Error is the cause of what it wraps; that itself would be passed over.
        match error.downcast_ref::<io::Error>().and_then(io::Error::get_ref) {
            Some(wrapped) => Some(wrapped),
            None => error.source(),
        }
    })
}
