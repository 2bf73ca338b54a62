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
    /// The server's certificate is refused: nothing was asked.
    Certificate(CertificateFault),
    /// A proxy on the way lets nothing through.
    Proxy(ProxyFault),
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

/// Why a server's certificate is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CertificateFault {
    /// Its last day is over, by this computer's clock.
    Expired,
    /// Its first day is to come, by this computer's clock.
    NotYetValid,
    /// Nobody who is trusted here vouches for it.
    UnknownAuthority,
    /// It is another host's.
    OtherHost,
    /// Anything else.
    Refused,
}

/// Why nothing comes through a proxy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProxyFault {
    /// The proxy itself does not answer.
    Silent,
    /// It wants a password, and none is given.
    WantsPassword,
    /// It refuses the password that is given.
    RefusesPassword,
    /// It answers, and does not lead to the store.
    Refuses,
    /// No connection to the store came about through it in time; which of the two is slow is not known.
    NoWay,
}

impl ErrorKind {
    /// Whether the store was not reached, so that nothing was learned of what was asked.
    pub fn is_of_the_way(self) -> bool {
        matches!(self, Self::Unreachable | Self::Certificate(_) | Self::Proxy(_))
    }

    /// Whether it may pass without anybody changing anything.
    fn may_pass(self) -> bool {
        let of_the_proxy =
            matches!(self, Self::Proxy(ProxyFault::Silent | ProxyFault::Refuses | ProxyFault::NoWay));
        of_the_proxy || matches!(self, Self::Unreachable | Self::Corrupt)
    }
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
        self.kind.may_pass()
    }
}
