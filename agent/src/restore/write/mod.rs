//! Everything that touches the destination of a restore: folders, files, links, their attributes.
//!
//! Data comes from the restore, verified chunk by chunk, and goes to the file system. A path of a manifest is hostile
//! until [`EntryPath`] has checked it; every step is then taken relative to an open folder, following no link, so that
//! nothing is ever written outside of the destination, whoever planted what in it. Content is written under a
//! temporary name and renamed when it is complete. This module decrypts nothing, verifies no content and logs nothing.

mod attributes;
mod database;
mod file;
mod links;
mod probe;
mod tree;

pub use crate::platform::FileAttributes;
pub use database::{FIRST_BYTES, base_of, is_database, may_be_database};
pub use file::{ExistingFile, FileInProgress, numbered_name};
pub use probe::NameProbe;

use crate::platform::Shortfall;
use crate::scan::EntryPath;
use attributes::NoticeCounters;
use database::Aside;
use parking_lot::Mutex;
use std::collections::HashMap;
use std::fmt;
use std::io;
use std::path::Path;
use std::sync::Arc;
use tree::Tree;

/// What to do where something already stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Overwrite {
    /// It stays.
    Never,
    /// It stays when its content is the same (it then gets our attributes), and is replaced when not.
    Changed,
    /// It is replaced.
    Always,
    /// It stays; ours, when its content differs, is placed beside it as `name (<text>).ext`, with this text, for
    /// example `restauré 2026-11-21`.
    Sibling(String),
    /// The folder was empty when we began: what stands there is ours, under a name that this file system takes for the
    /// same. It stays; ours becomes `name (2).ext`.
    Numbered,
}

/// What became of an entry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Placed {
    /// Nothing stood there.
    New,
    /// It replaced what stood there.
    Replaced,
    /// The same content already stood there.
    Same,
    /// Something else stands there and was kept; ours was not written.
    Kept,
    /// Something else stands there and was kept; ours is, or already was, at this path.
    Beside(EntryPath),
    /// Another entry of the snapshot has taken the name, which this file system does not tell from ours; ours is here.
    Renamed(EntryPath),
}

/// What kind of failure, for exit codes and sentences.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WriteErrorKind {
    /// The path is not one this system may be asked to create. Nothing was created.
    HostilePath,
    /// A step of the path is a symbolic link in the destination. It was not followed.
    SymlinkInPath,
    /// Something of another kind stands there (a folder where a file belongs, or the reverse).
    Occupied,
    /// No space, quota used up, or the file is too large for this file system.
    Full,
    /// The system refuses.
    Denied,
    ReadOnly,
    /// Another program kept hold of it through all attempts.
    Busy,
    /// A program has the database open that would be replaced.
    Held,
    /// It is no longer there.
    Vanished,
    /// This file system cannot link these names: write a copy.
    LinkUnsupported,
    /// A write beyond the announced length: the manifest contradicts itself.
    OutOfBounds,
    Io,
}

impl fmt::Display for WriteErrorKind {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            WriteErrorKind::HostilePath => "the path is refused",
            WriteErrorKind::SymlinkInPath => "a symbolic link stands in the way",
            WriteErrorKind::Occupied => "something of another kind stands there",
            WriteErrorKind::Full => "the destination is full",
            WriteErrorKind::Denied => "the system refuses the access",
            WriteErrorKind::ReadOnly => "the destination is read-only",
            WriteErrorKind::Busy => "another program holds the file",
            WriteErrorKind::Held => "a program has the database open",
            WriteErrorKind::Vanished => "the file or folder is no longer there",
            WriteErrorKind::LinkUnsupported => "the destination cannot link these files",
            WriteErrorKind::OutOfBounds => "a write beyond the end of the file",
            WriteErrorKind::Io => "the destination failed",
        })
    }
}

/// A failure. Its text never holds a path; `path` is for the local screen.
#[derive(Debug, thiserror::Error)]
#[error("{kind}")]
pub struct WriteError {
    pub kind: WriteErrorKind,
    /// `None` for the destination itself.
    pub path: Option<EntryPath>,
    #[source]
    pub source: Option<io::Error>,
}

