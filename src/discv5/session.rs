//! The handshake and the seal: pure functions for both roles, the initiator (who answers WHOAREYOU) and the recipient
//! (who sent it).

use aes_gcm::{
    Aes128Gcm,
    aead::{AeadInOut as _, KeyInit as _},
};
use hkdf::Hkdf;
use k256::ecdsa::SigningKey;
use secp256k1::{Message, PublicKey, SecretKey, ecdh, ecdsa};
use sha2::{Digest as _, Sha256};

use super::{
    node_id::NodeId,
    packet::{Challenge, Nonce},
    record::{Record, RecordError},
};

/// Bytes that a seal adds to a message.
pub const SEAL: usize = 16;

/// An AES-128 key of one direction.
pub type Key = [u8; 16];

/// Our own side: the key, and the record that others may see.
#[derive(Clone, Debug)]
pub struct Identity {
    secret: SecretKey,
    /// The same key, for who signs fastest.
    signer: SigningKey,
    record: Record,
}

impl Identity {
    /// With this key and these pairs in the record (each value in RLP); see [`Record::sign`].
    pub fn new(secret: SecretKey, seq: u64, pairs: &[(&[u8], Vec<u8>)]) -> Result<Self, RecordError> {
        Ok(Self { record: Record::sign(&secret, seq, pairs)?, signer: signer(&secret)?, secret })
    }

    /// A fresh key, and a record that says nothing: nobody puts it into a table.
    pub fn anonymous() -> Result<Self, RecordError> {
        Self::new(random_secret(), 1, &[])
    }

    /// Who we are.
    pub fn id(&self) -> NodeId {
        self.record.id()
    }

    /// What we say of ourselves.
    pub fn record(&self) -> &Record {
        &self.record
    }
}

fn signer(secret: &SecretKey) -> Result<SigningKey, RecordError> {
    SigningKey::from_slice(&secret.to_secret_bytes()).map_err(|_| RecordError::Key)
}

/// A fresh secret key.
pub fn random_secret() -> SecretKey {
    loop {
        // Of all 32-byte strings, about one in 2^128 is no key.
        if let Ok(secret) = SecretKey::from_secret_bytes(rand::random()) {
            return secret;
        }
    }
}

/// A key pair for key agreements alone.
#[derive(Clone)]
pub struct Ephemeral {
    secret: SecretKey,
    point: [u8; 33],
}

impl Ephemeral {
    /// The pair of this secret.
    pub fn new(secret: SecretKey) -> Self {
        let point = PublicKey::from_secret_key(&secret).serialize();
        Self { secret, point }
    }
}

impl std::fmt::Debug for Ephemeral {
    /// Keys are not printed.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Ephemeral")
    }
}

/// The keys of a session, as one side sees them.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Keys {
    /// Seals what this side sends.
    pub write: Key,
    /// Opens what the other side sends.
    pub read: Key,
}

impl std::fmt::Debug for Keys {
    /// Keys are not printed.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Keys")
    }
}

/// What the initiator sends in its handshake packet, and the keys of the session that begins with it.
#[derive(Debug)]
pub struct Handshake {
    /// The initiator's keys.
    pub keys: Keys,
    /// Proves who the initiator is.
    pub signature: [u8; 64],
    /// The initiator's part of the key agreement.
    pub ephemeral: [u8; 33],
}

/// A handshake or a message is not what it says it is.
#[derive(Clone, Copy, Debug, thiserror::Error, PartialEq, Eq)]
pub enum SessionError {
    /// The ephemeral key is no point of the curve.
    #[error("the ephemeral key is not valid")]
    Ephemeral,
    /// The id-nonce signature is not the sender's.
    #[error("the handshake is not signed by its sender")]
    Signature,
    /// The record's owner is not the sender.
    #[error("the record is not the sender's")]
    Sender,
    /// The message was not sealed with this key, or was changed since.
    #[error("the message does not open")]
    Sealed,
}

/// The initiator's side: answers `challenge` of the node `to`. The challenge's own random bytes make the keys new, even
/// under an `ephemeral` key that other handshakes use too.
pub fn initiate(me: &Identity, to: &Record, challenge: &Challenge, ephemeral: &Ephemeral) -> Handshake {
    let signature = sign_challenge(&me.signer, challenge, &ephemeral.point, to.id());
    let secret = agree(to.public_key(), &ephemeral.secret);
    let (initiator, recipient) = derive(&secret, me.id(), to.id(), challenge);
    Handshake { keys: Keys { write: initiator, read: recipient }, signature, ephemeral: ephemeral.point }
}

