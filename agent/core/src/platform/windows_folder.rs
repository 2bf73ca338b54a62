//! A folder of the restore's destination on Windows. The standard library has no operations relative to a handle:
//! each step checks that what it enters is a folder and no reparse point. Whoever may write to the destination while
//! the restore runs could still win a race; a restore to a folder of the administrator's is not exposed to it.

use super::windows::{self, BACKUP_SEMANTICS, bytes_to_os, is_reparse_point, is_writable_name};
use super::{FileAttributes, InUse, Kind, Shortfall, Stat};
use std::fs::{File, OpenOptions};
use std::io;
use std::os::windows::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

/// A folder that was checked when it was entered.
pub struct Folder {
    path: PathBuf,
}

impl Folder {
    /// Takes the destination itself.
    pub fn open_root(path: &Path) -> io::Result<Folder> {
        // The canonical form is `\\?\…`: long paths, and no meaning in dots and blanks.
        let path = path.canonicalize()?;
        if path.is_dir() { Ok(Folder { path }) } else { Err(io::ErrorKind::NotADirectory.into()) }
    }

    fn below(&self, name: &[u8]) -> io::Result<PathBuf> {
        if !is_writable_name(name) {
            return Err(io::ErrorKind::InvalidFilename.into());
        }
        Ok(self.path.join(bytes_to_os(name)?))
    }

    /// Enters a folder in this one; a link in its place is an error.
    pub fn open(&self, name: &[u8]) -> io::Result<Folder> {
        let path = self.below(name)?;
        let metadata = std::fs::symlink_metadata(&path)?;
        if !metadata.is_dir() || is_reparse_point(&metadata) {
            return Err(io::ErrorKind::NotADirectory.into());
        }
        Ok(Folder { path })
    }

    /// Makes a folder; it inherits the rights of this one.
    pub fn make(&self, name: &[u8]) -> io::Result<()> {
        std::fs::create_dir(self.below(name)?)
    }

    /// The same: a folder takes no mark here, which [`Folder::is_marked`] says.
    pub fn make_marked(&self, name: &[u8]) -> io::Result<()> {
        self.make(name)
    }

    /// Whether a look saw a folder with a mark: never.
    pub fn is_marked(_stat: &Stat) -> bool {
        false
    }

    /// There is none to take away.
    pub fn unmark(&self) -> io::Result<()> {
        Ok(())
    }

    /// Makes a file; an existing name is an error.
    pub fn create_new(&self, name: &[u8]) -> io::Result<File> {
        OpenOptions::new().read(true).write(true).create_new(true).open(self.below(name)?)
    }

    /// Opens a regular file for reading; anything else is an error.
    pub fn open_file(&self, name: &[u8]) -> io::Result<(File, Stat)> {
        windows::open_for_reading(&self.below(name)?)
    }

    /// One look at a name.
    pub fn stat(&self, name: &[u8]) -> io::Result<Stat> {
        windows::stat(&self.below(name)?)
    }

    /// Names and looks, sorted.
    pub fn list(&self) -> io::Result<Vec<(Vec<u8>, Stat)>> {
        windows::read_directory(&self.path)
    }

    /// Makes an empty file, and looks at nothing else; an existing name is `AlreadyExists`.
    pub fn make_file(&self, name: &[u8]) -> io::Result<()> {
        self.create_new(name).map(drop)
    }

    /// Whether another program has the database `name` open: nobody can then have it alone.
    pub fn database_in_use(&self, name: &[u8]) -> InUse {
        let Ok(path) = self.below(name) else { return InUse::Unknown };
        match OpenOptions::new().read(true).share_mode(0).open(path) {
            Ok(_) => InUse::No,
            Err(error) if error.raw_os_error() == Some(windows::SHARING_VIOLATION) => InUse::Yes,
            Err(error) if error.kind() == io::ErrorKind::NotFound => InUse::No,
            Err(_) => InUse::Unknown,
        }
    }

    /// Removes an empty folder.
    pub fn remove_folder(&self, name: &[u8]) -> io::Result<()> {
        std::fs::remove_dir(self.below(name)?)
    }

    /// Removes a file or a link.
    pub fn remove(&self, name: &[u8]) -> io::Result<()> {
        std::fs::remove_file(self.below(name)?)
    }

    /// Renames within this folder, over what is there.
    pub fn replace(&self, from: &[u8], to: &[u8]) -> io::Result<()> {
        std::fs::rename(self.below(from)?, self.below(to)?)
    }

    /// Renames within this folder; an existing name is `AlreadyExists`. A hard link refuses an existing name in one
    /// step; where there are none (FAT, some shares) a look comes before the rename.
    pub fn rename_new(&self, from: &[u8], to: &[u8]) -> io::Result<()> {
        let (from, to) = (self.below(from)?, self.below(to)?);
        match std::fs::hard_link(&from, &to) {
            Ok(()) => std::fs::remove_file(from),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Err(error),
            Err(_) if std::fs::symlink_metadata(&to).is_ok() => Err(io::ErrorKind::AlreadyExists.into()),
            Err(_) => std::fs::rename(from, to),
        }
    }

    /// Makes a link to a file; needs developer mode or administrator rights.
    pub fn make_symlink(&self, name: &[u8], target: &[u8]) -> io::Result<()> {
        std::os::windows::fs::symlink_file(bytes_to_os(target)?, self.below(name)?)
    }

    /// The target of a link.
    pub fn read_link(&self, name: &[u8]) -> io::Result<Vec<u8>> {
        Ok(windows::os_to_bytes(std::fs::read_link(self.below(name)?)?.as_os_str()))
    }

    /// Gives the file `from_name` of `from` a further name here.
    pub fn make_hardlink(&self, name: &[u8], from: &Folder, from_name: &[u8]) -> io::Result<()> {
        std::fs::hard_link(from.below(from_name)?, self.below(name)?)
    }

    /// The time of this folder itself.
    pub fn set_attributes(&self, wanted: &FileAttributes) -> io::Result<Shortfall> {
        let handle = OpenOptions::new().write(true).custom_flags(BACKUP_SEMANTICS).open(&self.path)?;
        Ok(windows::set_attributes(&handle, wanted))
    }

    /// A link's own time cannot be set with the standard library.
    pub fn set_link_attributes(&self, _name: &[u8], wanted: &FileAttributes) -> Shortfall {
        Shortfall { xattrs: wanted.xattrs.len() as u64, times: true, ..Shortfall::default() }
    }

    /// Windows offers no flush of a whole volume to ordinary users.
    pub fn sync_file_system(&self) -> io::Result<()> {
        Ok(())
    }

    /// Without file ids nothing is known to be the same: a hard link is then made again.
    pub fn is_same_inode(a: &Stat, b: &Stat) -> bool {
        a.kind == Kind::File
            && b.kind == Kind::File
            && a.inode != 0
            && a.inode == b.inode
            && a.volume == b.volume
    }
}
