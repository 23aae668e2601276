//! What the answer of another host means, as a type up to where it is decided: one table for providers, one for
//! receivers of callbacks.

use std::time::Duration;

use super::At;
use crate::outbound::{Error, LONGEST_RETRY_AFTER, Response};

/// How an exchange with another host ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// It answered with this status, and with a `Retry-After` maybe.
    Status(u16, Option<Duration>),
    /// It could not be reached, broke off, or took too long: what was wrong, as a word for machines.
    Unreachable(&'static str),
    /// It may not be asked, or answered more than anybody wants to hold: asking again cannot help.
    Refused(&'static str),
    /// It answered 2xx with a body that is not what its type says.
    Garbled,
}

/// What becomes of a provider's part.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fetch {
    /// The answer is kept.
    Done,
    /// Asked again; costs an attempt.
    Retry,
    /// Asked again, not before this time has passed; a polite wait costs no attempt.
    Wait(Duration),
    /// Never asked again.
    Fail,
}

/// What becomes of a delivery.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Deliver {
    /// The receiver has it.
    Delivered,
    /// Tried again by its schedule, and not before this time has passed.
    Retry(Option<Duration>),
    /// The receiver wants nothing any more.
    Gone,
    /// Never tried again.
    Fail,
}

impl Answer {
    /// The status, if there was one.
    pub const fn status(&self) -> Option<u16> {
        match self {
            Self::Status(status, _) => Some(*status),
            Self::Unreachable(_) | Self::Refused(_) | Self::Garbled => None,
        }
    }

    /// What went wrong, as a word for machines.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Status(200..=299, _) => "ok",
            Self::Status(300..=399, _) => "redirect",
            Self::Status(429, _) => "too_many_requests",
            Self::Status(410, _) => "gone",
            Self::Status(408 | 425 | 500..=599, _) => "unavailable",
            Self::Status(..) => "refused",
            Self::Unreachable(code) | Self::Refused(code) => code,
            Self::Garbled => "bad_content",
        }
    }

    /// How long it asked us to stay away.
    pub const fn asked(&self) -> Option<Duration> {
        match self {
            Self::Status(_, wait) => *wait,
            Self::Unreachable(_) | Self::Refused(_) | Self::Garbled => None,
        }
    }

    /// What an exchange came to, and the same for people.
    pub fn of(sent: Result<&Response, &Error>) -> (Self, String) {
        match sent {
            Ok(response) => {
                let status = response.status.as_u16();
                (Self::Status(status, response.retry_after), format!("it answered {status}"))
            }
            Err(error) if error.may_pass() => (Self::Unreachable(error.code()), error.to_string()),
            Err(error) => (Self::Refused(error.code()), error.to_string()),
        }
    }

    /// What it means for a provider's part. `fatal` are statuses after which this platform does not ask again.
    pub fn for_fetch(&self, fatal: &[u16]) -> Fetch {
        match self {
            Self::Status(200..=299, _) => Fetch::Done,
            Self::Status(410, _) | Self::Refused(_) => Fetch::Fail,
            Self::Status(status, _) if fatal.contains(status) => Fetch::Fail,
            Self::Status(429 | 503, Some(wait)) => Fetch::Wait((*wait).min(LONGEST_RETRY_AFTER)),
            Self::Status(..) | Self::Unreachable(_) | Self::Garbled => Fetch::Retry,
        }
    }

    /// What it means for a callback.
    pub fn for_delivery(&self) -> Deliver {
        match self {
            Self::Status(200..=299, _) => Deliver::Delivered,
            Self::Status(410, _) => Deliver::Gone,
            Self::Status(_, wait) => Deliver::Retry(wait.map(|wait| wait.min(LONGEST_RETRY_AFTER))),
            Self::Unreachable(_) | Self::Garbled => Deliver::Retry(None),
            Self::Refused(_) => Deliver::Fail,
        }
    }
}

/// A wait, no longer than until the deadline: whoever waits must be back to say that it has passed.
pub fn until_deadline(wait: Duration, now: At, deadline: At) -> Duration {
    wait.min(deadline.since(now))
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINUTE: Duration = Duration::from_mins(1);
    const DAY: Duration = Duration::from_hours(24);
    const HOUR: Duration = Duration::from_hours(1);

    #[test]
    fn the_table_of_answers() {
        use Answer::{Garbled, Refused, Status, Unreachable};

        for (answer, fetch, deliver) in [
            (Status(200, None), Fetch::Done, Deliver::Delivered),
            (Status(204, None), Fetch::Done, Deliver::Delivered),
            // Whoever fetches has followed what may be followed; a callback is never sent elsewhere.
            (Status(302, None), Fetch::Retry, Deliver::Retry(None)),
            (Status(400, None), Fetch::Retry, Deliver::Retry(None)),
            (Status(404, None), Fetch::Retry, Deliver::Retry(None)),
            (Status(408, None), Fetch::Retry, Deliver::Retry(None)),
            (Status(410, None), Fetch::Fail, Deliver::Gone),
            (Status(410, Some(MINUTE)), Fetch::Fail, Deliver::Gone),
            (Status(425, None), Fetch::Retry, Deliver::Retry(None)),
            (Status(429, None), Fetch::Retry, Deliver::Retry(None)),
            (Status(429, Some(MINUTE)), Fetch::Wait(MINUTE), Deliver::Retry(Some(MINUTE))),
            (Status(429, Some(DAY)), Fetch::Wait(HOUR), Deliver::Retry(Some(HOUR))),
            (Status(451, None), Fetch::Fail, Deliver::Retry(None)),
            (Status(500, None), Fetch::Retry, Deliver::Retry(None)),
            (Status(500, Some(MINUTE)), Fetch::Retry, Deliver::Retry(Some(MINUTE))),
            (Status(503, None), Fetch::Retry, Deliver::Retry(None)),
            (Status(503, Some(MINUTE)), Fetch::Wait(MINUTE), Deliver::Retry(Some(MINUTE))),
            (Unreachable("timeout"), Fetch::Retry, Deliver::Retry(None)),
            (Unreachable("dns"), Fetch::Retry, Deliver::Retry(None)),
            (Garbled, Fetch::Retry, Deliver::Retry(None)),
            (Refused("body_too_large"), Fetch::Fail, Deliver::Fail),
            (Refused("private_address"), Fetch::Fail, Deliver::Fail),
        ] {
            assert_eq!((answer.for_fetch(&[451]), answer.for_delivery()), (fetch, deliver), "{answer:?}");
        }
    }

    #[test]
    fn nobody_waits_beyond_the_deadline() {
        assert_eq!(until_deadline(MINUTE, At(1000), At(11_000)), Duration::from_secs(10));
        assert_eq!(until_deadline(MINUTE, At(11_000), At(1000)), Duration::ZERO);
    }
}