/// The recipient's side: checks the answer that the node `from`, whose record this is, gave to our `challenge`.
pub fn accept(
    me: &Identity,
    from: NodeId,
    record: &Record,
    challenge: &Challenge,
    signature: &[u8; 64],
    ephemeral: &[u8; 33],
) -> Result<Keys, SessionError> {
    if record.id() != from {
        return Err(SessionError::Sender);
    }
    let signature = ecdsa::Signature::from_compact(signature).map_err(|_| SessionError::Signature)?;
    let digest = Message::from_digest(challenge_digest(challenge, ephemeral, me.id()));
    ecdsa::verify(&signature, digest, record.public_key()).map_err(|_| SessionError::Signature)?;
    let point = PublicKey::from_byte_array_compressed(*ephemeral).map_err(|_| SessionError::Ephemeral)?;
    let (initiator, recipient) = derive(&agree(&point, &me.secret), from, me.id(), challenge);
    Ok(Keys { write: recipient, read: initiator })
}

/// Seals a message; `head` is the packet's head in the clear.
pub fn seal(key: &Key, nonce: &Nonce, head: &[u8], message: &[u8]) -> Result<Vec<u8>, SessionError> {
    let mut sealed = Vec::with_capacity(message.len() + SEAL);
    sealed.extend_from_slice(message);
    Aes128Gcm::new(key.into()).encrypt_in_place(nonce.into(), head, &mut sealed).map_err(|_| SessionError::Sealed)?;
    Ok(sealed)
}

/// Opens a message where it stands. Where it does not open, its bytes are as they were.
pub fn open<'a>(key: &Key, nonce: &Nonce, head: &[u8], sealed: &'a mut [u8]) -> Result<&'a [u8], SessionError> {
    let (message, seal) = sealed.split_last_chunk_mut::<SEAL>().ok_or(SessionError::Sealed)?;
    Aes128Gcm::new(key.into())
        .decrypt_inout_detached(nonce.into(), head, message.into(), (&*seal).into())
        .map_err(|_| SessionError::Sealed)?;
    Ok(message)
}

/// The shared point, compressed; not a hash of it.
fn agree(point: &PublicKey, secret: &SecretKey) -> [u8; 33] {
    let shared = ecdh::shared_secret_point(point, secret);
    let (x, y) = shared.split_at(32);
    let mut compressed = [0; 33];
    if let Some((parity, place)) = compressed.split_first_mut() {
        *parity = 2 + (y.last().copied().unwrap_or(0) & 1);
        place.copy_from_slice(x);
    }
    compressed
}

/// The initiator's and the recipient's key.
fn derive(secret: &[u8; 33], initiator: NodeId, recipient: NodeId, challenge: &Challenge) -> (Key, Key) {
    let mut keys = [0; 32];
    let info: [&[u8]; 3] = [b"discovery v5 key agreement", &initiator.0, &recipient.0];
    let derived = Hkdf::<Sha256>::new(Some(challenge), secret).expand_multi_info(&info, &mut keys);
    debug_assert!(derived.is_ok(), "32 bytes are one block of HKDF");
    let (first, second) = keys.split_first_chunk::<16>().unwrap_or((&[0; 16], &[]));
    (*first, second.try_into().unwrap_or_default())
}

fn sign_challenge(signer: &SigningKey, challenge: &Challenge, ephemeral: &[u8; 33], recipient: NodeId) -> [u8; 64] {
    let (signature, _) = signer.sign_prehash_recoverable(&challenge_digest(challenge, ephemeral, recipient));
    signature.to_bytes().into()
}

fn challenge_digest(challenge: &Challenge, ephemeral: &[u8; 33], recipient: NodeId) -> [u8; 32] {
    let hash = Sha256::new()
        .chain_update(b"discovery v5 identity proof")
        .chain_update(challenge)
        .chain_update(ephemeral)
        .chain_update(recipient.0);
    hash.finalize().into()
}

#[cfg(test)]
#[path = "session_tests.rs"]
pub(super) mod tests;
