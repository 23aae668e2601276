//! Where a page of a list ended, as an opaque text for the client.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD as BASE64};
use serde::{Deserialize, Serialize};

use super::{Filter, JobId, Status};

/// The place of a job in a list.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Position {
    /// What orders the list before the id does; 0 in lists by id.
    pub(super) score: f64,
    /// The job.
    pub(super) id: JobId,
}

/// What the text holds: the place, and the filters that it is a place of.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Cursor {
    status: Option<Status>,
    platform: Option<String>,
    after: Position,
}

/// The text is not a cursor that was given out for this list.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum CursorError {
    /// It was never given out.
    #[error("this is no cursor that a list gave")]
    Foreign,
    /// It belongs to a list with other filters.
    #[error("this cursor belongs to a list with other filters")]
    OtherList,
}

/// Writes a place of a list.
pub(super) fn encode(filter: &Filter, after: Position) -> Result<String, serde_json::Error> {
    let cursor = Cursor { status: filter.status, platform: filter.platform.clone(), after };
    Ok(BASE64.encode(serde_json::to_vec(&cursor)?))
}

/// Reads what `encode` wrote for the same filters.
pub(super) fn decode(filter: &Filter, text: &str) -> Result<Position, CursorError> {
    let json = BASE64.decode(text).map_err(|_| CursorError::Foreign)?;
    let cursor: Cursor = serde_json::from_slice(&json).map_err(|_| CursorError::Foreign)?;
    if !cursor.after.score.is_finite() {
        return Err(CursorError::Foreign);
    }
    if (cursor.status, &cursor.platform) != (filter.status, &filter.platform) {
        return Err(CursorError::OtherList);
    }
    Ok(cursor.after)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::job::Shard;

    #[test]
    fn a_cursor_survives_the_text() {
        let filter = Filter { status: Some(Status::Queued), platform: Some("noop".into()) };
        let after = Position { score: 1_763_679_600_000.0, id: JobId::new(Shard(3)) };
        let text = encode(&filter, after).unwrap();
        assert_eq!(decode(&filter, &text), Ok(after));
        assert!(text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte)));
        assert_eq!(decode(&Filter::default(), &text), Err(CursorError::OtherList));
    }

    #[test]
    fn anything_else_is_refused() {
        let wrong_type = BASE64.encode(r#"{"status":null,"platform":null,"after":7}"#);
        let more = BASE64.encode(
            r#"{"status":null,"platform":null,"after":{"score":0,"id":"0193f5a0-1c2d-7e4f-8a00-0123456789ab"},"x":1}"#,
        );
        for text in ["", "x", "%%%", "e30", "bnVsbA", &wrong_type, &more] {
            assert_eq!(decode(&Filter::default(), text), Err(CursorError::Foreign), "{text}");
        }
    }
}
