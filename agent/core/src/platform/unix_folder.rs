//! A folder of the restore's destination on Unix, held by handle. Every operation takes one name relative to the
//! handle and follows no link, so that a link planted in the destination, even while we work, leads nowhere.

use super::{FileAttributes, InUse, Kind, Shortfall, Stat, unix, unix_attributes};
use rustix::fs::{AtFlags, CWD, Mode, OFlags};
use rustix::io::Errno;
use rustix::process::{Flock, FlockOffsetType, FlockType, fcntl_getlk};
use std::ffi::OsStr;
use std::fs::File;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

/// An open folder.
pub struct Folder {
    handle: OwnedFd,
}

const OPEN_FOLDER: OFlags =
    OFlags::RDONLY.union(OFlags::DIRECTORY).union(OFlags::NOFOLLOW).union(OFlags::CLOEXEC);

impl Folder {
    /// Opens the destination itself. The user chose it: a link at its end is followed.
    pub fn open_root(path: &Path) -> io::Result<Folder> {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        Ok(Folder { handle: rustix::fs::openat(CWD, path, flags, Mode::empty())? })
    }

    /// Opens a folder in this one; a link in its place is an error.
    pub fn open(&self, name: &[u8]) -> io::Result<Folder> {
        Ok(Folder { handle: rustix::fs::openat(&self.handle, name, OPEN_FOLDER, Mode::empty())? })
    }

    /// Makes a folder that only we may enter.
    pub fn make(&self, name: &[u8]) -> io::Result<()> {
        Ok(rustix::fs::mkdirat(&self.handle, name, Mode::RWXU)?)
    }

    /// The same with a mark, in one step: the sticky bit, which means nothing where nobody else may enter and which nobody gives
    /// to such a folder.
    pub fn make_marked(&self, name: &[u8]) -> io::Result<()> {
        Ok(rustix::fs::mkdirat(&self.handle, name, Mode::RWXU | Mode::SVTX)?)
    }

    /// Whether a look saw a folder with that mark. The group bit is inherited from the folder above.
    pub fn is_marked(stat: &Stat) -> bool {
        stat.kind == Kind::Directory && stat.mode.is_some_and(|mode| mode & 0o5777 == 0o1700)
    }

    /// Takes the mark away: only we may enter it still.
    pub fn unmark(&self) -> io::Result<()> {
        Ok(rustix::fs::fchmod(&self.handle, Mode::RWXU)?)
    }

    /// Makes a file that only we may read; an existing name is an error.
    pub fn create_new(&self, name: &[u8]) -> io::Result<File> {
        let flags = OFlags::RDWR | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        Ok(rustix::fs::openat(&self.handle, name, flags, Mode::RUSR | Mode::WUSR)?.into())
    }

    /// Opens a regular file for reading; anything else is an error.
    pub fn open_file(&self, name: &[u8]) -> io::Result<(File, Stat)> {
        unix::open_regular_at(&self.handle, name)
    }

    /// One look at a name.
    pub fn stat(&self, name: &[u8]) -> io::Result<Stat> {
        unix::stat_at(&self.handle, name)
    }

    /// Names and looks, sorted.
    pub fn list(&self) -> io::Result<Vec<(Vec<u8>, Stat)>> {
        unix::list(&self.handle)
    }

    /// Makes an empty file, and looks at nothing else; an existing name is `AlreadyExists`.
    pub fn make_file(&self, name: &[u8]) -> io::Result<()> {
        self.create_new(name).map(drop)
    }

