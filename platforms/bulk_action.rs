//! Cancels, runs again or deletes many jobs: those of a filter, or those of a list.
//!
//! `POST /execution/bulk` makes these jobs, and counts before; jobs that are made later are not touched.
//!
//! ```json
//! {
//!   "platform_id": "bulk_action",
//!   "settings": { "action": "retry", "filter": { "platform": "noop", "error": "asked_to_fail" } }
//! }
//! ```
use crate::{
    bulk::{self, About, Action, Filter, JobId},
    platform::prelude::*,
};

pub const PLATFORM: Spec = Spec { timeout: Some(hours(24)), attempts: 10, ..Spec::DEFAULT };

#[derive(Deserialize, JsonSchema)]
pub struct Settings {
    /// What is to be done.
    action: Action,
    /// Which jobs are meant: all of it must hold, and `{}` means all jobs. Either this or `job_ids`.
    filter: Option<Filter>,
    /// These jobs are meant.
    #[schemars(length(min = 1, max = 1000))]
    job_ids: Option<Vec<String>>,
    /// Of a filter's jobs, only those are meant that were accepted before this one, whose id it is; by itself the job that
    /// does it. If that is run again, it means the same jobs as at first.
    as_of: Option<String>,
}

pub async fn _run(job: Context, settings: Settings) -> Result<bulk::Report> {
    let about = match (settings.filter, settings.job_ids) {
        (Some(filter), None) => About::Filter(Box::new(filter)),
        (None, Some(ids)) => {
            let ids: Result<Vec<JobId>, _> = ids.iter().map(|id| id.parse()).collect();
            About::Jobs(ids.map_err(|_| Failure::settings("/job_ids", "job ids are expected"))?)
        }
        _ => return Err(Failure::settings("", "either filter or job_ids is expected")),
    };
    let than = settings.as_of.map_or(Ok(job.id()), |id| id.parse());
    let than = than.map_err(|_| Failure::settings("/as_of", "a job id is expected"))?;
    bulk::run(&job, settings.action, about, than).await
}
