//! Flags that say which jobs are meant, as several commands share them.

use serde_json::{Map, Value};

use crate::job::Status;

/// Filters; all of them must hold.
#[derive(Debug, clap::Args)]
pub(super) struct Filters {
    /// Only jobs of this status.
    #[arg(long)]
    status: Option<Status>,
    /// Only jobs of this platform.
    #[arg(long, value_name = "ID")]
    platform: Option<String>,
    /// Only jobs of this pool.
    #[arg(long, value_name = "NAME")]
    pool: Option<String>,
    /// Only jobs with this label.
    #[arg(long)]
    label: Option<String>,
    /// Only jobs to which a client gave this _id.
    #[arg(long, value_name = "_ID")]
    client_id: Option<String>,
    /// Only jobs whose last error has this code.
    #[arg(long, value_name = "CODE")]
    error: Option<String>,
    /// Only jobs created then or later, like 2026-01-31T08:00:00+01:00.
    #[arg(long, value_name = "TIME")]
    created_from: Option<String>,
    /// Only jobs created before then.
    #[arg(long, value_name = "TIME")]
    created_to: Option<String>,
    /// Only jobs that finished then or later.
    #[arg(long, value_name = "TIME")]
    finished_from: Option<String>,
    /// Only jobs that finished before then.
    #[arg(long, value_name = "TIME")]
    finished_to: Option<String>,
}

impl Filters {
    /// As the API has them.
    pub(super) fn pairs(&self) -> Vec<(&'static str, &str)> {
        let filters = [
            ("status", self.status.map(Status::as_str)),
            ("platform", self.platform.as_deref()),
            ("pool", self.pool.as_deref()),
            ("label", self.label.as_deref()),
            ("_id", self.client_id.as_deref()),
            ("error", self.error.as_deref()),
            ("created_from", self.created_from.as_deref()),
            ("created_to", self.created_to.as_deref()),
            ("finished_from", self.finished_from.as_deref()),
            ("finished_to", self.finished_to.as_deref()),
        ];
        filters.into_iter().filter_map(|(name, value)| Some((name, value?))).collect()
    }

    /// The same as an object.
    pub(super) fn json(&self) -> Map<String, Value> {
        self.pairs().into_iter().map(|(name, value)| (name.to_owned(), value.into())).collect()
    }
}
