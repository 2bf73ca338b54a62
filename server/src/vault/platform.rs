//! What differs between systems: free space, and files only their owner may read.

use std::fs::OpenOptions;
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
