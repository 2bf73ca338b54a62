//! How much the threads of a restore have been given and not done.
//!
//! For: `produce`, which waits here before it hands out more, and `workers`, which report what they have done. Never:
//! counts memory; that is the fetcher's budget.

use parking_lot::{Condvar, Mutex};

/// Bytes given to the threads and not done yet, so that no more is fetched ahead than is kept.
#[derive(Default)]
pub(super) struct Outstanding {
    bytes: Mutex<u64>,
    less: Condvar,
}

impl Outstanding {
    /// Waits until at most `limit` is outstanding, then adds.
    pub(super) fn add(&self, bytes: u64, limit: u64) {
        let mut outstanding = self.bytes.lock();
        while *outstanding > limit {
            self.less.wait(&mut outstanding);
        }
        *outstanding += bytes;
    }

    fn done(&self, bytes: u64) {
        let mut outstanding = self.bytes.lock();
        *outstanding = outstanding.saturating_sub(bytes);
        self.less.notify_all();
    }
}

/// A job's part of what is outstanding, given back also when the thread panics.
pub(super) struct Share<'a> {
    outstanding: &'a Outstanding,
    bytes: u64,
}

impl<'a> Share<'a> {
    /// The share of a job whose bytes were added.
    pub(super) fn new(outstanding: &'a Outstanding, bytes: u64) -> Self {
        Self { outstanding, bytes }
    }
}

impl Drop for Share<'_> {
    fn drop(&mut self) {
        self.outstanding.done(self.bytes);
    }
}
