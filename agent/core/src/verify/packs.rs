//! Which packs each snapshot needs, compared with what the store lists.
//!
//! For: `check`. Data comes from refs attachments that were hashed, and from a listing. Never: opens a pack.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use scelle_format::id::{DeviceId, Sha256};
use scelle_format::layout::{self, PackName};
use scelle_format::limits::REFS_MAX_DEPTH;
use scelle_format::refs::{PackSet, Refs, resolve};

use super::attachments::SegmentUse;
use crate::repo::finding::{Finding, FindingKind, SnapshotId};
use crate::repo::ledger::history::{Healed, Snapshot};

/// From one `heal` note to the next, so many times.
const HEALS_DEPTH: u32 = 8;

/// A pack that a snapshot needs.
#[derive(Clone, Debug)]
pub(super) struct PackUse {
    pub(super) object_bytes: u64,
    pub(super) device: DeviceId,
}

/// What refs say, over all snapshots.
#[derive(Default)]
pub(super) struct PackUses {
    /// Every pack needed by a snapshot that is not forgotten.
    pub(super) needed: BTreeMap<PackName, PackUse>,
    /// Index segments needed, by name.
    pub(super) segments: BTreeMap<String, SegmentUse>,
    /// What is missing or has another size.
    bad: BTreeMap<PackName, (FindingKind, BTreeSet<SnapshotId>)>,
    broken: Vec<Finding>,
    /// Names of those in whose place others are.
    pub(super) replaced: BTreeSet<String>,
    /// The packs of the device's snapshot looked at last, and which refs that was.
    last: Option<(Sha256, PackSet)>,
}

/// Sizes of listed objects by name, and parsed refs by hash.
pub(super) struct Evidence<'a> {
    pub(super) listed: &'a HashMap<String, u64>,
    pub(super) refs: &'a HashMap<Sha256, Arc<Refs>>,
    pub(super) healed: &'a Healed,
}

impl PackUses {
    /// Adds a snapshot; snapshots of one device come oldest first.
    pub(super) fn add(&mut self, snapshot: &Snapshot, known: &Evidence<'_>) {
        let sha256 = snapshot.refs.sha256;
        let is_same = self.last.as_ref().is_some_and(|(last, _)| *last == sha256);
        if !is_same {
            let Some(set) = self.resolve(sha256, known.refs) else {
                let object = layout::attachment(&sha256);
                let finding = Finding::new(FindingKind::RefsBroken, object).affecting(snapshot.id.clone());
                return self.broken.push(finding);
            };
            self.last = Some((sha256, set));
        }
        let Some((_, set)) = &self.last else { return };
        for row in set.rows() {
            let name = (row.kind, row.pack);
            let device = || PackUse { object_bytes: row.object_bytes, device: snapshot.id.device.clone() };
            self.needed.entry(name).or_insert_with(device);
            let kind = match known.listed.get(&layout::pack(row.kind, &row.pack)) {
                Some(bytes) if *bytes == row.object_bytes => continue,
                _ if is_healed(name, known) => {
                    self.replaced.insert(layout::pack(row.kind, &row.pack));
                    continue;
                }
                Some(_) => FindingKind::PackTruncated,
                None => FindingKind::PackMissing,
            };
            self.bad.entry(name).or_insert_with(|| (kind, BTreeSet::new())).1.insert(snapshot.id.clone());
        }
        let Some(refs) = known.refs.get(&sha256) else { return };
        for (segment, bytes) in &refs.segments {
            let name = layout::index_segment(&refs.device, segment);
            let new = || SegmentUse { sha256: *segment, bytes: *bytes, affects: BTreeSet::new() };
            self.segments.entry(name).or_insert_with(new).affects.insert(snapshot.id.clone());
        }
    }

    /// Whether a pack or a segment that is needed is not listed.
    pub(super) fn lacks_something(&self, listed: &HashMap<String, u64>) -> bool {
        let packs = self.bad.values().any(|(kind, _)| *kind == FindingKind::PackMissing);
        packs || self.segments.keys().any(|name| !listed.contains_key(name))
    }

