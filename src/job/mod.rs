//! What a job is: its id, the task spec it came from, its status, its record in Redis, its events, and how it is
//! accepted and read.
//!
//! In: a task spec. Out: records, lists, events. Invariants: this room decides what a job *is*; how it waits and who
//! may write about it is `queue`'s. Nothing is stored of a task spec that is wrong anywhere. Every read is bounded.

mod cursor;
mod event;
mod follow;
mod hub;
mod id;
mod jobs;
mod list;
mod read;
mod record;
mod sources;
mod spec;
mod status;
mod submit;

pub use self::{
    cursor::CursorError,
    event::{EventId, EventIdError},
    follow::{FollowError, Told},
    id::{JobId, JobIdError, Shard},
    jobs::Jobs,
    list::{Filter, ListError, Page},
    read::ReadError,
    record::{Beside, Job, RecordError, Rows},
    spec::{Fault, Options, TaskSpec},
    status::{Status, StatusError},
    submit::{Accepted, Refusal},
};
