//! The contract every store keeps. Each method's doc is its contract; `contract` holds the suite that
//! checks it on every implementation.

use std::ops::Range;
use std::time::SystemTime;

use async_trait::async_trait;
use bytes::Bytes;

use crate::{Key, StoreError};

/// What became of a [`Store::put_new`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Put {
    /// The object was written and is durable.
    Created,
    /// An object of that name was already there and was left as it is.
    AlreadyThere,
}

/// Size and server-side time of an object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ObjectMeta {
    /// Size in bytes.
    pub bytes: u64,
    /// The store's own time of last modification, when it gives one.
    pub modified: Option<SystemTime>,
}

/// One row of a listing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListEntry {
    /// The object's name.
    pub key: Key,
    /// Size in bytes.
    pub bytes: u64,
    /// The store's own time of last modification, when it gives one.
    pub modified: Option<SystemTime>,
}

/// One page of a listing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ListPage {
    /// Rows in ascending byte order of their names.
    pub entries: Vec<ListEntry>,
    /// Whether more rows follow the last one.
    pub more: bool,
    /// Names on this page that are no [`Key`]s: somebody else's files. They are counted and passed over.
    pub foreign: u64,
}

/// One page of names that a delete marker hides.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct HiddenPage {
    /// The newest version below each marker, in the order of names.
    pub entries: Vec<ListEntry>,
    /// Where to go on (as `start_after`); `None` at the end.
    pub next: Option<String>,
}

/// One version of an object in a store that keeps versions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Version {
    /// The store's own id of the version.
    pub id: String,
    /// Whether this version is a delete marker.
    pub delete_marker: bool,
    /// Size in bytes.
    pub bytes: u64,
    /// The store's own time.
    pub modified: Option<SystemTime>,
}

/// Retention of one version.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lock {
    /// COMPLIANCE (true) or GOVERNANCE (false).
    pub compliance: bool,
    /// Until when the version cannot be deleted.
    pub until: SystemTime,
}

/// How [`LockOps::put_plain`] writes.
#[derive(Clone, Copy, Debug)]
pub struct PlainPut {
    /// The SHA-256 that is announced with the body, whether it is the body's or not.
    pub sha256: [u8; 32],
    /// Only where nothing of that name is (S3: `If-None-Match: *`).
    pub is_only_new: bool,
    /// Under a COMPLIANCE retention until then.
    pub locked_until: Option<SystemTime>,
}

impl PlainPut {
    /// Over whatever is there.
    pub fn over(sha256: [u8; 32]) -> Self {
        Self { sha256, is_only_new: false, locked_until: None }
    }

    /// Only where nothing of that name is.
    pub fn only_new(sha256: [u8; 32]) -> Self {
        Self { is_only_new: true, ..Self::over(sha256) }
    }

    /// Over whatever is there, and locked.
    pub fn locked(sha256: [u8; 32], until: SystemTime) -> Self {
        Self { locked_until: Some(until), ..Self::over(sha256) }
    }
}

/// Named immutable blobs.
///
/// All methods may be called from many tasks at once. Every error carries a [`crate::ErrorKind`].
#[async_trait]
pub trait Store: Send + Sync + std::fmt::Debug {
    /// Writes a new object, durably, or leaves the one that is there.
    ///
    /// `sha256` is the SHA-256 of `body`; the store refuses ([`crate::ErrorKind::Corrupt`]) when what it
    /// received differs, as far as the engine can check. When this returns `Created` the object survives a
    /// power cut. Never replaces: where an object of that name exists the answer is `AlreadyThere`,
    /// whatever its content (S3: `If-None-Match: *`; engines that ignore the header are found by the
    /// probe, and there a HEAD goes first). No partial object is ever visible under `key`.
    async fn put_new(&self, key: &Key, body: Bytes, sha256: [u8; 32]) -> Result<Put, StoreError>;

    /// Puts `body` in the place of whatever stands under `key`, durably and whole: for an object of which the caller knows
    /// that other bytes lie there than its name asks for. Where versions are kept the old one stays below. A store that
    /// replaces nothing answers `Unsupported`.
    async fn replace(&self, key: &Key, body: Bytes, sha256: [u8; 32]) -> Result<(), StoreError> {
        match self.locks() {
            Some(locks) => locks.put_plain(key, body, PlainPut::over(sha256)).await.map(drop),
            None => {
                Err(StoreError::new(crate::ErrorKind::Unsupported, "put", key, "nothing is replaced here"))
            }
        }
    }

