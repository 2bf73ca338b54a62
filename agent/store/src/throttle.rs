//! Bounding the bytes a second.
//!
//! For: leaving a practice's line usable while a backup runs. Bytes pass unchanged. A body that streams ([`PacedBody`], used
//! by the S3 store) takes a slot on a shared timeline for each slice of a hundredth of a second, so that the line is
//! loaded evenly however many bodies there are; a store that takes a body whole ([`Throttled`]) gets one slot for it.
//! Never: delays an operation that moves no object bytes.

use std::ops::Range;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use async_trait::async_trait;
use bytes::Bytes;
use tokio::sync::{Semaphore, SemaphorePermit};

use crate::{Key, ListPage, LockOps, ObjectMeta, Put, Store, StoreError};

#[cfg(feature = "s3")]
mod body;
#[cfg(feature = "s3")]
pub use body::PacedBody;

/// What a late timer may catch up on, and so the largest burst.
const CATCH_UP: Duration = Duration::from_millis(50);
/// A slice lasts a hundredth of a second at the set rate, within these bounds.
#[cfg(feature = "s3")]
const SLICES_PER_SECOND: u64 = 100;
#[cfg(feature = "s3")]
const SLICE_BYTES: std::ops::RangeInclusive<u64> = 1 << 10..=256 << 10;
/// Bodies that share the rate: one more than needed, so that the line is busy while a server answers. With more, each
/// would take longer, and less would be finished when the run is interrupted.
const TURNS: u32 = 2;

/// A rate shared by everything that clones the `Arc` around it.
#[derive(Debug)]
pub struct ByteRate {
    bytes_per_second: u64,
    /// Until when the timeline is taken.
    taken_until: Mutex<Option<Instant>>,
    turns: Semaphore,
}

impl ByteRate {
    /// A rate in bytes a second; 0 counts as 1.
    pub fn new(bytes_per_second: u64) -> Self {
        let turns = Semaphore::new(TURNS as usize);
        Self { bytes_per_second: bytes_per_second.max(1), taken_until: Mutex::default(), turns }
    }

    /// Takes the next free slot for `bytes` and gives its start and end. A timeline that was idle begins a moment ago:
    /// what a timer overslept is caught up, longer idle time is not saved up.
    pub fn reserve(&self, now: Instant, bytes: u64) -> (Instant, Instant) {
        let mut taken_until = self.taken_until.lock().unwrap_or_else(PoisonError::into_inner);
        let earliest = now.checked_sub(CATCH_UP).unwrap_or(now);
        let start = taken_until.map_or(now, |taken| taken.max(earliest));
        let end = start + self.duration(bytes);
        *taken_until = Some(end);
        (start, end)
    }

    /// How long `bytes` take.
    fn duration(&self, bytes: u64) -> Duration {
        let nanos = u128::from(bytes) * 1_000_000_000 / u128::from(self.bytes_per_second);
        Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX / 4))
    }

    /// The most that `bytes` take in a turn, others having theirs.
    #[cfg(feature = "s3")]
    pub(crate) fn longest(&self, bytes: u64) -> Duration {
        self.duration(bytes) * (TURNS + 1)
    }

    /// Bytes of a slice.
    #[cfg(feature = "s3")]
    fn slice_bytes(&self) -> u64 {
        (self.bytes_per_second / SLICES_PER_SECOND).clamp(*SLICE_BYTES.start(), *SLICE_BYTES.end())
    }

    /// Waits until a body may be sent; its turn ends when the permit is dropped.
    #[cfg(feature = "s3")]
    pub(crate) async fn turn(&self) -> Option<SemaphorePermit<'_>> {
        // The semaphore is never closed.
        self.turns.acquire().await.ok()
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

    async fn replace(&self, key: &Key, body: Bytes, sha256: [u8; 32]) -> Result<(), StoreError> {
        // What is mended is small and rare: it waits for its turn like any upload.
        let Some(rate) = &self.limits.upload else {
            return self.inner.replace(key, body, sha256).await;
        };
        let (start, end) = rate.reserve(Instant::now(), body.len() as u64);
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

    fn must_be_read_back(&self) -> bool {
        self.inner.must_be_read_back()
    }

    fn locks(&self) -> Option<&dyn LockOps> {
        self.inner.locks()
    }
}

#[cfg(test)]
#[path = "throttle_tests.rs"]
mod tests;
