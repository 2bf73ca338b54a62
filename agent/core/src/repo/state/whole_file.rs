//! A file that this computer keeps for itself, replaced whole, and the folder that it lies in.
//!
//! From bytes to a disk: for the state folder of a repository, and for the service's. Never: half of a file, or one that other
//! accounts may read.

use std::fs;
use std::io::Write as _;
use std::path::Path;

use crate::error::Result;
use crate::platform::{TEMPORARY_PREFIX, make_private};
use crate::repo::state::shape::{Shape, clear_way, trouble};

/// Writes a file: private, durable, all or nothing. One that says the same already is left.
///
/// Errors: exit 1 the folder's disk is full, or refuses.
pub fn put(path: &Path, bytes: &[u8]) -> Result<()> {
    if fs::read(path).is_ok_and(|there| there == bytes) {
        return Ok(());
    }
    let folder = path.parent().unwrap_or(Path::new(""));
    clear_way(path, Shape::File)?;
    let mut file = tempfile::Builder::new().prefix(TEMPORARY_PREFIX).tempfile_in(folder).map_err(trouble)?;
    file.write_all(bytes).map_err(trouble)?;
    file.as_file().sync_all().map_err(trouble)?;
    file.persist(path).map_err(|error| trouble(error.error))?;
    // Folders cannot be synced everywhere (Windows); there the rename is durable by itself.
    if let Ok(folder) = fs::File::open(folder) {
        let _ = folder.sync_all();
    }
    Ok(())
}

/// Makes a folder, its owner's only, where it is not there.
///
/// Errors: as [`put`].
pub fn make_folder(folder: &Path) -> Result<()> {
    fs::create_dir_all(folder).map_err(trouble)?;
    make_private(folder).map_err(trouble)
}
