//! The store once more, as tables of a database of the user's own.
//!
//! In: what a member has written to the store, in that order. Out: `crawl_nodes`, `crawl_neighbours`, `crawl_records` and
//! `crawl_epochs`. A member that takes a part writes all of it anew, and so does one whose database could not keep up: the
//! tables may be behind for a while, and are right again by themselves.

mod tables;

use std::{collections::BTreeSet, time::Duration};

use tokio::{sync::mpsc, task::JoinHandle};
use tracing::{info, warn};

use self::tables::{EPOCHS, NEIGHBOURS, NODES, RECORDS, Rows};
use super::{
    node::Node,
    store::{Batch, Store},
};
use crate::{
    broker::BrokerError,
    platform::{Failure, Network, Result},
    storage::{Change, Settings, Storage, StorageError},
};

/// Writes of the store that may wait for the database.
const WAITING: usize = 256;
/// Changes in one write of a part that is written anew.
const PIECE: usize = 5_000;
/// Epochs whose counts may wait for the database.
const EPOCHS_WAITING: usize = 1_000;
/// How long to wait before a write is tried again.
const AGAIN: Duration = Duration::from_secs(1);
/// How long the last writes may take at the end of a crawl.
const LAST: Duration = Duration::from_mins(5);

/// What is to be mirrored.
enum Order {
    /// This was written.
    Written(Batch),
    /// All of this part.
    Part(u8),
    /// The counts of this epoch.
    Epoch(u64),
}

/// The mirror, as a member sees it.
pub(super) struct Mirror {
    orders: mpsc::Sender<Order>,
    task: JoinHandle<Result<()>>,
    /// Parts that have to be written anew.
    behind: BTreeSet<u8>,
    /// Epochs whose counts have to be written.
    epochs: BTreeSet<u64>,
}

impl Mirror {
    /// Opens the database.
    pub(super) async fn open(settings: &Settings, network: String, store: Store, reach: Network) -> Result<Self> {
        let storage = Storage::open(settings, &[&NODES, &NEIGHBOURS, &RECORDS, &EPOCHS], reach).await?;
        let (orders, received) = mpsc::channel(WAITING);
        let writer = Writer { storage, store, rows: Rows { network }, is_away: false };
        Ok(Self { orders, task: tokio::spawn(writer.run(received)), behind: BTreeSet::new(), epochs: BTreeSet::new() })
    }

    /// A part was taken: whatever the tables say of it may be old.
    pub(super) fn took(&mut self, part: u8) {
        self.behind.insert(part);
    }

    /// The store has this now.
    pub(super) fn wrote(&mut self, batch: &Batch) {
        // What is behind is read whole later.
        if !self.behind.contains(&batch.part) && self.orders.try_send(Order::Written(batch.clone())).is_err() {
            self.behind.insert(batch.part);
        }
    }

    /// An epoch is over.
    pub(super) fn closed(&mut self, epoch: u64) {
        self.epochs.insert(epoch);
        if self.epochs.len() > EPOCHS_WAITING
            && let Some(epoch) = self.epochs.pop_first()
        {
            warn!(epoch, "the counts of an epoch are not mirrored: the storage cannot keep up");
        }
    }

    /// Catches up where it is behind, as far as there is room. An error is final.
    pub(super) async fn catch_up(&mut self) -> Result<()> {
        if self.task.is_finished() {
            return self.ended().await;
        }
        while let Some(part) = self.behind.first().copied() {
            if self.orders.try_send(Order::Part(part)).is_err() {
                break;
            }
            self.behind.remove(&part);
        }
        while let Some(epoch) = self.epochs.first().copied() {
            if self.orders.try_send(Order::Epoch(epoch)).is_err() {
                break;
            }
            self.epochs.remove(&epoch);
        }
        Ok(())
    }

