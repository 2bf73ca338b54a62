//! Packs that a check has read and found bad, and that nothing has mended since: damage also for a check that reads nothing.
//!
//! Data comes from `damage` and `heal` notes of all devices; goes to the findings. Never: repeats what this check has seen with
//! its own eyes, for better or worse, or calls damaged what no snapshot needs.

use std::collections::BTreeSet;

use scelle_format::id::{PackId, PackKind};
use scelle_format::layout;
use scelle_format::ledger::FoundBad;

use super::packs::heirs_of;
use super::report::CheckReport;
use super::stock::Stock;
use crate::error::Result;
use crate::repo::damage::Damage;
use crate::repo::finding::{Finding, FindingKind, SnapshotId};
use crate::repo::ledger::history::packs_of;

/// Adds what the ledgers know, and makes sure that what is bad in its turn stands in for nothing. That a pack is gone or cut short, a listing shows itself; that its bytes are wrong, it does not.
pub(super) async fn tell(stock: &Stock<'_>, report: &mut CheckReport) -> Result<()> {
    let repository = stock.repository;
    let damage = Damage::of(&repository.objects, &repository.history).await?;
    for FoundBad { name, why } in damage.open() {
        let kind =
            [FindingKind::PackHash, FindingKind::PackContent].into_iter().find(|kind| kind.code() == why);
        let (Some(kind), Ok(pack)) = (kind, layout::parse_pack(name)) else { continue };
        let is_met = report.findings.iter().any(|finding| finding.object == name)
            || report.replaced.contains(name)
            || report.sound_again.iter().any(|sound| sound == name);
        if is_met {
            continue;
        }
        let affects = needing(stock, pack).await;
        // One that no snapshot names may stand in for one that is named.
        if !affects.is_empty() || stock.healed().values().flatten().any(|by| (by.0, by.1) == pack) {
            report.findings.push(Finding { affects, ..Finding::new(kind, name) });
        }
    }
    replacements_that_are_bad(stock, report).await;
    report.findings.retain(|finding| {
        !finding.affects.is_empty()
            || !matches!(finding.kind, FindingKind::PackHash | FindingKind::PackContent)
    });
    Ok(())
}

/// A pack in whose place one stands that is found bad is needed still, by every snapshot that names it.
async fn replacements_that_are_bad(stock: &Stock<'_>, report: &mut CheckReport) {
    let bad = report.findings.iter().filter(|finding| finding.kind.is_damage());
    let bad: BTreeSet<_> = bad.filter_map(|finding| layout::parse_pack(&finding.object).ok()).collect();
    let replaced: Vec<_> = report.replaced.iter().cloned().collect();
    for name in replaced {
        let Ok(pack) = layout::parse_pack(&name) else { continue };
        let heirs = heirs_of(pack, stock.healed());
        let mut spoilt: Vec<String> =
            heirs.intersection(&bad).map(|(kind, pack)| layout::pack(*kind, pack)).collect();
        let Some(first) = spoilt.pop() else { continue };
        report.replaced.remove(&name);
        let affects = needing(stock, pack).await;
        if let Some(finding) = report.findings.iter_mut().find(|finding| finding.object == first) {
            *finding = affects.into_iter().fold(finding.clone(), Finding::affecting);
        }
    }
}

/// Snapshots whose refs name a pack.
async fn needing(stock: &Stock<'_>, (kind, pack): (PackKind, PackId)) -> Vec<SnapshotId> {
    let mut needing = Vec::new();
    for snapshot in stock.snapshots() {
        let packs = packs_of(&stock.repository.objects, snapshot).await;
        if packs.is_ok_and(|packs| packs.get(kind, pack).is_some()) {
            needing.push(snapshot.id.clone());
        }
    }
    needing
}
