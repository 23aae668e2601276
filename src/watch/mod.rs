//! How the queues, the sanjers and the jobs are, and were.
//!
//! In: times that sanjers measure (a [`Tally`], written every second), and what stands in Redis, counts above all. Out: what is
//! now ([`Now`]), what was ([`History`]), what is wrong ([`troubles`]), why a job waits ([`explain`]), and orders to single
//! sanjers ([`Ask`]).
//! Invariants: nothing here costs more with more jobs; what is kept in Redis is bounded; a step of the history has one
//! writer; a gap shows as one, never as a peak.
//!
//! Keys, all of shard 0, in which the totals of all shards come together; `src/queue/keys.rs` has those of the queue:
//!
//! | key after `{etlas:0}:` | type | holds |
//! |---|---|---|
//! | `totals` | hash | times that sanjers measured: `pickup:<pool>:<bucket>`, `pickup_ms:<pool>`, and the same of `duration` |
//! | `supervisors` | hash | name → JSON `{until, pools: {name: processes}}` of those who said so within a lease |
//! | `certificates` | hash | sanjer → how it died, JSON; of the last 100 |
//! | `deaths` | zset | those sanjers by when they died |
//! | `history` | hash | `head`: the last step that somebody took upon himself; `last`: the totals as of then, JSON |
//! | `history:<span>` | hash | a ring: step modulo its length → what was taken down, JSON |

mod death;
mod depths;
mod explain;
mod histogram;
mod history;
mod log;
mod now;
mod recorder;
mod sanjers;
mod store;
mod tally;
#[cfg(test)]
mod tests;
mod totals;
mod troubles;

pub use self::{
    death::Death,
    explain::{Explanation, Reason, Situation, explain},
    histogram::{BOUNDS_MS, Histogram, Percentiles},
    history::{History, HistorySpan, Lately, Series, Share, SpanError},
    log::LogPage,
    now::{Now, PoolNow},
    recorder::record,
    sanjers::{Ask, SanjerNow, State, Unknown},
    store::Watch,
    tally::Tally,
    totals::{ENDS, PoolTotals, Totals},
    troubles::{TROUBLES, Trouble, troubles},
};
