//! The folders of the restore root, opened step by step from its root and kept open for the entries that follow.
//! Also the temporary names, and the removal of those an interrupted restore left.

use super::error::{WriteError, WriteErrorKind};
use super::unfinished::MarkedFolders;
use crate::platform::{self, Folder, Kind};
use crate::scan::EntryPath;
use parking_lot::Mutex;
use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};
use std::io;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

/// Folders kept open, at most.
const OPEN_FOLDERS: usize = 256;
/// Of the handles the process may have, one in so many is kept for a folder: files, the store and the system need others.
const OPEN_FOLDERS_SHARE: usize = 8;
/// Folders kept open, however few handles there are.
const OPEN_FOLDERS_MIN: usize = 8;
/// What the temporary names begin with; 16 hexadecimal digits follow.
const TEMPORARY: &[u8] = b".scelle-restore-";
/// What the folders begin with in which names are tried; the same digits follow.
pub(super) const PROBE: &[u8] = b".scelle-probe-";

/// Attempts and first pause while another program holds a file (a virus scanner, the indexer); pauses double up to a
/// second, about 4 s in all.
const ATTEMPTS: u32 = 9;
const FIRST_PAUSE: Duration = Duration::from_millis(20);
const LONGEST_PAUSE: Duration = Duration::from_secs(1);

/// The restore root's folders.
pub(super) struct OpenFolders {
    root: Arc<Folder>,
    open: Mutex<HashMap<EntryPath, Arc<Folder>>>,
    open_max: usize,
    names: Arc<TemporaryNames>,
    /// Set where folders that are there may be the person's: in place.
    pub(super) unfinished: Option<MarkedFolders>,
}

/// Temporary names nobody can foresee.
pub(super) struct TemporaryNames {
    random: RandomState,
    process: u32,
    given: AtomicU64,
}

impl TemporaryNames {
    fn new() -> Self {
        Self { random: RandomState::new(), process: std::process::id(), given: AtomicU64::new(0) }
    }

    /// Another name.
    pub(super) fn next(&self) -> Vec<u8> {
        self.next_of(TEMPORARY)
    }

    /// Another name that begins so.
    pub(super) fn next_of(&self, prefix: &[u8]) -> Vec<u8> {
        let random = self.random.hash_one((self.given.fetch_add(1, Relaxed), self.process));
        [prefix, format!("{random:016x}").as_bytes()].concat()
    }
}

impl OpenFolders {
    /// Opens the root, following links on the way.
    pub(super) fn open(root: &Path) -> io::Result<OpenFolders> {
        Ok(OpenFolders {
            root: Arc::new(Folder::open_root(root)?),
            open: Mutex::default(),
            open_max: (platform::handle_limit() / OPEN_FOLDERS_SHARE).clamp(OPEN_FOLDERS_MIN, OPEN_FOLDERS),
            names: Arc::new(TemporaryNames::new()),
            unfinished: None,
        })
    }

    /// The folder at this path, opened from the nearest one already open; missing ones are made if `make` says so.
    pub(super) fn folder(&self, path: &EntryPath, make: bool) -> Result<Arc<Folder>, WriteError> {
        if path.is_top() {
            return Ok(Arc::clone(&self.root));
        }
        let mut missing = Vec::new();
        let mut step = path.clone();
        let mut folder = loop {
            if let Some(folder) = self.open.lock().get(&step) {
                break Arc::clone(folder);
            }
            let parent = step.parent().unwrap_or_default();
            missing.push(std::mem::replace(&mut step, parent));
            if step.is_top() {
                break Arc::clone(&self.root);
            }
        };
        for step in missing.into_iter().rev() {
            folder = Arc::new(self.enter(&folder, &step, make)?);
            let mut open = self.open.lock();
            if open.len() >= self.open_max {
                open.clear();
            }
            open.insert(step, Arc::clone(&folder));
        }
        Ok(folder)
    }

    /// The folder an entry stands in, and its name. The top is no entry.
    pub(super) fn place_of(&self, path: &EntryPath, make: bool) -> Result<Arc<Folder>, WriteError> {
        check(path)?;
        match path.parent() {
            Some(parent) => self.folder(&parent, make),
            None => Err(WriteError::new(WriteErrorKind::HostilePath, path)),
        }
    }

    /// The names of its temporaries.
    pub(super) fn names(&self) -> Arc<TemporaryNames> {
        Arc::clone(&self.names)
    }

    /// Removes temporary files and links below a folder.
    pub(super) fn sweep(&self, below: &EntryPath) -> Result<u64, WriteError> {
        let mut removed = 0;
        let mut folders = vec![below.clone()];
        while let Some(path) = folders.pop() {
            let Ok(folder) = self.folder(&path, false) else { continue };
            let Ok(entries) = folder.list() else { continue };
            for (name, stat) in entries {
                if let Some(unfinished) = &self.unfinished {
                    unfinished.see(&path, &name, &stat);
                }
                if stat.kind == Kind::Directory && is_ours(&name, PROBE) {
                    self.sweep_probe(&path, &name);
                } else if stat.kind == Kind::Directory {
                    folders.extend(path.child(&name));
                } else if matches!(stat.kind, Kind::File | Kind::Symlink) && is_ours(&name, TEMPORARY) {
                    with_patience(|| folder.remove(&name)).map_err(|error| WriteError::io(error, &path))?;
                    removed += 1;
                }
            }
        }
        Ok(removed)
    }

