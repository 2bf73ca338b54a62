//! What a run is asked for, and what it stands on.
//!
//! From whoever starts a run to its stages. Never: changed on the way.

use std::path::PathBuf;
use std::sync::Arc;

use super::checkpoint::CheckpointEvery;
use crate::clock::Clock;
use crate::monitor::Monitor;
use crate::repo::objects::Objects;
use crate::repo::state::{Device, State};
use crate::scan::Filter;
use crate::shutdown::Shutdown;

/// What one run is to save.
pub struct Plan {
    /// Which set of roots: runs are compared within it.
    pub set: String,
    /// Roots as given.
    pub roots: Vec<PathBuf>,
    /// What to leave out.
    pub filter: Filter,
    /// Threads that read, compress and seal.
    pub workers: usize,
    /// When partial notes are due.
    pub checkpoints: CheckpointEvery,
}

/// What one run needs from outside.
pub struct Surroundings<'a> {
    /// The store.
    pub objects: Arc<Objects>,
    /// The state folder, locked.
    pub state: &'a State,
    /// This device.
    pub device: &'a Device,
    /// Time.
    pub clock: &'a dyn Clock,
    /// Who watches.
    pub monitor: Arc<dyn Monitor>,
    /// Whether to stop.
    pub shutdown: &'a Shutdown,
}
