//! An entry on its way from a temporary name to its own, and what becomes of what stands there.
//!
//! For: files, databases and links. Data comes as a temporary that is complete. Never: replaces anything before it is, or
//! leaves a temporary behind.

use super::error::{WriteError, WriteErrorKind};
use super::tree::{TemporaryNames, with_patience};
use crate::platform::{self, Folder, Kind};
use crate::scan::EntryPath;
use std::fs::File;
use std::io;
use std::sync::Arc;

/// Names tried for a temporary, and for a sibling.
const TEMPORARIES: u32 = 4;
const NAMES: u32 = 100;
const COMPARED_BYTES: usize = 128 * 1024;
const NAME_BYTES: usize = 255;

/// What to do where something already stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Overwrite {
    /// It stays. Where its content is another, ours was not restored.
    Never,
    /// It stays when its content is the same (it then gets our attributes), and is replaced when not.
    Changed,
    /// It is replaced.
    Always,
    /// It stays; ours, when its content differs, is placed beside it as `name (<text>).ext`, with this text, for
    /// example `restauré 2026-11-21`.
    Sibling(String),
    /// The folder was empty when we began: what stands there is ours, under a name that this file system takes for the
    /// same. It stays; ours becomes `name (2).ext`.
    Numbered,
}

/// What became of an entry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Placed {
    /// Nothing stood there.
    New,
    /// It replaced what stood there.
    Replaced,
    /// The same content already stood there.
    Same,
    /// Something else stands there and was kept; ours was not written.
    Kept,
    /// Something else stands there and was kept; ours is, or already was, at this path.
    Beside(EntryPath),
    /// Another entry of the snapshot has taken the name, which this file system does not tell from ours; ours is here.
    Renamed(EntryPath),
}

/// An entry on its way from a temporary name to its own. Dropped before it is placed, the temporary is removed.
pub(super) struct WriteTarget {
    pub(super) folder: Arc<Folder>,
    pub(super) path: EntryPath,
    names: Arc<TemporaryNames>,
    temporary: Option<Vec<u8>>,
}

/// Whether the temporary (first) and an existing name hold the same.
type Compare<'a> = &'a dyn Fn(&Folder, &[u8], &[u8]) -> io::Result<bool>;

impl WriteTarget {
    /// An entry of this folder that has no temporary yet.
    pub(super) fn new(folder: Arc<Folder>, path: EntryPath, names: Arc<TemporaryNames>) -> Self {
        Self { folder, path, names, temporary: None }
    }

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
            Overwrite::Never => Ok(if is_same()? { Placed::Same } else { Placed::Kept }),
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

    /// Gives the temporary a name beside `name`, unless the same content stands under one already.
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

impl Drop for WriteTarget {
    fn drop(&mut self) {
        if let Some(temporary) = self.temporary.take() {
            // What cannot be removed now is swept by the next restore.
            let _ = with_patience(|| self.folder.remove(&temporary));
        }
    }
}

/// Whether the temporary and an existing name hold the same bytes.
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

/// `Note.txt` → `Note (2).txt`: for an entry whose own name means another one's in the restore root.
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
