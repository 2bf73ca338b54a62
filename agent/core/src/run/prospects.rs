//! What the next backup of this computer does about what a check found: said only where it is so.
//!
//! Data comes from findings, the copies of this PC and the key copies. Goes to the end of `check`. Never: promises what a
//! store may refuse without saying that it is this computer that tries.

use std::collections::{BTreeMap, BTreeSet};

use scelle_format::id::DeviceId;
use scelle_format::layout;
use serde::Serialize;

use super::reading::Reading;
use crate::repo::damage::Damage;
use crate::repo::finding::{Finding, FindingKind};
use crate::repo::kept::Kept;
use crate::repo::keys::key_copies::KeyCopies;
use crate::repo::ledger::history::{Snapshot, packs_of};
use crate::repo::objects::mend::can_be_mended;

/// Damaged objects by what becomes of them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Prospects {
    /// This PC has their exact bytes: the next backup puts them back.
    pub put_back: u64,
    /// Packs that the newest snapshots of this PC need: the next backup stores again what the source still has of them.
    pub stored_again: u64,
    /// Packs that only older snapshots, or those of others, need: whether the source still has what they held is not known.
    pub uncertain: u64,
    /// Notes that bear the number of another: nothing is lost, and nothing can be mended.
    pub forked: u64,
    /// No backup mends them.
    pub left: u64,
}

impl Reading {
    /// What becomes of what was found; `None` where this PC does not back up to the repository.
    pub async fn prospects(&self, findings: &[Finding]) -> Option<Prospects> {
        let (known, folder) = (self.known.as_ref()?, self.folder()?);
        let (kept, keys) = (Kept::of(&folder), KeyCopies::in_folder(&folder));
        let mut objects: BTreeMap<&str, bool> = BTreeMap::new();
        let (forks, damage): (Vec<_>, Vec<_>) = findings
            .iter()
            .filter(|finding| finding.kind.is_damage())
            .partition(|finding| finding.kind == FindingKind::Fork);
        for finding in damage {
            // A head that the store does not show is sent again when the next run opens its ledger.
            let is_mendable = finding.kind.is_of_an_object() || finding.kind == FindingKind::Rollback;
            *objects.entry(&finding.object).or_insert(true) &= is_mendable;
        }
        let forked: BTreeSet<&str> = forks.iter().map(|finding| finding.object.as_str()).collect();
        let mut prospects = Prospects { forked: forked.len() as u64, ..Prospects::default() };
        let tried = Damage::tried_in(&folder);
        let newest = match objects.keys().any(|name| layout::parse_pack(name).is_ok()) {
            true => newest_packs(self, &known.device.id).await,
            false => BTreeSet::new(),
        };
        for (name, is_of_an_object) in objects {
            let is_pack = layout::parse_pack(name).is_ok();
            let is_ours = match name {
                _ if !is_of_an_object => false,
                layout::FORMAT_TXT => true,
                _ if name.starts_with("keys/") => keys.can_mend(&self.repository.objects, name).await,
                _ => can_be_mended(&kept, &known.device, name),
            };
            match is_pack && is_of_an_object {
                _ if is_ours => prospects.put_back += 1,
                true if tried.contains(name) => prospects.left += 1,
                true if newest.contains(name) => prospects.stored_again += 1,
                true => prospects.uncertain += 1,
                false => prospects.left += 1,
            }
        }
        Some(prospects)
    }
}

/// Names of the packs that the newest snapshot of each set of this PC needs: of what they hold, the source had all at that
/// time. Those whose refs cannot be read promise nothing.
async fn newest_packs(reading: &Reading, device: &DeviceId) -> BTreeSet<String> {
    let repository = &reading.repository;
    let snapshots = repository.history.device(device).map(|own| own.snapshots()).unwrap_or_default();
    let newest: BTreeMap<String, Snapshot> =
        snapshots.into_iter().map(|snapshot| (snapshot.set.clone(), snapshot)).collect();
    let mut names = BTreeSet::new();
    for snapshot in newest.values() {
        if let Ok(packs) = packs_of(&repository.objects, snapshot).await {
            names.extend(packs.rows().map(|row| layout::pack(row.kind, &row.pack)));
        }
    }
    names
}
