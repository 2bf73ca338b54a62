//! A folder of the source on Unix, held by handle. Whatever is looked at or opened in it is named by one component
//! relative to the handle, and no link is followed: neither at the end of the path nor on the way to the folder. A folder
//! that is swapped for a link while a run goes on leads nowhere.

use super::{Attributes, Kind, Names, ProblemCode, Stat, unix, unix_attributes};
use rustix::fs::{CWD, Mode, OFlags};
use rustix::io::Errno;
use std::ffi::OsStr;
use std::fs::File;
use std::io;
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;

/// An open folder of the source.
pub struct SourceFolder {
    handle: OwnedFd,
}

const FOLDER: OFlags = OFlags::DIRECTORY.union(OFlags::NOFOLLOW).union(OFlags::CLOEXEC);
/// A handle to look and open through: it asks for no right to list, so that folders on the way need none.
#[cfg(any(target_os = "linux", target_os = "android"))]
const STEP: OFlags = FOLDER.union(OFlags::PATH);
/// `O_SEARCH`, which the library does not name.
#[cfg(target_vendor = "apple")]
const STEP: OFlags = FOLDER.union(OFlags::from_bits_retain(0x4000_0000));
#[cfg(not(any(target_os = "linux", target_os = "android", target_vendor = "apple")))]
const STEP: OFlags = FOLDER.union(OFlags::RDONLY);

impl SourceFolder {
    /// Opens the folder at a path of the format (empty: `/`) to look and open files in it. A link in place of any of its
    /// components is `NotADirectory`.
    pub fn open(path: &[u8]) -> io::Result<SourceFolder> {
        Ok(SourceFolder { handle: open_without_links(path, STEP)? })
    }

    /// The same for a folder whose names are asked for.
    pub fn open_to_list(path: &[u8]) -> io::Result<SourceFolder> {
        Ok(SourceFolder { handle: open_without_links(path, FOLDER | OFlags::RDONLY)? })
    }

    /// All names, sorted, without `.` and `..`.
    pub fn names(&self) -> io::Result<Names> {
        unix::names_of(&self.handle)
    }

    /// One look at a name of this folder, which is not followed.
    pub fn stat(&self, name: &[u8]) -> io::Result<Stat> {
        unix::stat_at(&self.handle, name)
    }

    /// Opens a regular file of this folder; see [`super::open_for_reading`]. A link in its place is `NotADirectory`.
    pub fn open_file(&self, name: &[u8]) -> io::Result<(File, Stat)> {
        unix::open_regular_at(&self.handle, name).map_err(link_is_no_directory)
    }

    /// What the entry `name` of this folder carries beyond its `Stat`, for what is not opened: folders and links. Never
    /// fails: what is missing is told by `problem`.
    pub fn attributes(&self, name: &[u8], stat: &Stat) -> Attributes {
        let mut found = unix_attributes::owners(stat);
        if stat.kind == Kind::Symlink {
            match rustix::fs::readlinkat(&self.handle, name, Vec::new()) {
                Ok(target) => found.link_target = Some(target.into_bytes()),
                Err(_) => found.problem = Some(ProblemCode::AttributesUnreadable),
            }
        }
        if !self.xattrs_through_proc(name, &mut found) {
            self.xattrs_of_opened(name, stat, &mut found);
        }
        found
    }

    /// Through the handle's name in `/proc`, which spares opening the entry; false where there is none.
    #[cfg(any(target_os = "linux", target_os = "android"))]
    fn xattrs_through_proc(&self, name: &[u8], found: &mut Attributes) -> bool {
        let mut path = format!("/proc/self/fd/{}/", self.handle.as_raw_fd()).into_bytes();
        path.extend_from_slice(name);
        let path = OsStr::from_bytes(&path);
        if matches!(rustix::fs::llistxattr(path, &mut [0u8; 0]), Err(Errno::NOENT | Errno::NOTDIR)) {
            return false;
        }
        let list = |room: &mut [u8]| rustix::fs::llistxattr(path, room);
        unix_attributes::take_xattrs(found, list, |name, room| rustix::fs::lgetxattr(path, name, room));
        true
    }

    #[cfg(not(any(target_os = "linux", target_os = "android")))]
    fn xattrs_through_proc(&self, _name: &[u8], _found: &mut Attributes) -> bool {
        false
    }

    /// Of the entry opened for it. A link cannot be opened on most systems: its extended attributes, which no program of
    /// a practice sets, are then not read.
    fn xattrs_of_opened(&self, name: &[u8], stat: &Stat, found: &mut Attributes) {
        let flags = match stat.kind {
            Kind::Directory => FOLDER | OFlags::RDONLY,
            // `O_SYMLINK`, which the library does not name.
            Kind::Symlink if cfg!(target_vendor = "apple") => {
                OFlags::from_bits_retain(0x20_0000) | OFlags::CLOEXEC
            }
            _ => return,
        };
        let Ok(opened) = rustix::fs::openat(&self.handle, name, flags, Mode::empty()) else {
            found.problem = Some(ProblemCode::AttributesUnreadable);
            return;
        };
        let list = |room: &mut [u8]| rustix::fs::flistxattr(&opened, room);
        unix_attributes::take_xattrs(found, list, |name, room| rustix::fs::fgetxattr(&opened, name, room));
    }
}