impl WriteError {
    fn new(kind: WriteErrorKind, path: &EntryPath) -> WriteError {
        WriteError { kind, path: Some(path.clone()), source: None }
    }

    fn io(error: io::Error, path: &EntryPath) -> WriteError {
        WriteError { kind: kind_of(&error), path: Some(path.clone()), source: Some(error) }
    }
}

fn kind_of(error: &io::Error) -> WriteErrorKind {
    use io::ErrorKind as Io;
    if crate::platform::is_transient(error) && error.kind() != Io::PermissionDenied {
        return WriteErrorKind::Busy;
    }
    match error.kind() {
        Io::StorageFull | Io::QuotaExceeded | Io::FileTooLarge => WriteErrorKind::Full,
        Io::PermissionDenied => WriteErrorKind::Denied,
        Io::ReadOnlyFilesystem => WriteErrorKind::ReadOnly,
        Io::ResourceBusy | Io::ExecutableFileBusy => WriteErrorKind::Busy,
        Io::NotFound => WriteErrorKind::Vanished,
        Io::AlreadyExists | Io::IsADirectory | Io::NotADirectory | Io::DirectoryNotEmpty => {
            WriteErrorKind::Occupied
        }
        // What stands there is a pipe or a device.
        Io::InvalidInput => WriteErrorKind::Occupied,
        Io::InvalidFilename => WriteErrorKind::HostilePath,
        _ => WriteErrorKind::Io,
    }
}

/// How often attributes could not be given. A restore without administrator rights is a normal restore: these are
/// notices of the restore record, not errors.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Notices {
    /// Entries that belong to the restoring user instead of their owner or group.
    pub owners: u64,
    pub modes: u64,
    /// Extended attributes and ACLs, one by one.
    pub xattrs: u64,
    pub times: u64,
}

impl Notices {
    /// Whether everything was given.
    pub fn is_none(&self) -> bool {
        *self == Notices::default()
    }
}

/// The folder a restore writes to. Methods may be called from several threads.
pub struct Destination {
    tree: Tree,
    /// What folders get at the end: earlier, a folder's time would change with each entry and a read-only folder would
    /// refuse them.
    folders: Mutex<HashMap<EntryPath, FileAttributes>>,
    notices: Arc<NoticeCounters>,
    aside: Arc<Aside>,
}

impl Destination {
    /// Takes the folder, made with its parents when it does not exist. It is the user's choice: links on the way to it
    /// are followed. `aside` is put behind the names of files that have to be moved aside: `mis de côté 2026-11-21`.
    pub fn create(root: &Path, aside: &str) -> Result<Destination, WriteError> {
        let failed = |error: io::Error| WriteError { kind: kind_of(&error), path: None, source: Some(error) };
        std::fs::create_dir_all(root).map_err(failed)?;
        Ok(Destination {
            tree: Tree::open(root).map_err(failed)?,
            folders: Mutex::default(),
            notices: Arc::default(),
            aside: Arc::new(Aside::new(aside)),
        })
    }

    /// Makes the folder at this path and the folders that lead to it, where they do not exist. Until
    /// [`Destination::finish_directories`] only the restoring user may enter new ones; those never given attributes
    /// stay so.
    pub fn make_directories(&self, path: &EntryPath) -> Result<(), WriteError> {
        self.tree.folder(path, true).map(drop)
    }

    /// Remembers what a folder gets at the end. The folder itself is made by [`Destination::make_directories`].
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
            let given = self.tree.folder(&path, false).and_then(|folder| {
                folder.set_attributes(&wanted).map_err(|error| WriteError::io(error, &path))
            });
            match given {
                Ok(shortfall) => self.notices.add(&shortfall),
                Err(error) => failures.push(error),
            }
        }
        failures
    }

    /// Removes what an interrupted restore left below `below` (the top: everywhere). Call it before the first file is
    /// begun. Returns how many files were removed; folders that cannot be read are passed over.
    pub fn sweep(&self, below: &EntryPath) -> Result<u64, WriteError> {
        self.tree.sweep(below)
    }

    /// Waits until the destination's file system has written everything down (Linux: syncfs; Windows: nothing).
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

    fn note(&self, shortfall: &Shortfall) {
        self.notices.add(shortfall);
    }
}
