//! The client against peers that do as they should and peers that do not.

mod answers;
mod limiter;
mod real;
mod responder;
mod sessions;
