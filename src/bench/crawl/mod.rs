//! The crawl under load: how much of a network it finds, and what that costs.
//!
//! In: which scenes. Out: a row of figures a scene, and the bars that they are held to. Every scene has a synthetic
//! network of its own in a child process, a scratch redis-server, and the crawler in this process, so that the
//! processor time of this process is the crawler's, bookkeeping and writes to Redis included.

mod churn;
mod crate_loop;
mod figures;
mod killed;
mod network;
mod own;
mod scene;
mod truth;

pub use self::{
    figures::{Bar, Figures, Rule},
    scene::{Scene, crowd, measure},
};
