//! What a run is to save, and how.
//!
//! From [`crate::run::BackupRequest`] to the stages. Never: changed on the way.

use std::path::PathBuf;

use crate::pipeline::landing::checkpoint::CheckpointEvery;
use crate::scan::PathFilter;

/// What one run is to save.
pub struct RunPlan {
    /// Which set of roots: runs are compared within it.
    pub set: String,
    /// Roots as given.
    pub roots: Vec<PathBuf>,
    /// What to leave out.
    pub filter: PathFilter,
    /// Threads that read, compress and seal.
    pub workers: usize,
    /// When partial notes are due.
    pub checkpoints: CheckpointEvery,
}
