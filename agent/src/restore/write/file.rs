//! Regular files: written under a temporary name by as many threads as like, then placed. Also the look at what
//! already stands there, so that a resumed restore skips what is done.

use super::attributes::NoticeCounters;
use super::database::{Aside, is_database};
use super::tree::{TemporaryNames, with_patience};
use super::{Destination, Overwrite, Placed, WriteError, WriteErrorKind};
use crate::platform::{self, FileAttributes, Folder, Kind, Stat};
use crate::scan::EntryPath;
use std::fs::File;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};

/// Names tried for a temporary, and for a sibling.
const TEMPORARIES: u32 = 4;
const NAMES: u32 = 100;
const COMPARED_BYTES: usize = 128 * 1024;
const NAME_BYTES: usize = 255;

/// What stands at a path of the destination.
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
    target: Target,
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

impl Destination {
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

    pub(super) fn target(&self, path: &EntryPath) -> Result<Target, WriteError> {
        let folder = self.tree.place_of(path, true)?;
        Ok(Target { folder, path: path.clone(), names: self.tree.names(), temporary: None })
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

/// An entry on its way from a temporary name to its own. Dropped before it is placed, the temporary is removed.
pub(super) struct Target {
    pub(super) folder: Arc<Folder>,
    pub(super) path: EntryPath,
    names: Arc<TemporaryNames>,
    temporary: Option<Vec<u8>>,
}

/// Whether the temporary (first) and an existing name hold the same.
type Compare<'a> = &'a dyn Fn(&Folder, &[u8], &[u8]) -> io::Result<bool>;

impl Target {
    /// Makes the temporary.
    pub(super) fn make<T>(
        &mut self,
        make: impl Fn(&Folder, &[u8]) -> io::Result<T>,
    ) -> Result<T, WriteError> {
        for _ in 0..TEMPORARIES {
            let temporary = self.names.next();
            match with_patience(|| make(&self.folder, &temporary)) {
                Ok(made) => {
                    self.temporary = Some(temporary);
                    return Ok(made);
                }
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                Err(error) => return Err(WriteError::io(error, &self.path)),
            }
        }
        Err(WriteError::new(WriteErrorKind::Io, &self.path))
    }

    /// The temporary's name; empty before it is made and after it is placed.
    pub(super) fn temporary(&self) -> &[u8] {
        self.temporary.as_deref().unwrap_or_default()
    }

    /// Gives the temporary its name, as `overwrite` says.
    pub(super) fn place(&mut self, overwrite: &Overwrite, same: Compare<'_>) -> Result<Placed, WriteError> {
        let name = self.path.name().to_vec();
        if self.rename_new(&name)? {
            return Ok(Placed::New);
        }
        let is_same =
            || same(&self.folder, self.temporary(), &name).map_err(|error| WriteError::io(error, &self.path));
        match overwrite {
            Overwrite::Never => Ok(Placed::Kept),
            Overwrite::Numbered => self.place_numbered(&name),
            Overwrite::Always => self.replace(&name),
            Overwrite::Changed => {
                if is_same()? {
                    Ok(Placed::Same)
                } else {
                    self.replace(&name)
                }
            }
            Overwrite::Sibling(text) => {
                if is_same()? {
                    return Ok(Placed::Same);
                }
                self.place_beside(&name, text, same)
            }
        }
    }

    pub(super) fn place_beside(
        &mut self,
        name: &[u8],
        text: &str,
        same: Compare<'_>,
    ) -> Result<Placed, WriteError> {
        let parent = self.path.parent().unwrap_or_default();
        for attempt in 1..=NAMES {
            let sibling = sibling_name(name, text, attempt);
            let path = parent
                .child(&sibling)
                .ok()
                .filter(|path| platform::is_writable_name(path.name()))
                .ok_or_else(|| WriteError::new(WriteErrorKind::HostilePath, &self.path))?;
            let is_placed = self.rename_new(&sibling)?;
            let is_there = || same(&self.folder, self.temporary(), &sibling);
            if is_placed || is_there().map_err(|error| WriteError::io(error, &self.path))? {
                return Ok(Placed::Beside(path));
            }
        }
        Err(WriteError::new(WriteErrorKind::Occupied, &self.path))
    }

    fn place_numbered(&mut self, name: &[u8]) -> Result<Placed, WriteError> {
        for number in 2..=NAMES {
            let other = numbered_name(name, number);
            if self.rename_new(&other)? {
                let path = self.path.parent().unwrap_or_default().child(&other);
                return Ok(Placed::Renamed(
                    path.map_err(|_| WriteError::new(WriteErrorKind::HostilePath, &self.path))?,
                ));
            }
        }
        Err(WriteError::new(WriteErrorKind::Occupied, &self.path))
    }

    fn rename_new(&mut self, name: &[u8]) -> Result<bool, WriteError> {
        match with_patience(|| self.folder.rename_new(self.temporary(), name)) {
            Ok(()) => {
                self.temporary = None;
                Ok(true)
            }
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(false),
            Err(error) => Err(WriteError::io(error, &self.path)),
        }
    }

    fn replace(&mut self, name: &[u8]) -> Result<Placed, WriteError> {
        with_patience(|| self.folder.replace(self.temporary(), name))
            .map_err(|error| WriteError::io(error, &self.path))?;
        self.temporary = None;
        Ok(Placed::Replaced)
    }
}

impl Drop for Target {
    fn drop(&mut self) {
        if let Some(temporary) = self.temporary.take() {
            // What cannot be removed now is swept by the next restore.
            let _ = with_patience(|| self.folder.remove(&temporary));
        }
    }
}

pub(super) fn has_same_content(folder: &Folder, temporary: &[u8], name: &[u8]) -> io::Result<bool> {
    let (ours, our_stat) = folder.open_file(temporary)?;
    if folder.stat(name).is_ok_and(|stat| stat.kind != Kind::File || stat.bytes != our_stat.bytes) {
        return Ok(false);
    }
    // What we may not read is taken to differ.
    let Ok((theirs, _)) = folder.open_file(name) else { return Ok(false) };
    let (mut our_block, mut their_block) = (vec![0; COMPARED_BYTES], vec![0; COMPARED_BYTES]);
    let mut offset = 0;
    loop {
        let read = read_full(&ours, &mut our_block, offset)?;
        if read_full(&theirs, &mut their_block, offset)? != read || our_block[..read] != their_block[..read] {
            return Ok(false);
        }
        if read < COMPARED_BYTES {
            return Ok(true);
        }
        offset += read as u64;
    }
}

fn read_full(file: &File, block: &mut [u8], offset: u64) -> io::Result<usize> {
    let mut filled = 0;
    while filled < block.len() {
        match platform::read_at(file, &mut block[filled..], offset + filled as u64) {
            Ok(0) => break,
            Ok(read) => filled += read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(filled)
}

/// `scan.tif` → `scan (restauré 2026-11-21).tif`, from the second attempt on `scan (restauré 2026-11-21 2).tif`.
fn sibling_name(name: &[u8], text: &str, attempt: u32) -> Vec<u8> {
    let note = if attempt == 1 { format!(" ({text})") } else { format!(" ({text} {attempt})") };
    name_with(name, &note)
}

/// `Note.txt` → `Note (2).txt`: for an entry whose own name means another one's in the destination.
pub fn numbered_name(name: &[u8], number: u32) -> Vec<u8> {
    name_with(name, &format!(" ({number})"))
}

/// The note before the extension, or at the end where there is none.
fn name_with(name: &[u8], note: &str) -> Vec<u8> {
    let dot = name.iter().rposition(|byte| *byte == b'.').filter(|dot| *dot > 0 && name.len() - dot <= 17);
    let (stem, extension) = name.split_at(dot.unwrap_or(name.len()));
    name_between(stem, note, extension)
}

/// The three behind each other; the stem is shortened where the name would have more than 255 bytes.
pub(super) fn name_between(stem: &[u8], note: &str, extension: &[u8]) -> Vec<u8> {
    let mut stem_bytes = stem.len().min(NAME_BYTES.saturating_sub(note.len() + extension.len()));
    // Not in the middle of a letter.
    while stem_bytes < stem.len() && stem_bytes > 0 && stem[stem_bytes] & 0xC0 == 0x80 {
        stem_bytes -= 1;
    }
    [&stem[..stem_bytes], note.as_bytes(), extension].concat()
}

#[cfg(test)]
mod tests {
    use super::sibling_name;

    fn sibling(name: &str, attempt: u32) -> String {
        String::from_utf8(sibling_name(name.as_bytes(), "restauré 2026-11-21", attempt)).unwrap()
    }

    #[test]
    fn names_of_siblings() {
        assert_eq!(sibling("scan.tif", 1), "scan (restauré 2026-11-21).tif");
        assert_eq!(sibling("scan.tif", 2), "scan (restauré 2026-11-21 2).tif");
        assert_eq!(sibling(".profile", 1), ".profile (restauré 2026-11-21)");
        assert_eq!(sibling("a.tar.gz", 1), "a.tar (restauré 2026-11-21).gz");
        let long = sibling(&format!("{}.tif", "é".repeat(125)), 1);
        assert!(long.len() <= 255 && long.len() > 250 && long.ends_with("é (restauré 2026-11-21).tif"));
        assert!(sibling(&"x".repeat(255), 3).ends_with("x (restauré 2026-11-21 3)"));
    }
}
