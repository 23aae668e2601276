//! Lua scripts, sent by their SHA.

use redis::{Cmd, FromRedisValue, ToRedisArgs};

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

    /// Runs it. A Redis that does not know it yet (it is new, or it restarted) is sent the source, once.
    pub async fn call<T: FromRedisValue>(
        &self,
        connection: &mut Connection,
        keys: &[&str],
        args: impl ToRedisArgs,
    ) -> Result<T, BrokerError> {
        match self.command(keys, &args).query_async(connection).await.map_err(BrokerError::from) {
            Err(error) if error.is_no_script() => {
                Ok(filled("EVAL", self.source, keys, &args).query_async(connection).await?)
            }
            other => other,
        }
    }

    /// The `EVALSHA` for a pipeline. One that fails with [`BrokerError::is_no_script`] has not run it: [`Script::load`]
    /// it and send the pipeline's rest again.
    pub fn command(&self, keys: &[&str], args: impl ToRedisArgs) -> Cmd {
        filled("EVALSHA", &self.sha, keys, args)
    }

    /// Makes Redis know it, so that pipelines need not send the source.
    pub async fn load(&self, connection: &mut Connection) -> Result<(), BrokerError> {
        Ok(redis::cmd("SCRIPT").arg("LOAD").arg(self.source).exec_async(connection).await?)
    }
}

fn filled(verb: &str, script: &str, keys: &[&str], args: impl ToRedisArgs) -> Cmd {
    let mut cmd = redis::cmd(verb);
    cmd.arg(script).arg(keys.len()).arg(keys).arg(args);
    cmd
}
