//! What jobs say while they run: one reader a shard for everybody who follows.
//!
//! In: the event stream of each shard. Out: a [`Follower`] a client, which begins with a snapshot or with what the
//! client missed. Invariants: a follower listens before it looks, so nothing falls between; a slow follower loses
//! its place and gets the state anew, it never makes the others wait; nobody follows, nothing is read.

mod follow;
mod hub;
mod id;

pub(super) use self::hub::Hub;
pub use self::{
    follow::{Follower, Told},
    id::{EventId, EventIdError},
};
