//! Packs that are damaged and whose chunks this run has found, or stored, in others: the `heal` notes that make older
//! snapshots whole again (FORMAT.md §10).
//!
//! Which chunks a data pack held is known from the local index, which ones a manifest pack from the catalog. Where one of
//! them is in no other pack the source has it no more: no note is written, and the pack stays known as damaged. Never:
//! guesses what a pack held, or names a pack that the store did not show in this run.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use scelle_format::id::{ChunkId, PackKind};
use scelle_format::layout::PackName;
use scelle_format::ledger::NoteKind;
use scelle_format::pack::Location;
use scelle_format::refs::PackSet;

use crate::catalog::{Catalog, Lists};
use crate::error::Result;
use crate::index::SegmentFile;
use crate::pipeline::landing::caches::Caches;
use crate::repo::damage::words::Seen;
use crate::repo::damage::{Avoided, Damage};
use crate::repo::ledger::append::LedgerWriter;
use crate::repo::state::State;

/// What knows where chunks lie.
struct SoundPlaces<'a> {
    segments: Vec<SegmentFile>,
    catalog: &'a Catalog,
    lists: &'a Lists,
    avoided: Avoided,
    /// Shared chunks that were made again.
    regrouped: HashMap<ChunkId, Location>,
}

/// Writes a note for each damaged pack all of whose chunks are in sound packs; returns how many.
pub(in crate::pipeline) async fn heal(
    state: &State,
    caches: &Caches,
    regrouped: Vec<Location>,
    ledger: &mut LedgerWriter<'_>,
    damage: &mut Damage,
    needed: &PackSet,
    listed: &HashMap<PackName, u64>,
) -> Result<u64> {
    let open = damage.open_packs();
    if open.is_empty() {
        return Ok(0);
    }
    let names = ledger.head().segments.iter().map(|(name, _)| name.clone());
    let index = state.index();
    let segments = names.filter_map(|name| index.copy(&name)).collect();
    let regrouped = regrouped.into_iter().map(|at| (at.id, at)).collect();
    let Caches { catalog, lists, .. } = caches;
    let places = SoundPlaces { segments, catalog, lists, avoided: damage.avoided(), regrouped };
    let mut healed = 0;
    for (lost, chunks) in places.held_by(&open)? {
        let mut by: BTreeMap<PackName, u64> = BTreeMap::new();
        let mut is_whole = !chunks.is_empty();
        for id in &chunks {
            let at = places.find(lost.0, id)?;
            let size = |at: &Location| {
                let shown = needed.get(lost.0, at.pack).or_else(|| listed.get(&(lost.0, at.pack)).copied());
                Some(((lost.0, at.pack), shown?))
            };
            match at.as_ref().and_then(size) {
                Some((pack, object_bytes)) => drop(by.insert(pack, object_bytes)),
                None => is_whole = false,
            }
        }
        if is_whole {
            let by = by.into_iter().map(|((kind, pack), bytes)| (kind, pack, bytes)).collect();
            let kind = NoteKind::Heal { replaces: lost, by };
            let sequence = ledger.append(kind.clone(), Vec::new()).await?.sequence;
            damage.apply(ledger.device(), sequence, &kind, &Seen::new());
            damage.save(state)?;
            healed += 1;
        }
    }
    Ok(healed)
}

impl SoundPlaces<'_> {
    /// Which chunks the packs held. Reads the whole local index, once.
    fn held_by(&self, open: &BTreeSet<PackName>) -> Result<BTreeMap<PackName, BTreeSet<ChunkId>>> {
        let mut held: BTreeMap<PackName, BTreeSet<ChunkId>> = BTreeMap::new();
        for segment in &self.segments {
            if !segment.packs().iter().any(|(pack, _)| open.contains(&(PackKind::Data, *pack))) {
                continue;
            }
            for at in segment.iter().filter(|at| open.contains(&(PackKind::Data, at.pack))) {
                held.entry((PackKind::Data, at.pack)).or_default().insert(at.id);
            }
        }
        for (kind, pack) in open.iter().filter(|(kind, _)| *kind == PackKind::Manifest) {
            held.insert((*kind, *pack), self.catalog.manifest_chunks(pack)?.into_iter().collect());
        }
        Ok(held)
    }

    /// A place of a chunk in a sound pack.
    fn find(&self, kind: PackKind, id: &ChunkId) -> Result<Option<Location>> {
        let is_sound = |at: &Location| !self.avoided.has(&at.pack);
        Ok(match kind {
            PackKind::Data => {
                let indexed = self.segments.iter().filter_map(|segment| segment.find(id)).find(is_sound);
                indexed.or_else(|| self.regrouped.get(id).copied())
            }
            PackKind::Manifest => match self.catalog.node(id)?.filter(is_sound) {
                Some(at) => Some(at),
                None => self.lists.location(id)?.filter(is_sound),
            },
        })
    }
}
