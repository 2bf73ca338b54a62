//! Symlinks and hard links. A symlink's target is text to be kept, whatever it says: nothing here, and nothing in the
//! rest of the restore, ever follows it.

use super::tree::with_patience;
use super::{FileAttributes, Overwrite, Placed, RestoreRoot, WriteError, WriteErrorKind};
use crate::platform::{Folder, Kind};
use crate::scan::EntryPath;
use std::io;

/// Longest target: what Linux takes.
const TARGET_BYTES: usize = 4_095;

impl RestoreRoot {
    /// Makes a symlink with this target, owner and time; an existing symlink with the same target counts as the same
    /// content.
    pub fn place_symlink(
        &self,
        path: &EntryPath,
        target: &[u8],
        overwrite: &Overwrite,
        wanted: &FileAttributes,
    ) -> Result<Placed, WriteError> {
        if target.is_empty() || target.len() > TARGET_BYTES || target.contains(&0) {
            return Err(WriteError::new(WriteErrorKind::HostilePath, path));
        }
        let mut entry = self.target(path)?;
        entry.make(|folder, temporary| folder.make_symlink(temporary, target))?;
        self.note(&entry.folder.set_link_attributes(entry.temporary(), wanted));
        entry.place(overwrite, &|folder, _, name| {
            let is_link = folder.stat(name)?.kind == Kind::Symlink;
            Ok(is_link && folder.read_link(name)? == target)
        })
    }

    /// Gives the restored file `existing` the further name `new`. Where the file system cannot, the error is
    /// `LinkUnsupported`: write a copy then. A name that is already the same file is `Same`.
    pub fn place_hardlink(
        &self,
        existing: &EntryPath,
        new: &EntryPath,
        overwrite: &Overwrite,
    ) -> Result<Placed, WriteError> {
        let from = self.tree.place_of(existing, false)?;
        let stat = from.stat(existing.name()).map_err(|error| WriteError::io(error, existing))?;
        if stat.kind != Kind::File {
            return Err(WriteError::new(WriteErrorKind::Occupied, existing));
        }
        let mut entry = self.target(new)?;
        if entry.folder.stat(new.name()).is_ok_and(|there| Folder::is_same_inode(&stat, &there)) {
            return Ok(Placed::Same);
        }
        entry.make(|folder, temporary| folder.make_hardlink(temporary, &from, existing.name())).map_err(
            |error| {
                let cannot = error.source.as_ref().is_some_and(|source| {
                    matches!(
                        source.kind(),
                        io::ErrorKind::CrossesDevices
                            | io::ErrorKind::TooManyLinks
                            | io::ErrorKind::Unsupported
                            | io::ErrorKind::PermissionDenied
                    )
                });
                if cannot { WriteError { kind: WriteErrorKind::LinkUnsupported, ..error } } else { error }
            },
        )?;
        // A file of equal content under this name is not yet the same file.
        entry.place(overwrite, &|folder, _, name| Ok(Folder::is_same_inode(&stat, &folder.stat(name)?)))
    }

    /// Removes a file or link that this restore placed and found to be wrong.
    pub fn remove(&self, path: &EntryPath) -> Result<(), WriteError> {
        let folder = self.tree.place_of(path, false)?;
        with_patience(|| folder.remove(path.name())).map_err(|error| WriteError::io(error, path))
    }
}
