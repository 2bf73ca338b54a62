//! The folder a restore writes to: its open folders, what they get at the end, and what could not be given.
//!
//! For: files, links and probes, which add what they do. Data comes from the restore as checked paths. Never: follows a
//! link below its root.

use super::attributes::{NoticeCounters, Notices};
use super::database::{Aside, replayed, set_aside};
use super::error::{WriteError, WriteErrorKind, kind_of};
use super::target::WriteTarget;
use super::tree::OpenFolders;
use super::unfinished::MarkedFolders;
use crate::platform::{FileAttributes, InUse, Shortfall, Stat};
use crate::scan::EntryPath;
use parking_lot::Mutex;
use std::collections::HashMap;
use std::io;
use std::path::Path;
use std::sync::Arc;

/// The folder a restore writes to. Methods may be called from several threads.
pub struct RestoreRoot {
    pub(super) tree: OpenFolders,
    /// What folders get at the end: earlier, a folder's time would change with each entry and a read-only folder would
    /// refuse them.
    folders: Mutex<HashMap<EntryPath, FileAttributes>>,
    pub(super) notices: Arc<NoticeCounters>,
    pub(super) aside: Arc<Aside>,
}

impl RestoreRoot {
    /// Takes the folder, made with its parents when it does not exist. It is the user's choice: links on the way to it
    /// are followed. `aside` is put behind the names of files that have to be moved aside: `mis de côté 2026-11-21`.
    pub fn create(root: &Path, aside: &str) -> Result<RestoreRoot, WriteError> {
        let failed = |error: io::Error| WriteError { kind: kind_of(&error), path: None, source: Some(error) };
        std::fs::create_dir_all(root).map_err(failed)?;
        Ok(RestoreRoot {
            tree: OpenFolders::open(root).map_err(failed)?,
            folders: Mutex::default(),
            notices: Arc::default(),
            aside: Arc::new(Aside::new(aside)),
        })
    }

    /// A restore root whose folders may be the person's: those that are made bear a mark until they get their attributes, by
    /// which a later run knows them again.
    pub fn in_place(mut self) -> RestoreRoot {
        self.tree.unfinished = Some(MarkedFolders::default());
        self
    }

    /// Whether the folder at this path, as it was looked at, was made by this restore or by an earlier one that did not end.
    pub fn is_unfinished(&self, path: &EntryPath, stat: &Stat) -> bool {
        let folder = || self.tree.folder(path, false).ok();
        self.tree
            .unfinished
            .as_ref()
            .is_some_and(|unfinished| folder().is_some_and(|folder| unfinished.is_one(path, &folder, stat)))
    }

    /// Makes the folder at this path and the folders that lead to it, where they do not exist. Until
    /// [`RestoreRoot::finish_directories`] only the restoring user may enter new ones; those never given attributes
    /// stay so.
    pub fn make_directories(&self, path: &EntryPath) -> Result<(), WriteError> {
        self.tree.folder(path, true).map(drop)
    }

    /// Remembers what a folder gets at the end. The folder itself is made by [`RestoreRoot::make_directories`].
    pub fn set_directory(&self, path: &EntryPath, wanted: FileAttributes) {
        self.folders.lock().insert(path.clone(), wanted);
    }

    /// Gives the folders their attributes, deepest first, and forgets them. One that fails does not stop the others;
    /// all failures are returned.
    pub fn finish_directories(&self) -> Vec<WriteError> {
        let mut folders: Vec<_> = std::mem::take(&mut *self.folders.lock()).into_iter().collect();
        folders.sort_by(|(a, _), (b, _)| b.depth().cmp(&a.depth()).then_with(|| a.cmp(b)));
        let mut failures = Vec::new();
        for (path, wanted) in folders {
            let failed = |error| WriteError::io(error, &path);
            let given = self.tree.folder(&path, false).and_then(|folder| {
                let unfinished = self.tree.unfinished.as_ref();
                if unfinished.map_or(Ok(false), |unfinished| unfinished.unmark(&folder, &path))? {
                    // The mark goes with the mode: killed before that, all is given again.
                    let but_mode = FileAttributes { mode: None, ..wanted.clone() };
                    folder.set_attributes(&but_mode).map_err(failed)?;
                    if wanted.mode.is_none() {
                        folder.unmark().map_err(failed)?;
                    }
                }
                folder.set_attributes(&wanted).map_err(failed)
            });
            match given {
                Ok(shortfall) => self.notices.add(&shortfall),
                Err(error) => failures.push(error),
            }
        }
        failures
    }

