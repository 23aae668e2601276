//! `collector list`: the jobs there are.

use serde_json::Value;

use super::{CliError, client::Api, print, render};
use crate::job::Status;

/// List jobs, the newest first.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  collector list --status failed
  collector list --platform enr_crawl --limit 100 --json")]
pub(super) struct Args {
    /// Only jobs of this status.
    #[arg(long)]
    status: Option<Status>,
    /// Only jobs of this platform.
    #[arg(long, value_name = "ID")]
    platform: Option<String>,
    /// How many.
    #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..=200))]
    limit: u32,
    /// Go on where the last page ended.
    #[arg(long)]
    cursor: Option<String>,
    /// Print JSON instead of text for people.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    api: Api,
}

/// Lists.
pub(super) async fn run(args: Args) -> Result<(), CliError> {
    let limit = args.limit.to_string();
    let mut query = vec![("limit", limit.as_str())];
    query.extend(args.status.map(|status| ("status", status.as_str())));
    query.extend(args.platform.as_deref().map(|platform| ("platform", platform)));
    query.extend(args.cursor.as_deref().map(|cursor| ("cursor", cursor)));
    let page = args.api.client()?.get("execution/list", &query).await?;
    if args.json {
        return print(&render::json(&page));
    }
    let none = Vec::new();
    let jobs = page.get("jobs").and_then(Value::as_array).unwrap_or(&none);
    let columns = ["job_id", "platform_id", "status", "progress", "message", "created_at"];
    let mut text = render::rows(jobs, &columns);
    if let Some(cursor) = page.get("cursor").and_then(Value::as_str) {
        text = format!("{text}more: --cursor {cursor}\n");
    }
    print(&text)
}
