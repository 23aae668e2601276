//! One request, many providers, every answer, one signed callback.
//!
//! In: a post that names providers and who is to be told. Out: a record that answers from the first moment, and one
//! callback when the request is decided.
//!
//! ```text
//! POST /request → record with all jobs → a job per provider on the queue → provider
//!                    ↑______ one conditional update each ______|
//!                    └→ the update that decides it → callback job → receiver
//! sweep: jobs that the queue has lost, deadlines, callbacks that nobody queued
//! ```
//!
//! Invariants: the record is the source of truth and the queue can be lost whole; all jobs stand in the record before any
//! is queued; the record names the job that may write about a task, so a lost one that comes back writes nothing; exactly
//! one update decides a request; what has ended never changes; the callback bears one id for ever.

mod accept;
mod callback;
mod content;
mod desk;
mod door;
mod fetch;
mod id;
mod join;
mod outcome;
mod receivers;
mod record;
mod show;
mod signature;
mod status;
mod store;
mod sweep;

pub use self::{
    accept::{Post, Refused},
    callback::{Told, deliver},
    content::{Content, ContentError},
    desk::{Accepted, Requests, RequestsError, Update},
    door::Door,
    fetch::{Fetched, fetch, fetch_once},
    id::{RequestId, RequestIdError},
    join::{Join, Mode, Tally, Verdict},
    outcome::{Answer, Deliver, Fetch},
    receivers::secrets_for,
    record::{About, At, Callback, Delivery, Fault, Order, Provider, ProviderJob, Record, RequestStatus},
    show::{Listed, Page, Shown},
    signature::{Delivery as SignedDelivery, Secret, SecretError, Secrets, SignatureError, TOLERANCE_S},
    status::{JobStatus, JobStatusError},
    store::{Advanced, Place, RedisStore, RequestStore, StoreError},
    sweep::sweep,
};