    /// Packs and segments that are listed with another size than they are needed with: name, and that size.
    pub(super) fn of_other_sizes(&self, listed: &HashMap<String, u64>) -> Vec<(String, u64)> {
        let packs = self.bad.keys().filter_map(|(kind, pack)| {
            Some((layout::pack(*kind, pack), self.needed.get(&(*kind, *pack))?.object_bytes))
        });
        let segments = self.segments.iter().map(|(name, used)| (name.clone(), used.bytes));
        let differs = |(name, bytes): &(String, u64)| listed.get(name).is_some_and(|listed| listed != bytes);
        packs.chain(segments).filter(differs).collect()
    }

    /// Snapshots that need a pack, from what `add` saw; used when a pack turns out to be damaged later.
    pub(super) fn findings(self) -> Vec<Finding> {
        let bad = self.bad.into_iter().map(|((kind, pack), (finding, affects))| Finding {
            kind: finding,
            object: layout::pack(kind, &pack),
            affects: affects.into_iter().collect(),
        });
        bad.chain(self.broken).collect()
    }

    fn resolve(&self, sha256: Sha256, refs: &HashMap<Sha256, Arc<Refs>>) -> Option<PackSet> {
        let top = refs.get(&sha256)?;
        // The usual case: a difference to the snapshot before.
        if let (Some((last, set)), Some((base, _))) = (&self.last, top.base)
            && *last == base
        {
            let mut set = set.clone();
            return set.apply(top).is_ok().then_some(set);
        }
        let mut chain = vec![top.as_ref().clone()];
        while let Some((base, _)) = chain.last().and_then(|refs| refs.base) {
            if chain.len() > REFS_MAX_DEPTH as usize {
                return None;
            }
            chain.push(refs.get(&base)?.as_ref().clone());
        }
        chain.reverse();
        resolve(&chain).ok()
    }
}

/// Whether `heal` notes put packs in its place that are all there, with the sizes that the notes give them. A note alone
/// excuses nothing.
pub(super) fn is_healed(lost: PackName, known: &Evidence<'_>) -> bool {
    let (mut open, mut seen) = (vec![lost], BTreeSet::new());
    while let Some(pack) = open.pop() {
        let Some(by) = known.healed.get(&pack).filter(|by| !by.is_empty()) else { return false };
        for (kind, next, bytes) in by {
            let is_there = known.listed.get(&layout::pack(*kind, next)) == Some(bytes);
            if !is_there && seen.insert((*kind, *next)) {
                open.push((*kind, *next));
            }
        }
    }
    true
}

/// Whether everything in the place of a pack was read whole; `wrong` are the packs that were not.
pub(super) fn is_replaced(lost: PackName, wrong: &BTreeSet<PackName>, healed: &Healed, depth: u32) -> bool {
    let is_whole = |heir| !wrong.contains(&heir) || is_replaced(heir, wrong, healed, depth + 1);
    let by = healed.get(&lost).filter(|by| depth < HEALS_DEPTH && !by.is_empty());
    by.is_some_and(|by| by.iter().all(|(kind, pack, _)| is_whole((*kind, *pack))))
}

/// Packs that heal notes put in the place of one, and in the place of those.
pub(super) fn heirs_of(lost: PackName, healed: &Healed) -> BTreeSet<PackName> {
    let (mut open, mut heirs) = (vec![lost], BTreeSet::new());
    while let Some(pack) = open.pop() {
        for (kind, next, _) in healed.get(&pack).into_iter().flatten() {
            if heirs.insert((*kind, *next)) {
                open.push((*kind, *next));
            }
        }
    }
    heirs
}

/// Packs in the place of those of `needed` that heal notes replace: they are to be read as well.
pub(super) fn heirs(needed: &BTreeMap<PackName, PackUse>, healed: &Healed) -> BTreeMap<PackName, PackUse> {
    let mut heirs = BTreeMap::new();
    let mut open: Vec<_> = needed.iter().map(|(name, used)| (*name, used.device.clone())).collect();
    while let Some((pack, device)) = open.pop() {
        for (kind, next, object_bytes) in healed.get(&pack).into_iter().flatten() {
            let name = (*kind, *next);
            if !needed.contains_key(&name) && !heirs.contains_key(&name) {
                heirs.insert(name, PackUse { object_bytes: *object_bytes, device: device.clone() });
                open.push((name, device.clone()));
            }
        }
    }
    heirs
}
