//! Gives back what a dead sanjer held, and leaves its certificate on every job it had; keeps trying while Redis is away.

use std::sync::Arc;

use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use super::certificate::Certificate;
use crate::{
    broker::BrokerError,
    platform::{JobError, Registry},
    queue::{Backoff, Blame, Death, HeldSettings, Queue},
    secret::{Redactor, Sealer},
    watch::{self, Watch},
};

/// What it needs. Cheap to clone.
#[derive(Clone)]
pub(super) struct Undertaker {
    pub(super) queue: Queue,
    pub(super) watch: Watch,
    pub(super) registry: Arc<Registry>,
    pub(super) sealer: Sealer,
}

impl Undertaker {
    /// After a death that somebody has to answer for, or that says something about the jobs.
    pub(super) async fn bury(self, pool: String, mut certificate: Certificate, blame: Blame) {
        let redactor = patiently(|| self.redactor(&certificate.sanjer)).await;
        certificate.stderr = certificate.stderr.iter().map(|line| redactor.redact(line)).collect();
        let error = JobError {
            class: "crash".into(),
            code: "killed_its_process".into(),
            message: format!("its process, which ran nothing else, died too often; last: {}", certificate.cause),
            detail: None,
        };
        let (error, json) = (error.to_json(), certificate.to_json());
        let sanjer = &certificate.sanjer;
        let held = patiently(|| self.queue.held_by(sanjer)).await;
        let death = watch::Death { sanjer, pool: &pool, certificate: &json, held: &held };
        patiently(|| self.remember(&death)).await;
        self.release(Death { sanjer: certificate.sanjer, blame, error, certificate: json }).await;
    }

    /// After an end that is nobody's fault.
    pub(super) async fn hand_back(self, sanjer: String) {
        self.release(Death::of_nobody(sanjer)).await;
    }

    /// Keeps the certificate, unless Redis will not have it: the jobs must not wait for that.
    async fn remember(&self, death: &watch::Death<'_>) -> Result<(), BrokerError> {
        match self.watch.died(death).await {
            Err(error) if !error.is_unavailable() => {
                warn!(%error, sanjer = death.sanjer, "how a sanjer died is not kept");
                Ok(())
            }
            other => other,
        }
    }

    async fn release(&self, death: Death) {
        for shard in self.queue.shards() {
            let jobs = patiently(|| self.queue.release(shard, &death)).await;
            if jobs > 0 {
                info!(sanjer = death.sanjer, jobs, "handed back the jobs of a dead sanjer");
            }
        }
    }

    /// Knows the secrets of everything the dead one held: they may stand in its last lines.
    async fn redactor(&self, sanjer: &str) -> Result<Redactor, BrokerError> {
        let mut secrets = Vec::new();
        for shard in self.queue.shards() {
            secrets
                .extend(self.queue.settings_of_held(shard, sanjer).await?.iter().flat_map(|held| self.secrets(held)));
        }
        Ok(Redactor::new(secrets))
    }

    fn secrets(&self, (job, platform, settings): &HeldSettings) -> Vec<String> {
        let Some(platform) = self.registry.get(platform) else { return Vec::new() };
        platform.open_text(settings, &self.sealer, *job).map(|opened| opened.secrets).unwrap_or_default()
    }
}

/// Tries until Redis answers.
async fn patiently<T, F>(ask: impl Fn() -> F) -> T
where
    F: Future<Output = Result<T, BrokerError>>,
{
    let (never, mut backoff) = (CancellationToken::new(), Backoff::default());
    loop {
        match ask().await {
            Ok(answer) => return answer,
            Err(error) => warn!(error = %error, "cannot hand back; will keep trying"),
        }
        backoff.wait(&never).await;
    }
}
