//! Settings of a job that is run again as another one: secrets are bound to their job, so they are sealed anew.

use serde_json::{Value, json};

use super::schema::Place;
use crate::{
    job::JobId,
    platform::Platform,
    secret::{MASK, SEALED, SealError, Sealer},
};

impl Platform {
    /// The stored settings of job `from` as those of job `to`; dates keep their values.
    pub fn rebind(&self, mut stored: Value, sealer: &Sealer, from: JobId, to: JobId) -> Result<Value, SealError> {
        let mut outcome = Ok(());
        self.each(&mut stored, |place, value, pointer| {
            let Some(clear) = opened(place, value, sealer, from, pointer) else { return };
            match clear.and_then(|clear| sealer.seal(&clear, to, pointer)) {
                Ok(envelope) => *value = json!({ SEALED: envelope }),
                Err(error) => outcome = Err(error),
            }
        });
        outcome.map(|()| stored)
    }

    /// Settings that somebody edited as they were shown, made such as can be posted: a mask means the secret that stood
    /// there in the stored settings of job `from`, and a date as it was shown means its value.
    pub fn unmask(&self, edited: &mut Value, stored: &Value, sealer: &Sealer, from: JobId) -> Result<(), SealError> {
        let mut outcome = Ok(());
        self.each(edited, |place, value, pointer| match (place, &*value) {
            (Place::Secret, Value::String(text)) if text == MASK => {
                let stored = stored.pointer(pointer);
                match stored.and_then(|stored| opened(place, stored, sealer, from, pointer)) {
                    Some(Ok(clear)) => *value = Value::String(clear),
                    Some(Err(error)) => outcome = Err(error),
                    // Left as it is: a mask that stands for nothing is refused with the rest.
                    None => {}
                }
            }
            (Place::Date, Value::Object(shown)) => {
                if let Some(Value::String(moment)) = shown.get("value") {
                    *value = Value::String(moment.clone());
                }
            }
            _ => {}
        });
        outcome
    }
}

/// The secret in a stored value, if it is one.
fn opened(
    place: Place,
    stored: &Value,
    sealer: &Sealer,
    job: JobId,
    pointer: &str,
) -> Option<Result<String, SealError>> {
    let envelope = stored.get(SEALED).and_then(Value::as_str).filter(|_| place == Place::Secret)?;
    Some(sealer.open(envelope, job, pointer))
}
