//! What a job is: its id, the task spec it came from, its status, its record in Redis, its events, and how it is
//! accepted and read.
//!
//! In: a task spec. Out: records, lists, events. Invariant: this room decides what a job *is*; how it waits and who
//! may write about it is `queue`'s.

mod id;
mod spec;
mod status;

pub use self::{
    id::{JobId, JobIdError, Shard},
    spec::{Options, TaskSpec},
    status::{Status, StatusError},
};
