//! Where a page of a list ended, as an opaque text for the client.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD as BASE64};
use serde::{Deserialize, Serialize};

use super::{JobId, plan::Walk};

/// The place of a job in a list.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Position {
    /// What orders the list before the id does; 0 in lists by id.
    pub(super) score: f64,
    /// The job.
    pub(super) id: JobId,
}

/// What the text holds.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Cursor {
    /// How the list is walked: all pages of it the same way.
    pub(super) walk: Walk,
    /// The last job that was looked at.
    pub(super) after: Position,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Text {
    list: String,
    walk: Walk,
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

/// Writes a place of the list that `list` names.
pub(super) fn encode(list: &str, cursor: Cursor) -> Result<String, serde_json::Error> {
    let text = Text { list: list.to_owned(), walk: cursor.walk, after: cursor.after };
    Ok(BASE64.encode(serde_json::to_vec(&text)?))
}

/// Reads what `encode` wrote for the same list.
pub(super) fn decode(list: &str, text: &str) -> Result<Cursor, CursorError> {
    let json = BASE64.decode(text).map_err(|_| CursorError::Foreign)?;
    let text: Text = serde_json::from_slice(&json).map_err(|_| CursorError::Foreign)?;
    if !text.after.score.is_finite() {
        return Err(CursorError::Foreign);
    }
    if text.list != list {
        return Err(CursorError::OtherList);
    }
    Ok(Cursor { walk: text.walk, after: text.after })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::job::{Shard, plan::By};

    #[test]
    fn a_cursor_survives_the_text() {
        let after = Position { score: 1_763_679_600_000.0, id: JobId::new(Shard(3)) };
        let cursor = Cursor { walk: Walk { by: By::Created, placed: true }, after };
        let text = encode("0123456789abcdef", cursor).unwrap();
        assert_eq!(decode("0123456789abcdef", &text), Ok(cursor));
        assert!(text.len() <= 400 && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte)));
        assert_eq!(decode("another", &text), Err(CursorError::OtherList));
    }

    #[test]
    fn anything_else_is_refused() {
        let wrong_type = BASE64.encode(r#"{"list":"a","walk":{"by":"index","placed":false},"after":7}"#);
        let more = BASE64.encode(
            r#"{"list":"a","walk":{"by":"index","placed":false},"after":{"score":0,"id":"0193f5a0-1c2d-7e4f-8a00-0123456789ab"},"x":1}"#,
        );
        for text in ["", "x", "%%%", "e30", "bnVsbA", &wrong_type, &more] {
            assert_eq!(decode("a", text), Err(CursorError::Foreign), "{text}");
        }
    }
}
