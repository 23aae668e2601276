//! How Redis is reached.
//!
//! In: `redis.*` of the configuration. Out: a [`Broker`], one connection that mends itself, through which every
//! command and script goes. Invariant: a command succeeds or returns a typed error within `redis.timeout`; nothing
//! here retries a command by itself, because only the caller knows whether that is harmless.

mod connect;
mod scratch;

pub use self::{
    connect::{Broker, BrokerError},
    scratch::Scratch,
};
