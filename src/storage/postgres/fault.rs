//! What an error of PostgreSQL means for a job: try again, change the settings, or give up.

use super::place;
use crate::storage::StorageError;

pub(super) const SCHEMA: &str = "/storage/settings/schema";

pub(super) fn failed(error: sqlx::Error) -> StorageError {
    match &error {
        sqlx::Error::Database(said) => {
            let code = said.code().unwrap_or_default();
            let message = || said.message().to_owned();
            match meaning(&code) {
                Meaning::Settings(pointer) => StorageError::settings(pointer, message()),
                Meaning::Passing => StorageError::Unavailable(error),
                Meaning::Final => StorageError::Refused(error),
            }
        }
        sqlx::Error::Tls(why) => StorageError::settings(place::POINTER, format!("TLS: {why}")),
        // A certificate that does not hold comes as an error of input and output.
        sqlx::Error::Io(why) if matches!(why.get_ref(), Some(inner) if inner.is::<rustls::Error>()) => {
            StorageError::settings(place::POINTER, format!("TLS: {why}"))
        }
        sqlx::Error::Io(_) | sqlx::Error::Protocol(_) | sqlx::Error::BeginFailed | sqlx::Error::WorkerCrashed => {
            StorageError::Unavailable(error)
        }
        _ => StorageError::Refused(error),
    }
}

#[derive(Debug, PartialEq)]
enum Meaning {
    Settings(&'static str),
    Passing,
    Final,
}

/// By SQLSTATE, whose first two characters are its class (PostgreSQL's documentation, appendix A).
fn meaning(code: &str) -> Meaning {
    match code {
        // No such schema.
        "3F000" => Meaning::Settings(SCHEMA),
        // No such database; privileges lacking.
        "3D000" | "42501" => Meaning::Settings(place::POINTER),
        // Read-only (a standby, or a failover under way); a lock not had in time; cancelled; a session ended by a
        // limit; shut down, crashed, not up yet.
        "25006" | "25P03" | "25P04" | "55P03" | "57014" | "57P01" | "57P02" | "57P03" | "57P05" => Meaning::Passing,
        _ => match code.get(..2) {
            // Refused at the door: no such user, a wrong password.
            Some("28") => Meaning::Settings(place::POINTER),
            // Connections, rollbacks (deadlocks), resources, the system outside.
            Some("08" | "40" | "53" | "58") => Meaning::Passing,
            _ => Meaning::Final,
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_code_has_its_meaning() {
        let url = Meaning::Settings(place::POINTER);
        let table = [
            ("28P01", &url),
            ("28000", &url),
            ("3D000", &url),
            ("42501", &url),
            ("3F000", &Meaning::Settings(SCHEMA)),
            ("08006", &Meaning::Passing),
            ("40P01", &Meaning::Passing),
            ("53300", &Meaning::Passing),
            ("53100", &Meaning::Passing),
            ("57P03", &Meaning::Passing),
            ("55P03", &Meaning::Passing),
            ("23502", &Meaning::Final),
            ("42P01", &Meaning::Final),
            ("", &Meaning::Final),
            ("é", &Meaning::Final),
        ];
        for (code, wanted) in table {
            assert_eq!(&meaning(code), wanted, "{code}");
        }
    }
}
