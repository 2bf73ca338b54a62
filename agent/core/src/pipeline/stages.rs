//! What one stage hands to the next: proof, by type, that it is over.
//!
//! [`Uploaded`] → [`Confirmed`] → [`Indexed`] → `Committed`, for each destination. Only the stage itself makes one. Never: work.

use std::collections::BTreeMap;

use scelle_format::id::{PackId, PackKind};

use crate::catalog::JournaledPack;
use crate::repo::destination::Destination;

/// Packs that this run has sent: proof that the upload stage is over.
pub struct Uploaded {
    /// Where they were sent.
    pub(super) to: Destination,
    /// Those that the store then showed with their sizes.
    pub(super) packs: BTreeMap<PackId, (PackKind, u64)>,
    /// Those that it did not show at once: it is asked again before anything names them.
    pub(super) unseen: Vec<JournaledPack>,
    /// Bytes that were really sent.
    pub(super) sent_bytes: u64,
}

/// Packs that the store showed with their sizes, in this run.
pub struct Confirmed {
    /// The destination that showed them.
    pub(super) at: Destination,
    pub(super) packs: BTreeMap<PackId, (PackKind, u64)>,
    /// Bytes this run has sent so far.
    pub sent_bytes: u64,
}

/// New chunks are in an index segment that is stored.
pub struct Indexed {
    pub(super) confirmed: Confirmed,
}

impl Uploaded {
    /// Nothing yet.
    pub(super) fn nothing(to: Destination) -> Self {
        Self { to, packs: BTreeMap::new(), unseen: Vec::new(), sent_bytes: 0 }
    }
}
