//! A source file held open while it is read, and the question whether it stayed the same meanwhile. Used by the
//! pipeline: a file that changed while it was read is read again, then reported. Never locks, never writes.

use scelle_format::manifest::Extent;

use super::{EntryPath, Folders};
use crate::platform::{self, Attributes, Kind, Stat};
use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};

/// An open source file and how it looked when it was opened. Closed by [`super::held`]: never while SQLite holds it.
pub struct SourceFile {
    path: PathBuf,
    /// Taken when it is closed.
    file: Option<File>,
    stat: Stat,
}

impl Drop for SourceFile {
    fn drop(&mut self) {
        if let Some(file) = self.file.take() {
            super::held::close(file, &self.stat);
        }
    }
}

impl SourceFile {
    /// Opens a regular file; see [`platform::open_for_reading`].
    pub fn open(path: &Path) -> io::Result<SourceFile> {
        let (file, stat) = platform::open_for_reading(path)?;
        Ok(SourceFile { path: path.to_owned(), file: Some(file), stat })
    }

    /// Opens a regular file found by the walk, by the handle of its folder: no link on the way is followed. `path` is
    /// where it lies for the system.
    pub fn open_in(folders: &Folders, entry: &EntryPath, path: &Path) -> io::Result<SourceFile> {
        let (file, stat) = folders.open_file(entry)?;
        Ok(SourceFile { path: path.to_owned(), file: Some(file), stat })
    }

    /// How it looked when it was opened.
    pub fn stat(&self) -> &Stat {
        &self.stat
    }

    fn file(&self) -> io::Result<&File> {
        self.file.as_ref().ok_or_else(|| io::ErrorKind::NotFound.into())
    }

    /// One look at it as it is now.
    pub fn stat_now(&self) -> io::Result<Stat> {
        platform::stat_of(self.file()?)
    }

    /// Whether a writer of this SQLite database waits for its readers; see [`platform::writer_waits`].
    pub fn writer_waits(&self) -> Option<bool> {
        platform::writer_waits(self.file().ok()?)
    }

    /// Has the system write out what programs have changed in it through mapped memory. Only then does the next such change set the time
    /// by which it is seen: a page that is dirty already takes further ones in silence (Linux: `file_update_time` in `page_mkwrite`).
    /// A file system without a disk keeps none of these times; nothing is lost where it does not work.
    fn write_back(&self) {
        let _ = self.file().and_then(File::sync_data);
    }

    /// Opens a file with `open` so that what is written to it from then on through mapped memory is seen as a change, too. Twice: a
    /// program may have been held up in its first change, after it was stamped and before it was made.
    pub fn watching(open: impl Fn() -> io::Result<Self>) -> io::Result<Self> {
        open()?.write_back();
        let source = open()?;
        source.write_back();
        Ok(source)
    }

    /// Data extents of a file with holes; see [`platform::data_extents`].
    pub fn data_extents(&self) -> io::Result<Option<Vec<Extent>>> {
        platform::data_extents(self.file()?, &self.stat)
    }

    /// Reads at an offset; 0 at the end.
    pub fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        platform::read_at(self.file()?, buffer, offset)
    }

    /// Whether nobody has written to the file since it looked like `before`.
    pub fn is_still(&self, before: &Stat) -> io::Result<bool> {
        Ok(same(before, &self.stat_now()?))
    }

    /// Whether the file is still as it was when opened, and still what stands at its path. A program that saves by
    /// writing a new file and renaming it counts as a change.
    pub fn is_unchanged(&self) -> io::Result<bool> {
        let held = self.stat_now()?;
        Ok(same(&self.stat, &held) && platform::stands_at(&self.path, &self.stat, &held)?)
    }

    /// What it carries beyond its `Stat`.
    pub fn attributes(&self) -> Attributes {
        self.file().map(|file| platform::attributes_of(file, &self.stat)).unwrap_or_default()
    }
}

/// Same inode, length and times. The change time of the inode is compared too, because a program may set the
/// modification time back; a mere change of mode then costs one reading more.
fn same(before: &Stat, after: &Stat) -> bool {
    after.kind == Kind::File
        && before.inode == after.inode
        && before.volume == after.volume
        && before.bytes == after.bytes
        && before.modified_ns == after.modified_ns
        && before.changed_ns == after.changed_ns
}

#[cfg(test)]
mod tests {
    use super::SourceFile;

    #[test]
    fn a_change_is_noticed() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("dossier");
        std::fs::write(&path, b"one").unwrap();
        let held = SourceFile::open(&path).unwrap();
        assert!(held.is_unchanged().unwrap());
        std::fs::write(&path, b"longer").unwrap();
        assert!(!held.is_unchanged().unwrap());

        let held = SourceFile::open(&path).unwrap();
        std::fs::write(folder.path().join("new"), b"longer").unwrap();
        std::fs::rename(folder.path().join("new"), &path).unwrap();
        assert!(!held.is_unchanged().unwrap());

        let held = SourceFile::open(&path).unwrap();
        std::fs::remove_file(&path).unwrap();
        assert!(!held.is_unchanged().unwrap());
    }
}
