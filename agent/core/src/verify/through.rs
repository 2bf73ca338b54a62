//! What is there and is not shown in its place: hidden by delete markers, or written over, with an older version below.
//!
//! For: `check`. Data comes from listings of versions and from what reading went through; it goes into the listing that
//! snapshots are compared with, and becomes findings of objects that affect no snapshot: every reader reads through. Never:
//! reads a version, or calls what nobody needs any more damage.

use std::collections::{BTreeSet, HashMap};

use futures::stream::{self, StreamExt as _, TryStreamExt as _};
use scelle_format::layout;

use super::packs::{Evidence, PackUses, is_healed};
use super::report::CheckReport;
use crate::error::Result;
use crate::repo::finding::{Finding, FindingKind};
use crate::repo::objects::Objects;

/// Objects asked for at a time.
const CONCURRENT: usize = 8;

/// Adds to the listing what delete markers hide.
pub(super) async fn note_hidden(objects: &Objects, listed: &mut HashMap<String, u64>) -> Result<()> {
    for prefix in ["p/", "m/", "i/"] {
        for row in objects.list_hidden(prefix).await? {
            objects.oddities().note_hidden(&row.name);
            listed.insert(row.name, row.bytes);
        }
    }
    Ok(())
}

/// Corrects the listing where something of another size lies over an older version of the size that is needed. Says whether
/// anything did.
pub(super) async fn note_overwritten(
    objects: &Objects,
    uses: &PackUses,
    listed: &mut HashMap<String, u64>,
) -> Result<bool> {
    let asked = uses.of_other_sizes(listed).into_iter().map(|(name, bytes)| async move {
        let is_below = objects.has_version(&name, bytes).await?;
        Ok::<_, crate::error::AgentError>(is_below.then_some((name, bytes)))
    });
    let found: Vec<_> = stream::iter(asked).buffer_unordered(CONCURRENT).try_collect().await?;
    let found: Vec<(String, u64)> = found.into_iter().flatten().collect();
    found.iter().for_each(|(name, _)| objects.oddities().note_overwritten(name));
    let is_any = !found.is_empty();
    listed.extend(found);
    Ok(is_any)
}

/// What was read through on the way is tampering, object by object; the snapshots that need it can still be read. A pack
/// that others stand in for is needed no more: under a lock nobody could ever put it right.
pub(super) fn tell(objects: &Objects, known: &Evidence<'_>, report: &mut CheckReport) {
    let oddities = objects.oddities();
    let (hidden, overwritten) = (oddities.hidden(), oddities.overwritten());
    let is_replaced = |name: &&String| layout::parse_pack(name).is_ok_and(|pack| is_healed(pack, known));
    let (replaced, needed): (BTreeSet<&String>, BTreeSet<&String>) =
        hidden.iter().chain(&overwritten).partition(is_replaced);
    report.replaced.extend(replaced.into_iter().cloned());
    for name in needed {
        // Hidden over and over, and written over too: the marker is what is to be taken away first.
        let kind = if hidden.contains(name) { FindingKind::Hidden } else { FindingKind::Overwritten };
        if !report.findings.iter().any(|finding| finding.object == *name) {
            report.findings.push(Finding::new(kind, name.clone()));
        }
    }
    for finding in report.findings.iter_mut().filter(|finding| finding.kind.is_read_through()) {
        finding.affects.clear();
    }
    let of = |kind| report.findings.iter().filter(|finding| finding.kind == kind).count() as u64;
    (report.hidden, report.overwritten) = (of(FindingKind::Hidden), of(FindingKind::Overwritten));
}
