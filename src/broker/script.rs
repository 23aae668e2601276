//! Lua scripts, sent by their SHA.

use std::time::Duration;

use redis::{Cmd, FromRedisValue};

use super::{BrokerError, Connection};

/// The script of these files of the caller's `lua/`, behind `lua/prelude.lua` or the prelude that is named; made once.
macro_rules! script {
    ($($part:literal),+) => {
        $crate::broker::script!(behind "lua/prelude.lua", $($part),+)
    };
    (behind $prelude:literal, $($part:literal),+) => {{
        static SCRIPT: std::sync::LazyLock<$crate::broker::Script> = std::sync::LazyLock::new(|| {
            $crate::broker::Script::new(concat!(
                include_str!($prelude),
                $(include_str!(concat!("lua/", $part, ".lua"))),+
            ))
        });
        &*SCRIPT
    }};
}
pub(crate) use script;

/// One Lua script: `KEYS` first, `ARGV` after them.
#[derive(Debug)]
pub struct Script {
    source: &'static str,
    sha: String,
}

impl Script {
    /// A script from its source.
    pub fn new(source: &'static str) -> Self {
        Self { source, sha: redis::Script::new(source).get_hash().to_owned() }
    }

    /// Runs it on one key; `args` appends the `ARGV`, straight into the command: a batch is large. A Redis that does not
    /// know the script yet (it is new, or it restarted) is sent the source, once.
    pub async fn call<T: FromRedisValue>(
        &self,
        connection: &mut Connection,
        key: &str,
        args: impl Fn(&mut Cmd),
    ) -> Result<T, BrokerError> {
        let known = self.command(Verb::Known, key, &args);
        match known.query_async(connection).await.map_err(BrokerError::from) {
            Err(error) if error.is_no_script() => {
                Ok(self.command(Verb::Whole, key, &args).query_async(connection).await?)
            }
            other => other,
        }
    }

    /// The same; then it waits until replicas have what was written. If too few of them do in time, that is an error,
    /// although it is written here.
    pub async fn call_replicated<T: FromRedisValue>(
        &self,
        connection: &mut Connection,
        key: &str,
        args: impl Fn(&mut Cmd),
        replicas: &Replicas,
    ) -> Result<T, BrokerError> {
        // In one piece: on another connection, after a failover, WAIT would know nothing of what it shall wait for.
        let both = |verb| {
            let mut both = redis::pipe();
            both.add_command(self.command(verb, key, &args));
            both.cmd("WAIT").arg(replicas.number).arg(u64::try_from(replicas.patience.as_millis()).unwrap_or(u64::MAX));
            both
        };
        let known = both(Verb::Known).query_async(connection).await.map_err(BrokerError::from);
        let (answer, reached): (T, u32) = match known {
            Err(error) if error.is_no_script() => both(Verb::Whole).query_async(connection).await?,
            other => other?,
        };
        if reached < replicas.number {
            let reason = format!("{reached} of {} replicas have it in time", replicas.number);
            return Err(BrokerError::Unavailable { reason, source: None });
        }
        Ok(answer)
    }

    fn command(&self, verb: Verb, key: &str, args: &impl Fn(&mut Cmd)) -> Cmd {
        let mut command = Cmd::new();
        match verb {
            Verb::Known => command.arg("EVALSHA").arg(&self.sha),
            Verb::Whole => command.arg("EVAL").arg(self.source),
        };
        command.arg(1).arg(key);
        args(&mut command);
        command
    }
}

/// How a script is named.
#[derive(Clone, Copy)]
enum Verb {
    /// By its SHA.
    Known,
    /// By its source.
    Whole,
}

/// How many replicas must have a write, and how long it may take.
#[derive(Clone, Copy, Debug)]
pub struct Replicas {
    /// How many.
    pub number: u32,
    /// How long.
    pub patience: Duration,
}
