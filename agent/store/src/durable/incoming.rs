//! Files of unknown length, received piece by piece by a server.
//!
//! For: the vault of `scelle-server`. Pieces go to a temporary file in the root; [`BlobFolder::place`] makes it
//! durable under its final name with the same calls as [`Writer::put_new`], and the temporary name stays until
//! [`Incoming`] is dropped: a caller that keeps it until its own records are written finds, after a crash, which
//! files may lack a record ([`BlobFolder::unfinished`]). Never: replaces a file, or keeps a body in memory.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use super::{TEMPORARY_PREFIX, Temporary, Writer, open_plain, platform};
use crate::Put;

/// A folder of files that are written once.
#[derive(Debug)]
pub struct BlobFolder {
    writer: Writer,
}

/// A file on its way in; its temporary name goes away with it.
#[derive(Debug)]
pub struct Incoming {
    file: File,
    temporary: Temporary,
    bytes: u64,
}

impl BlobFolder {
    /// Opens `root`, making it and missing parents where needed.
    pub fn create(root: impl Into<PathBuf>) -> io::Result<Self> {
        let root = root.into();
        fs::create_dir_all(&root)?;
        super::sync_entry(&root)?;
        Ok(Self { writer: Writer::new(root) })
    }

    /// The folder.
    pub fn root(&self) -> &Path {
        &self.writer.root
    }

    /// Begins a file.
    pub fn begin(&self) -> io::Result<Incoming> {
        let path = self.writer.root.join(format!("{TEMPORARY_PREFIX}{:032x}", rand::random::<u128>()));
        let file = OpenOptions::new().write(true).create_new(true).open(&path)?;
        Ok(Incoming { file, temporary: Temporary { path }, bytes: 0 })
    }

    /// Makes a received file durable at `components` below the root, unless the name is taken. The temporary name
    /// stays until `incoming` is dropped, except on filesystems without hard links, where it becomes the final one.
    pub fn place(&self, incoming: &mut Incoming, components: &[&str]) -> io::Result<Put> {
        incoming.file.flush()?;
        if incoming.file.metadata()?.len() != incoming.bytes {
            return Err(io::Error::other("the file's length is not what was written"));
        }
        incoming.file.sync_all()?;
        match self.link(incoming, components) {
            // A folder was removed since it was last used.
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                self.writer.forget_folders();
                self.link(incoming, components)
            }
            put => put,
        }
    }

    fn link(&self, incoming: &Incoming, components: &[&str]) -> io::Result<Put> {
        let (name, folders) = components.split_last().ok_or(io::ErrorKind::InvalidInput)?;
        let folder = self.writer.durable_folder(folders)?;
        let put = self.writer.place(&incoming.temporary.path, &folder.join(name))?;
        platform::sync_folder(&folder)?;
        Ok(put)
    }

    /// Opens a file below the root and says how many bytes it has.
    pub fn open(&self, components: &[&str]) -> io::Result<(File, u64)> {
        open_plain(&self.path_of(components))
    }

    /// Removes a file durably; one that is not there is no error.
    pub fn remove(&self, components: &[&str]) -> io::Result<()> {
        let path = self.path_of(components);
        match fs::remove_file(&path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            Err(_) => Ok(()),
            Ok(()) => path.parent().map_or(Ok(()), platform::sync_folder),
        }
    }

    /// Temporary files left by a process that died. Only for the one process that owns the folder.
    pub fn unfinished(&self) -> io::Result<Vec<PathBuf>> {
        let mut found = Vec::new();
        for entry in fs::read_dir(&self.writer.root)? {
            let entry = entry?;
            if entry.file_name().to_string_lossy().starts_with(TEMPORARY_PREFIX) {
                found.push(entry.path());
            }
        }
        Ok(found)
    }

    fn path_of(&self, components: &[&str]) -> PathBuf {
        components.iter().fold(self.writer.root.clone(), |path, component| path.join(component))
    }
}

/// Puts a folder's own entries on disk, as far as its filesystem offers it.
pub fn sync_folder(folder: &Path) -> io::Result<()> {
    platform::sync_folder(folder)
}

impl Incoming {
    /// Appends a piece.
    pub fn write(&mut self, piece: &[u8]) -> io::Result<()> {
        self.file.write_all(piece)?;
        self.bytes += piece.len() as u64;
        Ok(())
    }

    /// Bytes written so far.
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Leaves the temporary name where it is, for [`BlobFolder::unfinished`] to find at the next start: for a caller
    /// that does not know whether its own records were written.
    pub fn leave(self) {
        std::mem::forget(self.temporary);
    }
}

#[cfg(test)]
mod tests {
    use std::io::Read as _;

    use super::*;

    fn read(folder: &BlobFolder, components: &[&str]) -> Vec<u8> {
        let mut bytes = Vec::new();
        folder.open(components).unwrap().0.read_to_end(&mut bytes).unwrap();
        bytes
    }

    #[test]
    fn pieces_become_one_file_and_the_temporary_name_goes_last() {
        let place = tempfile::tempdir().unwrap();
        let folder = BlobFolder::create(place.path().join("blobs")).unwrap();
        let mut incoming = folder.begin().unwrap();
        incoming.write(b"one ").unwrap();
        incoming.write(b"two").unwrap();
        assert_eq!(folder.place(&mut incoming, &["ab", "x"]).unwrap(), Put::Created);
        assert_eq!(folder.unfinished().unwrap().len(), 1, "a crash now must be seen");
        drop(incoming);
        assert!(folder.unfinished().unwrap().is_empty());
        assert_eq!(read(&folder, &["ab", "x"]), b"one two");
    }

    #[test]
    fn a_taken_name_keeps_its_content_and_a_dropped_file_leaves_nothing() {
        let place = tempfile::tempdir().unwrap();
        let folder = BlobFolder::create(place.path()).unwrap();
        for (body, put) in [(b"first", Put::Created), (b"other", Put::AlreadyThere)] {
            let mut incoming = folder.begin().unwrap();
            incoming.write(body).unwrap();
            assert_eq!(folder.place(&mut incoming, &["ab", "x"]).unwrap(), put);
        }
        let mut dropped = folder.begin().unwrap();
        dropped.write(b"never placed").unwrap();
        drop(dropped);
        assert!(folder.unfinished().unwrap().is_empty());
        assert_eq!(read(&folder, &["ab", "x"]), b"first");
    }

    #[test]
    fn a_file_that_is_left_is_found_at_the_next_start() {
        let place = tempfile::tempdir().unwrap();
        let folder = BlobFolder::create(place.path()).unwrap();
        let mut incoming = folder.begin().unwrap();
        folder.place(&mut incoming, &["ab", "x"]).unwrap();
        incoming.leave();
        assert_eq!(folder.unfinished().unwrap().len(), 1);
    }

    #[test]
    fn removing_twice_is_no_error_and_a_removed_folder_is_made_again() {
        let place = tempfile::tempdir().unwrap();
        let folder = BlobFolder::create(place.path()).unwrap();
        for _ in 0..2 {
            let mut incoming = folder.begin().unwrap();
            incoming.write(b"x").unwrap();
            folder.place(&mut incoming, &["ab", "x"]).unwrap();
            drop(incoming);
            folder.remove(&["ab", "x"]).unwrap();
            folder.remove(&["ab", "x"]).unwrap();
            fs::remove_dir(place.path().join("ab")).unwrap();
        }
    }
}
