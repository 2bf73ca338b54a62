//! What a run has saved, once its snapshot stands, and how far a run came.
//!
//! From the pipeline to whoever started it, and to the bilan. Never: changed on the way.

use crate::pipeline::closing::commit::Committed;
use crate::pipeline::gather::gathered::Gathered;
use crate::repo::damage::known::Shown;
use crate::verify::listing::Listing;

/// What a run has saved.
pub struct Saved {
    /// The snapshot.
    pub committed: Committed,
    /// What it holds, and what was found on the way.
    pub gathered: Gathered,
    /// Bytes found again from an interrupted run.
    pub resumed_bytes: u64,
    /// The store's listing against the packs of the snapshot, before its note.
    pub listing: Listing,
    /// All packs that the store listed, with their sizes.
    pub shown: Shown,
    /// Damaged packs whose content is whole again in others.
    pub healed_packs: u64,
    /// Small objects that were gone from the store and were stored again, or replaced.
    pub mended_objects: u64,
}

impl Saved {
    /// How much could not be saved as it should; what was saved whole and only calls for a word is none.
    pub fn problems(&self) -> u64 {
        self.gathered.troubles.iter().filter(|trouble| trouble.problem.spoils_run()).count() as u64
    }
}

/// How far a run came.
pub enum Attempt {
    /// Its snapshot is in the store.
    Whole(Box<Saved>),
    /// Packs of earlier snapshots that it builds on are gone: nothing was named, and it is to begin again without them.
    Lacking(Listing),
}
