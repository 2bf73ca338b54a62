//! Signed notes (C2SP `signed-note.md`): text a person can read, followed by Ed25519 signatures.
//!
//! For: the descriptor, every ledger entry, the public half of the kit. Data comes as text or as stored bytes
//! (hostile until proven) and leaves as the other. Never: decides whom to trust; the caller brings the keys.
//!
//! Key names: `scelle/<repo-id>/owner`, `scelle/<repo-id>/admin`, `scelle/<repo-id>/<device>`. Signature
//! lines of unknown keys or algorithms are kept and ignored, so that another algorithm can join later.

use std::fmt;

use aws_lc_rs::digest;
use aws_lc_rs::signature::{ED25519, Ed25519KeyPair, KeyPair, UnparsedPublicKey};
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use zeroize::Zeroizing;

use crate::random::Random;

/// Longest text that is signed or parsed.
pub const MAX_TEXT_BYTES: usize = 1024 * 1024;
/// Most signature lines that are written or parsed.
pub const MAX_SIGNATURES: usize = 16;
/// Longest signature line accepted: room for a later post-quantum signature (ML-DSA-44 is 2420 bytes).
const MAX_SIGNATURE_LINE_BYTES: usize = 8 * 1024;
const MAX_NAME_BYTES: usize = 256;
const SIGNATURE_START: &str = "\u{2014} ";
/// signed-note.md, "Signature types".
const ALGORITHM_ED25519: u8 = 0x01;

/// What can be wrong with a note or a key.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NoteError {
    /// The text is empty, does not end with a newline, is not UTF-8 or holds control characters.
    #[error("the text of the note is malformed")]
    Text,
    /// The note has no signature block, or one that is not in the format.
    #[error("the signatures of the note are malformed")]
    Signatures,
    /// Text longer than [`MAX_TEXT_BYTES`], or more than [`MAX_SIGNATURES`] signatures.
    #[error("the note is too large")]
    TooLarge,
    /// A key name is empty, too long, or holds a space, a plus sign or a control character.
    #[error("malformed key name")]
    KeyName,
    /// Not a `name+id+key` string, or its id does not belong to its key.
    #[error("malformed verifying key")]
    Key,
    /// The verifying key is of an algorithm this version does not know.
    #[error("unknown signature algorithm {0}")]
    Algorithm(u8),
    /// A signature line names a known key but its signature is wrong.
    #[error("wrong signature for the key {name}")]
    BadSignature {
        /// Name of the key, which is public.
        name: String,
    },
}

/// An Ed25519 signing key with its name. The seed is wiped when dropped.
pub struct SigningKey {
    seed: Zeroizing<[u8; 32]>,
    pair: Ed25519KeyPair,
    verifying: VerifyingKey,
}

impl SigningKey {
    /// A new key.
    pub fn generate(name: &str, random: &mut dyn Random) -> Result<Self, NoteError> {
        let mut seed = Zeroizing::new([0; 32]);
        random.fill(seed.as_mut_slice());
        Self::from_seed(name, &seed)
    }

    /// The key with this 32-byte Ed25519 seed (RFC 8032).
    pub fn from_seed(name: &str, seed: &[u8; 32]) -> Result<Self, NoteError> {
        let pair = Ed25519KeyPair::from_seed_unchecked(seed).map_err(|_| NoteError::Key)?;
        let public = pair.public_key().as_ref().try_into().map_err(|_| NoteError::Key)?;
        let verifying = VerifyingKey::new(name, public)?;
        Ok(Self { seed: Zeroizing::new(*seed), pair, verifying })
    }

    /// The secret seed, for the keystore and the kit.
    #[must_use]
    pub fn seed(&self) -> &[u8; 32] {
        &self.seed
    }

    /// The public half.
    #[must_use]
    pub fn verifying_key(&self) -> &VerifyingKey {
        &self.verifying
    }
}

/// A public key with its name; written `name+hexid+base64` (a "vkey").
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct VerifyingKey {
    name: String,
    id: [u8; 4],
    public: [u8; 32],
}

impl VerifyingKey {
    /// The key `public` under `name`.
    pub fn new(name: &str, public: [u8; 32]) -> Result<Self, NoteError> {
        check_name(name)?;
        Ok(Self { name: name.to_owned(), id: key_id(name, &public), public })
    }

    /// Reads `name+hexid+base64`.
    pub fn parse(vkey: &str) -> Result<Self, NoteError> {
        let mut parts = vkey.splitn(3, '+');
        let (Some(name), Some(id), Some(key)) = (parts.next(), parts.next(), parts.next()) else {
            return Err(NoteError::Key);
        };
        if key.len() > MAX_SIGNATURE_LINE_BYTES {
            return Err(NoteError::TooLarge);
        }
        let key = BASE64_STANDARD.decode(key).map_err(|_| NoteError::Key)?;
        let (&algorithm, public) = key.split_first().ok_or(NoteError::Key)?;
        if algorithm != ALGORITHM_ED25519 {
            return Err(NoteError::Algorithm(algorithm));
        }
        let key = Self::new(name, public.try_into().map_err(|_| NoteError::Key)?)?;
        if hex::encode(key.id) == id { Ok(key) } else { Err(NoteError::Key) }
    }

    /// The key's name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// First 4 bytes of SHA-256(name ‖ newline ‖ algorithm ‖ key), as in signature lines.
    #[must_use]
    pub fn id(&self) -> [u8; 4] {
        self.id
    }

    /// The Ed25519 public key.
    #[must_use]
    pub fn public_key(&self) -> &[u8; 32] {
        &self.public
    }

