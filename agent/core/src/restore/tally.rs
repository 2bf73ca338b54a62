//! What the threads of a restore count and list.
//!
//! For: `workers`, which fill it, and `run`, which makes the summary of it. Never: logged; paths are for the local
//! screen only.

use std::collections::HashSet;

use super::job::RestoreJob;
use crate::monitor::Problem;
use crate::scan::EntryPath;

/// Files kept, or placed beside, that are named; the rest is counted.
pub(super) const NAMED_MAX: usize = 1000;

/// One file that was not restored. Holds a name: for the local screen only.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileProblem {
    /// Its path in the snapshot, for the local screen.
    pub path: EntryPath,
    /// What stands for the path everywhere else.
    pub token: String,
    /// What happened.
    pub problem: Problem,
}

/// What the threads have done.
#[derive(Default)]
pub(super) struct Tally {
    pub(super) files: u64,
    pub(super) bytes: u64,
    pub(super) symlinks: u64,
    pub(super) hardlinks: u64,
    pub(super) same: u64,
    pub(super) kept: u64,
    pub(super) beside: u64,
    pub(super) renamed: u64,
    /// The first of those kept that hold something else than the snapshot.
    pub(super) kept_files: Vec<FileProblem>,
    /// Where the first of those placed beside stand.
    pub(super) beside_files: Vec<EntryPath>,
    /// Databases that stand there byte for byte, with files beside them that may belong to another version.
    pub(super) standing: Vec<RestoreJob>,
    pub(super) problems: Vec<FileProblem>,
    /// Link groups whose first name does not stand at its path.
    pub(super) unplaced_groups: HashSet<u64>,
}
