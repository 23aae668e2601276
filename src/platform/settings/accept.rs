//! From what was posted to what is stored, and back to what a platform reads.

use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::{
    Date, Moment, SettingsError,
    explain::explain,
    schema::{Place, Walk, child},
};
use crate::{
    job::JobId,
    platform::Platform,
    secret::{MASK, Redactor, SEALED, SealError, Sealer},
};

/// Settings as a platform reads them.
#[derive(Clone)]
pub struct Opened {
    /// As JSON, secrets in clear.
    pub json: String,
    /// Those secrets: what must not appear in anything the job says.
    pub secrets: Vec<String>,
}

/// Stored settings cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// They are damaged.
    #[error("the stored settings are not JSON: {0}")]
    Damaged(#[from] serde_json::Error),
    /// A secret in them cannot be opened.
    #[error(transparent)]
    Sealed(#[from] SealError),
}

impl Platform {
    /// Checks settings and turns them into what is stored: dates resolved, secrets sealed for `job`.
    /// All errors are reported, not the first only.
    pub fn accept(
        &self,
        settings: &Value,
        at: &Moment,
        sealer: &Sealer,
        job: JobId,
    ) -> Result<Value, Vec<SettingsError>> {
        let mut stored = self.resolve(settings, at)?;
        let mut errors = Vec::new();
        self.each(&mut stored, |place, value, pointer| {
            if let (Place::Secret, Value::String(clear)) = (place, &*value) {
                match sealer.seal(clear, job, pointer) {
                    Ok(envelope) => *value = json!({ SEALED: envelope }),
                    Err(error) => errors.push(SettingsError { pointer: pointer.into(), detail: error.to_string() }),
                }
            }
        });
        if errors.is_empty() { Ok(stored) } else { Err(errors) }
    }

    /// Checks settings and resolves their dates; secrets stay as they are.
    pub(in crate::platform) fn resolve(&self, settings: &Value, at: &Moment) -> Result<Value, Vec<SettingsError>> {
        let mut errors = Vec::new();
        for error in self.validator.iter_errors(settings) {
            explain(&self.schema, &error, &mut errors);
        }
        let mut resolved = settings.clone();
        let visit = |place, value: &mut Value, pointer: &str| {
            let Value::String(text) = &*value else { return };
            let read = match place {
                Place::Date => Date::read(text, at).map(|date| *value = json!(date)),
                Place::Secret if text == MASK => {
                    Err(format!("holds the mask {MASK}, which stands for a secret in answers; write the secret itself"))
                }
                Place::Secret => Ok(()),
            };
            if let Err(detail) = read
                && errors.iter().all(|known| known.pointer != pointer)
            {
                errors.push(SettingsError { pointer: pointer.into(), detail });
            }
        };
        Walk { root: &self.places, fill: true, visit }.walk(&self.places, &mut resolved, "");
        if errors.is_empty() {
            // What the schema cannot say, the struct may still refuse.
            (self.check)(resolved.clone()).map_err(|mut error| {
                error.detail = Redactor::new(self.secrets_in(&resolved)).redact(&error.detail);
                vec![error]
            })?;
            Ok(resolved)
        } else {
            Err(errors)
        }
    }

    /// Turns stored settings into what the platform reads, text to text; nothing is done to those without a secret.
    pub fn open_text(&self, stored: &str, sealer: &Sealer, job: JobId) -> Result<Opened, OpenError> {
        if !stored.contains(SEALED) {
            return Ok(Opened { json: stored.to_owned(), secrets: Vec::new() });
        }
        let opened = self.open(serde_json::from_str(stored)?, sealer, job)?;
        Ok(Opened { json: opened.to_string(), secrets: self.secrets_in(&opened) })
    }

    /// Turns stored settings into what the platform reads: secrets opened.
    pub fn open(&self, mut stored: Value, sealer: &Sealer, job: JobId) -> Result<Value, SealError> {
        let mut outcome = Ok(());
        self.each(&mut stored, |place, value, pointer| {
            let envelope = value.get(SEALED).and_then(Value::as_str).filter(|_| place == Place::Secret);
            match envelope.map(|envelope| sealer.open(envelope, job, pointer)) {
                Some(Ok(clear)) => *value = Value::String(clear),
                Some(Err(error)) => outcome = Err(error),
                None => {}
            }
        });
        outcome.map(|()| stored)
    }

    /// The secret values in opened settings: what must not appear in anything the job says.
    pub fn secrets_in(&self, opened: &Value) -> Vec<String> {
        let mut secrets = Vec::new();
        self.each(&mut opened.clone(), |place, value, _| {
            if let (Place::Secret, Value::String(clear)) = (place, &*value) {
                secrets.push(clear.clone());
            }
        });
        secrets
    }

    pub(super) fn each(&self, value: &mut Value, visit: impl FnMut(Place, &mut Value, &str)) {
        Walk { root: &self.places, fill: false, visit }.walk(&self.places, value, "");
    }
}

/// Whether the struct takes these settings; an error names the field.
pub(in crate::platform) fn check<S: DeserializeOwned>(settings: Value) -> Result<(), SettingsError> {
    use serde_path_to_error::Segment;
    let failed = |error: serde_path_to_error::Error<serde_json::Error>| {
        let pointer = error.path().iter().fold(String::new(), |pointer, segment| match segment {
            Segment::Seq { index } => format!("{pointer}/{index}"),
            Segment::Map { key } => child(&pointer, key),
            Segment::Enum { .. } | Segment::Unknown => pointer,
        });
        SettingsError { pointer, detail: error.inner().to_string() }
    };
    serde_path_to_error::deserialize::<_, S>(settings).map(drop).map_err(failed)
}
