//! Bounding the bytes a second.
//!
//! For: leaving a practice's line usable while a backup runs. Bytes pass unchanged. A body that streams ([`PacedBody`], used
//! by the S3 store) takes a slot on a shared timeline for each slice of a hundredth of a second, so that the line is
//! loaded evenly however many bodies there are; a store that takes a body whole ([`Throttled`]) gets one slot for it.
//! Never: delays an operation that moves no object bytes.

use std::ops::Range;
use std::sync::Arc;
use std::time::Instant;

use async_trait::async_trait;
use bytes::Bytes;

use crate::{Key, Put, Store, StoreError};

#[cfg(feature = "s3")]
mod body;
mod rate;

#[cfg(feature = "s3")]
pub use body::PacedBody;
pub use rate::{ByteRate, Slot};

/// Rates in bytes a second; `None` is unbounded.
#[derive(Clone, Debug, Default)]
pub struct RateLimits {
    /// To the store.
    pub upload: Option<Arc<ByteRate>>,
    /// From the store.
    pub download: Option<Arc<ByteRate>>,
}

impl RateLimits {
    /// Limits from plain numbers.
    pub fn new(upload_bytes_per_second: Option<u64>, download_bytes_per_second: Option<u64>) -> Self {
        let rate = |limit: Option<u64>| limit.map(|limit| Arc::new(ByteRate::new(limit)));
        Self { upload: rate(upload_bytes_per_second), download: rate(download_bytes_per_second) }
    }
}

/// A store whose object bytes move no faster than [`RateLimits`] say.
#[derive(Clone, Debug)]
pub struct Throttled {
    inner: Arc<dyn Store>,
    limits: RateLimits,
}

impl Throttled {
    /// Wraps `inner`.
    pub fn new(inner: Arc<dyn Store>, limits: RateLimits) -> Self {
        Self { inner, limits }
    }

    /// The size of what is read is known afterwards; the wait then pays for it.
    async fn pay_for_download(&self, bytes: &Bytes) {
        if let Some(rate) = &self.limits.download {
            let end = rate.reserve(Instant::now(), bytes.len() as u64).end;
            tokio::time::sleep_until(end.into()).await;
        }
    }
}

#[async_trait]
impl crate::Decorator for Throttled {
    fn inner(&self) -> &dyn Store {
        &*self.inner
    }

    async fn put_new(&self, key: &Key, body: Bytes, sha256: [u8; 32]) -> Result<Put, StoreError> {
        let Some(rate) = &self.limits.upload else {
            return self.inner.put_new(key, body, sha256).await;
        };
        let Slot { start, end } = rate.reserve(Instant::now(), body.len() as u64);
        tokio::time::sleep_until(start.into()).await;
        let put = self.inner.put_new(key, body, sha256).await;
        tokio::time::sleep_until(end.into()).await;
        put
    }

    async fn replace(&self, key: &Key, body: Bytes, sha256: [u8; 32]) -> Result<(), StoreError> {
        // What is mended is small and rare: it waits for its turn like any upload.
        let Some(rate) = &self.limits.upload else {
            return self.inner.replace(key, body, sha256).await;
        };
        let Slot { start, end } = rate.reserve(Instant::now(), body.len() as u64);
        tokio::time::sleep_until(start.into()).await;
        let replaced = self.inner.replace(key, body, sha256).await;
        tokio::time::sleep_until(end.into()).await;
        replaced
    }

    async fn get(&self, key: &Key, max_bytes: u64) -> Result<Bytes, StoreError> {
        let bytes = self.inner.get(key, max_bytes).await?;
        self.pay_for_download(&bytes).await;
        Ok(bytes)
    }

    async fn get_range(&self, key: &Key, range: Range<u64>) -> Result<Bytes, StoreError> {
        let bytes = self.inner.get_range(key, range).await?;
        self.pay_for_download(&bytes).await;
        Ok(bytes)
    }
}

#[cfg(test)]
#[path = "throttle_tests.rs"]
mod tests;
