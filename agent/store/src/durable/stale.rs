//! Temporary files and claims that crashes left in the root.
//!
//! For [`super::Writer`], which clears them away with its first file: so whoever only reads removes nothing. A file's age is
//! told by the clock that stamped it, which on a NAS is not ours. Never: anything but our own temporary names, or a young one,
//! which may be another computer's that is at work.

use std::fs::{self, File};
use std::io;
use std::path::Path;
use std::time::Duration;

/// A file that a living writer has not touched for so long is nobody's: it is written in one go, or as its body comes in.
const STALE: Duration = Duration::from_secs(3600);

/// Removes what is stale in `root` of the names that begin with `prefix`, seen from `fresh`, a file just written there. What cannot be looked at or removed stays.
///
/// Errors: the folder cannot be listed.
pub(super) fn sweep(root: &Path, prefix: &str, fresh: &File) -> io::Result<()> {
    let now = fresh.metadata()?.modified()?;
    for entry in fs::read_dir(root)? {
        let entry = entry?;
        if !entry.file_name().to_string_lossy().starts_with(prefix) {
            continue;
        }
        let Ok(metadata) = entry.metadata() else { continue };
        let age = metadata.modified().ok().and_then(|at| now.duration_since(at).ok());
        if metadata.is_file() && age.is_some_and(|age| age >= STALE) {
            let _ = fs::remove_file(entry.path());
        }
    }
    Ok(())
}
