//! Slots on a timeline that several bodies share.
//!
//! From the number of bytes to the instants at which they may go. Never: waits; whoever asked does.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::{Semaphore, SemaphorePermit};

/// What a late timer may catch up on, and so the largest burst.
pub(super) const CATCH_UP: Duration = Duration::from_millis(50);
/// A slice lasts a hundredth of a second at the set rate, within these bounds.
#[cfg(feature = "s3")]
const SLICES_PER_SECOND: u64 = 100;
#[cfg(feature = "s3")]
const SLICE_BYTES: std::ops::RangeInclusive<u64> = 1 << 10..=256 << 10;
/// Bodies that share the rate: one more than needed, so that the line is busy while a server answers. With more, each
/// would take longer, and less would be finished when the run is interrupted.
const TURNS: u32 = 2;

/// When some bytes may go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Slot {
    /// From when on.
    pub start: Instant,
    /// When the next ones may.
    pub end: Instant,
}

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

    /// Takes the next free slot for `bytes`. A timeline that was idle begins a moment ago:
    /// what a timer overslept is caught up, longer idle time is not saved up.
    pub fn reserve(&self, now: Instant, bytes: u64) -> Slot {
        let mut taken_until = self.taken_until.lock().unwrap_or_else(PoisonError::into_inner);
        let earliest = now.checked_sub(CATCH_UP).unwrap_or(now);
        let start = taken_until.map_or(now, |taken| taken.max(earliest));
        let end = start + self.duration(bytes);
        *taken_until = Some(end);
        Slot { start, end }
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
    pub(super) fn slice_bytes(&self) -> u64 {
        (self.bytes_per_second / SLICES_PER_SECOND).clamp(*SLICE_BYTES.start(), *SLICE_BYTES.end())
    }

    /// Waits until a body may be sent; its turn ends when the permit is dropped.
    #[cfg(feature = "s3")]
    pub(crate) async fn turn(&self) -> Option<SemaphorePermit<'_>> {
        // The semaphore is never closed.
        self.turns.acquire().await.ok()
    }
}
