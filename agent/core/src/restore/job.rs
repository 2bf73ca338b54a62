//! What a thread of a restore takes at a time: small files together, or a part of a large one.
//!
//! From `produce`, which makes them, to `workers`. Never: holds content.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use scelle_format::manifest::Entry;
use scelle_format::pack::Location;

use super::data_map::DataMap;
use super::outstanding::OpenFile;
use super::write::{FileAttributes, FileInProgress};
use crate::scan::EntryPath;

/// A whole file for one thread.
#[derive(Clone)]
pub(super) struct RestoreJob {
    pub(super) path: EntryPath,
    pub(super) entry: Entry,
    /// Something of the same size stands there.
    pub(super) compare: bool,
}

/// Chunks of a large file, in the order in which they lie in their packs, each with its place in the data.
pub(super) struct StretchJob {
    pub(super) file: Arc<LargeFile>,
    pub(super) chunks: Vec<(u64, Location)>,
}

/// What a thread takes at a time.
pub(super) enum Job {
    Files(Vec<RestoreJob>),
    Stretch(StretchJob),
}

/// A large file being written by several threads. Whoever lets go last places it.
pub(super) struct LargeFile {
    pub(super) path: EntryPath,
    pub(super) writing: FileInProgress,
    /// Its place among the open files.
    pub(super) _open: OpenFile,
    pub(super) attributes: FileAttributes,
    pub(super) link_group: Option<u64>,
    pub(super) bytes: u64,
    pub(super) data: DataMap,
    pub(super) failed: AtomicBool,
}

impl Job {
    /// What counts as outstanding for it.
    pub(super) fn bytes(&self) -> u64 {
        match self {
            Self::Files(files) => files.iter().map(|job| job.entry.bytes.min(64 << 20) + 2048).sum(),
            Self::Stretch(stretch) => stretch.chunks.iter().map(|(_, at)| u64::from(at.bytes)).sum(),
        }
    }
}
