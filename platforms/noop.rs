//! Does nothing, in as many ways as a test can ask for.
use crate::platform::prelude::*;

pub const PLATFORM: Spec = Spec { ..Spec::DEFAULT };

#[derive(Deserialize, JsonSchema)]
pub struct Settings {
    /// How long it sleeps, in milliseconds.
    #[serde(default)]
    sleep_ms: u64,
}

#[derive(Serialize, JsonSchema)]
pub struct Report {
    slept_ms: u64,
}

pub async fn _run(_job: Context, settings: Settings) -> Result<Report> {
    tokio::time::sleep(std::time::Duration::from_millis(settings.sleep_ms)).await;
    Ok(Report { slept_ms: settings.sleep_ms })
}
