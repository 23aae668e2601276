//! `collector list`: the jobs there are.

use serde_json::Value;

use super::{CliError, client::Api, filter::Filters, print, render};

/// List jobs, find jobs.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  collector list --status failed
  collector list --platform enr_crawl --limit 100 --json
  collector list --label nightly --error timeout --finished-from 2026-01-31T00:00:00Z --total")]
pub(super) struct Args {
    #[command(flatten)]
    filters: Filters,
    /// How many.
    #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..=200))]
    limit: u32,
    /// Go on where the last page ended.
    #[arg(long)]
    cursor: Option<String>,
    /// Say how many there are on all pages.
    #[arg(long)]
    total: bool,
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
    query.extend(args.filters.pairs());
    query.extend(args.total.then_some(("total", "true")));
    query.extend(args.cursor.as_deref().map(|cursor| ("cursor", cursor)));
    let page = args.api.client()?.get("execution/list", &query).await?;
    if args.json {
        return print(&render::json(&page));
    }
    let none = Vec::new();
    let jobs = page.get("jobs").and_then(Value::as_array).unwrap_or(&none);
    let columns = ["job_id", "platform_id", "status", "progress", "message", "created_at"];
    let mut text = render::rows(jobs, &columns);
    if let Some(count) = page.pointer("/total/count") {
        let least = if page.pointer("/total/exact") == Some(&Value::Bool(true)) { "" } else { "at least " };
        text = format!("{text}in all: {least}{count}\n");
    }
    if let Some(cursor) = page.get("cursor").and_then(Value::as_str) {
        text = format!("{text}more: --cursor {cursor}\n");
    }
    print(&text)
}
