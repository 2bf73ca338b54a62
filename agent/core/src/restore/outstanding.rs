//! How much the threads of a restore have been given and not done.
//!
//! For: `produce`, which waits here before it hands out more, and `workers`, which report what they have done. Never:
//! counts memory; that is the fetcher's budget.

use std::sync::Arc;

use parking_lot::{Condvar, Mutex};

/// Large files written at once.
const OPEN_FILES: usize = 256;
/// Of the handles the process may have, one in so many is for them; each also keeps its folder open.
const OPEN_FILES_SHARE: usize = 8;

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

/// Files that are written by several threads and stand open until the last part is there: fewer than the process may
/// have.
pub(super) struct OpenFiles {
    count: Outstanding,
    most: u64,
}

impl OpenFiles {
    pub(super) fn new(handle_limit: usize) -> Arc<Self> {
        let most = (handle_limit / OPEN_FILES_SHARE).clamp(1, OPEN_FILES);
        Arc::new(Self { count: Outstanding::default(), most: most as u64 })
    }

    /// Whether [`OpenFiles::open`] would wait.
    pub(super) fn is_full(&self) -> bool {
        *self.count.bytes.lock() >= self.most
    }

    /// Waits until one more may be opened. Whoever asks must have handed out all that others need to be closed.
    pub(super) fn open(self: &Arc<Self>) -> OpenFile {
        self.count.add(1, self.most - 1);
        OpenFile(Arc::clone(self))
    }
}

/// One of the [`OpenFiles`].
pub(super) struct OpenFile(Arc<OpenFiles>);

impl Drop for OpenFile {
    fn drop(&mut self) {
        self.0.count.done(1);
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
