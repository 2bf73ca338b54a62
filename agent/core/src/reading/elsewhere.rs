//! Other places of a chunk whose pack is lost: packs named by `heal` notes, and the device's index.
//!
//! For: `fetch`, and only after a location failed: then the ledger and the index are read, once. Data comes from
//! signed notes and sealed index segments. Never: believed; the chunk's id is recomputed by the reader.

use std::collections::BTreeSet;

use parking_lot::Mutex;
use scelle_format::id::Sha256;
use scelle_format::index::Segment;
use scelle_format::layout;
use scelle_format::limits::{INDEX_MAX_BYTES, REFS_MAX_BYTES};
use scelle_format::pack::Location;
use scelle_format::refs::Refs;
use tokio::sync::OnceCell;

use super::sealed::PackName;
use crate::error::{ExitCode, Result};
use crate::repo::keys::descriptors::Descriptors;
use crate::repo::keys::keyring::Keyring;
use crate::repo::ledger::history::{Healed, History, Snapshot, read_attachment};
use crate::repo::objects::Objects;

/// Packs followed from one `heal` note to the next.
const HEALS_MAX: usize = 64;
/// Decoded index bytes that are kept.
const INDEX_BUDGET_BYTES: usize = 128 << 20;

/// Knows where else a chunk may be.
pub(super) struct Elsewhere {
    descriptors: Option<Descriptors>,
    snapshots: Mutex<Vec<Snapshot>>,
    history: OnceCell<Option<History>>,
    healed: OnceCell<Healed>,
    index: OnceCell<Vec<Segment>>,
}

impl Elsewhere {
    pub(super) fn new(descriptors: Option<Descriptors>) -> Self {
        Self {
            descriptors,
            snapshots: Mutex::default(),
            history: OnceCell::new(),
            healed: OnceCell::new(),
            index: OnceCell::new(),
        }
    }

    pub(super) fn add(&self, snapshot: &Snapshot) {
        self.snapshots.lock().push(snapshot.clone());
    }

    /// Places of the chunk `at.id` in other packs than its own, as the index of the device has them.
    pub(super) async fn in_index(
        &self,
        objects: &Objects,
        keyring: &Keyring,
        at: &Location,
    ) -> Result<Vec<Location>> {
        let segments = self.index.get_or_try_init(|| self.load_index(objects, keyring)).await?;
        let found = segments.iter().filter_map(|segment| {
            let row = segment.entries.binary_search_by_key(&at.id, |entry| entry.id).ok()?;
            Some(segment.entries[row])
        });
        Ok(found.filter(|location| location.pack != at.pack).collect())
    }

    /// Packs that `heal` notes put in the place of `lost`, followed from note to note.
    pub(super) async fn replacements(&self, objects: &Objects, lost: PackName) -> Result<Vec<PackName>> {
        let Some(history) = self.history(objects).await? else { return Ok(Vec::new()) };
        let healed = self.healed.get_or_init(|| async { history.healed() }).await;
        let (mut seen, mut open, mut out) = (BTreeSet::new(), vec![lost], Vec::new());
        while let Some(pack) = open.pop() {
            for (kind, pack, _) in healed.get(&pack).into_iter().flatten() {
                let next = (*kind, *pack);
                if out.len() < HEALS_MAX && seen.insert(next) {
                    out.push(next);
                    open.push(next);
                }
            }
        }
        Ok(out)
    }

    async fn history(&self, objects: &Objects) -> Result<Option<&History>> {
        let load = || async {
            match &self.descriptors {
                Some(descriptors) => History::load(objects, descriptors).await.map(Some),
                None => Ok(None),
            }
        };
        Ok(self.history.get_or_try_init(load).await?.as_ref())
    }

    async fn load_index(&self, objects: &Objects, keyring: &Keyring) -> Result<Vec<Segment>> {
        let mut snapshots = self.snapshots.lock().clone();
        // What was stored again after damage is in the index of the device's newest snapshot.
        if let Some(history) = self.history(objects).await? {
            let newest = history.devices.iter().filter_map(|device| device.snapshots().pop());
            let is_wanted = |newest: &Snapshot| snapshots.iter().any(|s| s.id.device == newest.id.device);
            let newest: Vec<Snapshot> = newest.filter(is_wanted).collect();
            snapshots.extend(newest);
        }
        let mut wanted: Vec<(String, Sha256)> = Vec::new();
        for snapshot in snapshots {
            let Ok(bytes) = read_attachment(objects, &snapshot.refs, REFS_MAX_BYTES as u64).await else {
                continue;
            };
            let Ok(refs) = Refs::parse(&bytes) else { continue };
            let names = refs
                .segments
                .iter()
                .map(|(sha256, _)| (layout::index_segment(&refs.device, sha256), *sha256));
            wanted.extend(names);
        }
        wanted.sort();
        wanted.dedup();
        let mut segments = Vec::new();
        let mut left = INDEX_BUDGET_BYTES;
        for (name, sha256) in wanted {
            let sealed = match objects.get_hashed(&name, &sha256, left as u64 + (1 << 20)).await {
                Ok(sealed) => sealed,
                Err(error) if error.code == ExitCode::Damaged => continue,
                Err(error) => return Err(error),
            };
            left = left.saturating_sub(sealed.len());
            let opened = keyring.open_small(&name, &sealed, INDEX_MAX_BYTES as u64);
            segments.extend(opened.ok().and_then(|plain| Segment::decode(&plain).ok()));
        }
        Ok(segments)
    }
}
