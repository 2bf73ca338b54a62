//! The copies that this computer keeps, as a store: what bilans are read from while the repository's own store is away.
//!
//! From [`Kept`] to whoever opens a repository; every object is proven there as it is from any store, by its hash and by the
//! signatures. Never: writes, or takes the place of a store in a backup, a check or a restore. What this computer neither wrote nor
//! read is missing here, without a word.

use std::ops::Range;
use std::time::SystemTime;

use async_trait::async_trait;
use bytes::Bytes;
use scelle_format::id::RepositoryId;
use scelle_format::layout;
use scelle_store::{ErrorKind, Key, ListEntry, ListPage, ObjectMeta, Put, Store, StoreError};

use crate::repo::kept::Kept;

/// Reads copies under the names of their objects.
#[derive(Debug)]
pub(crate) struct KeptStore {
    kept: Kept,
    repository: RepositoryId,
    /// Where the store is that they are copies of.
    address: String,
}

impl KeptStore {
    /// The copies of one repository, whose own store is at `address`.
    pub(crate) fn new(kept: Kept, repository: RepositoryId, address: String) -> Self {
        Self { kept, repository, address }
    }

    /// The object's name within its repository.
    fn name<'a>(&self, key: &'a Key) -> Option<&'a str> {
        key.as_str().strip_prefix(self.repository.as_str())?.strip_prefix('/')
    }

    fn copy(&self, operation: &'static str, key: &Key) -> Result<Bytes, StoreError> {
        let copy = self.name(key).and_then(|name| self.kept.copy(name));
        copy.ok_or_else(|| StoreError::new(ErrorKind::NotFound, operation, key, "no copy of it is kept here"))
    }
}

fn refused(operation: &'static str, key: &Key) -> StoreError {
    StoreError::new(ErrorKind::Unsupported, operation, key, "copies are only read")
}

#[async_trait]
impl Store for KeptStore {
    async fn put_new(&self, key: &Key, _: Bytes, _: [u8; 32]) -> Result<Put, StoreError> {
        Err(refused("put", key))
    }

    async fn get(&self, key: &Key, max_bytes: u64) -> Result<Bytes, StoreError> {
        let bytes = self.copy("get", key)?;
        match bytes.len() as u64 <= max_bytes {
            true => Ok(bytes),
            false => Err(StoreError::new(ErrorKind::Invalid, "get", key, "larger than what was asked for")),
        }
    }

    async fn get_range(&self, key: &Key, range: Range<u64>) -> Result<Bytes, StoreError> {
        let bytes = self.copy("get", key)?;
        let end = usize::try_from(range.end).unwrap_or(usize::MAX).min(bytes.len());
        let start = usize::try_from(range.start).unwrap_or(usize::MAX).min(end);
        Ok(bytes.slice(start..end))
    }

    async fn head(&self, key: &Key) -> Result<Option<ObjectMeta>, StoreError> {
        let copy = self.copy("head", key).ok();
        Ok(copy.map(|bytes| ObjectMeta { bytes: bytes.len() as u64, modified: None }))
    }

    async fn list(
        &self,
        prefix: &str,
        start_after: Option<&str>,
        max_rows: usize,
    ) -> Result<ListPage, StoreError> {
        let is_asked = |key: &Key| {
            key.as_str().starts_with(prefix) && start_after.is_none_or(|after| key.as_str() > after)
        };
        let mut entries: Vec<ListEntry> = Vec::new();
        // In the order of names within the repository, which is that of the keys: all begin alike.
        for (name, bytes) in self.kept.sizes() {
            let Some(key) = Key::new(layout::in_repository(&self.repository, &name)).filter(is_asked) else {
                continue;
            };
            entries.push(ListEntry { key, bytes, modified: None });
        }
        let more = entries.len() > max_rows;
        entries.truncate(max_rows);
        Ok(ListPage { entries, more, foreign: 0 })
    }

    async fn delete(&self, key: &Key) -> Result<(), StoreError> {
        Err(refused("delete", key))
    }

    async fn server_time(&self) -> Result<Option<SystemTime>, StoreError> {
        Ok(None)
    }

    fn address(&self) -> String {
        self.address.clone()
    }
}
