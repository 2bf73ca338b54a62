//! What differs between systems: free space, and files only their owner may read.

use std::fs::{File, OpenOptions};
use std::io;
use std::path::Path;

/// Bytes an ordinary writer may still use on the filesystem of `path`; `None` where it cannot be told.
#[cfg(unix)]
pub fn free_bytes(path: &Path) -> Option<u64> {
    let room = rustix::fs::statvfs(path).ok()?;
    Some(room.f_bavail.saturating_mul(room.f_frsize))
}

/// Not known on this system: the vault learns of a full disk when a write fails.
#[cfg(not(unix))]
pub fn free_bytes(_path: &Path) -> Option<u64> {
    None
}

/// Tells the system that what it holds of a file in memory is not needed, so that the next reader reads the disk. A
/// wish; nothing depends on it.
#[cfg(unix)]
pub fn drop_cached(file: &File) {
    #[cfg(target_os = "linux")]
    let _ = rustix::fs::fadvise(file, 0, None, rustix::fs::Advice::DontNeed);
    #[cfg(not(target_os = "linux"))]
    let _ = file;
}

/// Not offered on this system.
#[cfg(not(unix))]
pub fn drop_cached(_file: &File) {}

/// Whether an error says that the disk itself cannot read these bytes.
#[cfg(unix)]
pub fn is_bad_medium(error: &io::Error) -> bool {
    error.raw_os_error() == Some(rustix::io::Errno::IO.raw_os_error())
}

/// `ERROR_CRC` and `ERROR_SECTOR_NOT_FOUND`.
#[cfg(not(unix))]
pub fn is_bad_medium(error: &io::Error) -> bool {
    matches!(error.raw_os_error(), Some(23 | 27))
}

/// Options that create a file only its owner can read.
#[cfg(unix)]
pub fn private_file() -> OpenOptions {
    use std::os::unix::fs::OpenOptionsExt as _;
    let mut options = OpenOptions::new();
    options.mode(0o600);
    options
}

/// On other systems the folder's own access rules protect it.
#[cfg(not(unix))]
pub fn private_file() -> OpenOptions {
    OpenOptions::new()
}
