//! A list of nodes for DNS (EIP-1459): a tree of TXT records that go by the hash of their text, under a signed root.

use std::{fmt, str::FromStr};

use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD};
use data_encoding::BASE32_NOPAD;
use secp256k1::{Message, PublicKey, SecretKey, ecdsa::RecoverableSignature};
use sha3::{Digest as _, Keccak256};

use crate::discv5::Record;

/// Hashes in one branch: its text has at most 370 bytes, so that an answer fits into a UDP packet of 512.
const CHILDREN: usize = 13;
/// Bytes of a hash that are its name.
const HASH: usize = 16;
/// Bytes of one string of a TXT record; a longer text is several of them.
const STRING: usize = 255;
/// The longest name, less a hash and a dot.
const MAX_DOMAIN: usize = 253 - 27;

/// The name under which a tree stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Domain(String);

/// Not a domain.
#[derive(Debug, thiserror::Error)]
#[error("expected the name of a domain: letters, digits, hyphens and dots, at most {MAX_DOMAIN}")]
pub struct DomainError;

/// Who signs a tree.
#[derive(Clone)]
pub struct Signer(SecretKey);

/// Everything of a tree but its leaves.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tree {
    /// The text of the root.
    pub root: String,
    /// The texts of all branches, the tree of links (of which there are none) included.
    pub branches: Vec<String>,
}

impl FromStr for Domain {
    type Err = DomainError;

    fn from_str(text: &str) -> Result<Self, DomainError> {
        let text = text.strip_suffix('.').unwrap_or(text).to_ascii_lowercase();
        let is_label = |label: &str| {
            (1..=63).contains(&label.len())
                && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
                && !label.starts_with('-')
                && !label.ends_with('-')
        };
        if text.len() <= MAX_DOMAIN && text.split('.').all(is_label) { Ok(Self(text)) } else { Err(DomainError) }
    }
}

impl fmt::Display for Domain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Signer {
    /// The owner of this key; nothing if it is none.
    pub fn new(key: [u8; 32]) -> Option<Self> {
        SecretKey::from_secret_bytes(key).ok().map(Self)
    }

    /// Where clients find the tree: `enrtree://<public key>@<domain>`.
    pub fn link(&self, domain: &Domain) -> String {
        let key = PublicKey::from_secret_key(&self.0).serialize();
        format!("enrtree://{}@{domain}", BASE32_NOPAD.encode(&key))
    }

    /// The signature of a text: 64 bytes and the one that gives the key away, in base64.
    fn sign(&self, text: &str) -> String {
        let message = Message::from_digest(Keccak256::digest(text).into());
        let (recovery, compact) = RecoverableSignature::sign_ecdsa_recoverable(message, &self.0).serialize_compact();
        let mut signature = compact.to_vec();
        signature.push(recovery.to_u8());
        BASE64_URL_SAFE_NO_PAD.encode(signature)
    }
}

impl fmt::Debug for Signer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Signer")
    }
}

impl Tree {
    /// The tree over these records, in this order. The higher `seq`, the newer.
    pub fn of<'a>(records: impl Iterator<Item = &'a Record>, seq: u64, signer: &Signer) -> Self {
        let mut branches = Vec::new();
        let leaves = records.map(|record| name(&record.to_string())).collect();
        let nodes = join(leaves, &mut branches);
        let links = join(Vec::new(), &mut branches);
        // Of no nodes, it is the same entry.
        branches.dedup();
        let content = format!("enrtree-root:v1 e={nodes} l={links} seq={seq}");
        let root = format!("{content} sig={}", signer.sign(&content));
        Self { root, branches }
    }

    /// The lines of a zone: what the tree is, its root and its branches. The leaves come after them.
    pub fn head(&self, domain: &Domain, signer: &Signer) -> String {
        let branches: Vec<String> = self.branches.iter().map(|text| below(text, domain)).collect();
        format!("; {}\n{}{}", signer.link(domain), line(&format!("{domain}."), &self.root), branches.concat())
    }
}

/// The line of a record in a zone.
pub fn record_line(record: &Record, domain: &Domain) -> String {
    below(&record.to_string(), domain)
}

/// Joins names by branches until one is left.
fn join(mut names: Vec<String>, branches: &mut Vec<String>) -> String {
    loop {
        if let [only] = names.as_slice() {
            return only.clone();
        }
        let above = names.chunks(CHILDREN).map(|children| match children {
            [only] => only.clone(),
            _ => branch(children, branches),
        });
        let above: Vec<String> = above.collect();
        if above.is_empty() {
            return branch(&[], branches);
        }
        names = above;
    }
}

fn branch(children: &[String], branches: &mut Vec<String>) -> String {
    let text = format!("enrtree-branch:{}", children.join(","));
    let name = name(&text);
    branches.push(text);
    name
}

/// The name of an entry: the start of its hash.
fn name(text: &str) -> String {
    let hash = Keccak256::digest(text);
    BASE32_NOPAD.encode(hash.get(..HASH).unwrap_or_default())
}

fn below(text: &str, domain: &Domain) -> String {
    line(&format!("{}.{domain}.", name(text)), text)
}

/// A TXT record of a zone file. The texts are letters, digits and marks that need no escape.
fn line(name: &str, text: &str) -> String {
    let strings: Vec<String> =
        text.as_bytes().chunks(STRING).map(|piece| format!("\"{}\"", String::from_utf8_lossy(piece))).collect();
    format!("{name} TXT {}\n", strings.join(" "))
}

#[cfg(test)]
#[path = "enrtree_tests.rs"]
mod tests;
