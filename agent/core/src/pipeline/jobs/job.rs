//! One file on its way through the workers, and what became of it.
//!
//! Made by the scan, filled in by whichever worker takes it, and read by the hunk that waits for it. Never: opens a file.

use std::io;
use std::path::PathBuf;
use std::sync::{Arc, OnceLock};

use scelle_format::chunker::Cut;

use scelle_format::manifest::Extent;

use crate::catalog::{CatalogEntry, SmallPrint};
use crate::monitor::Problem;
use crate::pipeline::chunks::earlier::{EarlierList, EarlierSlice};
use crate::pipeline::chunks::list::ChunkList;
use crate::pipeline::chunks::packs::Place;
use crate::pipeline::jobs::verdict::Taken;
use crate::platform::{Attributes, Stat};
use crate::scan::{EntryPath, Folders, SourceFile};

/// What a file's content became.
#[derive(Clone, Debug, Default)]
pub struct Stored {
    /// How it was cut.
    pub cut: Cut,
    /// Where its bytes are.
    pub content: StoredContent,
    /// Of a file that shares its chunk.
    pub print: Option<SmallPrint>,
    /// Bytes that were read (the size, unless it changed meanwhile).
    pub bytes: u64,
    /// Data extents of a file with holes.
    pub extents: Option<Vec<Extent>>,
    /// Taken through the database's own interface.
    pub consistent_copy: bool,
    /// How the file looked when it was opened for this reading.
    pub stat: Option<Stat>,
    /// Extended attributes and names of owners.
    pub attributes: Attributes,
    /// How it was taken, if it is a database.
    pub taken: Option<Taken>,
    /// Stored, but something is to be said of it.
    pub problem: Option<Problem>,
    /// Stored because a database needs it: it is the engine's, comes and goes with transactions, and nobody misses it.
    pub is_side_file: bool,
}

/// Where the content is.
#[derive(Clone, Debug, Default)]
pub enum StoredContent {
    /// Nowhere: the file is empty.
    #[default]
    Empty,
    /// A small file's chunk.
    Chunks(Vec<(Place, u32)>),
    /// The chunks of a large file.
    List(Arc<ChunkList>),
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

/// What became of a job.
#[derive(Clone, Debug)]
pub enum Outcome {
    /// It is stored.
    Stored(Box<Stored>),
    /// It is not, and why.
    Lost(Problem),
    /// It is not, and nothing is missing: a side file of a database that is whole without it.
    LeftOut,
}

/// What a file is against the last snapshot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LateCount {
    /// It was not there.
    New,
    /// It looks different.
    Changed,
    /// It looks the same.
    Unchanged,
}

/// One file to read.
pub struct FileJob {
    /// Its path in the snapshot.
    pub path: EntryPath,
    /// Where it lies.
    pub os_path: PathBuf,
    /// How it looked during the walk.
    pub stat: Stat,
    /// The list of a paged file in the last snapshot.
    pub earlier: Option<EarlierList>,
    /// Where a file that shares its chunk lay in the last snapshot.
    pub earlier_slice: Option<Box<EarlierSlice>>,
    folders: Arc<Folders>,
    /// A name beside it is that of its log or journal, if it is a database.
    pub has_side: bool,
    /// Of a file that may be left out: what it counts as if it is not.
    pub counted_late: Option<LateCount>,
    outcome: OnceLock<Outcome>,
}

impl FileJob {
    /// A job that nobody has begun; `earlier` is the file in the last snapshot.
    pub fn new(
        folders: Arc<Folders>,
        path: EntryPath,
        os_path: PathBuf,
        stat: Stat,
        earlier: Option<CatalogEntry>,
    ) -> Self {
        let earlier_slice = earlier.as_ref().and_then(EarlierSlice::of).map(Box::new);
        Self {
            path,
            os_path,
            stat,
            earlier: earlier.and_then(EarlierList::of),
            earlier_slice,
            folders,
            has_side: false,
            counted_late: None,
            outcome: OnceLock::new(),
        }
    }

    /// Opens the file, by the handle of its folder.
    pub fn open(&self) -> io::Result<SourceFile> {
        SourceFile::open_in(&self.folders, &self.path, &self.os_path)
    }

    /// What became of it, once it is done.
    pub fn outcome(&self) -> Option<&Outcome> {
        self.outcome.get()
    }

    /// Where a file that shared its chunk lay in the last snapshot, unless it is seen to hold something else now.
    pub fn slice_of_same_content(&self) -> Option<Box<EarlierSlice>> {
        let Some(Outcome::Stored(now)) = self.outcome() else { return None };
        let may_be = |then: &EarlierSlice| then.print.is_none() || then.print == now.print;
        self.earlier_slice.clone().filter(|then| may_be(then))
    }

    /// Ends the job. The first word counts.
    pub fn end(&self, outcome: Outcome) {
        let _ = self.outcome.set(outcome);
    }
}

/// Why a file could not be read, by kind and without its name.
pub(in crate::pipeline) fn problem_of(error: &io::Error) -> Problem {
    match error.kind() {
        // What has become a folder or a link is no longer the file that was listed.
        io::ErrorKind::NotFound | io::ErrorKind::NotADirectory => Problem::Vanished,
        io::ErrorKind::PermissionDenied => Problem::Unreadable,
        _ if error.raw_os_error() == Some(5) => Problem::DiskError,
        _ => Problem::Unreadable,
    }
}
