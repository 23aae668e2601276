//! Tells the client of a request what came of it: one signed callback, tried again by its own schedule.
//!
//! The collector makes these jobs by itself; `POST /request/redeliver` asks for one more.
use crate::{platform::prelude::*, requests};

pub const PLATFORM: Spec = Spec { pool: FETCH, timeout: Some(minutes(2)), ..Spec::DEFAULT };

#[derive(Deserialize, JsonSchema)]
pub struct Settings {
    /// The request.
    request: String,
}

pub async fn _run(job: Context, settings: Settings) -> Result<requests::Told> {
    requests::deliver(&job, &settings.request).await
}
