//! What a long operation tells while it works.
//!
//! Counts and [`Notice`]s come from the scan, the pipeline, restore and check, from any thread, and go to a
//! [`Monitor`]: the terminal's and NDJSON's are the program's own, [`Silent`] or a test's
//! [`Recorder`]. Never: a file name or path (a notice carries tokens, counts, labels of plans, names of objects, and lines of the configuration), never a decision:
//! an operation behaves the same whoever watches.

use std::sync::{Mutex, MutexGuard};

/// What is told, as kinds; the view has a sentence for each.
pub use scelle_view::words::{Notice, Phase, Problem, Weakness};

/// Watches an operation. Methods are cheap, never block for long and never fail.
pub trait Monitor: Send + Sync {
    /// A phase begins; the previous one is over. Totals are `None` while unknown.
    fn start(&self, phase: Phase, total_files: Option<u64>, total_bytes: Option<u64>);
    /// So many more files and source bytes are done in this phase.
    fn advance(&self, files: u64, bytes: u64);
    /// So many more bytes have reached the store, after compression and sealing.
    fn stored(&self, bytes: u64);
    /// Something worth saying.
    fn notice(&self, notice: Notice);
    /// The operation is over.
    fn finish(&self);
}

/// Watches and says nothing.
#[derive(Clone, Copy, Debug, Default)]
pub struct Silent;

impl Monitor for Silent {
    fn start(&self, _: Phase, _: Option<u64>, _: Option<u64>) {}
    fn advance(&self, _: u64, _: u64) {}
    fn stored(&self, _: u64) {}
    fn notice(&self, _: Notice) {}
    fn finish(&self) {}
}

/// What a [`Recorder`] has seen.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Recording {
    /// Phases in the order they began.
    pub phases: Vec<Phase>,
    /// Files advanced, all phases together.
    pub files: u64,
    /// Source bytes advanced, all phases together.
    pub bytes: u64,
    /// Bytes that reached the store.
    pub stored_bytes: u64,
    /// Notices in order.
    pub notices: Vec<Notice>,
    /// Whether `finish` was called.
    pub finished: bool,
}

/// Keeps everything it is told, for tests.
#[derive(Debug, Default)]
pub struct Recorder(Mutex<Recording>);

impl Recorder {
    /// A copy of what has been seen so far.
    pub fn recording(&self) -> Recording {
        self.lock().clone()
    }

    fn lock(&self) -> MutexGuard<'_, Recording> {
        self.0.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }
}

impl Monitor for Recorder {
    fn start(&self, phase: Phase, _: Option<u64>, _: Option<u64>) {
        self.lock().phases.push(phase);
    }
    fn advance(&self, files: u64, bytes: u64) {
        let mut recording = self.lock();
        recording.files += files;
        recording.bytes += bytes;
    }
    fn stored(&self, bytes: u64) {
        self.lock().stored_bytes += bytes;
    }
    fn notice(&self, notice: Notice) {
        self.lock().notices.push(notice);
    }
    fn finish(&self) {
        self.lock().finished = true;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn recorder_sums_over_threads() {
        let recorder = Recorder::default();
        recorder.start(Phase::Backup, None, None);
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| (0..100).for_each(|_| recorder.advance(1, 10)));
            }
        });
        recorder.notice(Notice::ForkAlarm);
        recorder.finish();
        let seen = recorder.recording();
        assert_eq!((seen.files, seen.bytes, seen.finished), (400, 4000, true));
        assert_eq!(seen.notices, [Notice::ForkAlarm]);
    }

    #[test]
    fn notices_have_a_kind_in_json() {
        let json = serde_json::to_value(Notice::ClockOff { seconds: -3600 }).unwrap();
        assert_eq!(json, serde_json::json!({"kind": "clock_off", "seconds": -3600}));
    }
}
