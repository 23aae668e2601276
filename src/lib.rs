//! The map of the house, one line a room. Data flows one way through it:
//!
//! ```text
//! HTTP → api → job (validate, seal, record) → queue (Redis) → sanjer → platform
//!                ↑________ progress, logs, datasets, result, status ______|
//! ```

// HTTP: one file a resource of `openapi.yaml`; never runs a job.
pub mod api;
// What the README claims, re-measurable: `collector bench`.
pub mod bench;
// How Redis is reached: connecting, checking, and the private redis-server of `collector up`.
pub mod broker;
// Doing something about many jobs at once; serves `bulk_action`.
pub mod bulk;
// A rehearsal: the collector under load while its processes are killed: `collector chaos`.
pub mod chaos;
// One file a command of the `collector` binary.
pub mod cli;
// The asynchronous client, for who integrates the collector: `collector client`.
pub mod client;
// Configuration: defaults, file, environment and flags in one typed struct.
pub mod config;
// Ethereum's discv5 network: asking nodes, collecting them; serves `enr_crawl`.
pub mod crawl;
// A field of a table that a spreadsheet shows and does not run.
pub mod csv;
// Local networks to crawl: real nodes, or very many synthetic ones.
pub mod devnet;
// A client of the discv5.1 wire protocol that asks and is not a node.
pub mod discv5;
// What a job is: id, task spec, status, record, events, and how it is accepted and read.
pub mod job;
// What full nodes say of themselves and their peers, merged into one Network; serves `node_status`.
pub mod network;
// The one client of every outgoing HTTP call: what it may reach, and how much it reads.
pub mod outbound;
// The contract between a platform's file and everything else, and the registry of all of them.
pub mod platform;
// How jobs wait, are handed out and reported on: keys, scripts, the apalis backend, leases.
pub mod queue;
// One request, many providers, one signed callback: the record, the join, the sweep; serves `provider_fetch`.
pub mod requests;
// Who runs jobs: the supervisor, its processes, and one run of one job.
pub mod sanjer;
// Secrets: sealing, opening, masking, and keyed hashes.
pub mod secret;
// Where a task spec asks its rows to go: one file a type of storage.
pub mod storage;
// How the queues, the sanjers and the jobs are, and were: counts, history, troubles, reasons.
pub mod watch;
