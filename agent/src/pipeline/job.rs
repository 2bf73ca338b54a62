//! One file on its way through the workers, and what became of it.

use std::path::PathBuf;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicUsize, Ordering};

use parking_lot::Mutex;
use scelle_format::chunker::Cut;

use super::packs::Place;
use crate::monitor::Problem;
use crate::platform::{Attributes, Stat};
use crate::scan::EntryPath;

/// What a file's content became.
#[derive(Clone, Debug, Default)]
pub struct Stored {
    /// How it was cut.
    pub cut: Cut,
    /// Its chunks in order, with their lengths.
    pub content: StoredContent,
    /// Bytes that were read (the size, unless it changed meanwhile).
    pub bytes: u64,
    /// Data extents of a file with holes.
    pub extents: Option<Vec<(u64, u64)>>,
    /// Taken through the database's own interface.
    pub consistent_copy: bool,
    /// How the file looked when it was opened for this reading.
    pub stat: Option<Stat>,
    /// Extended attributes and names of owners.
    pub attributes: Attributes,
    /// Stored, but something is to be said of it.
    pub problem: Option<Problem>,
}

/// Where the content is.
#[derive(Clone, Debug, Default)]
pub enum StoredContent {
    /// Nowhere: the file is empty.
    #[default]
    Empty,
    /// Chunks in order with their lengths.
    Chunks(Vec<(Place, u32)>),
    /// A slice of a chunk shared with neighbours.
    Slice {
        /// The shared chunk.
        place: Place,
        /// Where the file begins in it.
        offset: u32,
        /// Its length.
        bytes: u32,
    },
}

/// Chunks of one part of a file, in order, with their lengths.
pub type PartChunks = Vec<(Place, u32)>;

/// What became of a job.
#[derive(Clone, Debug)]
pub enum Outcome {
    /// It is stored.
    Stored(Box<Stored>),
    /// It is not, and why.
    Lost(Problem),
}

/// One file to read.
pub struct FileJob {
    /// Its path in the snapshot.
    pub path: EntryPath,
    /// Where it lies.
    pub os_path: PathBuf,
    /// How it looked during the walk.
    pub stat: Stat,
    /// Parts of a large file, each done by whoever is free.
    pub parts: Mutex<Vec<Option<PartChunks>>>,
    /// Parts not done yet.
    pub open_parts: AtomicUsize,
    outcome: OnceLock<Outcome>,
}

impl FileJob {
    /// A job that nobody has begun.
    pub fn new(path: EntryPath, os_path: PathBuf, stat: Stat) -> Self {
        let (parts, open_parts) = (Mutex::default(), AtomicUsize::new(0));
        Self { path, os_path, stat, parts, open_parts, outcome: OnceLock::new() }
    }

    /// What became of it, once it is done.
    pub fn outcome(&self) -> Option<&Outcome> {
        self.outcome.get()
    }

    /// Ends the job. The first word counts.
    pub fn end(&self, outcome: Outcome) {
        let _ = self.outcome.set(outcome);
    }

    /// Hands in one part; true for whoever hands in the last.
    pub fn hand_in(&self, part: usize, chunks: PartChunks) -> bool {
        if let Some(slot) = self.parts.lock().get_mut(part) {
            *slot = Some(chunks);
        }
        self.open_parts.fetch_sub(1, Ordering::AcqRel) == 1
    }
}
