//! What a command can fail with: the variant says whether waiting helps.

use redis::{RedisError, ServerError, ServerErrorKind};

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

/// Codes of answers that say: not now. `ASK` and `MOVED` are here for a shard that is on its way to another server.
const NOT_NOW: [&str; 14] = [
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
    "ASK",
    "MOVED",
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
            Some(answers) => answers.iter().any(|(_, answer)| NOT_NOW.contains(&code(answer))),
            None => error.is_io_error() || error.is_unrecoverable_error(),
        };
        if not_now { Self::unreachable(error) } else { Self::Refused(error) }
    }
}

/// The code of an answer. Redis before 7.0 answers for a script with `ERR`, and says what its command answered at the
/// end: `ERR Error running script (call to f_…): @user_script:1: @user_script: 1: -OOM command not allowed …`.
pub(super) fn code(answer: &ServerError) -> &str {
    let code = answer.code();
    let below = || {
        let (_, said) = answer.details().filter(|said| said.starts_with("Error running script"))?.rsplit_once(": -")?;
        said.split(' ').next()
    };
    if code == "ERR" { below().unwrap_or(code) } else { code }
}

#[cfg(test)]
mod tests {
    use redis::{ErrorKind, make_extension_error};

    use super::*;

    #[test]
    fn the_kind_of_error_decides() {
        let io = RedisError::from(std::io::Error::from(std::io::ErrorKind::TimedOut));
        let parse = RedisError::from((ErrorKind::Parse, "not RESP"));
        let answer = RedisError::from((ErrorKind::UnexpectedReturnType, "not a number"));
        assert!(BrokerError::from(io).is_unavailable());
        assert!(BrokerError::from(parse).is_unavailable());
        assert!(!BrokerError::from(answer).is_unavailable());
        let running = "Error running script (call to f_6b1): @user_script:1: @user_script: 1: ";
        for (code, detail, unavailable) in [
            ("READONLY", "You can't write against a read only replica. script: 6b1, on @user_script:1.".into(), true),
            ("ASK", "866 127.0.0.1:7001".into(), true),
            ("NOREPLICAS", "Not enough good replicas to write.".into(), true),
            ("CROSSSLOT", "Keys in request don't hash to the same slot".into(), false),
            ("ERR", "syntax error".into(), false),
            ("ERR", format!("{running}-READONLY You can't write against a read only replica."), true),
            ("ERR", format!("{running}-OOM command not allowed when used memory > 'maxmemory'."), true),
            ("ERR", format!("{running}attempt to index a nil value"), false),
        ] {
            let error = BrokerError::from(make_extension_error(code.to_owned(), Some(detail)));
            assert_eq!(error.is_unavailable(), unavailable, "{error}");
        }
    }
}
