//! Which names a file system takes for the same: tried in a folder of our own, beside what is restored.
//!
//! For: `twins`. Rules differ by system, by volume and even by folder (letters' case, composed accents, dots at the end),
//! so nothing is concluded from the kind of system: both names are created and the file system says whether the second is
//! there already. Never: touches what stands in the restore root, or stays behind; what a crash leaves is swept.

use super::error::WriteError;
use super::root::RestoreRoot;
use super::tree::{PROBE, with_patience};
use crate::platform::Folder;
use crate::scan::EntryPath;
use std::io;
use std::sync::Arc;

/// An empty folder in which names are tried. Removed when dropped.
pub struct NameProbe {
    parent: Arc<Folder>,
    name: Vec<u8>,
    folder: Folder,
    made: Vec<Vec<u8>>,
}

impl RestoreRoot {
    /// A probe in the folder at this path, or in the nearest one above that exists.
    pub fn probe_names(&self, path: &EntryPath) -> Result<NameProbe, WriteError> {
        let mut at = path.clone();
        let parent = loop {
            match self.tree.folder(&at, false) {
                Ok(folder) => break folder,
                Err(error) if at.is_top() => return Err(error),
                Err(_) => at = at.parent().unwrap_or_default(),
            }
        };
        let name = self.tree.names().next_of(PROBE);
        let failed = |error| WriteError::io(error, path);
        parent.make(&name).map_err(failed)?;
        let folder = parent.open(&name).map_err(failed)?;
        Ok(NameProbe { parent, name, folder, made: Vec::new() })
    }
}

impl NameProbe {
    /// Adds a name; `false` when the file system takes it for one that was added before. A name it cannot have is new:
    /// the restore of that entry will say so.
    pub fn add(&mut self, name: &[u8]) -> bool {
        match with_patience(|| self.folder.make_file(name)) {
            Ok(()) => {
                self.made.push(name.to_vec());
                true
            }
            Err(error) => error.kind() != io::ErrorKind::AlreadyExists,
        }
    }
}

impl Drop for NameProbe {
    fn drop(&mut self) {
        for name in &self.made {
            let _ = with_patience(|| self.folder.remove(name));
        }
        let _ = with_patience(|| self.parent.remove_folder(&self.name));
    }
}
