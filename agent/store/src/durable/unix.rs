//! Unix calls behind [`super::Writer`]. Never: a path that did not come from the writer.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use rustix::fs::OFlags;

/// Puts the folder's entries on disk. Some network filesystems cannot sync a folder (EINVAL); they order
/// their own entries, so this is not an error.
pub(super) fn sync_folder(folder: &Path) -> io::Result<()> {
    match File::open(folder)?.sync_all() {
        Err(error) if is_not_offered(&error) => Ok(()),
        result => result,
    }
}

/// Opens for reading, refusing a symlink as the last component.
pub(crate) fn open_no_follow(path: &Path) -> io::Result<File> {
    let flags = OFlags::NOFOLLOW | OFlags::NONBLOCK;
    OpenOptions::new().read(true).custom_flags(flags.bits().cast_signed()).open(path)
}

/// Asks the page cache to forget a synced file, so that the next reading comes from below. A hint: a filesystem in memory
/// has nothing below.
#[cfg(any(target_os = "linux", target_os = "android"))]
pub(super) fn let_cache_go(file: &File) {
    let _ = rustix::fs::fadvise(file, 0, None, rustix::fs::Advice::DontNeed);
}

/// No such call on this system: its cache may answer.
#[cfg(not(any(target_os = "linux", target_os = "android")))]
pub(super) fn let_cache_go(_file: &File) {}

/// `renameat2` with `RENAME_NOREPLACE` (`renamex_np` on macOS).
#[cfg(any(target_os = "linux", target_os = "android", target_vendor = "apple"))]
pub(super) fn rename_no_replace(from: &Path, to: &Path) -> io::Result<()> {
    use rustix::fs::{CWD, RenameFlags, renameat_with};
    Ok(renameat_with(CWD, from, CWD, to, RenameFlags::NOREPLACE)?)
}

/// No such call on this system: the claim is used.
#[cfg(not(any(target_os = "linux", target_os = "android", target_vendor = "apple")))]
pub(super) fn rename_no_replace(_from: &Path, _to: &Path) -> io::Result<()> {
    Err(io::ErrorKind::Unsupported.into())
}

/// Whether the filesystem does not offer the call at all. `link(2)` on FAT answers EPERM, an unknown
/// rename flag EINVAL.
pub(super) fn is_unsupported(error: &io::Error) -> bool {
    use rustix::io::Errno;
    let refused = [Errno::PERM, Errno::MLINK, Errno::XDEV].map(Errno::raw_os_error);
    is_not_offered(error) || error.raw_os_error().is_some_and(|code| refused.contains(&code))
}

fn is_not_offered(error: &io::Error) -> bool {
    use rustix::io::Errno;
    let absent = [Errno::INVAL, Errno::NOSYS, Errno::OPNOTSUPP, Errno::NOTSUP].map(Errno::raw_os_error);
    error.kind() == io::ErrorKind::Unsupported
        || error.raw_os_error().is_some_and(|code| absent.contains(&code))
}
