//! Trying again.
//!
//! For: wrapping any store so that a lost line or a busy server is waited out, visibly. Data passes
//! unchanged. Never: retries what cannot get better (rights, wrong settings, a full disk), or hides a
//! wait: each one is announced to the callback first.

use std::fmt;
use std::future::Future;
use std::ops::Range;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use async_trait::async_trait;
use bytes::Bytes;
use tokio_util::sync::CancellationToken;

use crate::{
    DefaultRetention, ErrorKind, HiddenPage, Key, ListPage, Lock, LockOps, ObjectMeta, PlainPut, Put, Store,
    StoreError, Version,
};

/// How long and how often to try.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RetrySettings {
    /// Attempts in all, at least 1.
    pub max_attempts: u32,
    /// No new attempt begins later than this after the first one began.
    pub max_elapsed: Duration,
    /// Longest wait before the second attempt; doubles each time.
    pub first_wait: Duration,
    /// No wait is longer.
    pub longest_wait: Duration,
}

impl Default for RetrySettings {
    /// About a quarter of an hour: a router's restart and a provider's short failure.
    fn default() -> Self {
        Self {
            max_attempts: 20,
            max_elapsed: Duration::from_secs(15 * 60),
            first_wait: Duration::from_millis(500),
            longest_wait: Duration::from_secs(60),
        }
    }
}

impl RetrySettings {
    /// The longest wait after `attempt` (1 = the first).
    fn ceiling(&self, attempt: u32) -> Duration {
        let doubled = self.first_wait.saturating_mul(2u32.saturating_pow(attempt.saturating_sub(1)));
        doubled.min(self.longest_wait)
    }
}

/// Bytes that arrive damaged are worth a few tries; a caller's own wrong digest never gets better.
const CORRUPT_ATTEMPTS: u32 = 3;

/// What is about to be tried again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RetryNotice {
    /// The operation, one word.
    pub operation: &'static str,
    /// The attempt that failed, 1 for the first.
    pub attempt: u32,
    /// How long the wait before the next one is, in milliseconds.
    pub wait_ms: u64,
    /// Why it failed.
    pub kind: ErrorKind,
}

type OnRetry = dyn Fn(&RetryNotice) + Send + Sync;

/// A store that tries again, with exponential waits and full jitter between half and the whole of them.
#[derive(Clone)]
pub struct Retrying {
    inner: Arc<dyn Store>,
    settings: RetrySettings,
    on_retry: Arc<OnRetry>,
    cancel: CancellationToken,
}

impl fmt::Debug for Retrying {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Retrying").field("inner", &self.inner).field("settings", &self.settings).finish()
    }
}

impl Retrying {
    /// Wraps `inner`, telling nobody and never cancelled.
    pub fn new(inner: Arc<dyn Store>, settings: RetrySettings) -> Self {
        Self { inner, settings, on_retry: Arc::new(|_| {}), cancel: CancellationToken::new() }
    }

    /// Announces each retry before its wait.
    #[must_use]
    pub fn on_retry(mut self, callback: impl Fn(&RetryNotice) + Send + Sync + 'static) -> Self {
        self.on_retry = Arc::new(callback);
        self
    }

    /// Ends waits and running attempts when `cancel` fires; the call then fails with `Other`, "cancelled".
    #[must_use]
    pub fn cancelled_by(mut self, cancel: CancellationToken) -> Self {
        self.cancel = cancel;
        self
    }

    async fn run<T, F>(
        &self,
        operation: &'static str,
        mut attempt_once: impl FnMut() -> F,
    ) -> Result<T, StoreError>
    where
        F: Future<Output = Result<T, StoreError>> + Send,
    {
        let started = Instant::now();
        for attempt in 1.. {
            let outcome = tokio::select! {
                biased;
                () = self.cancel.cancelled() => return Err(self.cancelled(operation)),
                outcome = attempt_once() => outcome,
            };
            let error = match outcome {
                Err(error) if error.is_retryable() => error,
                outcome => return outcome,
            };
            let wait = self.settings.ceiling(attempt).mul_f64(rand::random_range(0.5..=1.0));
            let exhausted = attempt >= self.settings.max_attempts
                || (error.kind == ErrorKind::Corrupt && attempt >= CORRUPT_ATTEMPTS)
                || started.elapsed() + wait > self.settings.max_elapsed;
            if exhausted {
                return Err(error);
            }
            let wait_ms = u64::try_from(wait.as_millis()).unwrap_or(u64::MAX);
            (self.on_retry)(&RetryNotice { operation, attempt, wait_ms, kind: error.kind });
            tokio::select! {
                biased;
                () = self.cancel.cancelled() => return Err(self.cancelled(operation)),
                () = tokio::time::sleep(wait) => {}
            }
        }
        Err(self.cancelled(operation))
    }

