//! What a long operation tells while it works.
//!
//! Counts and [`Notice`]s come from the scan, the pipeline, restore and check, from any thread, and go to a
//! [`Monitor`]: the terminal's and NDJSON's are the program's own, [`Silent`] or a test's
//! [`Recorder`]. Never: a file name or path (a notice carries tokens and counts only), never a decision:
//! an operation behaves the same whoever watches.

use std::sync::{Mutex, MutexGuard};

use serde::Serialize;

/// What a store was found not to do.
pub use scelle_store::verdict::Code as Weakness;
/// Why an entry could not be handled.
pub use scelle_view::words::Problem;

/// The part of an operation that is running.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Phase {
    /// Opening the repository: descriptor, ledger, index.
    Open,
    /// Learning what the store really does.
    Probe,
    /// Walking the source folders.
    Scan,
    /// Reading, sealing and sending what changed.
    Backup,
    /// Writing index, references and the snapshot's note.
    Commit,
    /// Checking what the store holds.
    Verify,
    /// Reading packs back.
    ReadData,
    /// Writing files of a snapshot.
    Restore,
    /// Comparing two trees or two snapshots.
    Compare,
    /// Rebuilding the local catalog from the repository.
    Rebuild,
}

impl Phase {
    /// Stable code, for logs.
    pub fn code(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Probe => "probe",
            Self::Scan => "scan",
            Self::Backup => "backup",
            Self::Commit => "commit",
            Self::Verify => "verify",
            Self::ReadData => "read_data",
            Self::Restore => "restore",
            Self::Compare => "compare",
            Self::Rebuild => "rebuild",
        }
    }
}

/// Something a person may want to know, without any name in it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Notice {
    /// One entry could not be handled. `token` stands for its path, `root` is its root's label.
    Problem {
        /// Label of the root folder.
        root: String,
        /// Token of the path: `bilan whois TOKEN` gives the name to someone with a key.
        token: String,
        /// What went wrong.
        problem: Problem,
    },
    /// A call to the store is tried again.
    Retry {
        /// The operation: `put`, `get`, `list`…
        operation: &'static str,
        /// Number of the attempt that failed, from 1.
        attempt: u32,
        /// Pause before the next attempt, in milliseconds.
        wait_ms: u64,
        /// Whether what arrived was not what was sent; else nobody answered, or "try again".
        altered: bool,
        /// Whether it was the proxy that did not answer, or let nothing through.
        of_proxy: bool,
    },
    /// The store gives no sign of life; it is still waited for.
    StoreSilent {
        /// Since when, in seconds.
        seconds: u64,
    },
    /// This computer's clock differs from the store's by so many seconds (positive: ours is ahead).
    ClockOff {
        /// Signed difference, in seconds.
        seconds: i64,
    },
    /// Two different continuations of this device's ledger exist.
    ForkAlarm,
    /// The state folder was older than the store (restored image) and was brought forward by `notes` notes.
    Rewound {
        /// Notes that the state did not know.
        notes: u64,
    },
    /// The newest snapshot this computer remembers is no longer in the store.
    SnapshotVanished {
        /// Its number on this device.
        snapshot: u64,
    },
    /// An interrupted run is continued; `stored_bytes` are already there.
    Resumed {
        /// Bytes that need not be sent again.
        stored_bytes: u64,
    },
    /// The local catalog is rebuilt from the repository.
    CatalogRebuilt,
    /// Sockets, pipes and devices were left out.
    SpecialsSkipped {
        /// How many.
        count: u64,
    },
    /// An object in the store is damaged; `key` is its key in the store (a hash, never a name).
    Damaged {
        /// The object's key.
        key: String,
    },
    /// The store does not do what the product relies on.
    StoreWeakness {
        /// What it does not do, or what could not be learned.
        weakness: Weakness,
    },
    /// The store answered wrongly (bytes that are not the object's, "not there") and rightly when asked once more.
    AnsweredWrongly {
        /// How many objects.
        objects: u64,
    },
    /// Objects were hidden behind delete markers or written over; older versions of them were read.
    ReadThrough {
        /// How many a delete marker hides.
        hidden: u64,
        /// How many were written over.
        overwritten: u64,
    },
}

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
