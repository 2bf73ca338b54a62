//! What a check compares: what the ledger says is kept, and what the store lists.
//!
//! From the checked ledger, listings and the attachments of notes to findings, and to the packs that are needed. Never: opens a
//! pack, or believes a listing of names alone where a version may lie below.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use scelle_format::layout::{self, PackName};

use super::attachments::{self, Attachments, SegmentUse};
use super::packs::{Evidence, PackUse, PackUses};
use super::report::CheckReport;
use super::through;
use crate::error::Result;
use crate::repo::ledger::history::{Healed, Snapshot};
use crate::repo::open::Repository;
use crate::shutdown::Shutdown;

/// Packs by kind and id, with what is known of each.
pub(super) type Packs = BTreeMap<PackName, PackUse>;

/// What the ledger says is kept, and what the store lists.
pub(super) struct Stock<'a> {
    pub(super) repository: &'a Repository,
    /// Those that nobody released, in the order of the ledger.
    snapshots: Vec<Snapshot>,
    healed: Healed,
    /// Sizes of objects by name.
    listed: HashMap<String, u64>,
    attached: Attachments,
}

impl<'a> Stock<'a> {
    /// Lists what the store holds and reads the attachments of all notes.
    pub(super) async fn take(
        repository: &'a Repository,
        shutdown: &Shutdown,
        report: &mut CheckReport,
    ) -> Result<Self> {
        let (objects, history) = (&repository.objects, &repository.history);
        let forgotten = history.forgotten();
        let mut snapshots: Vec<Snapshot> = history.devices.iter().flat_map(|d| d.snapshots()).collect();
        snapshots.retain(|snapshot| !forgotten.contains(&snapshot.note_sha256));
        let listed = list(repository).await?;
        report.strangers = objects.count_strangers().await?;
        let mut attached = attachments::read(objects, history, &forgotten, shutdown).await?;
        let notes: usize = history.devices.iter().map(|device| device.notes.len()).sum();
        report.objects = attached.objects + notes as u64 + repository.descriptors.history.len() as u64;
        report.bytes_read = attached.bytes_read;
        report.findings.append(&mut attached.findings);
        Ok(Self { repository, snapshots, healed: history.healed(), listed, attached })
    }

    /// Snapshots that nobody released.
    pub(super) fn snapshots(&self) -> &[Snapshot] {
        &self.snapshots
    }

    /// Packs that others are in the place of.
    pub(super) fn healed(&self) -> &Healed {
        &self.healed
    }

    /// What uses of packs are compared with.
    pub(super) fn known(&self) -> Evidence<'_> {
        Evidence { listed: &self.listed, refs: &self.attached.refs, healed: &self.healed }
    }

    /// What the snapshots use, by names, and by versions where that is not enough.
    pub(super) async fn uses(&mut self) -> Result<PackUses> {
        let objects = &self.repository.objects;
        let mut uses = self.uses_as_listed();
        if uses.lacks_something(&self.listed) {
            // Only now: a listing of versions is longer than one of names.
            through::note_hidden(objects, &mut self.listed).await?;
            uses = self.uses_as_listed();
        }
        if through::note_overwritten(objects, &uses, &mut self.listed).await? {
            uses = self.uses_as_listed();
        }
        Ok(uses)
    }

    fn uses_as_listed(&self) -> PackUses {
        let mut uses = PackUses::default();
        self.snapshots.iter().for_each(|snapshot| uses.add(snapshot, &self.known()));
        uses
    }

    /// Compares what is used with what is listed; index segments are read, large ones where `all` is to be. Returns the packs
    /// that are needed.
    pub(super) async fn compare(
        &self,
        mut uses: PackUses,
        all: bool,
        shutdown: &Shutdown,
        report: &mut CheckReport,
    ) -> Result<Packs> {
        report.replaced.extend(std::mem::take(&mut uses.replaced));
        let needed = uses.needed.clone();
        let segments = std::mem::take(&mut uses.segments);
        report.packs = needed.len() as u64;
        report.pack_bytes = needed.values().map(|used| used.object_bytes).sum();
        report.objects += needed.len() as u64 + segments.len() as u64;
        self.count_orphans(&needed, &segments, report);
        report.findings.extend(uses.findings());
        let objects = &self.repository.objects;
        let (wrong, bytes) =
            attachments::check_segments(objects, segments, &self.listed, all, shutdown).await?;
        report.findings.extend(wrong);
        report.bytes_read += bytes;
        Ok(needed)
    }

    fn count_orphans(
        &self,
        needed: &Packs,
        segments: &BTreeMap<String, SegmentUse>,
        report: &mut CheckReport,
    ) {
        let healing = self.healed.values().flatten().map(|(kind, pack, _)| (*kind, *pack));
        let packs: BTreeSet<String> =
            needed.keys().copied().chain(healing).map(|(kind, pack)| layout::pack(kind, &pack)).collect();
        for (name, bytes) in &self.listed {
            let is_attached = self.attached.names.contains(name);
            if !packs.contains(name) && !is_attached && !segments.contains_key(name) {
                report.orphans += 1;
                report.orphan_bytes += bytes;
            }
        }
    }
}

/// Sizes of all objects that refs and notes may name.
async fn list(repository: &Repository) -> Result<HashMap<String, u64>> {
    let objects = &repository.objects;
    let (p, m, i, a) = tokio::try_join!(
        objects.list_all("p/"),
        objects.list_all("m/"),
        objects.list_all("i/"),
        objects.list_all("a/")
    )?;
    Ok(p.into_iter().chain(m).chain(i).chain(a).map(|row| (row.name, row.bytes)).collect())
}
