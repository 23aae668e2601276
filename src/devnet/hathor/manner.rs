//! How a node behaves.

use std::str::FromStr;

/// How a node behaves.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Manner {
    /// Like a node of today.
    #[default]
    Fine,
    /// It takes the question and never answers.
    Hung,
    /// It answers 503.
    Failing,
    /// It answers 302 and names another place.
    Redirecting,
    /// What it answers is no JSON.
    Garbage,
    /// What it answers never ends.
    Endless,
    /// Like a node of 2021: no best block, no clock, no protocol.
    Old,
    /// Its peers synchronise by sync-v1.1.
    SyncV1,
    /// Its peers synchronise in a way that nobody knows.
    UnknownProtocol,
    /// 200 round trips of every peer: some 200 kB with 43 peers.
    Large,
    /// Every third peer is none.
    Malformed,
    /// It does not know the peers that it is connected to.
    Forgetful,
    /// It is still initialising, and a hundred blocks behind.
    Behind,
    /// It belongs to another network.
    Elsewhere,
}

/// The text is no manner.
#[derive(Debug, thiserror::Error)]
#[error("expected one of {}", Manner::ALL.map(|(word, _)| word).join(", "))]
pub struct MannerError;

impl Manner {
    /// All of them by their words.
    const ALL: [(&'static str, Self); 14] = [
        ("fine", Self::Fine),
        ("hung", Self::Hung),
        ("failing", Self::Failing),
        ("redirecting", Self::Redirecting),
        ("garbage", Self::Garbage),
        ("endless", Self::Endless),
        ("old", Self::Old),
        ("sync-v1", Self::SyncV1),
        ("unknown-protocol", Self::UnknownProtocol),
        ("large", Self::Large),
        ("malformed", Self::Malformed),
        ("forgetful", Self::Forgetful),
        ("behind", Self::Behind),
        ("elsewhere", Self::Elsewhere),
    ];
}

impl FromStr for Manner {
    type Err = MannerError;

    fn from_str(text: &str) -> Result<Self, MannerError> {
        Self::ALL.into_iter().find(|(word, _)| *word == text).map(|(_, manner)| manner).ok_or(MannerError)
    }
}
