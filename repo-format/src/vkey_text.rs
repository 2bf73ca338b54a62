//! The text form of a verifying key, as descriptors and proofs write it.
//!
//! For: naming a key in a text and comparing it with the keys that signed. Data comes from texts; `note` turns
//! the same text into a key that verifies. Never: verifies a signature, or says that a key is trusted.

use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use crate::error::{FormatError, Result, malformed};
use crate::id::{RepositoryId, Sha256};
use crate::note::{NoteError, VerifyingKey};

const WHAT: &str = "verifying key";
/// Bytes of a vkey's text, at most.
const VKEY_MAX_BYTES: usize = 512;
/// C2SP signed-note: Ed25519.
const ED25519: u8 = 0x01;

/// `<name>+<key id>+<b64(0x01 ‖ 32 bytes)>` (C2SP signed-note), whose key id was recomputed.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct VKey(String);

impl VKey {
    /// Writes an Ed25519 public key under a name.
    pub fn new(name: &str, public_key: &[u8; 32]) -> Result<Self> {
        let mut typed = vec![ED25519];
        typed.extend_from_slice(public_key);
        Self::parse(&format!("{name}+{}+{}", hex::encode(key_id(name, &typed)), STANDARD.encode(&typed)))
    }

    /// Checks and wraps a vkey's text: printable ASCII, Ed25519, a key id that belongs to name and key.
    pub fn parse(text: &str) -> Result<Self> {
        if text.len() > VKEY_MAX_BYTES {
            return Err(FormatError::TooLarge { what: WHAT });
        }
        let wrong = malformed(WHAT, "<name>+<key id>+<base64> expected");
        let (name, typed) = split(text).ok_or(wrong.clone())?;
        let id = text[name.len() + 1..].split('+').next().unwrap_or_default();
        if typed.len() != 33 || typed.first() != Some(&ED25519) {
            return Err(FormatError::Unsupported { what: WHAT, found: "another algorithm".to_owned() });
        }
        if id != hex::encode(key_id(name, &typed)) {
            return Err(FormatError::IdMismatch { what: WHAT });
        }
        Ok(Self(text.to_owned()))
    }

    /// The text form of a key that verifies.
    pub fn of(key: &VerifyingKey) -> Result<Self> {
        Self::parse(&key.to_string())
    }

    /// The key that verifies.
    pub fn verifying_key(&self) -> std::result::Result<VerifyingKey, NoteError> {
        VerifyingKey::parse(&self.0)
    }

    /// The key's name, as on signature lines.
    pub fn name(&self) -> &str {
        self.0.split('+').next().unwrap_or_default()
    }

    /// The Ed25519 public key.
    pub fn public_key(&self) -> [u8; 32] {
        let mut out = [0; 32];
        if let Some((_, typed)) = split(&self.0).filter(|(_, typed)| typed.len() == 33) {
            out.copy_from_slice(&typed[1..]);
        }
        out
    }

    /// The whole text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether the name is `scelle/<repo-id>/<holder>` (FORMAT.md §5.1).
    pub fn is_named(&self, repository: &RepositoryId, holder: &str) -> bool {
        self.name() == key_name(repository, holder)
    }
}

/// `scelle/<repo-id>/<holder>`, where the holder is `owner`, `admin` or a device id.
pub fn key_name(repository: &RepositoryId, holder: &str) -> String {
    format!("scelle/{repository}/{holder}")
}

fn split(text: &str) -> Option<(&str, Vec<u8>)> {
    let (name, rest) = text.split_once('+')?;
    let (_, key) = rest.split_once('+')?;
    let printable = !name.is_empty() && name.bytes().all(|b| b.is_ascii_graphic());
    if !printable {
        return None;
    }
    Some((name, STANDARD.decode(key).ok()?))
}

fn key_id(name: &str, typed: &[u8]) -> [u8; 4] {
    let mut hashed = Vec::with_capacity(name.len() + 1 + typed.len());
    hashed.extend_from_slice(name.as_bytes());
    hashed.push(b'\n');
    hashed.extend_from_slice(typed);
    let hash = Sha256::of(&hashed).0;
    [hash[0], hash[1], hash[2], hash[3]]
}

impl fmt::Display for VKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for VKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::VKey;

    #[test]
    fn the_example_of_the_go_sum_database_is_read() {
        // sum.golang.org, in wide use: an independent check of the key id.
        let text = "sum.golang.org+033de0ae+Ac4zctda0e5eza+HJyk9SxEdh+s3Ux18htTTAD8OuAn8";
        let key = VKey::parse(text).unwrap();
        assert_eq!(key.name(), "sum.golang.org");
        assert_eq!(VKey::new(key.name(), &key.public_key()).unwrap(), key);
        assert!(VKey::parse(&text.replace("033de0ae", "033de0af")).is_err());
    }
}
