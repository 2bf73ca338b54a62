//! Packs that a check has read and found bad, and that nothing has mended since: damage also for a check that reads nothing.
//!
//! Data comes from `damage` and `heal` notes of all devices; goes to the findings. Never: repeats what this check has seen with
//! its own eyes, for better or worse, or calls damaged what no snapshot needs.

use scelle_format::layout;
use scelle_format::ledger::FoundBad;

use super::report::CheckReport;
use super::stock::Stock;
use crate::error::Result;
use crate::repo::damage::Damage;
use crate::repo::finding::{Finding, FindingKind};
use crate::repo::history::packs_of;

/// Adds what the ledgers know. That a pack is gone or cut short, a listing shows itself; that its bytes are wrong, it does not.
pub(super) async fn tell(stock: &Stock<'_>, report: &mut CheckReport) -> Result<()> {
    let repository = stock.repository;
    let damage = Damage::of(&repository.objects, &repository.history).await?;
    for FoundBad { name, why } in damage.open() {
        let kind =
            [FindingKind::PackHash, FindingKind::PackContent].into_iter().find(|kind| kind.code() == why);
        let (Some(kind), Ok((of, pack))) = (kind, layout::parse_pack(name)) else { continue };
        let is_met = report.findings.iter().any(|finding| finding.object == name)
            || report.replaced.contains(name)
            || report.sound_again.iter().any(|sound| sound == name);
        if is_met {
            continue;
        }
        let mut finding = Finding::new(kind, name);
        for snapshot in stock.snapshots() {
            let packs = packs_of(&repository.objects, snapshot).await;
            if packs.is_ok_and(|packs| packs.get(of, pack).is_some()) {
                finding = finding.affecting(snapshot.id.clone());
            }
        }
        if !finding.affects.is_empty() {
            report.findings.push(finding);
        }
    }
    Ok(())
}
