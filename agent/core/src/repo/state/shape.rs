//! What stands in the way in a state folder: something of another shape, or a disk that refuses.
//!
//! For: [`crate::repo::state`] and the databases that lie in its folder. Never: destroys what it finds.

use std::fs;
use std::path::{Path, PathBuf};

use crate::error::{AgentError, Result};
use crate::repo::files::ASIDE;

/// A full disk here is not a full destination.
pub(in crate::repo) fn trouble(error: std::io::Error) -> AgentError {
    match error.kind() {
        std::io::ErrorKind::StorageFull | std::io::ErrorKind::QuotaExceeded => {
            AgentError::state_full().because(error)
        }
        _ => AgentError::local_state(error),
    }
}

/// What should stand at a path of the state folder.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Shape {
    File,
    Folder,
}

/// Moves away what stands at `path` in the wrong shape, so that it ends no run. Nothing is destroyed.
pub(crate) fn clear_way(path: &Path, wanted: Shape) -> Result<()> {
    let Ok(found) = path.symlink_metadata() else { return Ok(()) };
    let shape = if found.is_dir() { Shape::Folder } else { Shape::File };
    if shape == wanted {
        return Ok(());
    }
    let beside = |n: u32| PathBuf::from(format!("{}{ASIDE}{n}", path.display()));
    let free = (1u32..).map(beside).find(|other| other.symlink_metadata().is_err());
    fs::rename(path, free.unwrap_or_else(|| beside(0))).map_err(trouble)
}
