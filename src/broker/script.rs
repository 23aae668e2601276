//! Lua scripts, sent by their SHA.

use redis::{Cmd, FromRedisValue};

use super::{BrokerError, Connection};

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
        let command = |verb: &str, script: &str| {
            let mut command = redis::cmd(verb);
            command.arg(script).arg(1).arg(key);
            args(&mut command);
            command
        };
        match command("EVALSHA", &self.sha).query_async(connection).await.map_err(BrokerError::from) {
            Err(error) if error.is_no_script() => Ok(command("EVAL", self.source).query_async(connection).await?),
            other => other,
        }
    }
}
