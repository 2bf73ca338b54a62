//! Sealing and opening: standard age v1 files for post-quantum recipients, and the keys derived for dedup.
//!
//! For: everything that makes or reads ciphertext. Data comes as plaintext or as the bytes of an age file
//! and leaves as the other. Never: signs anything (see [`crate::note`]; age proves secrecy, not origin),
//! reads a file, or keeps a key longer than its owner does.
//!
//! The files are ordinary age files (C2SP `age.md`), so any age ≥ 1.3 opens them. What is ours is only the
//! speed: the payload is sealed in place, 64 KiB at a time, by aws-lc-rs.

mod file_key;
mod header;
mod hkdf;
pub mod kdf;
pub mod open;
pub mod passphrase;
pub mod pq;
pub mod seal;

pub use file_key::FileKey;
pub use kdf::DedupSecret;
pub use open::{
    OpenedHeader, PayloadKey, cipher_range, open_bytes, open_chunks_into, open_header, open_range,
    plain_bytes_of,
};
pub use pq::{PqIdentity, PqRecipient};
pub use seal::{AgeHeader, SealBuffer, Sealed, seal_bytes, sealed_bytes_for};

/// Plaintext bytes in one payload chunk (C2SP age.md, "Payload").
pub const CHUNK_PLAIN_BYTES: usize = 64 * 1024;
/// Poly1305 tag bytes after each chunk.
pub const TAG_BYTES: usize = 16;
/// Ciphertext bytes of a full chunk.
pub const CHUNK_CIPHER_BYTES: usize = CHUNK_PLAIN_BYTES + TAG_BYTES;
/// Random bytes between header and first chunk.
pub const PAYLOAD_NONCE_BYTES: usize = 16;
/// A header longer than this is refused before it is parsed.
pub const MAX_HEADER_BYTES: usize = 64 * 1024;
/// A header with more recipients than this is refused.
pub const MAX_STANZAS: usize = 20;

/// What can go wrong when sealing or opening. No variant carries a key, a name or plaintext.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CryptoError {
    /// No given identity (or phrase) opens this file.
    #[error("no given key opens this file")]
    NoMatch,
    /// The file key was found but the header was altered.
    #[error("the header's authentication code is wrong")]
    HeaderMac,
    /// Not an age v1 file, or a header that breaks the specification or our limits.
    #[error("malformed age file: {0}")]
    Malformed(&'static str),
    /// A payload chunk was altered, reordered, cut, or followed by extra bytes.
    #[error("the payload is damaged at chunk {chunk}")]
    PayloadAuth {
        /// Number of the 64 KiB chunk, from 0.
        chunk: u64,
    },
    /// The bytes end before the first payload chunk is complete.
    #[error("the file is cut short")]
    Truncated,
    /// The plaintext would exceed the caller's bound.
    #[error("the content holds {plain_bytes} bytes, more than the {max_plain_bytes} allowed")]
    TooLarge {
        /// Bytes the file says it holds.
        plain_bytes: u64,
        /// The caller's bound.
        max_plain_bytes: u64,
    },
    /// A plaintext range outside the file, or ciphertext that does not fit the range asked for.
    #[error("the range does not fit the file")]
    Range,
    /// The phrase was made so costly to try (scrypt log N) that opening is refused.
    #[error("the passphrase work factor 2^{log_n} is beyond what is accepted")]
    ExcessiveWork {
        /// Requested log2(N).
        log_n: u8,
    },
    /// No recipient, or more than [`MAX_STANZAS`].
    #[error("between 1 and {MAX_STANZAS} recipients are needed")]
    RecipientCount,
    /// Not a valid `age1pq1…` recipient.
    #[error("not a post-quantum age recipient")]
    BadRecipient,
    /// Not a valid `AGE-SECRET-KEY-PQ-1…` identity.
    #[error("not a post-quantum age identity")]
    BadIdentity,
    /// The age crate refused for a reason that has no kind of its own.
    #[error("age: {0}")]
    Age(&'static str),
}
