//! A store that loses what was not yet promised.
//!
//! For: power-cut tests. A put reaches the inner store some time after it was asked and in another order
//! than asked; a crash loses or keeps each unfinished one as the seed decides, whole or not at all.
//! Never: loses a put that had returned `Created`.

use std::ops::Range;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use async_trait::async_trait;
use bytes::Bytes;
use rand::rngs::StdRng;
use rand::{Rng as _, SeedableRng as _};
use tokio_util::sync::CancellationToken;

use crate::{ErrorKind, Key, ListPage, ObjectMeta, Put, Store, StoreError};

/// Delays, reorders and, on a crash, loses unfinished puts.
#[derive(Clone, Debug)]
pub struct Volatile {
    inner: Arc<dyn Store>,
    state: Arc<State>,
}

#[derive(Debug)]
struct State {
    chance: Mutex<StdRng>,
    longest_delay: Duration,
    crash: CancellationToken,
    crashed: AtomicBool,
    /// Puts until the crash; 0 for never.
    crash_at_put: AtomicU64,
    puts: AtomicU64,
    lost: AtomicU64,
}

impl Volatile {
    /// Wraps `inner`; each put takes up to `longest_delay` before it reaches it.
    pub fn new(inner: Arc<dyn Store>, seed: u64, longest_delay: Duration) -> Self {
        let state = State {
            chance: Mutex::new(StdRng::seed_from_u64(seed)),
            longest_delay,
            crash: CancellationToken::new(),
            crashed: AtomicBool::new(false),
            crash_at_put: AtomicU64::new(0),
            puts: AtomicU64::new(0),
            lost: AtomicU64::new(0),
        };
        Self { inner, state: Arc::new(state) }
    }

    /// Crashes when the `nth` put (1 = first) is asked.
    pub fn crash_at_put(&self, nth: u64) -> &Self {
        self.state.crash_at_put.store(nth, Ordering::SeqCst);
        self
    }

    /// Cuts the power: every unfinished and later call fails with `Unreachable`.
    pub fn crash(&self) {
        self.state.crashed.store(true, Ordering::SeqCst);
        self.state.crash.cancel();
    }

    /// Puts asked so far.
    pub fn puts(&self) -> u64 {
        self.state.puts.load(Ordering::SeqCst)
    }

    /// Puts the crash lost.
    pub fn lost(&self) -> u64 {
        self.state.lost.load(Ordering::SeqCst)
    }

    /// What survived, as a restarted machine sees it.
    pub fn survivor(&self) -> Arc<dyn Store> {
        Arc::clone(&self.inner)
    }

    fn alive(&self, operation: &'static str) -> Result<(), StoreError> {
        match self.state.crashed.load(Ordering::SeqCst) {
            true => Err(cut(operation)),
            false => Ok(()),
        }
    }

    fn chance<T>(&self, draw: impl FnOnce(&mut StdRng) -> T) -> T {
        draw(&mut self.state.chance.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

fn cut(operation: &'static str) -> StoreError {
    StoreError::new(ErrorKind::Unreachable, operation, "store", "scripted power cut")
}

#[async_trait]
impl crate::Decorator for Volatile {
    fn inner(&self) -> &dyn Store {
        &*self.inner
    }

    async fn put_new(&self, key: &Key, body: Bytes, sha256: [u8; 32]) -> Result<Put, StoreError> {
        self.alive("put")?;
        let nth = self.state.puts.fetch_add(1, Ordering::SeqCst) + 1;
        let (delay, survives) = self.chance(|chance| {
            (self.state.longest_delay.mul_f64(chance.random_range(0.0..=1.0)), chance.random_bool(0.5))
        });
        if nth == self.state.crash_at_put.load(Ordering::SeqCst) {
            self.crash();
        }
        tokio::select! {
            biased;
            () = self.state.crash.cancelled() => {
                if survives {
                    // It had reached the disk, but nobody was told.
                    let _ = self.inner.put_new(key, body, sha256).await;
                } else {
                    self.state.lost.fetch_add(1, Ordering::SeqCst);
                }
                return Err(cut("put"));
            }
            () = tokio::time::sleep(delay) => {}
        }
        let put = self.inner.put_new(key, body, sha256).await;
        self.alive("put")?;
        put
    }

    async fn replace(&self, key: &Key, body: Bytes, sha256: [u8; 32]) -> Result<(), StoreError> {
        self.alive("put")?;
        self.inner.replace(key, body, sha256).await
    }

    async fn get(&self, key: &Key, max_bytes: u64) -> Result<Bytes, StoreError> {
        self.alive("get")?;
        self.inner.get(key, max_bytes).await
    }

    async fn get_range(&self, key: &Key, range: Range<u64>) -> Result<Bytes, StoreError> {
        self.alive("get")?;
        self.inner.get_range(key, range).await
    }

    async fn head(&self, key: &Key) -> Result<Option<ObjectMeta>, StoreError> {
        self.alive("head")?;
        self.inner.head(key).await
    }

    async fn list(
        &self,
        prefix: &str,
        start_after: Option<&str>,
        max_rows: usize,
    ) -> Result<ListPage, StoreError> {
        self.alive("list")?;
        self.inner.list(prefix, start_after, max_rows).await
    }

    async fn delete(&self, key: &Key) -> Result<(), StoreError> {
        self.alive("delete")?;
        self.inner.delete(key).await
    }

    async fn server_time(&self) -> Result<Option<SystemTime>, StoreError> {
        self.alive("time")?;
        self.inner.server_time().await
    }
}