    /// Removes a folder in which names were tried, unless something else has come into it.
    fn sweep_probe(&self, parent: &EntryPath, name: &[u8]) {
        let Ok(parent) = self.folder(parent, false) else { return };
        let Ok(folder) = parent.open(name) else { return };
        let Ok(entries) = folder.list() else { return };
        if entries.iter().all(|(_, stat)| stat.kind == Kind::File && stat.bytes == 0) {
            for (name, _) in entries {
                let _ = folder.remove(&name);
            }
            let _ = parent.remove_folder(name);
        }
    }

    fn enter(&self, parent: &Folder, path: &EntryPath, make: bool) -> Result<Folder, WriteError> {
        check(path)?;
        let name = path.name();
        let made = || match &self.unfinished {
            Some(unfinished) => unfinished.make(parent, path),
            None => parent.make(name),
        };
        let opened = match parent.open(name) {
            Err(error) if error.kind() == io::ErrorKind::NotFound && make => match made() {
                Ok(()) => parent.open(name),
                // Another thread was first.
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => parent.open(name),
                Err(error) => Err(error),
            },
            other => other,
        };
        opened.map_err(|error| match parent.stat(name).map(|stat| stat.kind) {
            Ok(Kind::Symlink) => WriteError::new(WriteErrorKind::SymlinkInPath, path),
            Ok(kind) if kind != Kind::Directory => WriteError::new(WriteErrorKind::Occupied, path),
            _ => WriteError::io(error, path),
        })
    }

    /// Waits for the disk.
    pub(super) fn sync(&self) -> io::Result<()> {
        self.root.sync_file_system()
    }
}

/// Refuses what means something else on this system.
fn check(path: &EntryPath) -> Result<(), WriteError> {
    if path.components().all(platform::is_writable_name) {
        Ok(())
    } else {
        Err(WriteError::new(WriteErrorKind::HostilePath, path))
    }
}

/// Whether a name is one that we give: the prefix and 16 digits.
fn is_ours(name: &[u8], prefix: &[u8]) -> bool {
    name.strip_prefix(prefix)
        .is_some_and(|random| random.len() == 16 && random.iter().all(u8::is_ascii_hexdigit))
}

/// Tries again while another program holds the file, a bounded number of times.
pub(super) fn with_patience<T>(operation: impl FnMut() -> io::Result<T>) -> io::Result<T> {
    retry(platform::is_transient, std::thread::sleep, operation)
}

fn retry<T>(
    is_transient: impl Fn(&io::Error) -> bool,
    sleep: impl Fn(Duration),
    mut operation: impl FnMut() -> io::Result<T>,
) -> io::Result<T> {
    let mut pause = FIRST_PAUSE;
    for _ in 1..ATTEMPTS {
        match operation() {
            Err(error) if is_transient(&error) => sleep(pause),
            other => return other,
        }
        pause = (pause * 2).min(LONGEST_PAUSE);
    }
    operation()
}

#[cfg(test)]
mod tests {
    use super::{ATTEMPTS, TEMPORARY, is_ours, retry};
    use std::cell::{Cell, RefCell};
    use std::io;

    #[test]
    fn patience_is_bounded() {
        let (calls, pauses) = (Cell::new(0), RefCell::new(Vec::new()));
        let held_for = |count| {
            calls.set(0);
            pauses.borrow_mut().clear();
            retry(
                |error| error.kind() == io::ErrorKind::WouldBlock,
                |pause| pauses.borrow_mut().push(pause),
                || {
                    calls.set(calls.get() + 1);
                    if calls.get() <= count {
                        Err(io::Error::from(io::ErrorKind::WouldBlock))
                    } else {
                        Ok(())
                    }
                },
            )
        };
        assert!(held_for(0).is_ok() && pauses.borrow().is_empty());
        assert!(held_for(3).is_ok() && pauses.borrow().len() == 3);
        assert!(held_for(u32::MAX).is_err());
        assert_eq!((calls.get(), pauses.borrow().len()), (ATTEMPTS, ATTEMPTS as usize - 1));
        let refused = retry(|_| false, |_| panic!("no pause"), || Err::<(), _>(io::Error::other("refused")));
        assert!(refused.is_err());
    }

    #[test]
    fn only_our_own_names_are_temporary() {
        assert!(is_ours(b".scelle-restore-0123456789abcdef", TEMPORARY));
        for name in
            [&b".scelle-restore-"[..], b".scelle-restore-note.txt", b"x.scelle-restore-0123456789abcdef"]
        {
            assert!(!is_ours(name, TEMPORARY));
        }
    }
}
