//! Doing something about many jobs: a job of the platform `bulk_action` walks them.
//!
//! In: an action, and a filter or ids. Out: how many there were, with how many it was done, and why not with others.
//! Invariants: what is meant is fixed when the job is made (later jobs are not touched); it is done page by page, each job
//! by the script that does it for one; where it is stands in a checkpoint after each page, and a page done twice does
//! nothing twice; it never touches its own job.

mod action;
mod door;
mod run;

pub use self::{
    action::{Action, Unfit},
    door::Door,
    run::{About, PLATFORM, Report, run},
};
pub use crate::job::{Filter, JobId};
