//! Identifiers: what an object, a chunk, a repository and a device are called.

use std::fmt;

use aws_lc_rs::digest;

use crate::error::{FormatError, Result, malformed};
use crate::random::Random;

/// SHA-256 of stored bytes: the name of an object, and of a note's text.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Sha256(pub [u8; 32]);

impl Sha256 {
    /// Hashes `bytes` (FIPS 180-4).
    pub fn of(bytes: &[u8]) -> Self {
        let mut out = [0; 32];
        out.copy_from_slice(digest::digest(&digest::SHA256, bytes).as_ref());
        Self(out)
    }

    /// Reads 64 lower-case hexadecimal characters.
    pub fn parse(text: &str) -> Result<Self> {
        parse_hex(text).map(Self).ok_or(malformed("hash", "64 lower-case hexadecimal characters expected"))
    }
}

impl fmt::Display for Sha256 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode(self.0))
    }
}

impl fmt::Debug for Sha256 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode(&self.0[..6]))
    }
}

/// Keyed BLAKE3 of a chunk's plain bytes (FORMAT.md §6.3).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ChunkId(pub [u8; 32]);

impl ChunkId {
    /// Names `plain` under the chunk-id key of a K generation.
    pub fn of(key: &[u8; 32], plain: &[u8]) -> Self {
        Self(*blake3::keyed_hash(key, plain).as_bytes())
    }

    /// Reads 64 lower-case hexadecimal characters.
    pub fn parse(text: &str) -> Result<Self> {
        parse_hex(text)
            .map(Self)
            .ok_or(malformed("chunk id", "64 lower-case hexadecimal characters expected"))
    }
}

/// A chunk's name from pieces of its content.
pub struct ChunkHash(blake3::Hasher);

impl ChunkHash {
    /// Nothing yet, under the chunk-id key of a K generation.
    pub fn new(key: &[u8; 32]) -> Self {
        Self(blake3::Hasher::new_keyed(key))
    }

    /// The next piece.
    pub fn update(&mut self, piece: &[u8]) {
        self.0.update(piece);
    }

    /// The name; the next chunk begins.
    pub fn take(&mut self) -> ChunkId {
        let id = ChunkId(*self.0.finalize().as_bytes());
        self.0.reset();
        id
    }
}

impl fmt::Display for ChunkId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode(self.0))
    }
}

impl fmt::Debug for ChunkId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode(&self.0[..6]))
    }
}

/// Name of a repository: 26 characters of lower-case base32 (16 random bytes).
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RepositoryId(String);

impl RepositoryId {
    /// Checks and wraps a repository's name.
    pub fn parse(text: &str) -> Result<Self> {
        let sound = text.len() == 26 && text.bytes().all(|b| matches!(b, b'a'..=b'z' | b'2'..=b'7'));
        if sound {
            Ok(Self(text.to_owned()))
        } else {
            Err(malformed("repository id", "26 characters of base32 expected"))
        }
    }

    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Name of a device: 16 hexadecimal characters (8 random bytes).
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DeviceId(String);

impl DeviceId {
    /// Makes a new one.
    pub fn generate(random: &mut dyn Random) -> Self {
        let mut bytes = [0; 8];
        random.fill(&mut bytes);
        Self(hex::encode(bytes))
    }

    /// Checks and wraps a device's name.
    pub fn parse(text: &str) -> Result<Self> {
        let sound = text.len() == 16 && text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
        if sound {
            Ok(Self(text.to_owned()))
        } else {
            Err(malformed("device id", "16 hexadecimal characters expected"))
        }
    }

    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

macro_rules! shown_as_text {
    ($($name:ident),*) => {$(
        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result { f.write_str(&self.0) }
        }
        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result { f.write_str(&self.0) }
        }
    )*};
}
shown_as_text!(RepositoryId, DeviceId);

/// Data pack or manifest pack.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum PackKind {
    /// `p/`: content of files.
    Data,
    /// `m/`: hunks, level-2 nodes, chunk lists.
    Manifest,
}

impl PackKind {
    /// The first component of the object's name.
    pub fn letter(self) -> &'static str {
        match self {
            Self::Data => "p",
            Self::Manifest => "m",
        }
    }

    /// Reads the letter.
    pub fn parse(text: &str) -> Result<Self> {
        match text {
            "p" => Ok(Self::Data),
            "m" => Ok(Self::Manifest),
            _ => Err(malformed("pack kind", "p or m expected")),
        }
    }
}

/// A pack: its epoch and the SHA-256 of its stored bytes. Whether it is `p/` or `m/` follows from context.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PackId {
    /// Epoch it is sealed in.
    pub epoch: u32,
    /// SHA-256 of its stored bytes.
    pub sha256: Sha256,
}

impl PackId {
    /// Reads `e<k>/<sha256>`.
    pub fn parse(text: &str) -> Result<Self> {
        let wrong = malformed("pack name", "e<k>/<sha256> expected");
        let (epoch, hash) = text.split_once('/').ok_or(wrong.clone())?;
        let digits = epoch.strip_prefix('e').ok_or(wrong.clone())?;
        let epoch = parse_decimal(digits).and_then(|n| u32::try_from(n).ok()).ok_or(wrong)?;
        Ok(Self { epoch, sha256: Sha256::parse(hash)? })
    }
}

impl fmt::Display for PackId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "e{}/{}", self.epoch, self.sha256)
    }
}

/// Canonical decimal: digits only, no leading zero, fits u64.
pub fn parse_decimal(text: &str) -> Option<u64> {
    let canonical = !text.is_empty()
        && text.bytes().all(|b| b.is_ascii_digit())
        && (text.len() == 1 || !text.starts_with('0'));
    if canonical { text.parse().ok() } else { None }
}

fn parse_hex(text: &str) -> Option<[u8; 32]> {
    let lower = text.len() == 64 && text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
    let mut out = [0; 32];
    (lower && hex::decode_to_slice(text, &mut out).is_ok()).then_some(out)
}

/// Checks that stored bytes are what their name says.
pub fn expect_hash(what: &'static str, bytes: &[u8], name: &Sha256) -> Result<()> {
    if Sha256::of(bytes) == *name { Ok(()) } else { Err(FormatError::HashMismatch { what }) }
}
