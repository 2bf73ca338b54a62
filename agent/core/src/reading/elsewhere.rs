//! Other places of a chunk whose pack is lost: packs named by `heal` notes, and the device's index.
//!
//! For: `fetch`, and only after a location failed: then the ledger and the index are read, once. Data comes from
//! signed notes, sealed index segments and trailers. Never: believed; the chunk's id is recomputed by the reader.

use std::collections::BTreeSet;

use parking_lot::Mutex;
use scelle_format::id::{ChunkId, PackId, PackKind, Sha256};
use scelle_format::index::Segment;
use scelle_format::layout;
use scelle_format::limits::{INDEX_MAX_BYTES, REFS_MAX_BYTES};
use scelle_format::pack::{Location, Trailer};
use scelle_format::refs::Refs;
use tokio::sync::OnceCell;

use super::fetch::Fetcher;
use crate::error::{ExitCode, Result};
use crate::repo::descriptors::Descriptors;
use crate::repo::history::{Healed, History, Snapshot, read_attachment};

/// Packs followed from one `heal` note to the next.
const HEALS_MAX: usize = 64;
/// Decoded index bytes that are kept.
const INDEX_BUDGET_BYTES: usize = 128 << 20;

/// Knows where else a chunk may be.
pub(crate) struct Elsewhere {
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

    /// Places of the chunk `at.id` other than `at`, best first.
    pub(crate) async fn places(
        &self,
        fetcher: &Fetcher,
        kind: PackKind,
        at: &Location,
    ) -> Result<Vec<(PackKind, Location)>> {
        let mut places = Vec::new();
        for (kind, pack) in self.replacements(fetcher, (kind, at.pack)).await? {
            places.extend(find_in_pack(fetcher, kind, pack, &at.id).await?.map(|location| (kind, location)));
        }
        if kind == PackKind::Data {
            let segments = self.index.get_or_try_init(|| self.load_index(fetcher)).await?;
            let found = segments.iter().filter_map(|segment| {
                segment
                    .entries
                    .binary_search_by_key(&at.id, |entry| entry.id)
                    .ok()
                    .map(|row| segment.entries[row])
            });
            places.extend(found.filter(|location| location.pack != at.pack).map(|location| (kind, location)));
        }
        Ok(places)
    }

    /// Packs that `heal` notes put in the place of `lost`, followed from note to note.
    async fn replacements(
        &self,
        fetcher: &Fetcher,
        lost: (PackKind, PackId),
    ) -> Result<Vec<(PackKind, PackId)>> {
        let Some(history) = self.history(fetcher).await? else { return Ok(Vec::new()) };
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

    async fn history(&self, fetcher: &Fetcher) -> Result<Option<&History>> {
        let load = || async {
            match &self.descriptors {
                Some(descriptors) => History::load(fetcher.objects(), descriptors).await.map(Some),
                None => Ok(None),
            }
        };
        Ok(self.history.get_or_try_init(load).await?.as_ref())
    }

    async fn load_index(&self, fetcher: &Fetcher) -> Result<Vec<Segment>> {
        let mut snapshots = self.snapshots.lock().clone();
        // What was stored again after damage is in the index of the device's newest snapshot.
        if let Some(history) = self.history(fetcher).await? {
            let newest = history.devices.iter().filter_map(|device| device.snapshots().pop());
            let is_wanted = |newest: &Snapshot| snapshots.iter().any(|s| s.id.device == newest.id.device);
            let newest: Vec<Snapshot> = newest.filter(is_wanted).collect();
            snapshots.extend(newest);
        }
        let mut wanted: Vec<(String, Sha256)> = Vec::new();
        for snapshot in snapshots {
            let Ok(bytes) = read_attachment(fetcher.objects(), &snapshot.refs, REFS_MAX_BYTES as u64).await
            else {
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
            let sealed = match fetcher.objects().get_hashed(&name, &sha256, left as u64 + (1 << 20)).await {
                Ok(sealed) => sealed,
                Err(error) if error.code == ExitCode::Damaged => continue,
                Err(error) => return Err(error),
            };
            left = left.saturating_sub(sealed.len());
            let opened = fetcher.keyring().open_small(&name, &sealed, INDEX_MAX_BYTES as u64);
            segments.extend(opened.ok().and_then(|plain| Segment::decode(&plain).ok()));
        }
        Ok(segments)
    }
}

/// Where the trailer of a pack says that a chunk lies.
async fn find_in_pack(
    fetcher: &Fetcher,
    kind: PackKind,
    pack: PackId,
    id: &ChunkId,
) -> Result<Option<Location>> {
    match fetcher.trailer_of_whole(kind, pack).await {
        Ok(trailer) => Ok(locate(&trailer, pack, id)),
        Err(error) if error.code == ExitCode::Damaged => Ok(None),
        Err(error) => Err(error),
    }
}

/// The trailer at the end of a pack's plaintext.
pub(crate) fn trailer_of(plain: &[u8]) -> Option<Trailer> {
    let bytes = Trailer::bytes_from_end(plain.get(plain.len().checked_sub(8)?..)?).ok()?;
    Trailer::decode(plain.get(plain.len().checked_sub(bytes)?..)?).ok()
}

fn locate(trailer: &Trailer, pack: PackId, id: &ChunkId) -> Option<Location> {
    for (frame_offset, frame, chunks) in trailer.walk() {
        let mut offset = 0;
        for chunk in chunks {
            if chunk.id == *id {
                return Some(Location {
                    id: *id,
                    pack,
                    frame_offset: u32::try_from(frame_offset).ok()?,
                    frame_bytes: frame.stored_bytes,
                    offset,
                    bytes: chunk.plain_bytes,
                    filter: frame.filter,
                });
            }
            offset += chunk.plain_bytes;
        }
    }
    None
}
