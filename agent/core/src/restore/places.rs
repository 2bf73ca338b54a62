//! Where each entry of a snapshot goes: the folder that was chosen, or the place it came from, under its own name or another.
//!
//! For: all of a restore. Data comes from the request, and from `produce` and `pairs`, which give entries other names. Never:
//! follows a link, or makes more than the restore root itself.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

use parking_lot::{Mutex, RwLock};

use super::request::{RestoreRequest, Target};
use super::write::{NameProbe, RestoreRoot, WriteError, WriteErrorKind};
use crate::scan::EntryPath;

/// Finds the folder handle and the path below it for an entry's path.
pub(super) struct Places {
    in_place: bool,
    /// Whether the restore root was empty or absent: nothing needs to be compared.
    pub(super) fresh: bool,
    roots: Mutex<HashMap<EntryPath, Arc<RestoreRoot>>>,
    aside: String,
    /// Entries that have another name in the restore root than in the snapshot.
    renames: RwLock<HashMap<EntryPath, EntryPath>>,
    has_renames: AtomicBool,
}

impl Places {
    /// A restore root that nothing has been opened of.
    pub(super) fn new(request: &RestoreRequest, fresh: bool) -> Self {
        Self {
            in_place: request.target == Target::InPlace,
            fresh,
            roots: Mutex::default(),
            aside: request.aside.clone(),
            renames: RwLock::default(),
            has_renames: AtomicBool::new(false),
        }
    }

    /// Opens (and makes) the restore root.
    pub(super) fn create(request: &RestoreRequest) -> std::result::Result<Self, WriteError> {
        let Target::Folder(folder) = &request.target else { return Ok(Self::new(request, false)) };
        let fresh = std::fs::read_dir(folder).map_or(true, |mut entries| entries.next().is_none());
        let places = Self::new(request, fresh);
        let root = RestoreRoot::create(folder, &places.aside)?;
        places.roots.lock().insert(EntryPath::top(), Arc::new(root));
        Ok(places)
    }

    /// Gives an entry another name in the restore root; what is below it goes with it.
    pub(super) fn rename(&self, entry: &EntryPath, name: &[u8]) {
        let parent = self.renamed(&entry.parent().unwrap_or_default());
        if let Ok(other) = parent.child(name) {
            self.renames.write().insert(entry.clone(), other);
            self.has_renames.store(true, Relaxed);
        }
    }

    fn renamed(&self, entry: &EntryPath) -> EntryPath {
        if !self.has_renames.load(Relaxed) {
            return entry.clone();
        }
        let renames = self.renames.read();
        let mut above = Some(entry.clone());
        while let Some(at) = above.filter(|at| !at.is_top()) {
            if let Some(other) = renames.get(&at) {
                let rest = &entry.as_bytes()[at.as_bytes().len()..];
                // Longer than a path may be: refused under its own name.
                return EntryPath::from_bytes(&[other.as_bytes(), rest].concat())
                    .unwrap_or_else(|_| entry.clone());
            }
            above = at.parent();
        }
        entry.clone()
    }

    /// A probe beside an entry.
    pub(super) fn probe_names_of(&self, entry: &EntryPath) -> Option<NameProbe> {
        let (restore_root, below) = self.place(entry).ok()?;
        restore_root.probe_names(&below.parent()?).ok()
    }

    /// The restore root and the path in it. In place on Windows every drive and share is a restore root of its own.
    pub(super) fn place(
        &self,
        entry: &EntryPath,
    ) -> std::result::Result<(Arc<RestoreRoot>, EntryPath), WriteError> {
        let hostile =
            || WriteError { kind: WriteErrorKind::HostilePath, path: Some(entry.clone()), source: None };
        let depth = match entry.components().next() {
            _ if !self.in_place || !crate::platform::HAS_DRIVES => 0,
            Some(b"UNC") => 3,
            _ => 1,
        };
        let entry = &self.renamed(entry);
        if depth == 0
            && !entry.is_top()
            && let Some(root) = self.roots.lock().get(&EntryPath::top())
        {
            return Ok((Arc::clone(root), entry.clone()));
        }
        let parts: Vec<&[u8]> = entry.components().collect();
        if parts.len() <= depth {
            return Err(hostile());
        }
        let base = EntryPath::from_bytes(&parts[..depth].join(&b'/')).map_err(|_| hostile())?;
        let below = EntryPath::from_bytes(&parts[depth..].join(&b'/')).map_err(|_| hostile())?;
        let mut roots = self.roots.lock();
        if let Some(root) = roots.get(&base) {
            return Ok((Arc::clone(root), below));
        }
        let root = base.to_os().map_err(|_| hostile())?;
        let root = RestoreRoot::create(&root, &self.aside)?;
        let root = Arc::new(if self.in_place { root.in_place() } else { root });
        roots.insert(base, Arc::clone(&root));
        Ok((root, below))
    }

    /// Everything that was opened.
    pub(super) fn all(&self) -> Vec<Arc<RestoreRoot>> {
        self.roots.lock().values().cloned().collect()
    }

    /// Whether restoring in place.
    pub(super) fn is_in_place(&self) -> bool {
        self.in_place
    }
}
