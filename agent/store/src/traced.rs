//! Every request as an event of the log, level debug.
//!
//! For: whoever wants to see what a run asked its store. Data passes unchanged; operation, object, bytes, milliseconds and the
//! kind of failure go to `tracing`. Never: the store's address, which may be a person's folder, what a store says in its own
//! words, or the name of an object that a listing was to go on after (it may be a stranger's file).

use std::future::Future;
use std::ops::Range;
use std::sync::Arc;
use std::time::{Instant, SystemTime};

use async_trait::async_trait;
use bytes::Bytes;
use tracing::debug;

use crate::{Key, ListPage, ObjectMeta, Put, Store, StoreError};

/// A store whose requests are events. What is asked of versions passes unseen.
#[derive(Debug)]
pub struct Traced(Arc<dyn Store>);

impl Traced {
    /// Wraps `inner` where somebody listens to such events; else `inner` as it is.
    pub fn around(inner: Arc<dyn Store>) -> Arc<dyn Store> {
        match tracing::enabled!(tracing::Level::DEBUG) {
            true => Arc::new(Self(inner)),
            false => inner,
        }
    }
}

/// One request: `object` is a key or a prefix, `bytes` what was sent or, read from the answer, received.
async fn told<T>(
    operation: &'static str,
    object: &str,
    asked: impl Future<Output = Result<T, StoreError>> + Send,
    bytes: impl FnOnce(&T) -> u64,
) -> Result<T, StoreError> {
    let began = Instant::now();
    let answer = asked.await;
    let ms = u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX);
    match &answer {
        Ok(answer) => debug!(operation, object, bytes = bytes(answer), ms, "request"),
        Err(error) => debug!(operation, object, ms, failure = ?error.kind, "request failed"),
    }
    answer
}

#[async_trait]
impl crate::Decorator for Traced {
    fn inner(&self) -> &dyn Store {
        &*self.0
    }

    async fn put_new(&self, key: &Key, body: Bytes, sha256: [u8; 32]) -> Result<Put, StoreError> {
        let bytes = body.len() as u64;
        let sent = move |put: &Put| if *put == Put::Created { bytes } else { 0 };
        told("put", key.as_str(), self.0.put_new(key, body, sha256), sent).await
    }

    async fn replace(&self, key: &Key, body: Bytes, sha256: [u8; 32]) -> Result<(), StoreError> {
        let bytes = body.len() as u64;
        told("replace", key.as_str(), self.0.replace(key, body, sha256), move |()| bytes).await
    }

    async fn get(&self, key: &Key, max_bytes: u64) -> Result<Bytes, StoreError> {
        told("get", key.as_str(), self.0.get(key, max_bytes), |body| body.len() as u64).await
    }

    async fn get_range(&self, key: &Key, range: Range<u64>) -> Result<Bytes, StoreError> {
        told("get", key.as_str(), self.0.get_range(key, range), |body| body.len() as u64).await
    }

    async fn head(&self, key: &Key) -> Result<Option<ObjectMeta>, StoreError> {
        told("head", key.as_str(), self.0.head(key), |_| 0).await
    }

    async fn list(
        &self,
        prefix: &str,
        start_after: Option<&str>,
        max_rows: usize,
    ) -> Result<ListPage, StoreError> {
        told("list", prefix, self.0.list(prefix, start_after, max_rows), |_| 0).await
    }

    async fn delete(&self, key: &Key) -> Result<(), StoreError> {
        told("delete", key.as_str(), self.0.delete(key), |()| 0).await
    }

    async fn server_time(&self) -> Result<Option<SystemTime>, StoreError> {
        told("time", "", self.0.server_time(), |_| 0).await
    }
}
