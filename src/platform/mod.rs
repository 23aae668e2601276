//! The contract between a platform's file and everything else.
//!
//! In: a file in `platforms/` with a doc comment, `PLATFORM: Spec`, a settings struct and `_run`.
//! Out: the [`Registry`], through which the API accepts settings and a sanjer runs them.
//! Invariants: nothing but the registry knows a platform; platforms never know each other; settings are checked
//! against the schema derived from their struct, unknown fields included, before anything is stored.

mod context;
mod failure;
mod registry;
mod rooms;
mod settings;
mod spec;

use std::{fmt, time::Duration};

use futures_util::future::BoxFuture;
use serde::{Serialize, de::DeserializeOwned};
use serde_json::Value;

pub use self::{
    context::{Context, Envelope, Event, MAX_MESSAGE, Network, Redis, Report, Run, Tag, Twins},
    failure::{Failure, JobError, Result},
    registry::{Registry, RegistryError},
    rooms::Rooms,
    settings::{Date, Moment, OpenError, Opened, Secret, SettingField, SettingsError},
    spec::{Backoff, FETCH, HEAVY, LIGHT, STANDING, Spec, hours, minutes, seconds},
};

/// Everything a platform's file needs, in one line.
pub mod prelude {
    pub use schemars::JsonSchema;
    pub use serde::{Deserialize, Serialize};
    pub use url::Url;

    // `job.http().send(http::Request::get(url)).await?`
    pub use crate::outbound as http;

    pub use super::{
        Context, Date, FETCH, Failure, HEAVY, LIGHT, Result, STANDING, Secret, Spec, Tag, hours, minutes, seconds,
    };
}

/// One platform as the registry holds it: its file, with the types of `_run` erased.
pub struct Platform {
    /// The file name without `.rs`.
    pub id: &'static str,
    /// The file's doc comment.
    doc: &'static str,
    /// What it says about itself.
    pub spec: Spec,
    schema: Value,
    /// What of its schema leads to dates and secrets.
    places: Value,
    /// Its schema, compiled.
    validator: jsonschema::Validator,
    /// Whether its settings struct takes a value; for what a schema cannot say.
    check: fn(Value) -> std::result::Result<(), SettingsError>,
    run: Entry,
}

/// `_run` from JSON text to JSON text: the many jobs that do nothing but a little shall not pay for a tree in between.
type Entry = Box<dyn Fn(Context, String) -> BoxFuture<'static, Result<String>> + Send + Sync>;

impl Platform {
    /// Erases the types of `run`; its settings' schema and its report are inferred from it.
    pub fn new<S, R, F, Fut>(
        id: &'static str,
        doc: &'static str,
        spec: Spec,
        run: F,
    ) -> std::result::Result<Self, RegistryError>
    where
        S: DeserializeOwned + schemars::JsonSchema + Send + 'static,
        R: Serialize,
        F: Fn(Context, S) -> Fut + Copy + Send + Sync + 'static,
        Fut: Future<Output = Result<R>> + Send + 'static,
    {
        let run: Entry = Box::new(move |job, settings| {
            Box::pin(async move {
                let settings =
                    serde_json::from_str(&settings).map_err(|error| Failure::settings("", error.to_string()))?;
                Ok(serde_json::to_string(&run(job, settings).await?)?)
            })
        });
        let schema = settings::schema_of::<S>();
        let validator = jsonschema::draft202012::options()
            .should_validate_formats(true)
            .build(&schema)
            .map_err(|error| RegistryError::new(id, format!("the schema of its settings: {error}")))?;
        let places = settings::places_of(&schema);
        Ok(Self { id, doc, spec, schema, places, validator, check: settings::check::<S>, run })
    }

    /// The longest that one run with these settings (JSON text) may take.
    pub fn timeout(&self, settings: &str) -> Option<Duration> {
        match self.spec.rounds {
            // Only these depend on their settings; the others need not be read for it.
            Some(_) => self.spec.place(&serde_json::from_str(settings).unwrap_or_default()).1,
            None => self.spec.timeout,
        }
    }

    /// Runs it with opened settings; both they and its report are JSON text.
    pub fn run(&self, job: Context, settings: String) -> BoxFuture<'static, Result<String>> {
        (self.run)(job, settings)
    }

    /// The first line of its doc comment.
    pub fn description(&self) -> &'static str {
        self.doc.lines().next().unwrap_or_default()
    }

    /// The example task spec in its doc comment: the first ```` ```json ```` block.
    pub fn example(&self) -> Option<Value> {
        serde_json::from_str(&self.example_text()?).ok()
    }

    fn example_text(&self) -> Option<String> {
        let lines = self.doc.lines().skip_while(|line| line.trim() != "```json").skip(1);
        let lines: Vec<_> = lines.take_while(|line| line.trim() != "```").collect();
        (!lines.is_empty()).then(|| lines.join("\n"))
    }
}

impl fmt::Debug for Platform {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Platform").field("id", &self.id).field("spec", &self.spec).finish_non_exhaustive()
    }
}
