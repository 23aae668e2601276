//! What every test starts from: a scratch directory, a running collector, a Redis, and waiting for conditions.

mod collector;
#[path = "../../../src/api/contract.rs"]
pub(crate) mod contract;
pub(crate) mod http;
pub(crate) mod network;
pub(crate) mod postgres;
mod providers;
mod receiver;
mod redis;
mod scratch;
mod wait;

pub(crate) use self::{
    collector::{Collector, Finished, devnet, finished},
    http::pid_of,
    postgres::Postgres,
    providers::Scene,
    receiver::Receiver,
    redis::{RedisServer, redis_on_a_socket, redis_server},
    scratch::Scratch,
    wait::{alive, children, eventually, freeze, kill, signal},
};
