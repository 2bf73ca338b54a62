//! Regular files: written under a temporary name by as many threads as like, then placed. Also the look at what
//! already stands there, so that a resumed restore skips what is done.

use super::attributes::NoticeCounters;
use super::database::{Aside, is_database};
use super::error::{WriteError, WriteErrorKind};
use super::root::RestoreRoot;
use super::target::{Overwrite, Placed, WriteTarget, has_same_content};
use super::tree::with_patience;
use crate::platform::{self, FileAttributes, Kind, Stat};
use crate::scan::EntryPath;
use std::fs::File;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};

/// What stands at a path of the restore root.
pub struct ExistingFile {
    pub stat: Stat,
    /// Open for reading when it is a regular file that we may read.
    pub file: Option<File>,
}

impl ExistingFile {
    /// Reads at an offset; 0 at the end, and for what is no readable file.
    pub fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        self.file.as_ref().map_or(Ok(0), |file| platform::read_at(file, buffer, offset))
    }
}

/// A file being written under a temporary name. Dropped without [`FileInProgress::commit`], it disappears.
pub struct FileInProgress {
    target: WriteTarget,
    /// Open until the file is placed.
    file: Option<File>,
    bytes: u64,
    /// Where the last byte written so far ends: the length the file has.
    written_end: AtomicU64,
    /// Whether what was written is a database, by its beginning or by its name.
    is_database: AtomicBool,
    notices: Arc<NoticeCounters>,
    aside: Arc<Aside>,
}

impl RestoreRoot {
    /// Begins a file of this length; folders that lead to it are made. What is never written reads as zeros and takes
    /// no space.
    pub fn begin_file(&self, path: &EntryPath, bytes: u64) -> Result<FileInProgress, WriteError> {
        let mut target = self.target(path)?;
        let file = target.make(|folder, temporary| folder.create_new(temporary))?;
        Ok(FileInProgress {
            target,
            file: Some(file),
            bytes,
            written_end: AtomicU64::new(0),
            is_database: AtomicBool::new(false),
            notices: Arc::clone(&self.notices),
            aside: Arc::clone(&self.aside),
        })
    }

    /// What stands at this path, for comparing its content; `None` when nothing does. Links are not followed.
    pub fn existing(&self, path: &EntryPath) -> Result<Option<ExistingFile>, WriteError> {
        let folder = match self.tree.place_of(path, false) {
            Ok(folder) => folder,
            Err(error) if error.kind == WriteErrorKind::Vanished => return Ok(None),
            Err(error) => return Err(error),
        };
        let stat = match folder.stat(path.name()) {
            Ok(stat) => stat,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(WriteError::io(error, path)),
        };
        if stat.kind != Kind::File {
            return Ok(Some(ExistingFile { stat, file: None }));
        }
        Ok(Some(match with_patience(|| folder.open_file(path.name())) {
            Ok((file, stat)) => ExistingFile { stat, file: Some(file) },
            Err(_) => ExistingFile { stat, file: None },
        }))
    }

    /// Gives an existing regular file its attributes, when its content was found to be right.
    pub fn update_attributes(&self, path: &EntryPath, wanted: &FileAttributes) -> Result<(), WriteError> {
        let folder = self.tree.place_of(path, false)?;
        let (file, _) =
            with_patience(|| folder.open_file(path.name())).map_err(|error| WriteError::io(error, path))?;
        self.note(&platform::set_attributes(&file, wanted));
        Ok(())
    }
}

impl FileInProgress {
    /// Where the file will stand.
    pub fn path(&self) -> &EntryPath {
        &self.target.path
    }

    /// Writes at an offset; from several threads, in any order.
    pub fn write_at(&self, offset: u64, content: &[u8]) -> Result<(), WriteError> {
        let end = offset.checked_add(content.len() as u64);
        let Some(file) = self.file.as_ref().filter(|_| end.is_some_and(|end| end <= self.bytes)) else {
            return Err(WriteError::new(WriteErrorKind::OutOfBounds, &self.target.path));
        };
        platform::write_all_at(file, content, offset)
            .map_err(|error| WriteError::io(error, &self.target.path))?;
        self.written_end.fetch_max(offset + content.len() as u64, Relaxed);
        if offset == 0 && is_database(content, self.target.path.name()) {
            self.is_database.store(true, Relaxed);
        }
        Ok(())
    }

    /// Sets the length and the attributes, then gives the file its name.
    pub fn commit(mut self, overwrite: &Overwrite, wanted: &FileAttributes) -> Result<Placed, WriteError> {
        if let Some(file) = self.file.take() {
            // Nothing can have been written beyond.
            if self.written_end.load(Relaxed) != self.bytes {
                file.set_len(self.bytes).map_err(|error| WriteError::io(error, &self.target.path))?;
            }
            self.notices.add(&platform::set_attributes(&file, wanted));
        }
        let placed = match self.is_database.load(Relaxed) {
            true => self.target.place_database(overwrite, &self.aside)?,
            false => self.target.place(overwrite, &has_same_content)?,
        };
        if placed == Placed::Same
            && *overwrite == Overwrite::Changed
            && let Ok((existing, _)) = self.target.folder.open_file(self.target.path.name())
        {
            self.notices.add(&platform::set_attributes(&existing, wanted));
        }
        Ok(placed)
    }
}
