//! How the queues, the sanjers and the jobs are, and were: one file a resource.

mod dataset;
mod explain;
mod hash;
mod history;
mod log;
mod metrics;
mod sanjers;
mod stats;
mod system;
mod table;

pub(super) use self::{
    dataset::dataset,
    explain::explain,
    hash::hash,
    history::history,
    log::log,
    metrics::metrics,
    sanjers::{quiet, recycle, resume, sanjers},
    stats::stats,
    system::system,
};

/// Milliseconds since 1970 as the API writes times.
fn time(ms: u64) -> String {
    let at = jiff::Timestamp::from_millisecond(i64::try_from(ms).unwrap_or(0)).unwrap_or_default();
    format!("{at:.3}")
}
