//! Standard Webhooks, symmetric: HMAC-SHA256 over `{id}.{timestamp}.{body}`, exactly the bytes that are sent.

use std::{fmt, str::FromStr};

use base64::{Engine as _, engine::general_purpose::STANDARD as BASE64};
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;

/// What the text of a secret begins with.
const PREFIX: &str = "whsec_";
/// Bytes of a secret.
const BYTES: std::ops::RangeInclusive<usize> = 24..=64;
/// How far the time of a delivery may be from the receiver's, in seconds.
pub const TOLERANCE_S: u64 = 300;
/// Secrets of one endpoint: more than two are no rotation.
const MAX_SECRETS: usize = 4;

/// A secret shared with one receiver: `whsec_` and 24 to 64 bytes in base64. Never shown.
#[derive(Clone)]
pub struct Secret {
    bytes: Vec<u8>,
    mac: Hmac<Sha256>,
}

/// The secrets of one endpoint, the one in force first; while one is replaced both sign.
#[derive(Clone, Debug)]
pub struct Secrets(Vec<Secret>);

/// Not a secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("expected 1 to {MAX_SECRETS} secrets parted by spaces, each {PREFIX} and 24 to 64 bytes in base64")]
pub struct SecretError;

/// Why a delivery is not believed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SignatureError {
    /// One of the three headers is missing or is not what the standard says.
    #[error("the headers webhook-id, webhook-timestamp and webhook-signature are expected")]
    Headers,
    /// Its time is too far from now: an old delivery sent once more by somebody else, or a wrong clock.
    #[error("its time is more than {TOLERANCE_S} s from now")]
    Time,
    /// No signature fits.
    #[error("no signature fits")]
    Mismatch,
}

impl Secret {
    /// One from its bytes, if there are enough of them and not too many.
    pub fn new(bytes: Vec<u8>) -> Result<Self, SecretError> {
        let mac = Hmac::new_from_slice(&bytes).map_err(|_| SecretError)?;
        if BYTES.contains(&bytes.len()) { Ok(Self { bytes, mac }) } else { Err(SecretError) }
    }

    /// As its receiver is told it.
    pub fn reveal(&self) -> String {
        format!("{PREFIX}{}", BASE64.encode(&self.bytes))
    }

    fn mac(&self, id: &str, timestamp: u64, body: &[u8]) -> Hmac<Sha256> {
        let mac = self.mac.clone();
        mac.chain_update(id).chain_update(".").chain_update(timestamp.to_string()).chain_update(".").chain_update(body)
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret")
    }
}

impl FromStr for Secret {
    type Err = SecretError;

    fn from_str(text: &str) -> Result<Self, SecretError> {
        let bytes = text.strip_prefix(PREFIX).and_then(|text| BASE64.decode(text).ok());
        Self::new(bytes.ok_or(SecretError)?)
    }
}

impl FromStr for Secrets {
    type Err = SecretError;

    fn from_str(text: &str) -> Result<Self, SecretError> {
        let secrets = text.split_whitespace().map(str::parse).collect::<Result<Vec<Secret>, _>>()?;
        if (1..=MAX_SECRETS).contains(&secrets.len()) { Ok(Self(secrets)) } else { Err(SecretError) }
    }
}

impl From<Secret> for Secrets {
    fn from(secret: Secret) -> Self {
        Self(vec![secret])
    }
}

impl Secrets {
    /// As their receiver is told them.
    pub fn reveal(&self) -> String {
        self.0.iter().map(Secret::reveal).collect::<Vec<_>>().join(" ")
    }

    /// The header `webhook-signature` of a delivery: one signature a secret, parted by spaces. `timestamp` is the time of
    /// this attempt in seconds since 1970.
    pub fn sign(&self, id: &str, timestamp: u64, body: &[u8]) -> String {
        let sign =
            |secret: &Secret| format!("v1,{}", BASE64.encode(secret.mac(id, timestamp, body).finalize().into_bytes()));
        self.0.iter().map(sign).collect::<Vec<_>>().join(" ")
    }

    /// Whether one of the signatures in a header is by one of these secrets. How long this takes says nothing of where
    /// they differ.
    pub fn verify(&self, delivery: &Delivery<'_>, now: u64) -> Result<(), SignatureError> {
        let Delivery { id, timestamp, signature, body } = *delivery;
        let timestamp: u64 = timestamp.parse().map_err(|_| SignatureError::Headers)?;
        if id.is_empty() || id.contains('.') {
            return Err(SignatureError::Headers);
        }
        if timestamp.abs_diff(now) > TOLERANCE_S {
            return Err(SignatureError::Time);
        }
        let given = signature.split(' ').take(16).filter_map(|one| BASE64.decode(one.strip_prefix("v1,")?).ok());
        for given in given {
            for secret in &self.0 {
                if secret.mac(id, timestamp, body).verify_slice(&given).is_ok() {
                    return Ok(());
                }
            }
        }
        Err(SignatureError::Mismatch)
    }
}