    /// Whether another program has the database `name` open: by the locks SQLite takes (sqlite.org/lockingv3.html,
    /// wal.html), asked for and never taken, and, since a program that does nothing holds none in rollback mode, by who has
    /// it or a file that belongs to it open.
    pub fn database_in_use(&self, name: &[u8]) -> InUse {
        if self.is_locked(name) {
            return InUse::Yes;
        }
        let endings: [&[u8]; 4] = [b"", b"-wal", b"-shm", b"-journal"];
        let mut found = InUse::No;
        for ending in endings {
            let used = match self.stat(&[name, ending].concat()) {
                Ok(stat) => super::in_use(Path::new(OsStr::from_bytes(name)), &stat),
                Err(error)
                    if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::InvalidFilename) =>
                {
                    InUse::No
                }
                Err(_) => InUse::Unknown,
            };
            match used {
                InUse::Yes => return InUse::Yes,
                InUse::Unknown => found = InUse::Unknown,
                InUse::No => {}
            }
        }
        found
    }

    /// File systems that cannot be asked for locks have none.
    fn is_locked(&self, name: &[u8]) -> bool {
        // Pending byte, reserved byte and the 510 shared ones; the locks of the write-ahead index.
        let places: [(&[u8], u64, u64); 2] = [(b"", 0x4000_0000, 512), (b"-shm", 120, 9)];
        places.iter().any(|(suffix, start, bytes)| {
            let wanted = Flock {
                start: *start,
                length: *bytes,
                pid: None,
                typ: FlockType::WriteLock,
                offset_type: FlockOffsetType::Set,
            };
            let opened = self.open_file(&[name, suffix].concat());
            opened.is_ok_and(|(file, _)| matches!(fcntl_getlk(&file, &wanted), Ok(Some(_))))
        })
    }

    /// Removes an empty folder.
    pub fn remove_folder(&self, name: &[u8]) -> io::Result<()> {
        Ok(rustix::fs::unlinkat(&self.handle, name, AtFlags::REMOVEDIR)?)
    }

    /// Removes a file or a link.
    pub fn remove(&self, name: &[u8]) -> io::Result<()> {
        Ok(rustix::fs::unlinkat(&self.handle, name, AtFlags::empty())?)
    }

    /// Renames within this folder, over what is there.
    pub fn replace(&self, from: &[u8], to: &[u8]) -> io::Result<()> {
        Ok(rustix::fs::renameat(&self.handle, from, &self.handle, to)?)
    }

    /// Renames within this folder; an existing name is `AlreadyExists`.
    pub fn rename_new(&self, from: &[u8], to: &[u8]) -> io::Result<()> {
        #[cfg(any(target_os = "linux", target_os = "android", target_vendor = "apple"))]
        {
            let flags = rustix::fs::RenameFlags::NOREPLACE;
            match rustix::fs::renameat_with(&self.handle, from, &self.handle, to, flags) {
                Err(Errno::INVAL | Errno::NOSYS | Errno::OPNOTSUPP) => {}
                other => return Ok(other?),
            }
        }
        match rustix::fs::linkat(&self.handle, from, &self.handle, to, AtFlags::empty()) {
            Ok(()) => self.remove(from),
            // No hard links either (FAT on an old kernel): look, then rename. Another program could slip in between;
            // such file systems offer nothing better.
            Err(Errno::PERM | Errno::OPNOTSUPP | Errno::NOSYS) => match self.stat(to) {
                Ok(_) => Err(io::ErrorKind::AlreadyExists.into()),
                Err(error) if error.kind() == io::ErrorKind::NotFound => self.replace(from, to),
                Err(error) => Err(error),
            },
            Err(error) => Err(error.into()),
        }
    }

    /// Makes a symlink with this target, which is not looked at.
    pub fn make_symlink(&self, name: &[u8], target: &[u8]) -> io::Result<()> {
        Ok(rustix::fs::symlinkat(target, &self.handle, name)?)
    }

    /// The target of a symlink.
    pub fn read_link(&self, name: &[u8]) -> io::Result<Vec<u8>> {
        Ok(rustix::fs::readlinkat(&self.handle, name, Vec::new())?.into_bytes())
    }

    /// Gives the file `from_name` of `from` a further name here. Links are not followed.
    pub fn make_hardlink(&self, name: &[u8], from: &Folder, from_name: &[u8]) -> io::Result<()> {
        Ok(rustix::fs::linkat(&from.handle, from_name, &self.handle, name, AtFlags::empty())?)
    }

    /// Owner, mode, extended attributes and times of this folder itself.
    pub fn set_attributes(&self, wanted: &FileAttributes) -> io::Result<Shortfall> {
        Ok(unix_attributes::set_attributes(&File::from(self.handle.try_clone()?), wanted))
    }

    /// Owner and times of a symlink in this folder.
    pub fn set_link_attributes(&self, name: &[u8], wanted: &FileAttributes) -> Shortfall {
        unix_attributes::set_link_attributes(self.handle.as_fd(), name, wanted)
    }

    /// Waits until everything is on disk, where the system can be asked.
    pub fn sync_file_system(&self) -> io::Result<()> {
        unix_attributes::sync_file_system(&self.handle)
    }

    /// Whether two looks saw the same inode.
    pub fn is_same_inode(a: &Stat, b: &Stat) -> bool {
        a.kind == Kind::File && b.kind == Kind::File && a.inode == b.inode && a.volume == b.volume
    }
}
