//! Stores around stores: what a decorator does not say otherwise, the store inside does.
//!
//! For: retries, limits, traces, proofs and faults. The whole contract is passed on here, once. Never: more than that.

use std::ops::Range;
use std::time::SystemTime;

use async_trait::async_trait;
use bytes::Bytes;

use crate::{Key, ListPage, LockOps, ObjectMeta, Put, Store, StoreError};

/// A store around another. Each method is the one of [`Store`] with its name.
#[async_trait]
pub trait Decorator: Send + Sync + std::fmt::Debug {
    /// The store inside.
    fn inner(&self) -> &dyn Store;

    /// [`Store::put_new`]
    async fn put_new(&self, key: &Key, body: Bytes, sha256: [u8; 32]) -> Result<Put, StoreError> {
        self.inner().put_new(key, body, sha256).await
    }

    /// [`Store::replace`]
    async fn replace(&self, key: &Key, body: Bytes, sha256: [u8; 32]) -> Result<(), StoreError> {
        self.inner().replace(key, body, sha256).await
    }

    /// [`Store::get`]
    async fn get(&self, key: &Key, max_bytes: u64) -> Result<Bytes, StoreError> {
        self.inner().get(key, max_bytes).await
    }

    /// [`Store::get_range`]
    async fn get_range(&self, key: &Key, range: Range<u64>) -> Result<Bytes, StoreError> {
        self.inner().get_range(key, range).await
    }

    /// [`Store::head`]
    async fn head(&self, key: &Key) -> Result<Option<ObjectMeta>, StoreError> {
        self.inner().head(key).await
    }

    /// [`Store::list`]
    async fn list(
        &self,
        prefix: &str,
        start_after: Option<&str>,
        max_rows: usize,
    ) -> Result<ListPage, StoreError> {
        self.inner().list(prefix, start_after, max_rows).await
    }

    /// [`Store::delete`]
    async fn delete(&self, key: &Key) -> Result<(), StoreError> {
        self.inner().delete(key).await
    }

    /// [`Store::server_time`]
    async fn server_time(&self) -> Result<Option<SystemTime>, StoreError> {
        self.inner().server_time().await
    }

    /// [`Store::address`]
    fn address(&self) -> String {
        self.inner().address()
    }

    /// [`Store::must_be_read_back`]
    fn must_be_read_back(&self) -> bool {
        self.inner().must_be_read_back()
    }

    /// [`Store::locks`]
    fn locks(&self) -> Option<&dyn LockOps> {
        self.inner().locks()
    }
}

#[async_trait]
impl<D: Decorator> Store for D {
    async fn put_new(&self, key: &Key, body: Bytes, sha256: [u8; 32]) -> Result<Put, StoreError> {
        Decorator::put_new(self, key, body, sha256).await
    }

    async fn replace(&self, key: &Key, body: Bytes, sha256: [u8; 32]) -> Result<(), StoreError> {
        Decorator::replace(self, key, body, sha256).await
    }

    async fn get(&self, key: &Key, max_bytes: u64) -> Result<Bytes, StoreError> {
        Decorator::get(self, key, max_bytes).await
    }

    async fn get_range(&self, key: &Key, range: Range<u64>) -> Result<Bytes, StoreError> {
        Decorator::get_range(self, key, range).await
    }

    async fn head(&self, key: &Key) -> Result<Option<ObjectMeta>, StoreError> {
        Decorator::head(self, key).await
    }

    async fn list(
        &self,
        prefix: &str,
        start_after: Option<&str>,
        max_rows: usize,
    ) -> Result<ListPage, StoreError> {
        Decorator::list(self, prefix, start_after, max_rows).await
    }

    async fn delete(&self, key: &Key) -> Result<(), StoreError> {
        Decorator::delete(self, key).await
    }

    async fn server_time(&self) -> Result<Option<SystemTime>, StoreError> {
        Decorator::server_time(self).await
    }

    fn address(&self) -> String {
        Decorator::address(self)
    }

    fn must_be_read_back(&self) -> bool {
        Decorator::must_be_read_back(self)
    }

    fn locks(&self) -> Option<&dyn LockOps> {
        Decorator::locks(self)
    }
}
