//! How a job is read: one `HGETALL`; its datasets and log only when asked for.

use serde_json::{Map, Value, json};

use super::{JobId, Jobs, record::Record};
use crate::{broker::BrokerError, platform::Tag, queue::keys};

impl Jobs {
    /// All that is known of a job, as the API shows it; nothing if there is no such job.
    pub async fn get(&self, id: JobId) -> Result<Option<Map<String, Value>>, BrokerError> {
        Ok(self.record(id).await?.job())
    }

    /// The same with its datasets and its log. What is kept of them is bounded when it is written
    /// (`jobs.max_dataset`, `jobs.max_log_lines`).
    pub async fn get_full(&self, id: JobId) -> Result<Option<Map<String, Value>>, BrokerError> {
        let record = self.record(id).await?;
        let Some(mut job) = record.job() else { return Ok(None) };
        let mut beside = redis::pipe();
        for name in ["original", "processed", "log"] {
            beside.lrange(format!("{}:{name}", keys::job(id)), 0, -1);
        }
        let (original, processed, log): (Vec<String>, Vec<String>, Vec<String>) =
            self.queue.broker().pipeline(&beside).await?;
        for (tag, rows) in [(Tag::Original, original), (Tag::Processed, processed)] {
            let Some(total) = record.rows(tag) else { continue };
            let kept = rows.len();
            let dataset = json!({"rows": parsed(rows), "total": total, "kept": kept, "truncated": total > kept as u64});
            job.insert(tag.as_str().into(), dataset);
        }
        let total = record.log_lines();
        job.insert("log_lines".into(), json!({"total": total, "truncated": total > log.len() as u64}));
        job.insert("log".into(), parsed(log));
        Ok(Some(job))
    }

    pub(super) async fn record(&self, id: JobId) -> Result<Record, BrokerError> {
        Ok(Record(self.queue.broker().query(redis::cmd("HGETALL").arg(keys::job(id))).await?))
    }
}

/// Texts that were JSON when they were written.
fn parsed(texts: Vec<String>) -> Value {
    texts.into_iter().filter_map(|text| serde_json::from_str::<Value>(&text).ok()).collect()
}
