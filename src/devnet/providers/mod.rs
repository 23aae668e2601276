//! Providers of data that answer, and fail, by a script: HTTP servers on loopback, one port each.
//!
//! In: how many, and their scripts; a request may bring one of its own (`?script=500,429:1,ok`). Out: answers, and what was
//! asked. A script is walked by everybody who asks with the same parameters, a step a question, and its last step stays.
//!
//! Invariants: nothing here listens anywhere but on this machine; what is remembered of who asked is bounded.

mod memory;
mod script;
mod server;

pub use self::{
    script::{Script, ScriptError, Step},
    server::{Provider, Providers},
};