    /// SHA-256 of the vkey string: what the six words of a key are made of.
    #[must_use]
    pub fn sha256(&self) -> [u8; 32] {
        sha256(&[self.to_string().as_bytes()])
    }

    fn made(&self, line: &Signature) -> bool {
        line.name == self.name && line.key_id == self.id
    }
}

impl fmt::Display for VerifyingKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let key = BASE64_STANDARD.encode([&[ALGORITHM_ED25519], self.public.as_slice()].concat());
        write!(f, "{}+{}+{key}", self.name, hex::encode(self.id))
    }
}

/// One signature line, of a known key or not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Signature {
    /// Name of the key.
    pub name: String,
    /// Key id that the line claims.
    pub key_id: [u8; 4],
    /// Signature bytes; 64 for Ed25519.
    pub bytes: Vec<u8>,
}

/// A parsed note. Nothing about it is proven until [`SignedNote::verified_by`] says so.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignedNote {
    /// The signed text, with its final newline.
    pub text: String,
    /// Signature lines in order.
    pub signatures: Vec<Signature>,
}

impl SignedNote {
    /// The keys among `known` that signed this note, each once. Lines of other keys are ignored; a line that
    /// claims a known key with a wrong signature is an error, since someone altered text or signature.
    pub fn verified_by<'k>(&self, known: &'k [VerifyingKey]) -> Result<Vec<&'k VerifyingKey>, NoteError> {
        let mut signers: Vec<&VerifyingKey> = Vec::new();
        for key in known {
            let mut signed = false;
            for line in self.signatures.iter().filter(|line| key.made(line)) {
                UnparsedPublicKey::new(&ED25519, &key.public)
                    .verify(self.text.as_bytes(), &line.bytes)
                    .map_err(|_| NoteError::BadSignature { name: key.name.clone() })?;
                signed = true;
            }
            if signed && !signers.contains(&key) {
                signers.push(key);
            }
        }
        Ok(signers)
    }
}

/// Signs `text` with each key, in order, and returns the whole note.
pub fn sign(text: &str, keys: &[&SigningKey]) -> Result<String, NoteError> {
    check_text(text)?;
    if keys.is_empty() {
        return Err(NoteError::Signatures);
    }
    if keys.len() > MAX_SIGNATURES {
        return Err(NoteError::TooLarge);
    }
    let mut note = format!("{text}\n");
    for key in keys {
        let signature = key.pair.sign(text.as_bytes());
        let line = BASE64_STANDARD.encode([key.verifying.id.as_slice(), signature.as_ref()].concat());
        note.push_str(&format!("{SIGNATURE_START}{} {line}\n", key.verifying.name));
    }
    Ok(note)
}

/// Parses a note without verifying it.
pub fn parse(bytes: &[u8]) -> Result<SignedNote, NoteError> {
    if bytes.len() > MAX_TEXT_BYTES + MAX_SIGNATURES * MAX_SIGNATURE_LINE_BYTES {
        return Err(NoteError::TooLarge);
    }
    let note = std::str::from_utf8(bytes).map_err(|_| NoteError::Text)?;
    // The text itself may hold empty lines: the signatures follow the last one.
    let (text, block) =
        note.rfind("\n\n").map(|at| (&note[..=at], &note[at + 2..])).ok_or(NoteError::Signatures)?;
    check_text(text)?;
    let block = block.strip_suffix('\n').ok_or(NoteError::Signatures)?;
    let mut signatures = Vec::new();
    for line in block.split('\n') {
        if signatures.len() == MAX_SIGNATURES {
            return Err(NoteError::TooLarge);
        }
        signatures.push(parse_signature(line)?);
    }
    Ok(SignedNote { text: text.to_owned(), signatures })
}

fn parse_signature(line: &str) -> Result<Signature, NoteError> {
    if line.len() > MAX_SIGNATURE_LINE_BYTES {
        return Err(NoteError::TooLarge);
    }
    let (name, encoded) = line
        .strip_prefix(SIGNATURE_START)
        .and_then(|rest| rest.split_once(' '))
        .ok_or(NoteError::Signatures)?;
    check_name(name)?;
    let bytes = BASE64_STANDARD.decode(encoded).map_err(|_| NoteError::Signatures)?;
    match bytes.split_first_chunk::<4>() {
        Some((key_id, signature)) if !signature.is_empty() => {
            Ok(Signature { name: name.to_owned(), key_id: *key_id, bytes: signature.to_vec() })
        }
        _ => Err(NoteError::Signatures),
    }
}

fn check_text(text: &str) -> Result<(), NoteError> {
    if text.len() > MAX_TEXT_BYTES {
        return Err(NoteError::TooLarge);
    }
    let clean = |c: char| c == '\n' || !c.is_control();
    if text.ends_with('\n') && text.chars().all(clean) { Ok(()) } else { Err(NoteError::Text) }
}

fn check_name(name: &str) -> Result<(), NoteError> {
    let clean = |c: char| !c.is_whitespace() && !c.is_control() && c != '+';
    let length = 1..=MAX_NAME_BYTES;
    if length.contains(&name.len()) && name.chars().all(clean) { Ok(()) } else { Err(NoteError::KeyName) }
}

fn key_id(name: &str, public: &[u8; 32]) -> [u8; 4] {
    let hash = sha256(&[name.as_bytes(), b"\n", &[ALGORITHM_ED25519], public]);
    [hash[0], hash[1], hash[2], hash[3]]
}

fn sha256(parts: &[&[u8]]) -> [u8; 32] {
    let mut context = digest::Context::new(&digest::SHA256);
    for part in parts {
        context.update(part);
    }
    let mut out = [0; 32];
    out.copy_from_slice(context.finish().as_ref());
    out
}