    /// After [`RestoreRoot::finish_directories`] of a restore in place: ends the marks of folders whose attributes nobody knows
    /// if the snapshot's are all read (`is_all`), else leaves them for the run that reads them. Returns the folders that an
    /// earlier run left and that this one had no attributes for.
    pub fn finish_unknown(&self, is_all: bool) -> Vec<EntryPath> {
        let Some(unfinished) = &self.tree.unfinished else { return Vec::new() };
        for path in unfinished.made_without().iter().filter(|_| is_all) {
            if let Ok(folder) = self.tree.folder(path, false) {
                // What cannot be done now is told by the next run, which finds the mark.
                let _ = unfinished.unmark(&folder, path);
                let _ = folder.unmark();
            }
        }
        unfinished.left_over()
    }

    /// Removes what an interrupted restore left below `below` (the top: everywhere). Call it before the first file is
    /// begun. Returns how many files were removed; folders that cannot be read are passed over.
    pub fn sweep(&self, below: &EntryPath) -> Result<u64, WriteError> {
        self.tree.sweep(below)
    }

    /// Waits until the restore root's file system has written everything down (Linux: syncfs; Windows: nothing).
    /// Single files are never synced.
    pub fn sync_all_at_end(&self) -> Result<(), WriteError> {
        self.tree.sync().map_err(|error| WriteError {
            kind: kind_of(&error),
            path: None,
            source: Some(error),
        })
    }

    /// What could not be given so far.
    pub fn notices(&self) -> Notices {
        self.notices.read()
    }

    /// Counts what could not be given to one entry.
    pub(super) fn note(&self, shortfall: &Shortfall) {
        self.notices.add(shortfall);
    }

    /// Names of the files beside the database at this path that would be replayed into it, each with its index.
    pub fn replayed_beside(&self, path: &EntryPath) -> Result<Vec<EntryPath>, WriteError> {
        let folder = match self.tree.place_of(path, false) {
            Ok(folder) => folder,
            Err(error) if error.kind == WriteErrorKind::Vanished => return Ok(Vec::new()),
            Err(error) => return Err(error),
        };
        let names = replayed(&folder, path.name()).map_err(|error| WriteError::io(error, path))?;
        let parent = path.parent().unwrap_or_default();
        Ok(names.iter().filter_map(|name| parent.child(name).ok()).collect())
    }

    /// Whether a program has the database at this path open.
    pub fn database_in_use(&self, path: &EntryPath) -> InUse {
        match self.tree.place_of(path, false) {
            Ok(folder) => folder.database_in_use(path.name()),
            Err(error) if error.kind == WriteErrorKind::Vanished => InUse::No,
            Err(_) => InUse::Unknown,
        }
    }

    /// Moves these files beside the database at `path` aside, all or none. A database that a program has open is refused.
    pub fn set_aside(&self, path: &EntryPath, beside: &[EntryPath]) -> Result<(), WriteError> {
        let folder = self.tree.place_of(path, false)?;
        let names: Vec<Vec<u8>> = beside.iter().map(|path| path.name().to_vec()).collect();
        set_aside(&folder, path, &names, &self.aside)
    }

    /// Files moved aside so far.
    pub fn set_aside_count(&self) -> u64 {
        self.aside.count()
    }

    /// Databases replaced so far of which it is not known whether a program has them open.
    pub fn use_unknown_count(&self) -> u64 {
        self.aside.use_unknown()
    }

    /// An entry of this restore root that is about to be made; folders that lead to it are.
    pub(super) fn target(&self, path: &EntryPath) -> Result<WriteTarget, WriteError> {
        let folder = self.tree.place_of(path, true)?;
        Ok(WriteTarget::new(folder, path.clone(), self.tree.names()))
    }
}
