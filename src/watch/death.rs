//! How sanjers died, whether they held a job or not.

use serde_json::{Value, json};

use super::{
    Watch,
    sanjers::NAMED,
    store::{HERE, script},
};
use crate::{broker::BrokerError, job::JobId};

/// Deaths that are remembered.
const DEATHS: usize = 100;

/// A death as it becomes known.
#[derive(Debug)]
pub struct Death<'a> {
    /// Who died.
    pub sanjer: &'a str,
    /// Its pool, should it never have said so itself; may be empty.
    pub pool: &'a str,
    /// How, as a JSON object.
    pub certificate: &'a str,
    /// What it held.
    pub held: &'a [JobId],
}

impl Watch {
    /// Keeps a death. Whoever says so first, of several, is believed. Must come before the jobs of the dead are given
    /// back, for then nothing is known of it any more.
    pub async fn died(&self, death: &Death<'_>) -> Result<(), BrokerError> {
        let named: Vec<_> = death.held.iter().take(NAMED).collect();
        let mut certificate: Value = serde_json::from_str(death.certificate).unwrap_or_else(|_| json!({}));
        if let Some(certificate) = certificate.as_object_mut() {
            certificate.insert("jobs".into(), death.held.len().into());
            certificate.insert("job_ids".into(), json!(named));
        }
        let certificate = certificate.to_string();
        self.script(script!("death"), HERE, |cmd| {
            cmd.arg(death.sanjer).arg(death.pool).arg(&certificate).arg(DEATHS);
        })
        .await
    }

    /// The last deaths, the newest first.
    pub async fn deaths(&self) -> Result<Vec<Value>, BrokerError> {
        let texts: Vec<String> = self
            .script(script!("deaths"), HERE, |cmd| {
                cmd.arg(DEATHS);
            })
            .await?;
        Ok(texts.iter().filter_map(|text| serde_json::from_str(text).ok()).collect())
    }
}