    fn below(&self) -> Result<&dyn LockOps, StoreError> {
        let none = || StoreError::new(ErrorKind::Unsupported, "versions", "store", "no versions here");
        self.inner.locks().ok_or_else(none)
    }

    fn cancelled(&self, operation: &'static str) -> StoreError {
        StoreError::new(ErrorKind::Other, operation, "store", "cancelled")
    }
}

#[async_trait]
impl crate::Decorator for Retrying {
    fn inner(&self) -> &dyn Store {
        &*self.inner
    }

    async fn put_new(&self, key: &Key, body: Bytes, sha256: [u8; 32]) -> Result<Put, StoreError> {
        self.run("put", || self.inner.put_new(key, body.clone(), sha256)).await
    }

    async fn replace(&self, key: &Key, body: Bytes, sha256: [u8; 32]) -> Result<(), StoreError> {
        self.run("put", || self.inner.replace(key, body.clone(), sha256)).await
    }

    async fn get(&self, key: &Key, max_bytes: u64) -> Result<Bytes, StoreError> {
        self.run("get", || self.inner.get(key, max_bytes)).await
    }

    async fn get_range(&self, key: &Key, range: Range<u64>) -> Result<Bytes, StoreError> {
        self.run("get", || self.inner.get_range(key, range.clone())).await
    }

    async fn head(&self, key: &Key) -> Result<Option<ObjectMeta>, StoreError> {
        self.run("head", || self.inner.head(key)).await
    }

    async fn list(
        &self,
        prefix: &str,
        start_after: Option<&str>,
        max_rows: usize,
    ) -> Result<ListPage, StoreError> {
        self.run("list", || self.inner.list(prefix, start_after, max_rows)).await
    }

    async fn delete(&self, key: &Key) -> Result<(), StoreError> {
        self.run("delete", || self.inner.delete(key)).await
    }

    async fn server_time(&self) -> Result<Option<SystemTime>, StoreError> {
        self.run("time", || self.inner.server_time()).await
    }

    fn locks(&self) -> Option<&dyn LockOps> {
        self.inner.locks().map(|_| self as &dyn LockOps)
    }
}

/// What readers ask of versions is waited out as any other read; the rest is for who wants each answer as it is.
#[async_trait]
impl LockOps for Retrying {
    async fn versions(&self, key: &Key, max_rows: usize) -> Result<Vec<Version>, StoreError> {
        self.run("versions", || async { self.below()?.versions(key, max_rows).await }).await
    }

    async fn hidden(&self, prefix: &str, start_after: Option<&str>) -> Result<HiddenPage, StoreError> {
        self.run("versions", || async { self.below()?.hidden(prefix, start_after).await }).await
    }

    async fn get_version(&self, key: &Key, version: &str, max_bytes: u64) -> Result<Bytes, StoreError> {
        self.run("get", || async { self.below()?.get_version(key, version, max_bytes).await }).await
    }

    async fn delete_version(&self, key: &Key, version: &str) -> Result<(), StoreError> {
        self.below()?.delete_version(key, version).await
    }

    async fn lock(&self, key: &Key, version: Option<&str>) -> Result<Option<Lock>, StoreError> {
        self.below()?.lock(key, version).await
    }

    async fn set_lock(&self, key: &Key, version: Option<&str>, lock: Lock) -> Result<(), StoreError> {
        self.below()?.set_lock(key, version, lock).await
    }

    async fn default_retention(&self) -> Result<Option<DefaultRetention>, StoreError> {
        self.below()?.default_retention().await
    }

    async fn versioning(&self) -> Result<bool, StoreError> {
        self.below()?.versioning().await
    }

    async fn put_plain(&self, key: &Key, body: Bytes, how: PlainPut) -> Result<Option<String>, StoreError> {
        self.below()?.put_plain(key, body, how).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_up_to_the_longest() {
        let settings = RetrySettings {
            first_wait: Duration::from_millis(100),
            longest_wait: Duration::from_millis(350),
            ..RetrySettings::default()
        };
        let waits: Vec<u128> = (1..5).map(|attempt| settings.ceiling(attempt).as_millis()).collect();
        assert_eq!(waits, [100, 200, 350, 350]);
        assert_eq!(settings.ceiling(u32::MAX), settings.longest_wait);
    }
}
