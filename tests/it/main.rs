//! Black-box tests, one module a promise: the real `collector` binary, a real redis-server, HTTP.
//!
//! Tests wait for conditions, never for time to pass, and share nothing: each has its own directory, port and Redis.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "in tests a panic is the right answer")]

mod bad_input;
mod broker;
mod bulk;
mod cancel;
mod certificate;
mod chaos;
mod checkpoint;
mod cli;
mod client;
mod config;
mod crashes;
mod crawl;
mod crawl_api;
mod crawl_events;
mod datasets;
mod devnet;
mod durability;
mod events;
mod fencing;
mod finding;
mod follow;
mod history;
mod hosts;
mod http_server;
mod job_log;
mod jobs;
mod limits;
mod metrics;
mod network;
mod network_api;
mod outbound;
mod platform_files;
mod quiet;
mod recycling;
mod redis_faults;
mod redis_server;
mod replaced;
mod requests;
mod requests_faults;
mod retention;
mod retry;
mod stops;
mod storage;
mod support;
mod terminal;
mod watching;
