//! What an operation tells its monitor, as events of the log beside what the screen shows of it.
//!
//! Stages become events with their figures (info), notices become events of their own level; counts at trace. Never: the label
//! of a root, which somebody chose, or a sentence for people.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use parking_lot::Mutex;
use scelle_core::monitor::{Monitor, Notice, Phase};
use tracing::{debug, info, trace, warn};

/// Another monitor, and the log.
pub struct Watched {
    shown: Arc<dyn Monitor>,
    stage: Mutex<Option<(Phase, Instant)>>,
    files: AtomicU64,
    bytes: AtomicU64,
    stored_bytes: AtomicU64,
}

impl Watched {
    /// Hands everything on to `shown`.
    pub fn new(shown: Arc<dyn Monitor>) -> Self {
        Self {
            shown,
            stage: Mutex::default(),
            files: AtomicU64::new(0),
            bytes: AtomicU64::new(0),
            stored_bytes: AtomicU64::new(0),
        }
    }

    /// Tells the figures of the stage that runs, and begins to count for `next`.
    fn turn(&self, next: Option<Phase>) {
        let mut stage = self.stage.lock();
        let [files, bytes, stored_bytes] =
            [&self.files, &self.bytes, &self.stored_bytes].map(|count| count.swap(0, Ordering::Relaxed));
        if let Some((phase, began)) = stage.take() {
            let ms = u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX);
            info!(stage = phase.code(), files, bytes, stored_bytes, ms, "stage ends");
        }
        *stage = next.map(|phase| (phase, Instant::now()));
        if let Some(phase) = next {
            info!(stage = phase.code(), "stage begins");
        }
    }
}

impl Monitor for Watched {
    fn start(&self, phase: Phase, total_files: Option<u64>, total_bytes: Option<u64>) {
        self.turn(Some(phase));
        self.shown.start(phase, total_files, total_bytes);
    }

    fn advance(&self, files: u64, bytes: u64) {
        self.files.fetch_add(files, Ordering::Relaxed);
        self.bytes.fetch_add(bytes, Ordering::Relaxed);
        trace!(files, bytes, "done");
        self.shown.advance(files, bytes);
    }

    fn stored(&self, bytes: u64) {
        self.stored_bytes.fetch_add(bytes, Ordering::Relaxed);
        trace!(bytes, "stored");
        self.shown.stored(bytes);
    }

    fn notice(&self, told: Notice) {
        notice(&told);
        self.shown.notice(told);
    }

    fn finish(&self) {
        self.turn(None);
        self.shown.finish();
    }
}

/// A notice as an event. What the bilan or a person has to look at is a warning.
pub fn notice(notice: &Notice) {
    match notice {
        Notice::Problem { root: _, token, problem } => match problem.spoils_run() {
            true => warn!(token, problem = problem.code(), "problem"),
            false => info!(token, problem = problem.code(), "reservation"),
        },
        Notice::Retry { operation, attempt, wait_ms, altered, of_proxy } => {
            debug!(operation, attempt, wait_ms, altered, of_proxy, "retry");
        }
        Notice::StoreSilent { seconds } => debug!(seconds, "store silent"),
        Notice::ClockOff { seconds } => warn!(seconds, "clock differs from the store's"),
        Notice::ForkAlarm => warn!("two continuations of the ledger"),
        Notice::Rewound { notes } => warn!(notes, "state was older than the store"),
        Notice::SnapshotVanished { snapshot } => warn!(snapshot, "snapshot vanished from the store"),
        Notice::CatalogRebuilt => info!("catalog rebuilt"),
        Notice::Damaged { key } => warn!(object = key.as_str(), "object damaged"),
        Notice::StoreWeakness { weakness } => warn!(?weakness, "store weakness"),
        Notice::AnsweredWrongly { objects } => warn!(objects, "store answered wrongly, then rightly"),
        Notice::ReadThrough { hidden, overwritten } => warn!(hidden, overwritten, "older versions were read"),
        Notice::BilanLost { snapshot } => warn!(snapshot, "bilan is lost"),
        Notice::NoEffect { key, place: _ } => warn!(key, "key without effect"),
    }
}
