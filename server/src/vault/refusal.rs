//! Why a request was not done, and what the client is told.
//!
//! From every layer of the vault to [`super::http`]. Never: carries a name, a path or a secret to a client; what
//! went wrong inside is said to the operator only ([`Refusal::cause`]).

use std::borrow::Cow;

use ::http::StatusCode;
use s3s::{S3Error, S3ErrorCode};

/// Why a request was refused or failed.
#[derive(Debug, thiserror::Error)]
pub enum Refusal {
    #[error("no such bucket")]
    NoSuchBucket,
    #[error("no such object")]
    NoSuchKey,
    #[error("no such version")]
    NoSuchVersion,
    #[error("the version is a delete marker")]
    IsDeleteMarker,
    #[error("no such upload")]
    NoSuchUpload,
    #[error("the bucket exists")]
    BucketExists,
    #[error("the bucket is not empty")]
    BucketNotEmpty,
    #[error("the condition does not hold")]
    PreconditionFailed,
    #[error("not modified")]
    NotModified,
    #[error("the credential may not do this")]
    Denied,
    /// Inside its retention: not deleted, not shortened, by nobody.
    #[error("object lock: the version is inside its retention")]
    Locked,
    #[error("a checksum does not match what was received")]
    BadDigest,
    #[error("a checksum header cannot be read")]
    InvalidDigest,
    #[error("the body is not what its signature says")]
    ContentSha256Mismatch,
    #[error("a chunk's signature does not match")]
    ChunkSignature,
    #[error("the body ended early")]
    IncompleteBody,
    #[error("the length of the body must be given")]
    MissingLength,
    #[error("the range is outside the object")]
    InvalidRange,
    #[error("a part is missing, changed or too small")]
    InvalidPart,
    #[error("parts must be in ascending order")]
    InvalidPartOrder,
    #[error("a part is smaller than 5 MiB")]
    PartTooSmall,
    #[error("too large")]
    TooLarge,
    #[error("the tenant's quota is used up")]
    QuotaExceeded,
    #[error("no room left on the host")]
    DiskFull,
    #[error("no object lock configuration")]
    NoLockConfiguration,
    #[error("no retention on this version")]
    NoRetention,
    #[error("the bucket does not keep versions and locks")]
    NotALockBucket,
    #[error("a bucket with object lock keeps versions")]
    LockKeepsVersions,
    /// Says what is not offered.
    #[error("not implemented: {0}")]
    NotImplemented(&'static str),
    /// Says what is wrong with the request.
    #[error("{0}")]
    Invalid(&'static str),
    /// The stored bytes are not what was stored; set aside for the operator.
    #[error("the stored object is damaged")]
    Damaged,
    /// There are blobs and no metadata: an empty vault must not take their place.
    #[error("vault.sqlite is missing, its objects are not: stop the vault and run `scelle-server rebuild`")]
    MetadataMissing,
    #[error("the vault is stopping")]
    Stopping,
    /// A cause for the operator; the client learns nothing of it.
    #[error("internal: {0}")]
    Internal(String),
}

impl Refusal {
    /// What the operator should read about it: only failures of the vault itself, never what a client did.
    pub fn cause(&self) -> Option<&str> {
        match self {
            Self::Internal(cause) => Some(cause),
            Self::DiskFull => Some("no room left on the host"),
            Self::Damaged => Some("a stored object is damaged"),
            _ => None,
        }
    }

    /// Whether what was asked for was certainly not done. Otherwise it may have been, all the same.
    pub fn is_certain(&self) -> bool {
        self.cause().is_none() && !matches!(self, Self::Stopping)
    }

    fn code(&self) -> S3ErrorCode {
        use S3ErrorCode as Code;
        match self {
            Self::NoSuchBucket => Code::NoSuchBucket,
            Self::NoSuchKey => Code::NoSuchKey,
            Self::NoSuchVersion => Code::NoSuchVersion,
            Self::IsDeleteMarker => Code::MethodNotAllowed,
            Self::NoSuchUpload => Code::NoSuchUpload,
            Self::BucketExists => Code::BucketAlreadyOwnedByYou,
            Self::BucketNotEmpty => Code::BucketNotEmpty,
            Self::PreconditionFailed => Code::PreconditionFailed,
            Self::NotModified => Code::NotModified,
            Self::Denied | Self::Locked => Code::AccessDenied,
            Self::BadDigest => Code::BadDigest,
            Self::InvalidDigest => Code::InvalidDigest,
            Self::ContentSha256Mismatch => Code::Custom("XAmzContentSHA256Mismatch".into()),
            Self::ChunkSignature => Code::SignatureDoesNotMatch,
            Self::IncompleteBody => Code::IncompleteBody,
            Self::MissingLength => Code::MissingContentLength,
            Self::InvalidRange => Code::InvalidRange,
            Self::InvalidPart => Code::InvalidPart,
            Self::InvalidPartOrder => Code::InvalidPartOrder,
            Self::PartTooSmall => Code::EntityTooSmall,
            Self::TooLarge => Code::EntityTooLarge,
            Self::QuotaExceeded => Code::Custom("QuotaExceeded".into()),
            Self::DiskFull => Code::Custom("InsufficientStorage".into()),
            Self::NoLockConfiguration => Code::ObjectLockConfigurationNotFoundError,
            Self::NoRetention => Code::NoSuchObjectLockConfiguration,
            Self::NotALockBucket | Self::Invalid(_) => Code::InvalidRequest,
            Self::LockKeepsVersions => Code::InvalidBucketState,
            Self::NotImplemented(_) => Code::NotImplemented,
            Self::Stopping => Code::ServiceUnavailable,
            Self::Damaged | Self::MetadataMissing | Self::Internal(_) => Code::InternalError,
        }
    }

    fn status(&self) -> Option<StatusCode> {
        match self {
            Self::ContentSha256Mismatch => Some(StatusCode::BAD_REQUEST),
            Self::QuotaExceeded => Some(StatusCode::FORBIDDEN),
            Self::DiskFull => Some(StatusCode::INSUFFICIENT_STORAGE),
            _ => None,
        }
    }
}

impl From<Refusal> for S3Error {
    fn from(refusal: Refusal) -> Self {
        let message: Cow<'static, str> = match &refusal {
            Refusal::Internal(_) => "the vault could not do this; its operator has the cause".into(),
            other => other.to_string().into(),
        };
        let mut error = Self::with_message(refusal.code(), message);
        if let Some(status) = refusal.status() {
            error.set_status_code(status);
        }
        error
    }
}

impl From<std::io::Error> for Refusal {
    fn from(error: std::io::Error) -> Self {
        use std::io::ErrorKind as Io;
        match error.kind() {
            Io::StorageFull | Io::QuotaExceeded => Self::DiskFull,
            kind => Self::Internal(format!("file system: {kind}")),
        }
    }
}

impl From<rusqlite::Error> for Refusal {
    fn from(error: rusqlite::Error) -> Self {
        match error.sqlite_error_code() {
            Some(rusqlite::ErrorCode::DiskFull) => Self::DiskFull,
            // Codes only: messages of SQLite may quote values.
            Some(code) => Self::Internal(format!("metadata: {code:?}")),
            None => Self::Internal("metadata: unexpected content".to_owned()),
        }
    }
}
