//! The queue as an apalis backend: an ephemeral one, fed by the [claimer](super::claimer) through a channel.
//!
//! Redis errors, reconnecting and waking stay out of the poll state machine: all of that is the claimer's, on
//! another thread. When the claimer stops, the channel closes, apalis lets the running jobs end, and its worker ends.

use std::{
    convert::Infallible,
    task::{Context, Poll, ready},
    vec,
};

use apalis_core::{
    backend::{Backend, BackendConfig, finalize::Ephemeral},
    task::{Task, task_id::RandomId},
    worker::context::WorkerContext,
};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use tower::layer::util::Identity;

use super::Claimed;

/// A claimed job on its way to be run, and the token that ends when it shall stop.
#[derive(Clone, Debug)]
pub struct Ticket {
    /// The job.
    pub job: Claimed,
    /// Ends when the job shall stop.
    pub cancel: CancellationToken,
    /// Whether it has its process for itself.
    pub alone: bool,
}

/// The reading end of a claimer's channel, which carries whole claims: one wake-up each, not one a job.
#[derive(Debug)]
pub struct ClaimedJobs {
    claims: mpsc::Receiver<Vec<Ticket>>,
    next: vec::IntoIter<Ticket>,
}

impl ClaimedJobs {
    /// A backend that yields what arrives on `claims`.
    pub fn new(claims: mpsc::Receiver<Vec<Ticket>>) -> Self {
        Self { claims, next: Vec::new().into_iter() }
    }
}

impl Backend for ClaimedJobs {
    type Task = Task<Ticket>;
    type Error = Infallible;

    fn poll_ready(&mut self, _: &mut Context<'_>, _: &WorkerContext) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn poll_next(&mut self, cx: &mut Context<'_>, _: &WorkerContext) -> Poll<Option<Result<Self::Task, Infallible>>> {
        loop {
            if let Some(ticket) = self.next.next() {
                return Poll::Ready(Some(Ok(Task::new(ticket))));
            }
            match ready!(self.claims.poll_recv(cx)) {
                Some(claim) => self.next = claim.into_iter(),
                None => return Poll::Ready(None),
            }
        }
    }

    fn poll_close(&mut self, _: &mut Context<'_>, _: &WorkerContext) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }
}

impl BackendConfig for ClaimedJobs {
    type Args = Ticket;
    type Id = RandomId;
    type Kind = Ephemeral;
    type Config = ();
    type Layer = Identity;

    fn config(&self) -> &() {
        &()
    }

    fn middleware(&mut self, _: &mut WorkerContext) -> Identity {
        Identity::new()
    }
}
