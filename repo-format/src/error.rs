//! What can be wrong with bytes that claim to be of this format.
//!
//! Kinds are part of the test vectors: a failure is specified by kind, not by text.

use thiserror::Error;

/// Bytes are not what they claim to be.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum FormatError {
    /// The bytes end before the record does.
    #[error("{what} is truncated")]
    Truncated { what: &'static str },
    /// A magic number, a version line or a fixed word is not there.
    #[error("{what} does not begin as it must")]
    BadMagic { what: &'static str },
    /// A version or a required feature this program does not know.
    #[error("{what} needs a newer version of this program ({found})")]
    Unsupported { what: &'static str, found: String },
    /// A length, count or depth is over its limit.
    #[error("{what} is larger than the format allows")]
    TooLarge { what: &'static str },
    /// The record contradicts itself or its grammar.
    #[error("{what} is malformed: {why}")]
    Malformed { what: &'static str, why: &'static str },
    /// Plain bytes do not hash to the id that a signed record names.
    #[error("{what} does not match its id")]
    IdMismatch { what: &'static str },
    /// Stored bytes do not hash to their name.
    #[error("{what} does not match its name")]
    HashMismatch { what: &'static str },
    /// A frame filter this program does not know.
    #[error("frame filter {id} is unknown")]
    UnknownFilter { id: u8 },
    /// zstd refused the frame.
    #[error("{what} does not decompress")]
    Decompress { what: &'static str },
    /// A path that must not be restored: absolute, `..`, empty component, NUL.
    #[error("hostile path")]
    HostilePath,
}

/// Shorthand for results of this crate.
pub type Result<T> = std::result::Result<T, FormatError>;

/// Builds a [`FormatError::Malformed`].
pub(crate) fn malformed(what: &'static str, why: &'static str) -> FormatError {
    FormatError::Malformed { what, why }
}