    /// Writes the rest, and ends.
    pub(super) async fn finish(mut self) -> Result<()> {
        let late = || Failure::transient("storage_slow", "the storage did not take the last rows in time");
        let rest = async {
            let parts = std::mem::take(&mut self.behind).into_iter().map(Order::Part);
            let epochs = std::mem::take(&mut self.epochs).into_iter().map(Order::Epoch);
            for order in parts.chain(epochs) {
                if self.orders.send(order).await.is_err() {
                    break;
                }
            }
            drop(self.orders);
            (&mut self.task).await
        };
        tokio::time::timeout(LAST, rest).await.map_err(|_| late())?.map_err(|error| broken(&error))?
    }

    async fn ended(&mut self) -> Result<()> {
        (&mut self.task).await.map_err(|error| broken(&error))?
    }
}

fn broken(error: &tokio::task::JoinError) -> Failure {
    Failure::fatal("storage_task", error.to_string())
}

struct Writer {
    storage: Storage,
    store: Store,
    rows: Rows,
    /// Whether the last write failed.
    is_away: bool,
}

impl Writer {
    async fn run(mut self, mut orders: mpsc::Receiver<Order>) -> Result<()> {
        while let Some(order) = orders.recv().await {
            match order {
                Order::Written(batch) => {
                    let changes: Vec<Change> =
                        batch.changes.iter().flat_map(|change| self.rows.of(batch.part, change)).collect();
                    self.write(&changes).await?;
                }
                Order::Part(part) => while !self.part(part).await? {},
                Order::Epoch(epoch) => while !self.epoch(epoch).await? {},
            }
        }
        self.storage.close().await;
        Ok(())
    }

    /// Writes a part anew; false if the store could not be read.
    async fn part(&mut self, part: u8) -> Result<bool> {
        match self.read(part).await {
            Ok(changes) => {
                for piece in changes.chunks(PIECE) {
                    self.write(piece).await?;
                }
                Ok(true)
            }
            Err(error) => {
                warn!(part, %error, "a part of the crawl's store cannot be read for the storage; will keep trying");
                tokio::time::sleep(AGAIN).await;
                Ok(false)
            }
        }
    }

    /// Writes the counts of an epoch; false if the store could not be read.
    async fn epoch(&mut self, epoch: u64) -> Result<bool> {
        match self.store.epochs(std::iter::once(epoch)).await {
            Ok(counts) => {
                let changes: Vec<Change> = counts.iter().map(|counts| self.rows.epoch(counts)).collect();
                self.write(&changes).await?;
                Ok(true)
            }
            Err(error) => {
                warn!(epoch, %error, "the counts of an epoch cannot be read for the storage; will keep trying");
                tokio::time::sleep(AGAIN).await;
                Ok(false)
            }
        }
    }

    async fn read(&self, part: u8) -> std::result::Result<Vec<Change>, BrokerError> {
        let mut changes = vec![self.rows.clear(&NODES, part), self.rows.clear(&NEIGHBOURS, part)];
        let nodes: Vec<(_, Node)> = self.store.entries("nodes", part).await?;
        changes.extend(nodes.iter().map(|(id, node)| self.rows.node(part, *id, node)));
        for (id, neighbours) in self.store.neighbours(part).await? {
            changes.extend(self.rows.edges(part, id, &neighbours));
        }
        for (id, lines) in self.store.histories(part).await? {
            changes.extend(lines.lines().filter_map(|line| self.rows.record(id, line)));
        }
        Ok(changes)
    }

    /// Writes until it is written, unless it never can be.
    async fn write(&mut self, changes: &[Change]) -> Result<()> {
        loop {
            match self.storage.write(changes).await {
                Ok(()) => {
                    if std::mem::take(&mut self.is_away) {
                        info!("the storage is back");
                    }
                    return Ok(());
                }
                Err(error @ (StorageError::Unavailable(_) | StorageError::Slow(_))) => {
                    if !std::mem::replace(&mut self.is_away, true) {
                        warn!(%error, "the storage is away; will keep trying");
                    }
                    tokio::time::sleep(AGAIN).await;
                }
                Err(error) => return Err(error.into()),
            }
        }
    }
}
