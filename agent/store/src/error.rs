//! What can go wrong with a store, by kind.
//!
//! Never: a credential, a signature or a request header in any text.

use thiserror::Error;

/// What a caller may need to tell apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ErrorKind {
    /// The object (or version) is not there.
    NotFound,
    /// The store exists but refused the credential or the right.
    Denied,
    /// No answer, or an answer that says "try again".
    Unreachable,
    /// The destination has no room left.
    Full,
    /// The bytes that arrived are not the bytes that were sent or promised (length, checksum).
    Corrupt,
    /// The store refused because the object is under retention.
    Locked,
    /// The bucket or root folder itself is not there.
    NoBucket,
    /// The store cannot do what was asked (no lock support, no versions).
    Unsupported,
    /// The request is wrong: settings, URL, size. Trying again will not help.
    Invalid,
    /// Anything else.
    Other,
}

/// An operation on a store failed.
#[derive(Debug, Error)]
#[error("{operation} {target}: {detail}")]
pub struct StoreError {
    /// What a caller may match on.
    pub kind: ErrorKind,
    /// The operation, one word: `put`, `get`, `list`, `head`, `delete`, `open`…
    pub operation: &'static str,
    /// The object's key or the store's address, never a credential.
    pub target: String,
    /// One short English clause; no OS path outside the store, no secret.
    pub detail: String,
}

impl StoreError {
    /// Builds an error.
    pub fn new(
        kind: ErrorKind,
        operation: &'static str,
        target: impl ToString,
        detail: impl Into<String>,
    ) -> Self {
        Self { kind, operation, target: target.to_string(), detail: detail.into() }
    }

    /// Whether the same call may succeed later without anybody changing anything.
    pub fn is_retryable(&self) -> bool {
        matches!(self.kind, ErrorKind::Unreachable | ErrorKind::Corrupt)
    }
}
