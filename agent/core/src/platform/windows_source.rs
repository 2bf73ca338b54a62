//! A folder of the source on Windows, with the standard library alone: a path that was looked at, component by component.
//!
//! The standard library opens no file relative to a handle. So that a folder swapped for a junction is noticed, no step of
//! the path may be a link when the folder is opened, and again after a file in it was opened or a link was read. A swap
//! there and back between these two looks is not seen: unlike on Unix, it is made unlikely here, not impossible.

use super::{Attributes, DirectoryReader, Names, ProblemCode, Stat, windows};
use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};

/// A folder of the source.
pub struct SourceFolder {
    path: PathBuf,
    listing: DirectoryReader,
}

impl SourceFolder {
    /// Takes the folder at a path of the format. A link in place of any of its components is `NotADirectory`.
    pub fn open(path: &[u8]) -> io::Result<SourceFolder> {
        let path = windows::join_absolute(path)?;
        refuse_links(&path)?;
        let listing = DirectoryReader::open(&path)?;
        Ok(SourceFolder { path, listing })
    }

    /// The same for a folder whose names are asked for.
    pub fn open_to_list(path: &[u8]) -> io::Result<SourceFolder> {
        SourceFolder::open(path)
    }

    /// All names, sorted.
    pub fn names(&self) -> io::Result<Names> {
        let names = self.listing.names()?;
        refuse_links(&self.path)?;
        Ok(names)
    }

    /// One look at a name of this folder: what the listing told, where there was one.
    pub fn stat(&self, name: &[u8]) -> io::Result<Stat> {
        self.listing.stat(name)
    }

    /// Opens a regular file of this folder; see [`super::open_for_reading`].
    pub fn open_file(&self, name: &[u8]) -> io::Result<(File, Stat)> {
        let opened = windows::open_for_reading(&self.path.join(windows::bytes_to_os(name)?))?;
        refuse_links(&self.path)?;
        Ok(opened)
    }

    /// What the entry `name` of this folder carries beyond its `Stat`.
    pub fn attributes(&self, name: &[u8], stat: &Stat) -> Attributes {
        let unreadable =
            || Attributes { problem: Some(ProblemCode::AttributesUnreadable), ..Attributes::default() };
        let Ok(name) = windows::bytes_to_os(name) else { return unreadable() };
        let found = windows::attributes(&self.path.join(name), stat);
        if refuse_links(&self.path).is_ok() { found } else { unreadable() }
    }
}

/// Fails when a component of `path` is a symbolic link or a junction.
fn refuse_links(path: &Path) -> io::Result<()> {
    let steps: Vec<&Path> = path.ancestors().filter(|step| step.file_name().is_some()).collect();
    for step in steps.into_iter().rev() {
        // The standard library calls junctions links too.
        if std::fs::symlink_metadata(step)?.is_symlink() {
            return Err(io::ErrorKind::NotADirectory.into());
        }
    }
    Ok(())
}
