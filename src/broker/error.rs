//! What a command can fail with: the variant says whether waiting helps.

use redis::{RedisError, ServerErrorKind};

/// A command got no answer, or not the one it was for.
#[derive(Clone, Debug, thiserror::Error)]
pub enum BrokerError {
    /// Redis cannot be reached or cannot serve now: refused, lost, timed out, loading, not authorised, full. The
    /// command may have been carried out all the same.
    #[error("redis is unavailable: {reason}")]
    Unavailable {
        /// What was seen.
        reason: String,
        /// The error below, where there is one.
        #[source]
        source: Option<RedisError>,
    },
    /// Redis understood and refused, or answered something else than was expected: a mistake of ours.
    #[error("redis refused: {0}")]
    Refused(#[source] RedisError),
}

/// Codes of answers that say: not now.
const NOT_NOW: [&str; 12] = [
    "LOADING",
    "BUSY",
    "MISCONF",
    "OOM",
    "NOAUTH",
    "WRONGPASS",
    "NOPERM",
    "MASTERDOWN",
    "CLUSTERDOWN",
    "READONLY",
    "NOREPLICAS",
    "TRYAGAIN",
];

impl BrokerError {
    /// Whether the same command may work later.
    pub fn is_unavailable(&self) -> bool {
        matches!(self, Self::Unavailable { .. })
    }

    /// Whether Redis does not know a script by its SHA.
    pub(super) fn is_no_script(&self) -> bool {
        matches!(self, Self::Refused(error) if error.kind() == ServerErrorKind::NoScript.into())
    }

    /// Redis could not even be asked.
    pub(super) fn unreachable(error: RedisError) -> Self {
        Self::Unavailable { reason: error.to_string(), source: Some(error) }
    }
}

impl From<RedisError> for BrokerError {
    fn from(error: RedisError) -> Self {
        let not_now = match error.clone().into_server_errors() {
            Some(answers) => answers.iter().any(|(_, answer)| NOT_NOW.contains(&answer.code())),
            None => error.is_io_error() || error.is_unrecoverable_error(),
        };
        if not_now { Self::unreachable(error) } else { Self::Refused(error) }
    }
}

#[cfg(test)]
mod tests {
    use redis::ErrorKind;

    use super::*;

    #[test]
    fn the_kind_of_error_decides() {
        let io = RedisError::from(std::io::Error::from(std::io::ErrorKind::TimedOut));
        let parse = RedisError::from((ErrorKind::Parse, "not RESP"));
        let answer = RedisError::from((ErrorKind::UnexpectedReturnType, "not a number"));
        assert!(BrokerError::from(io).is_unavailable());
        assert!(BrokerError::from(parse).is_unavailable());
        assert!(!BrokerError::from(answer).is_unavailable());
    }
}
