//! What a run has gathered from the sources.
//!
//! From the scan and the workers to the snapshot's note, and to the bilan. Never: changed on the way.

use std::collections::BTreeMap;

use crate::pipeline::gather::changes::Changes;
use crate::pipeline::gather::found::Sources;
use crate::pipeline::gather::hunks::Trouble;
use crate::pipeline::gather::late::SideFiles;
use crate::pipeline::gather::unread::UnreadCount;
use crate::pipeline::jobs::verdict::Taken;
use scelle_format::manifest::Totals;

/// What a run has gathered from the sources: what is in its snapshot, what changed, and what was wrong.
pub struct Gathered {
    /// What is in the snapshot.
    pub totals: Totals,
    /// Of these, files that are there because a database needs them: an engine's, and not of the practice.
    pub side_files: SideFiles,
    /// What changed.
    pub changes: Changes,
    /// What could not be saved, or only with a reservation.
    pub troubles: Vec<Trouble>,
    /// Bytes read from sources.
    pub read_bytes: u64,
    /// Databases taken through their own interface.
    pub consistent_copies: u64,
    /// The worst of how databases were taken; `None` where there was none to take.
    pub databases: Option<Taken>,
    /// What became of the roots.
    pub sources: Sources,
    /// Files in each root that is there, by the root's token.
    pub root_files: BTreeMap<String, u64>,
    /// What the last snapshot has where this run could not read, by the tokens of the places.
    pub unread: BTreeMap<String, UnreadCount>,
}

impl Gathered {
    /// Whether nothing was there to save although something was asked for.
    pub(in crate::pipeline) fn is_nothing(&self) -> bool {
        self.sources.is_nothing(&self.totals, &self.troubles)
    }
}
