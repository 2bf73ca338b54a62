//! What was odd about a store's answers while a command read from it.
//!
//! Filled by `objects`; `run::witness` tells it at the end, `check` makes findings of it. Never: holds anything but objects'
//! names, which say nothing about a patient, or decides anything.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

use parking_lot::Mutex;

/// Names of objects, by what was odd about them.
#[derive(Debug, Default)]
pub struct Oddities {
    answered_wrongly: Mutex<BTreeSet<String>>,
    hidden: Mutex<BTreeSet<String>>,
    overwritten: Mutex<BTreeSet<String>>,
    versions_closed: AtomicBool,
}

impl Oddities {
    /// The first answer was wrong, the second right.
    pub(crate) fn note_answered_wrongly(&self, name: &str) {
        self.answered_wrongly.lock().insert(name.to_owned());
    }

    /// A delete marker hides it; an older version was read, or is listed.
    pub(crate) fn note_hidden(&self, name: &str) {
        self.hidden.lock().insert(name.to_owned());
    }

    /// It was written over; an older version was read, or is listed.
    pub(crate) fn note_overwritten(&self, name: &str) {
        self.overwritten.lock().insert(name.to_owned());
    }

    /// The credential was refused a look at versions.
    pub(in crate::repo) fn note_versions_closed(&self) {
        self.versions_closed.store(true, Relaxed);
    }

    /// Whether a delete marker hides it.
    pub fn is_hidden(&self, name: &str) -> bool {
        self.hidden.lock().contains(name)
    }

    /// How many objects were answered wrongly once.
    pub fn answered_wrongly(&self) -> u64 {
        self.answered_wrongly.lock().len() as u64
    }

    /// Objects behind delete markers.
    pub fn hidden(&self) -> BTreeSet<String> {
        self.hidden.lock().clone()
    }

    /// Objects that were written over.
    pub fn overwritten(&self) -> BTreeSet<String> {
        self.overwritten.lock().clone()
    }

    /// Whether older versions may exist that this credential may not see.
    pub fn are_versions_closed(&self) -> bool {
        self.versions_closed.load(Relaxed)
    }
}
