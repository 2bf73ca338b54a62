//! What one stage hands to the next: proof, by type, that it is over.
//!
//! [`Uploaded`] → [`Confirmed`] → [`Indexed`] → `Committed`, each of one destination, which it names; before the end, [`ShownSoFar`]. Only the pipeline makes one, in
//! the stage that it is the end of. Never: work.

use std::collections::BTreeMap;

use scelle_format::id::{PackId, PackKind};
use scelle_format::refs::PackSet;

use crate::catalog::JournaledPack;
use crate::repo::objects::destination::Destination;

/// Packs that this run has sent: proof that the upload is over.
pub struct Uploaded {
    /// Where they were sent.
    pub(in crate::pipeline) to: Destination,
    /// Those that the store then showed with their sizes.
    pub(in crate::pipeline) packs: BTreeMap<PackId, (PackKind, u64)>,
    /// Those that it did not show at once: it is asked again before anything names them.
    pub(in crate::pipeline) unseen: Vec<JournaledPack>,
    /// Bytes that were really sent.
    pub(in crate::pipeline) sent_bytes: u64,
}

/// Packs of a run that still goes on, which the store showed with their sizes: all that a partial note may name.
pub struct ShownSoFar {
    /// The destination that showed them.
    pub(in crate::pipeline) at: Destination,
    pub(in crate::pipeline) packs: PackSet,
}

/// Packs that the store showed with their sizes, in this run.
pub struct Confirmed {
    /// The destination that showed them.
    pub(in crate::pipeline) at: Destination,
    pub(in crate::pipeline) packs: BTreeMap<PackId, (PackKind, u64)>,
    /// Bytes of packs that this run has really sent.
    pub(in crate::pipeline) sent_bytes: u64,
}

/// New chunks are in index segments that are stored where the packs are.
pub struct Indexed<'c> {
    pub(in crate::pipeline) confirmed: &'c Confirmed,
    /// Bytes of these segments.
    pub(in crate::pipeline) stored_bytes: u64,
}

impl Uploaded {
    /// Nothing yet.
    pub(in crate::pipeline) fn nothing(to: Destination) -> Self {
        Self { to, packs: BTreeMap::new(), unseen: Vec::new(), sent_bytes: 0 }
    }
}
