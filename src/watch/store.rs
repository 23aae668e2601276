//! The scripts of this room as typed calls; the sources in `lua/` say what each does.

use std::collections::BTreeSet;

use redis::{Cmd, FromRedisValue};

use crate::{
    broker::{BrokerError, Script},
    job::Shard,
    queue::{Queue, keys},
};

/// Everything that can be asked about queues, sanjers and jobs. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Watch {
    pub(super) queue: Queue,
    /// Pools that are looked at although nobody there names them.
    pub(super) pools: BTreeSet<String>,
}

macro_rules! script {
    ($name:literal) => {
        $crate::broker::script!(behind "../queue/lua/prelude.lua", $name)
    };
}
pub(super) use script;

/// What belongs to the whole collector lies there.
pub(super) const HERE: Shard = Shard(0);

impl Watch {
    /// Watches `queue`, and these pools whether somebody serves them or not.
    pub fn new(queue: Queue, pools: BTreeSet<String>) -> Self {
        Self { queue, pools }
    }

    pub(super) async fn script<T: FromRedisValue>(
        &self,
        script: &Script,
        shard: Shard,
        args: impl Fn(&mut Cmd),
    ) -> Result<T, BrokerError> {
        script.call(&mut self.queue.broker().connection(), &keys::prefix(shard), args).await
    }

    /// What a sanjer says of itself, and what it has counted; false if it was declared dead. A call that is repeated
    /// bears the `number` it had, every other one a new one.
    pub async fn gather(
        &self,
        sanjer: &str,
        number: u64,
        fields: &[(&str, String)],
        counts: &[(String, u64)],
    ) -> Result<bool, BrokerError> {
        self.script(script!("gather"), HERE, |cmd| {
            cmd.arg(sanjer).arg(number).arg(fields.len()).arg(fields).arg(counts);
        })
        .await
    }

    /// Says for `lease_ms` that a supervisor is there, and how many processes of each pool it shall run.
    pub async fn present(&self, supervisor: &str, lease_ms: u64, pools: &str) -> Result<(), BrokerError> {
        self.script(script!("present"), HERE, |cmd| {
            cmd.arg(supervisor).arg(lease_ms).arg(pools);
        })
        .await
    }

    /// Says that a supervisor ends.
    pub async fn leave(&self, supervisor: &str) -> Result<(), BrokerError> {
        self.script(script!("present"), HERE, |cmd| {
            cmd.arg(supervisor).arg(0);
        })
        .await
    }
}
