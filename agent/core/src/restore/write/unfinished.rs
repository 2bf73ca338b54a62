//! Folders that a restore in place has made and not given their attributes yet, told from those that are the person's: also by
//! a later run, after this one was stopped, killed, or lost its power.
//!
//! For: [`RestoreRoot`](super::RestoreRoot). A folder is made with a mark: the platform's own (Unix: the sticky bit on a folder
//! that nobody else may enter, made with it in one step), or, where the file system keeps none (FAT, Windows), a file in it.
//! Whichever run ends well gives the folder its attributes, which end the mark. Never: marks a folder that was there before.

use std::collections::BTreeSet;
use std::io;

use parking_lot::Mutex;

use super::error::WriteError;
use crate::platform::{Folder, Stat};
use crate::scan::EntryPath;

/// Stands in a folder whose file system keeps no mark. Killed before it is there, a run leaves a folder without: what is then
/// lost is its time, since such a file system keeps neither owner nor mode.
const MARK: &[u8] = b".scelle-unfinished";

/// What is known of a restore root's marked folders.
#[derive(Default)]
pub(super) struct MarkedFolders {
    /// Made by this run.
    made: Mutex<BTreeSet<EntryPath>>,
    /// Left by an earlier one.
    left: Mutex<BTreeSet<EntryPath>>,
}

impl MarkedFolders {
    /// Makes a marked folder.
    pub(super) fn make(&self, parent: &Folder, path: &EntryPath) -> io::Result<()> {
        let name = path.name();
        parent.make_marked(name)?;
        if !Folder::is_marked(&parent.stat(name)?)
            && let Err(error) = parent.open(name).and_then(|made| made.make_file(MARK))
            && error.kind() != io::ErrorKind::AlreadyExists
        {
            // Without a mark it would be taken for the person's.
            let _ = parent.remove_folder(name);
            return Err(error);
        }
        self.made.lock().insert(path.clone());
        Ok(())
    }

    /// Whether the folder at this path, as it was looked at, is one that a restore has made and not finished.
    pub(super) fn is_one(&self, path: &EntryPath, folder: &Folder, stat: &Stat) -> bool {
        if self.made.lock().contains(path) {
            return true;
        }
        let is_left = Folder::is_marked(stat) || folder.stat(MARK).is_ok();
        if is_left {
            self.left.lock().insert(path.clone());
        }
        is_left
    }

    /// Takes note of what a sweep sees in the folder `path`.
    pub(super) fn see(&self, path: &EntryPath, name: &[u8], stat: &Stat) {
        if name == MARK {
            self.left.lock().insert(path.clone());
        } else if Folder::is_marked(stat)
            && let Ok(marked) = path.child(name)
        {
            self.left.lock().insert(marked);
        }
    }

    /// Takes the file away that marks a folder; its mode, which is given next, takes the other mark. Whether it bore one.
    pub(super) fn unmark(&self, folder: &Folder, path: &EntryPath) -> Result<bool, WriteError> {
        let was_made = self.made.lock().remove(path);
        let was_left = self.left.lock().remove(path);
        if !was_made && !was_left {
            return Ok(false);
        }
        match folder.remove(MARK) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(WriteError::io(error, path)),
            _ => Ok(true),
        }
    }

    /// Folders made by this run that got no attributes.
    pub(super) fn made_without(&self) -> Vec<EntryPath> {
        self.made.lock().iter().cloned().collect()
    }

    /// Folders left by an earlier run that this one has not finished either.
    pub(super) fn left_over(&self) -> Vec<EntryPath> {
        self.left.lock().iter().cloned().collect()
    }
}