fn open_without_links(path: &[u8], flags: OFlags) -> io::Result<OwnedFd> {
    #[cfg(any(target_os = "linux", target_os = "android"))]
    {
        let mut absolute = Vec::with_capacity(path.len() + 1);
        absolute.push(b'/');
        absolute.extend_from_slice(path);
        let resolve = rustix::fs::ResolveFlags::NO_SYMLINKS;
        match rustix::fs::openat2(CWD, OsStr::from_bytes(&absolute), flags, Mode::empty(), resolve) {
            // A kernel before 5.6, or a filter of system calls: component by component.
            Err(Errno::NOSYS | Errno::PERM | Errno::INVAL) => {}
            other => return other.map_err(link_is_no_directory),
        }
    }
    open_step_by_step(path, flags)
}

/// Opens one component after the other, each relative to the one before; never more than two handles at a time.
fn open_step_by_step(path: &[u8], flags: OFlags) -> io::Result<OwnedFd> {
    let first = if path.is_empty() { flags } else { STEP };
    let mut at = rustix::fs::openat(CWD, "/", first, Mode::empty())?;
    let mut names = path.split(|byte| *byte == b'/').filter(|name| !name.is_empty()).peekable();
    while let Some(name) = names.next() {
        let wanted = if names.peek().is_some() { STEP } else { flags };
        at = rustix::fs::openat(&at, name, wanted, Mode::empty()).map_err(link_is_no_directory)?;
    }
    Ok(at)
}

/// What has become a link is no longer what was listed, just as what has become a file.
fn link_is_no_directory(error: impl Into<io::Error>) -> io::Error {
    let error = error.into();
    match error.raw_os_error() {
        Some(code) if code == Errno::LOOP.raw_os_error() => io::ErrorKind::NotADirectory.into(),
        _ => error,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use scelle_format::manifest::Xattr;
    use std::os::unix::fs::symlink;

    fn bytes_of(path: &std::path::Path) -> Vec<u8> {
        path.as_os_str().as_bytes()[1..].to_vec()
    }

    #[test]
    fn a_link_anywhere_on_the_way_is_refused_however_the_kernel_is_asked() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().canonicalize().unwrap();
        std::fs::create_dir_all(root.join("real/deep")).unwrap();
        std::fs::write(root.join("real/deep/file"), b"x").unwrap();
        symlink(root.join("real"), root.join("link")).unwrap();
        type Open = fn(&[u8], OFlags) -> io::Result<OwnedFd>;
        for open in [open_without_links as Open, open_step_by_step as Open] {
            for flags in [STEP, FOLDER | OFlags::RDONLY] {
                assert!(open(&bytes_of(&root.join("real/deep")), flags).is_ok());
                assert!(open(b"", flags).is_ok());
                for linked in ["link", "link/deep", "real/deep/file"] {
                    let refused = open(&bytes_of(&root.join(linked)), flags).unwrap_err();
                    assert_eq!(refused.kind(), io::ErrorKind::NotADirectory, "{linked}");
                }
                let gone = open(&bytes_of(&root.join("real/gone/deep")), flags).unwrap_err();
                assert_eq!(gone.kind(), io::ErrorKind::NotFound);
            }
        }
    }

    #[test]
    fn a_folder_swapped_for_a_link_keeps_its_handle_and_gives_no_other() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().canonicalize().unwrap();
        for (name, content) in [("inside", "inside"), ("outside", "OUTSIDE")] {
            std::fs::create_dir(root.join(name)).unwrap();
            std::fs::write(root.join(name).join("file"), content).unwrap();
        }
        let path = bytes_of(&root.join("inside"));
        let held = SourceFolder::open(&path).unwrap();
        std::fs::rename(root.join("inside"), root.join("aside")).unwrap();
        symlink(root.join("outside"), root.join("inside")).unwrap();
        let (file, _) = held.open_file(b"file").unwrap();
        let mut content = [0; 16];
        let n = unix::read_at(&file, &mut content, 0).unwrap();
        assert_eq!(&content[..n], b"inside");
        assert_eq!(SourceFolder::open(&path).err().unwrap().kind(), io::ErrorKind::NotADirectory);
        assert_eq!(SourceFolder::open_to_list(&path).err().unwrap().kind(), io::ErrorKind::NotADirectory);
        symlink("file", root.join("aside/link")).unwrap();
        assert_eq!(held.open_file(b"link").unwrap_err().kind(), io::ErrorKind::NotADirectory);
    }

    #[test]
    fn attributes_of_folders_and_links_are_read_by_handle_either_way() {
        let folder = tempfile::tempdir_in(".").unwrap();
        let root = folder.path().canonicalize().unwrap();
        std::fs::create_dir(root.join("sub")).unwrap();
        symlink("nowhere", root.join("link")).unwrap();
        xattr::set(root.join("sub"), "user.scelle", b"value").unwrap();
        let held = SourceFolder::open(&bytes_of(&root)).unwrap();
        let stat = held.stat(b"sub").unwrap();
        let through = held.attributes(b"sub", &stat);
        assert!(through.xattrs.contains(&Xattr { name: b"user.scelle".to_vec(), value: b"value".to_vec() }));
        let mut opened = unix_attributes::owners(&stat);
        held.xattrs_of_opened(b"sub", &stat, &mut opened);
        assert_eq!(through, opened);
        let link = held.attributes(b"link", &held.stat(b"link").unwrap());
        assert_eq!((link.link_target.as_deref(), link.problem), (Some(&b"nowhere"[..]), None));
    }
}
