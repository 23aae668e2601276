//! `collector crawl`: what is known of crawled networks.

use std::io::{self, Write as _};

use serde_json::Value;

use super::{
    CliError,
    client::{Api, whole},
    print, render,
};

/// Read what was crawled: nodes, statistics, files.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  collector crawl networks
  collector crawl nodes --fork eth2/b5303f2a --freshness-min 3 --limit 100
  collector crawl node a448f24c6d18e575453db13171562b71999873db5b286df957af199ec94617f7 --json
  collector crawl export nodes.json > nodes.json
  collector crawl export enrtree --domain nodes.example.org > nodes.zone")]
pub(super) struct Args {
    #[command(subcommand)]
    what: What,
    /// Which network; the one whose crawl began last, if none is named.
    #[arg(long, global = true, value_name = "NAME")]
    network: Option<String>,
    /// Print JSON instead of text for people.
    #[arg(long, global = true)]
    json: bool,
    #[command(flatten)]
    api: Api,
}

#[derive(Debug, clap::Subcommand)]
enum What {
    /// List the networks in the store.
    Networks,
    /// List nodes by id.
    Nodes {
        /// Which: live, candidate or gone.
        #[arg(long)]
        state: Option<String>,
        #[command(flatten)]
        filter: Filter,
        /// How many.
        #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..=500))]
        limit: u32,
        /// Go on where the last page ended.
        #[arg(long)]
        cursor: Option<String>,
    },
    /// Show a node: its record key by key, its neighbours, its past.
    Node {
        /// Its id.
        id: String,
    },
    /// Add a network up.
    Stats,
    /// Print the live set as a file.
    Export {
        /// nodes.json, csv, jsonl, graphml or enrtree.
        format: String,
        /// The name under which an enrtree will stand.
        #[arg(long)]
        domain: Option<String>,
        #[command(flatten)]
        filter: Filter,
    },
}

/// Only nodes that fit all of these.
#[derive(Debug, clap::Args)]
struct Filter {
    /// On this fork: eth2/b5303f2a, or the digest alone.
    #[arg(long)]
    fork: Option<String>,
    /// Of this client.
    #[arg(long)]
    client: Option<String>,
    /// With an address in this subnet.
    #[arg(long, value_name = "CIDR")]
    subnet: Option<String>,
    /// At least so fresh.
    #[arg(long, value_name = "N")]
    freshness_min: Option<u32>,
    /// That answered since this time, or within this long (PT1H).
    #[arg(long, value_name = "TIME")]
    seen_since: Option<String>,
}

/// Parameters of a request.
type Query = Vec<(&'static str, String)>;

/// Asks, and prints the answer.
pub(super) async fn run(args: Args) -> Result<(), CliError> {
    let client = args.api.client()?;
    let mut query: Query = args.network.map(|name| ("network", name)).into_iter().collect();
    let path = match args.what {
        What::Networks => "crawl/networks",
        What::Nodes { state, filter, limit, cursor } => {
            query.push(("limit", limit.to_string()));
            query.extend(state.map(|state| ("state", state)));
            query.extend(cursor.map(|cursor| ("cursor", cursor)));
            query.extend(filter.parameters());
            "crawl/nodes"
        }
        What::Node { id } => {
            query.push(("id", id));
            "crawl/node"
        }
        What::Stats => "crawl/stats",
        What::Export { format, domain, filter } => {
            query.push(("format", format));
            query.extend(domain.map(|domain| ("domain", domain)));
            query.extend(filter.parameters());
            return pour(client.open("crawl/export", &borrowed(&query)).await?).await;
        }
    };
    let answer = client.get(path, &borrowed(&query)).await?;
    print(&if args.json { render::json(&answer) } else { shown(path, &answer) })
}

fn borrowed(query: &Query) -> Vec<(&str, &str)> {
    query.iter().map(|(name, value)| (*name, value.as_str())).collect()
}

fn shown(path: &str, answer: &Value) -> String {
    let list = |name: &str, columns: &[&str]| {
        let items = answer.get(name).and_then(Value::as_array);
        render::rows(items.map(Vec::as_slice).unwrap_or_default(), columns)
    };
    match path {
        "crawl/networks" => list("networks", &["name", "epoch", "nodes", "candidates", "members", "began_at"]),
        "crawl/nodes" => {
            let table = list("nodes", &["node_id", "ip", "udp", "client", "fork", "freshness", "rtt_ms", "last_seen"]);
            let cursor = answer.get("cursor").and_then(Value::as_str);
            table + &cursor.map(|cursor| format!("more: --cursor {cursor}\n")).unwrap_or_default()
        }
        _ => render::job(answer),
    }
}

/// Prints a file as it comes. A reader that has read enough (`| head`) is no error.
async fn pour(mut response: reqwest::Response) -> Result<(), CliError> {
    let lost = |error: reqwest::Error| CliError::Unreachable(format!("the file broke off: {}", whole(&error)));
    while let Some(chunk) = response.chunk().await.map_err(lost)? {
        let mut stdout = io::stdout().lock();
        match stdout.write_all(&chunk).and_then(|()| stdout.flush()) {
            Ok(()) => {}
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => return Ok(()),
            Err(error) => return Err(CliError::Start(format!("cannot write the file: {error}"))),
        }
    }
    Ok(())
}

impl Filter {
    fn parameters(self) -> impl Iterator<Item = (&'static str, String)> {
        let Self { fork, client, subnet, freshness_min, seen_since } = self;
        let all = [
            ("fork", fork),
            ("client", client),
            ("subnet", subnet),
            ("freshness_min", freshness_min.map(|least| least.to_string())),
            ("seen_since", seen_since),
        ];
        all.into_iter().filter_map(|(name, value)| Some((name, value?)))
    }
}
