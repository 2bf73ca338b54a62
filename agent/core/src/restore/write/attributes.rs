//! Counts the attributes the system would not let us give. Fed by files, links and folders, read for the restore
//! record.

use crate::platform::Shortfall;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// How often attributes could not be given. A restore without administrator rights is a normal restore: these are
/// notices of the restore record, not errors.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Notices {
    /// Entries that belong to the restoring user instead of their owner or group.
    pub owners: u64,
    pub modes: u64,
    /// Extended attributes and ACLs, one by one.
    pub xattrs: u64,
    pub times: u64,
}

impl Notices {
    /// Whether everything was given.
    pub fn is_none(&self) -> bool {
        *self == Notices::default()
    }
}

/// The counters of one restore, shared by its threads.
#[derive(Default)]
pub(super) struct NoticeCounters {
    owners: AtomicU64,
    modes: AtomicU64,
    xattrs: AtomicU64,
    times: AtomicU64,
}

impl NoticeCounters {
    /// Counts one entry.
    pub(super) fn add(&self, shortfall: &Shortfall) {
        self.owners.fetch_add(shortfall.owner.into(), Relaxed);
        self.modes.fetch_add(shortfall.mode.into(), Relaxed);
        self.xattrs.fetch_add(shortfall.xattrs, Relaxed);
        self.times.fetch_add(shortfall.times.into(), Relaxed);
    }

    /// The sums so far.
    pub(super) fn read(&self) -> Notices {
        Notices {
            owners: self.owners.load(Relaxed),
            modes: self.modes.load(Relaxed),
            xattrs: self.xattrs.load(Relaxed),
            times: self.times.load(Relaxed),
        }
    }
}
