//! Packs that a check reads back: which are due, and what is made of those that were read wrong.
//!
//! For: `check --read-data`. From the packs that are needed to findings; [`super::data`] reads. Never: takes a pack for damage
//! in whose place others were read whole.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use scelle_format::id::{DeviceId, PackId, PackKind};
use scelle_format::layout::{self, PackName};
use tracing::Instrument as _;

use super::data::{self, IdKeys};
use super::options::ReadData;
use super::packs::{heirs, is_replaced};
use super::report::CheckReport;
use super::stock::{Packs, Stock};
use crate::around::Around;
use crate::error::Result;
use crate::monitor::Phase;
use crate::repo::damage::Damage;
use crate::repo::finding::{Finding, FindingKind, SnapshotId, is_of_other_bytes};
use crate::repo::ledger::history::{Healed, packs_of};

/// Which of the packs are read this time, with those in whose place they are; `None` where none is asked for.
pub(super) fn due(mut packs: Packs, read_data: ReadData, healed: &Healed) -> Option<Packs> {
    match read_data {
        ReadData::None => return None,
        ReadData::Percent { percent, turn } => packs.retain(|(_, pack), _| data::is_due(pack, percent, turn)),
        ReadData::All => {}
    }
    packs.extend(heirs(&packs, healed));
    Some(packs)
}

/// Reads packs back, and says which were read wrong and which are sound again.
pub(super) async fn packs(
    stock: &Stock<'_>,
    packs: Packs,
    id_keys: IdKeys,
    around: &Around,
    report: &mut CheckReport,
) -> Result<()> {
    let repository = stock.repository;
    let bytes = packs.values().map(|used| used.object_bytes).sum();
    let stage = around.begin(Phase::ReadData, Some(packs.len() as u64), Some(bytes));
    let devices: HashMap<PackName, DeviceId> =
        packs.iter().map(|(name, used)| (*name, used.device.clone())).collect();
    let keys = repository.keyring.clone().map(|keyring| (keyring, Arc::new(id_keys)));
    let read = data::read(&repository.objects, packs, keys, around).instrument(stage).await?;
    report.packs_read = read.packs;
    report.bytes_read += read.bytes_read;
    let damage = Damage::of(&repository.objects, &repository.history).await?;
    let wrong: BTreeSet<PackName> = read.findings.iter().map(|(name, _)| *name).collect();
    let sound =
        devices.keys().filter(|name| !wrong.contains(name)).map(|(kind, pack)| layout::pack(*kind, pack));
    report.sound_again = sound.filter(|name| damage.is_open(name)).collect();
    note_wrong(stock, read.findings, &devices, report).await
}

/// Notes what was read wrong. A pack that was replaced is no damage, as long as everything in its place was read whole.
async fn note_wrong(
    stock: &Stock<'_>,
    findings: Vec<(PackName, FindingKind)>,
    devices: &HashMap<PackName, DeviceId>,
    report: &mut CheckReport,
) -> Result<()> {
    let lost = findings.iter().filter(|(_, kind)| !kind.is_read_through());
    let lost: BTreeSet<PackName> = lost.map(|(name, _)| *name).collect();
    for (name, kind) in findings {
        let object = layout::pack(name.0, &name.1);
        if is_replaced(name, &lost, stock.healed(), 0) {
            report.replaced.insert(object);
            continue;
        }
        let affects = match kind.is_read_through() {
            true => Vec::new(),
            false => needing(stock, name, devices.get(&name)).await?,
        };
        // It may have been met on the way through the trees, which are followed of the newest snapshots only.
        match report.findings.iter_mut().find(|finding| finding.object == object) {
            Some(met) => {
                affects.into_iter().for_each(|snapshot| {
                    if !met.affects.contains(&snapshot) {
                        met.affects.push(snapshot);
                    }
                });
                // That a part is missing is what altered bytes look like on that way.
                if is_of_other_bytes(kind.code()) && !is_of_other_bytes(met.kind.code()) {
                    met.kind = kind;
                }
            }
            None => report.findings.push(Finding { affects, ..Finding::new(kind, object) }),
        }
    }
    Ok(())
}

/// The snapshots whose refs name a pack; looked up only when one is damaged.
async fn needing(
    stock: &Stock<'_>,
    name: (PackKind, PackId),
    device: Option<&DeviceId>,
) -> Result<Vec<SnapshotId>> {
    let mut needing = Vec::new();
    for snapshot in stock.snapshots().iter().filter(|snapshot| Some(&snapshot.id.device) == device) {
        let packs = packs_of(&stock.repository.objects, snapshot).await;
        if packs.is_ok_and(|packs| packs.get(name.0, name.1).is_some()) {
            needing.push(snapshot.id.clone());
        }
    }
    Ok(needing)
}
