//! What a restore did, for the screen and for the record of it.
//!
//! From `run` to whoever asked for the restore. Holds names: for the local screen only. Never: stored as it is.

use std::time::Duration;

use super::tally::FileProblem;
use super::write::Notices;
use crate::error::ExitCode;
use crate::scan::EntryPath;

/// A part of the snapshot's tree that could not be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LostPart {
    /// Name of the manifest pack.
    pub object: String,
    /// Files in it.
    pub files: u64,
    /// Bytes of files in it.
    pub bytes: u64,
}

/// What a restore did.
#[derive(Clone, Debug, Default)]
pub struct RestoreSummary {
    /// Files written.
    pub files: u64,
    /// Bytes of files written.
    pub bytes: u64,
    /// Folders made or given their attributes.
    pub directories: u64,
    /// Symlinks written.
    pub symlinks: u64,
    /// Further names of files.
    pub hardlinks: u64,
    /// Files whose content was already there.
    pub skipped_same: u64,
    /// Files and links left as they were because something else stands there: they are not those of the snapshot.
    pub kept: u64,
    /// The first 1 000 of them.
    pub kept_files: Vec<FileProblem>,
    /// Files and links placed beside what stands there.
    pub beside: u64,
    /// The first 1 000 of them, under the names they have now.
    pub beside_files: Vec<EntryPath>,
    /// Entries that got another name, because the restore root takes theirs for that of another entry.
    pub renamed: u64,
    /// Further names of files that are files of their own, because the snapshot holds another version under them.
    pub split_links: u64,
    /// Logs and journals that lay beside databases and were moved aside.
    pub set_aside: u64,
    /// Databases that were replaced, or beside which a log was moved aside, without knowing whether a program has them open.
    pub use_unknown: u64,
    /// Files whose content is missing or damaged in the store.
    pub damaged: Vec<FileProblem>,
    /// Files that could not be written for another reason.
    pub problems: Vec<FileProblem>,
    /// Folders made by an earlier restore that did not end, of which this one knows no attributes.
    pub unfinished: Vec<FileProblem>,
    /// Parts of the tree that cannot be read.
    pub lost_parts: Vec<LostPart>,
    /// Objects found damaged, by name, also where their content was found elsewhere.
    pub damaged_objects: Vec<String>,
    /// Attributes that could not be given.
    pub notices: Notices,
    /// Bytes received from the store.
    pub fetched_bytes: u64,
    /// How long it took.
    pub duration: Duration,
}

impl RestoreSummary {
    /// Whether no file or link was met that was to be restored and could be.
    pub fn is_empty(&self) -> bool {
        self.files + self.symlinks + self.skipped_same + self.kept + self.beside == 0
    }

    /// The code the process ends with.
    pub fn code(&self) -> ExitCode {
        if !self.damaged.is_empty() || !self.lost_parts.is_empty() {
            ExitCode::Damaged
        } else if !self.problems.is_empty() || self.kept > 0 || !self.unfinished.is_empty() {
            ExitCode::Partial
        } else {
            ExitCode::Ok
        }
    }
}