/// A delivery as it came in: its three headers and its body.
#[derive(Clone, Copy, Debug)]
pub struct Delivery<'a> {
    /// `webhook-id`
    pub id: &'a str,
    /// `webhook-timestamp`
    pub timestamp: &'a str,
    /// `webhook-signature`
    pub signature: &'a str,
    /// The very bytes that came in.
    pub body: &'a [u8],
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example of the specification's reference libraries.
    const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
    const ID: &str = "msg_p5jXN8AQM9LWM0D4loKWxJek";
    const TIME: u64 = 1_614_265_330;
    const BODY: &[u8] = br#"{"test": 2432232314}"#;
    const SIGNATURE: &str = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=";

    fn secrets(text: &str) -> Secrets {
        text.parse().unwrap()
    }

    fn other() -> String {
        Secret::new(vec![7; 32]).unwrap().reveal()
    }

    #[test]
    fn the_reference_example_is_signed_to_the_byte() {
        assert_eq!(secrets(SECRET).sign(ID, TIME, BODY), SIGNATURE);
    }

    #[test]
    fn while_a_secret_is_replaced_both_fit() {
        let both = secrets(&format!("{} {SECRET}", other()));
        let signature = both.sign(ID, TIME, BODY);
        assert_eq!(signature.split(' ').count(), 2);
        let timestamp = TIME.to_string();
        let delivery = Delivery { id: ID, timestamp: &timestamp, signature: &signature, body: BODY };
        for text in [SECRET, &other()] {
            assert_eq!(secrets(text).verify(&delivery, TIME), Ok(()));
        }
        // A receiver that has both believes a sender that has one.
        let old = Delivery { signature: SIGNATURE, ..delivery };
        assert_eq!(both.verify(&old, TIME), Ok(()));
    }

    #[test]
    fn anything_else_is_not_believed() {
        let timestamp = TIME.to_string();
        let good = Delivery { id: ID, timestamp: &timestamp, signature: SIGNATURE, body: BODY };
        let ours = secrets(SECRET);
        assert_eq!(ours.verify(&good, TIME), Ok(()));
        assert_eq!(ours.verify(&good, TIME + TOLERANCE_S), Ok(()));
        let longer = format!("{SIGNATURE} v1,AAAA v1a,{}", SIGNATURE.trim_start_matches("v1,"));
        assert_eq!(ours.verify(&Delivery { signature: &longer, ..good }, TIME), Ok(()));
        for (delivery, now, error) in [
            (good, TIME + TOLERANCE_S + 1, SignatureError::Time),
            (good, TIME - TOLERANCE_S - 1, SignatureError::Time),
            (Delivery { body: b"{\"test\": 2432232315}", ..good }, TIME, SignatureError::Mismatch),
            (Delivery { body: b"", ..good }, TIME, SignatureError::Mismatch),
            (Delivery { id: "msg_other", ..good }, TIME, SignatureError::Mismatch),
            (Delivery { timestamp: "1614265331", ..good }, TIME, SignatureError::Mismatch),
            (Delivery { timestamp: "soon", ..good }, TIME, SignatureError::Headers),
            (Delivery { timestamp: "-1", ..good }, TIME, SignatureError::Headers),
            (Delivery { id: "", ..good }, TIME, SignatureError::Headers),
            (Delivery { id: "a.b", ..good }, TIME, SignatureError::Headers),
            (Delivery { signature: "", ..good }, TIME, SignatureError::Mismatch),
            (Delivery { signature: "v1,", ..good }, TIME, SignatureError::Mismatch),
            (Delivery { signature: &SIGNATURE[3..], ..good }, TIME, SignatureError::Mismatch),
            (Delivery { signature: &SIGNATURE.replace("v1,", "v2,"), ..good }, TIME, SignatureError::Mismatch),
            (Delivery { signature: &SIGNATURE.replace("v1,", "v1a,"), ..good }, TIME, SignatureError::Mismatch),
        ] {
            assert_eq!(ours.verify(&delivery, now), Err(error), "{delivery:?} at {now}");
        }
        assert_eq!(secrets(&other()).verify(&good, TIME), Err(SignatureError::Mismatch));
    }

    #[test]
    fn a_secret_is_long_enough_and_never_shown() {
        let of = |bytes: usize| format!("whsec_{}", BASE64.encode(vec![1_u8; bytes]));
        for bytes in [24, 32, 64] {
            assert_eq!(of(bytes).parse::<Secret>().unwrap().reveal(), of(bytes));
        }
        for bad in [&of(0), &of(23), &of(65), "whsec_", "whsec_%%%", "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", ""] {
            assert!(bad.parse::<Secret>().is_err(), "{bad}");
            assert!(bad.parse::<Secrets>().is_err(), "{bad}");
        }
        assert!([SECRET; 5].join(" ").parse::<Secrets>().is_err());
        assert_eq!(format!("{:?}", secrets(SECRET)), "Secrets([Secret])");
    }
}
