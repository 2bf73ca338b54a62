//! The local index: checksummed copies of this device's index segments, and files of the run that goes on.
//!
//! Segments come from [`crate::repo::ledger::rebuild`] and from the runs that make them; workers look chunks up in them. Never: believes a copy
//! that is not as it was written; one that is not is put out of the way, so that the next run fetches it anew.

use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};

use scelle_format::id::PackId;
use scelle_format::index::Segment;

use crate::error::Result;
use crate::index::{SegmentFile, SegmentWriter};
use crate::repo::files::{self, RUN_ENDING, SEGMENT_ENDING};
use crate::repo::state::shape::{Shape, clear_way};

/// The local index of one repository.
#[derive(Clone, Debug)]
pub struct LocalIndex {
    folder: PathBuf,
}

impl LocalIndex {
    /// That of a state folder. Touches nothing.
    pub fn of(state_folder: &Path) -> Self {
        Self { folder: state_folder.join(files::INDEX) }
    }

    /// Keeps a copy of a segment, checksummed: a wrong entry would send a later snapshot astray.
    pub fn keep(&self, sha256: &str, segment: &Segment) -> Result<()> {
        let sizes: HashMap<PackId, u64> = segment.packs.iter().copied().collect();
        let path = self.path(sha256);
        clear_way(&path, Shape::File)?;
        let mut writer = SegmentWriter::create(&path, segment.generation, segment.entries.len() as u64)?;
        for at in &segment.entries {
            writer.push(at, sizes.get(&at.pack).copied().unwrap_or(0))?;
        }
        writer.finish(true)?;
        Ok(())
    }

    /// The copy of a segment, if it is there and as it was written.
    pub fn copy(&self, sha256: &str) -> Option<SegmentFile> {
        let path = self.path(sha256);
        let opened = SegmentFile::open(&path);
        if opened.is_none() {
            let _ = fs::remove_file(path);
        }
        opened
    }

    /// Number of entries of a copy that looks whole; `None` where there is none. Reads a few bytes only.
    pub fn rows(&self, sha256: &str) -> Option<u64> {
        SegmentFile::rows_at(&self.path(sha256))
    }

    /// Removes copies of segments other than these: they were merged into others.
    pub fn keep_only<'a>(&self, segments: impl IntoIterator<Item = &'a String>) {
        let live: Vec<PathBuf> = segments.into_iter().map(|sha256| self.path(sha256)).collect();
        self.remove_where(SEGMENT_ENDING, |path| !live.iter().any(|live| live == path));
    }

    /// Begins the file of this number of the run that goes on, with room for so many rows.
    pub fn run_file(&self, number: u32, rows: u64) -> Result<SegmentWriter> {
        // Sizes and generation are said when the run is over: these files do not outlive it.
        Ok(SegmentWriter::create(&self.folder.join(format!("{number}{RUN_ENDING}")), 0, rows)?)
    }

    /// Removes what a run that ended early has left.
    pub fn sweep_run_files(&self) {
        self.remove_where(RUN_ENDING, |_| true);
    }

    fn remove_where(&self, ending: &str, is_over: impl Fn(&Path) -> bool) {
        let Ok(files) = fs::read_dir(&self.folder) else { return };
        for path in files.flatten().map(|file| file.path()) {
            let has_ending = path.file_name().is_some_and(|name| name.to_string_lossy().ends_with(ending));
            if has_ending && is_over(&path) {
                let _ = fs::remove_file(path);
            }
        }
    }

    fn path(&self, sha256: &str) -> PathBuf {
        self.folder.join(format!("{sha256}{SEGMENT_ENDING}"))
    }
}
