//! Where a page of nodes ended, as an opaque text for the client.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD as BASE64};
use sha2::{Digest as _, Sha256};

use super::super::problem::{Code, Problem};
use crate::discv5::NodeId;

/// Bytes that tell one list from others.
const LIST: usize = 8;

/// Which list a cursor belongs to: its network and its filters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct List([u8; LIST]);

impl List {
    /// The list that these texts describe; nothing for what is not given.
    pub(super) fn of<'a>(texts: impl Iterator<Item = Option<&'a str>>) -> Self {
        let hash = texts.fold(Sha256::new(), |hash, text| {
            // The length keeps neighbouring texts apart, and none from an empty one.
            let length = text.map_or(u64::MAX, |text| text.len() as u64);
            hash.chain_update(length.to_be_bytes()).chain_update(text.unwrap_or_default())
        });
        Self(hash.finalize().first_chunk().copied().unwrap_or_default())
    }

    /// The cursor after a node.
    pub(super) fn after(self, id: NodeId) -> String {
        BASE64.encode([self.0.as_slice(), &id.0].concat())
    }

    /// The node that a cursor of this list stands after.
    pub(super) fn read(self, text: &str) -> Result<NodeId, Problem> {
        let bytes = BASE64.decode(text).unwrap_or_default();
        let Some((list, id)) = bytes.split_first_chunk::<LIST>() else { return Err(foreign()) };
        let id = id.try_into().map(NodeId).map_err(|_| foreign())?;
        if *list != self.0 {
            return Err(Problem::new(Code::BadCursor, "this cursor belongs to a list with other filters"));
        }
        Ok(id)
    }
}

fn foreign() -> Problem {
    Problem::new(Code::BadCursor, "this is no cursor that a list gave")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_survives_the_text_in_its_own_list_alone() {
        let list = List::of([Some("a"), None].into_iter());
        let cursor = list.after(NodeId([7; 32]));
        assert_eq!(list.read(&cursor).ok(), Some(NodeId([7; 32])));
        for other in [[Some("a"), Some("")], [None, Some("a")], [Some("b"), None]] {
            assert!(List::of(other.into_iter()).read(&cursor).is_err(), "{other:?}");
        }
        for text in ["", "%", "AAAA", &cursor[1..], &format!("{cursor}A"), &"A".repeat(5000)] {
            assert!(list.read(text).is_err(), "{text}");
        }
    }
}
