//! Black-box tests, one module a promise: the real `collector` binary, a real redis-server, HTTP.
//!
//! Tests wait for conditions, never for time to pass, and share nothing: each has its own directory, port and Redis.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "in tests a panic is the right answer")]

mod bad_input;
mod broker;
mod chaos;
mod cli;
mod config;
mod crashes;
mod crawl;
mod devnet;
mod events;
mod follow;
mod hosts;
mod http_server;
mod jobs;
mod platform_files;
mod redis_server;
mod replaced;
mod stops;
mod support;
mod terminal;