    /// Reads a whole object of at most `max_bytes`; a larger one is `Invalid` and is not read.
    async fn get(&self, key: &Key, max_bytes: u64) -> Result<Bytes, StoreError>;

    /// Reads `range` (in bytes, end exclusive). A range past the end is cut at the end; one that starts
    /// past the end gives no bytes.
    async fn get_range(&self, key: &Key, range: Range<u64>) -> Result<Bytes, StoreError>;

    /// Size and time of an object, `None` when it is not there.
    async fn head(&self, key: &Key) -> Result<Option<ObjectMeta>, StoreError>;

    /// Lists names that begin with `prefix` (plain text, may end inside a component; empty lists all),
    /// strictly after `start_after` when given, at most `max_rows` (≤ 1000) rows, in ascending byte order.
    /// Objects whose names are not valid [`Key`]s and the store's own temporary files are left out.
    async fn list(
        &self,
        prefix: &str,
        start_after: Option<&str>,
        max_rows: usize,
    ) -> Result<ListPage, StoreError>;

    /// Deletes an object; one that is not there is no error. On a versioned bucket this adds a marker.
    async fn delete(&self, key: &Key) -> Result<(), StoreError>;

    /// The store's idea of now, when it has a clock of its own (S3 `Date` header). `None` for a folder.
    async fn server_time(&self) -> Result<Option<SystemTime>, StoreError>;

    /// Where the store is, for people: URL without credentials.
    fn address(&self) -> String;

    /// Whether objects count only once they were read: the store was seen to take what does not match its hash. What this
    /// process wrote has been read by then; what another left has not.
    fn must_be_read_back(&self) -> bool {
        false
    }

    /// Operations on versions and retention, where the backend has them.
    fn locks(&self) -> Option<&dyn LockOps> {
        None
    }
}

/// How a bucket locks what is written to it without a lock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DefaultRetention {
    /// For how many days.
    pub days: u32,
    /// In COMPLIANCE mode, which nobody can lift.
    pub compliance: bool,
}

/// Versions, retention (S3 Object Lock) and writes without any care: for readers that must walk to an older version, for who
/// keeps a store, and for who wants to know what it really does. A backup never changes retention.
#[async_trait]
pub trait LockOps: Send + Sync {
    /// Versions of one name, newest first, at most `max_rows`.
    async fn versions(&self, key: &Key, max_rows: usize) -> Result<Vec<Version>, StoreError>;
    /// Names that begin with `prefix`, after `start_after` when given, whose current version is a delete marker and
    /// which have an older version: one request's worth of them.
    async fn hidden(&self, prefix: &str, start_after: Option<&str>) -> Result<HiddenPage, StoreError>;
    /// Reads one version.
    async fn get_version(&self, key: &Key, version: &str, max_bytes: u64) -> Result<Bytes, StoreError>;
    /// Deletes one version for good.
    async fn delete_version(&self, key: &Key, version: &str) -> Result<(), StoreError>;
    /// Retention of one version (the current one when `None`).
    async fn lock(&self, key: &Key, version: Option<&str>) -> Result<Option<Lock>, StoreError>;
    /// Sets retention of one version.
    async fn set_lock(&self, key: &Key, version: Option<&str>, lock: Lock) -> Result<(), StoreError>;
    /// The bucket's default retention, `None` when there is none.
    async fn default_retention(&self) -> Result<Option<DefaultRetention>, StoreError>;
    /// Whether the bucket keeps versions.
    async fn versioning(&self) -> Result<bool, StoreError>;
    /// Writes as `how` says and with nothing around it: no look whether the name is free, no second try. The store refuses what
    /// it refuses: a body that does not match the hash is [`crate::ErrorKind::Corrupt`], a retention that it does not know
    /// `Unsupported`. Returns the id of the version that was written, empty where none are kept; `None` where only a new object
    /// was to be written and one of that name is there.
    async fn put_plain(&self, key: &Key, body: Bytes, how: PlainPut) -> Result<Option<String>, StoreError>;
}
