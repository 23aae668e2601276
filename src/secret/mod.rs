//! Secrets: sealed before a task spec enters Redis, opened only in the sanjer, `••••` everywhere else.
//!
//! In: clear text and the place it belongs to. Out: an envelope `v1.<key id>.<base64url of nonce and ciphertext>`.
//! Invariants: an envelope opens only with its key, in its job, at its place; no error and no log says a secret.

mod key;
mod redact;
#[cfg(test)]
mod tests;

use std::{fmt, path::Path};

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD as BASE64};
use chacha20poly1305::{
    Key, XChaCha20Poly1305, XNonce,
    aead::{Aead as _, Generate as _, KeyInit, Payload},
};
use hmac::{Hmac, Mac as _};
use serde_json::Value;
use sha2::Sha256;

pub use self::{key::load as load_key, redact::Redactor};
use crate::job::JobId;

/// What stands for a secret in every answer and log.
pub const MASK: &str = "••••";

/// The key of the object that stands for a secret in stored settings: `{"$sealed": "v1.…"}`.
pub const SEALED: &str = "$sealed";

const VERSION: &str = "v1";
const NONCE_BYTES: usize = 24;

/// Seals and opens secrets with the host's key.
#[derive(Clone)]
pub struct Sealer {
    cipher: XChaCha20Poly1305,
    hash: Hmac<Sha256>,
    fingerprint: String,
}

/// A secret could not be sealed or opened.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct SealError(String);

impl Sealer {
    /// Reads the key file, or makes it (mode 0600) if it does not exist.
    pub fn load(key_file: &Path) -> Result<Self, SealError> {
        Self::from_key(&key::load(key_file)?)
    }

    /// One key for each use, so that none says anything about another.
    fn from_key(key: &[u8; key::BYTES]) -> Result<Self, SealError> {
        let subkey = |label: &[u8]| Ok::<_, SealError>(mac(key)?.chain_update(label).finalize().into_bytes());
        let fingerprint = hex(&subkey(b"etlas fingerprint")?);
        Ok(Self {
            cipher: XChaCha20Poly1305::new(&Key::from(<[u8; 32]>::from(subkey(b"etlas seal")?))),
            hash: mac(&subkey(b"etlas hash")?)?,
            fingerprint: fingerprint.chars().take(16).collect(),
        })
    }

    /// What tells two keys apart without telling the key; kept in Redis so that hosts with another key refuse to start.
    pub fn fingerprint(&self) -> String {
        self.fingerprint.clone()
    }

    /// Seals `clear` for one place of one job.
    pub fn seal(&self, clear: &str, job: JobId, pointer: &str) -> Result<String, SealError> {
        let nonce = XNonce::generate();
        let payload = Payload { msg: clear.as_bytes(), aad: &place(job, pointer) };
        let ciphertext =
            self.cipher.encrypt(&nonce, payload).map_err(|_| SealError("the secret cannot be sealed".into()))?;
        let body = BASE64.encode([nonce.as_slice(), &ciphertext].concat());
        Ok(format!("{VERSION}.{}.{body}", self.fingerprint))
    }

    /// Opens what `seal` made for the same place of the same job.
    pub fn open(&self, sealed: &str, job: JobId, pointer: &str) -> Result<String, SealError> {
        let failed = |why: &str| SealError(format!("the secret at {pointer} cannot be opened: {why}"));
        let mut parts = sealed.splitn(3, '.');
        let (Some(VERSION), Some(key), Some(body)) = (parts.next(), parts.next(), parts.next()) else {
            return Err(failed("it is not in a form this version knows"));
        };
        if key != self.fingerprint {
            let ours = &self.fingerprint;
            return Err(failed(&format!("it was sealed with key {key}, and this host has key {ours}")));
        }
        let body = BASE64.decode(body).map_err(|_| failed("it is damaged"))?;
        let (nonce, ciphertext) = body.split_first_chunk::<NONCE_BYTES>().ok_or_else(|| failed("it is cut off"))?;
        let payload = Payload { msg: ciphertext, aad: &place(job, pointer) };
        let clear = self
            .cipher
            .decrypt(&XNonce::from(*nonce), payload)
            .map_err(|_| failed("it was changed, or sealed for another job or another setting"))?;
        String::from_utf8(clear).map_err(|_| failed("it is not text"))
    }

    /// A keyed hash (HMAC-SHA256, hex): for request bodies that may hold secrets.
    pub fn keyed_hash(&self, bytes: &[u8]) -> String {
        hex(&self.hash.clone().chain_update(bytes).finalize().into_bytes())
    }
}

impl fmt::Debug for Sealer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sealer").field("fingerprint", &self.fingerprint).finish_non_exhaustive()
    }
}

fn mac(key: &[u8]) -> Result<Hmac<Sha256>, SealError> {
    <Hmac<Sha256> as KeyInit>::new_from_slice(key).map_err(|error| SealError(error.to_string()))
}

/// What an envelope is bound to. A job id has a fixed length, so no two places have the same text.
fn place(job: JobId, pointer: &str) -> Vec<u8> {
    format!("{job}{pointer}").into_bytes()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |text, byte| text + &format!("{byte:02x}"))
}

/// Replaces everything sealed in stored settings by [`MASK`].
pub fn mask(stored: &mut Value) {
    match stored {
        Value::Object(object) if object.contains_key(SEALED) => *stored = Value::String(MASK.into()),
        Value::Object(object) => object.values_mut().for_each(mask),
        Value::Array(items) => items.iter_mut().for_each(mask),
        _ => {}
    }
}
