//! Bounding the bytes a second.
//!
//! For: leaving a practice's line usable while a backup runs. Bytes pass unchanged; each transfer gets a
//! slot on a shared timeline as long as its bytes take at the set rate, and ends no earlier than its slot.
//! Never: delays an operation that moves no object bytes.

use std::ops::Range;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use async_trait::async_trait;
use bytes::Bytes;

use crate::{Key, ListPage, LockOps, ObjectMeta, Put, Store, StoreError};

/// A rate shared by everything that clones the `Arc` around it.
#[derive(Debug)]
pub struct ByteRate {
    bytes_per_second: u64,
    /// Until when the timeline is taken.
    taken_until: Mutex<Option<Instant>>,
}

impl ByteRate {
    /// A rate in bytes a second; 0 counts as 1.
    pub fn new(bytes_per_second: u64) -> Self {
        Self { bytes_per_second: bytes_per_second.max(1), taken_until: Mutex::default() }
    }

    /// Takes the next free slot for `bytes` and gives its start and end. Idle time is not saved up.
    pub fn reserve(&self, now: Instant, bytes: u64) -> (Instant, Instant) {
        let mut taken_until = self.taken_until.lock().unwrap_or_else(PoisonError::into_inner);
        let start = taken_until.map_or(now, |taken| taken.max(now));
        let nanos = u128::from(bytes) * 1_000_000_000 / u128::from(self.bytes_per_second);
        let end = start + Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX / 4));
        *taken_until = Some(end);
        (start, end)
    }
}

/// Rates in bytes a second; `None` is unbounded.
#[derive(Clone, Debug, Default)]
pub struct Limits {
    /// To the store.
    pub upload: Option<Arc<ByteRate>>,
    /// From the store.
    pub download: Option<Arc<ByteRate>>,
}

impl Limits {
    /// Limits from plain numbers.
    pub fn new(upload_bytes_per_second: Option<u64>, download_bytes_per_second: Option<u64>) -> Self {
        let rate = |limit: Option<u64>| limit.map(|limit| Arc::new(ByteRate::new(limit)));
        Self { upload: rate(upload_bytes_per_second), download: rate(download_bytes_per_second) }
    }
}

/// A store whose object bytes move no faster than [`Limits`] say.
#[derive(Clone, Debug)]
pub struct Throttled {
    inner: Arc<dyn Store>,
    limits: Limits,
}

impl Throttled {
    /// Wraps `inner`.
    pub fn new(inner: Arc<dyn Store>, limits: Limits) -> Self {
        Self { inner, limits }
    }

    /// The size of what is read is known afterwards; the wait then pays for it.
    async fn pay_for_download(&self, bytes: &Bytes) {
        if let Some(rate) = &self.limits.download {
            let (_, end) = rate.reserve(Instant::now(), bytes.len() as u64);
            tokio::time::sleep_until(end.into()).await;
        }
    }
}

#[async_trait]
impl Store for Throttled {
    async fn put_new(&self, key: &Key, body: Bytes, sha256: [u8; 32]) -> Result<Put, StoreError> {
        let Some(rate) = &self.limits.upload else {
            return self.inner.put_new(key, body, sha256).await;
        };
        let (start, end) = rate.reserve(Instant::now(), body.len() as u64);
        tokio::time::sleep_until(start.into()).await;
        let put = self.inner.put_new(key, body, sha256).await;
        tokio::time::sleep_until(end.into()).await;
        put
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

    async fn head(&self, key: &Key) -> Result<Option<ObjectMeta>, StoreError> {
        self.inner.head(key).await
    }

    async fn list(
        &self,
        prefix: &str,
        start_after: Option<&str>,
        max_rows: usize,
    ) -> Result<ListPage, StoreError> {
        self.inner.list(prefix, start_after, max_rows).await
    }

    async fn delete(&self, key: &Key) -> Result<(), StoreError> {
        self.inner.delete(key).await
    }

    async fn server_time(&self) -> Result<Option<SystemTime>, StoreError> {
        self.inner.server_time().await
    }

    fn address(&self) -> String {
        self.inner.address()
    }

    fn locks(&self) -> Option<&dyn LockOps> {
        self.inner.locks()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slots_add_up_to_the_rate_within_five_percent() {
        let rate = ByteRate::new(1_000_000);
        let begin = Instant::now();
        let sizes = [1u64, 4096, 700_001, 16_777_216, 33, 1_048_576];
        let total: u64 = sizes.iter().sum::<u64>() * 50;
        let mut end = begin;
        for _ in 0..50 {
            for size in sizes {
                let (start, slot_end) = rate.reserve(begin, size);
                assert!(start >= end, "slots must not overlap");
                end = slot_end;
            }
        }
        let measured = total as f64 / (end - begin).as_secs_f64();
        assert!((measured / 1_000_000.0 - 1.0).abs() < 0.05, "{measured}");
    }

    #[test]
    fn idle_time_is_not_saved_up() {
        let rate = ByteRate::new(1000);
        let begin = Instant::now();
        rate.reserve(begin, 1000);
        let later = begin + Duration::from_secs(60);
        assert_eq!(rate.reserve(later, 1000), (later, later + Duration::from_secs(1)));
    }
}
