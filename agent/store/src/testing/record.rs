//! A store that writes down every call.
//!
//! For: tests that check order and number of operations. Never: changes what passes.

use std::ops::Range;
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use bytes::Bytes;

use super::Operation;
use crate::{ErrorKind, Key, ListPage, ObjectMeta, Put, Store, StoreError};

/// One finished call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Call {
    /// What was asked.
    pub operation: Operation,
    /// The key, or the prefix of a listing.
    pub key: String,
    /// Bytes sent or received; rows of a listing.
    pub amount: u64,
    /// The error's kind, when it failed.
    pub error: Option<ErrorKind>,
    /// The outcome of a put.
    pub put: Option<Put>,
}

/// Records calls in the order in which they end.
#[derive(Clone, Debug)]
pub struct Recorder {
    inner: Arc<dyn Store>,
    calls: Arc<Mutex<Vec<Call>>>,
}

impl Recorder {
    /// Wraps `inner`.
    pub fn new(inner: Arc<dyn Store>) -> Self {
        Self { inner, calls: Arc::default() }
    }

    /// All calls so far.
    pub fn calls(&self) -> Vec<Call> {
        self.calls.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Keys of all calls of one kind so far.
    pub fn keys(&self, operation: Operation) -> Vec<String> {
        self.calls().into_iter().filter(|call| call.operation == operation).map(|call| call.key).collect()
    }

    /// Forgets the calls so far.
    pub fn clear(&self) {
        self.calls.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }

    fn note<T>(
        &self,
        operation: Operation,
        key: &str,
        outcome: Result<T, StoreError>,
        amount: impl Fn(&T) -> u64,
        put: impl Fn(&T) -> Option<Put>,
    ) -> Result<T, StoreError> {
        let call = Call {
            operation,
            key: key.to_owned(),
            amount: outcome.as_ref().map_or(0, amount),
            error: outcome.as_ref().err().map(|error| error.kind),
            put: outcome.as_ref().ok().and_then(put),
        };
        self.calls.lock().unwrap_or_else(PoisonError::into_inner).push(call);
        outcome
    }
}

#[async_trait]
impl crate::Decorator for Recorder {
    fn inner(&self) -> &dyn Store {
        &*self.inner
    }

    async fn put_new(&self, key: &Key, body: Bytes, sha256: [u8; 32]) -> Result<Put, StoreError> {
        let length = body.len() as u64;
        let outcome = self.inner.put_new(key, body, sha256).await;
        self.note(Operation::Put, key.as_str(), outcome, |_| length, |put| Some(*put))
    }

    async fn replace(&self, key: &Key, body: Bytes, sha256: [u8; 32]) -> Result<(), StoreError> {
        let length = body.len() as u64;
        let outcome = self.inner.replace(key, body, sha256).await;
        self.note(Operation::Put, key.as_str(), outcome, |()| length, |()| None)
    }

    async fn get(&self, key: &Key, max_bytes: u64) -> Result<Bytes, StoreError> {
        let outcome = self.inner.get(key, max_bytes).await;
        self.note(Operation::Get, key.as_str(), outcome, |bytes| bytes.len() as u64, |_| None)
    }

    async fn get_range(&self, key: &Key, range: Range<u64>) -> Result<Bytes, StoreError> {
        let outcome = self.inner.get_range(key, range).await;
        self.note(Operation::GetRange, key.as_str(), outcome, |bytes| bytes.len() as u64, |_| None)
    }

    async fn head(&self, key: &Key) -> Result<Option<ObjectMeta>, StoreError> {
        let outcome = self.inner.head(key).await;
        self.note(Operation::Head, key.as_str(), outcome, |_| 0, |_| None)
    }

    async fn list(
        &self,
        prefix: &str,
        start_after: Option<&str>,
        max_rows: usize,
    ) -> Result<ListPage, StoreError> {
        let outcome = self.inner.list(prefix, start_after, max_rows).await;
        self.note(Operation::List, prefix, outcome, |page| page.entries.len() as u64, |_| None)
    }

    async fn delete(&self, key: &Key) -> Result<(), StoreError> {
        let outcome = self.inner.delete(key).await;
        self.note(Operation::Delete, key.as_str(), outcome, |()| 0, |()| None)
    }
}
