//! The order of a check, and its report.
//!
//! For: `check` and whoever ends a run with one. Data comes from an opened [`Repository`] and leaves as findings and
//! counts. Never: needs a key, but does more with one.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;
use std::time::Instant;

use scelle_format::id::{DeviceId, PackId, PackKind, Sha256};
use scelle_format::layout;
use scelle_format::refs::Refs;

use super::data::IdKeys;
use super::lost::lost;
use super::packs::{Known, PackUses, heirs, is_replaced};
use super::report::CheckReport;
use super::{attachments, data, keys, through, trees};
use crate::error::{ExitCode, Result};
use crate::monitor::{Monitor, Phase};
use crate::reading::fetch::Fetcher;
use crate::repo::damage::Damage;
use crate::repo::finding::{Finding, FindingKind, SnapshotId};
use crate::repo::history::{Healed, Snapshot};
use crate::repo::keyring::KeyFiles;
use crate::repo::objects::Objects;
use crate::repo::open::Repository;
use crate::shutdown::Shutdown;

/// How much stored data is read back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReadData {
    /// None.
    None,
    /// This part of all packs, rotating with `turn` (the number of the check).
    Percent {
        /// From 1 to 100.
        percent: u8,
        /// Goes up by one with each check.
        turn: u64,
    },
    /// Everything.
    All,
}

/// What a check is to do.
#[derive(Clone, Debug)]
pub struct CheckOptions {
    /// How much data is read.
    pub read_data: ReadData,
    /// The head of its own chain that local state knows: device, sequence, hash of the text.
    pub local_head: Option<(DeviceId, u64, Sha256)>,
    /// With a key: newest snapshots of each device whose trees are followed.
    pub trees: usize,
}

/// Checks a repository.
///
/// Errors: only the store's; what is wrong with the repository is in the report.
pub async fn check(
    repository: &mut Repository,
    options: &CheckOptions,
    monitor: &dyn Monitor,
    shutdown: &Shutdown,
) -> Result<CheckReport> {
    let began = Instant::now();
    monitor.start(Phase::Verify, None, None);
    repository.load_history().await?;
    let objects = Arc::clone(&repository.objects);
    let history = &repository.history;
    let mut report = CheckReport { findings: repository.all_findings(), ..CheckReport::default() };
    report.findings.extend(rollback(repository, options));
    let (forgotten, healed) = (history.forgotten(), history.healed());
    let mut snapshots: Vec<Snapshot> = history.devices.iter().flat_map(|d| d.snapshots()).collect();
    snapshots.retain(|snapshot| !forgotten.contains(&snapshot.note_sha256));
    let mut listed = list(repository).await?;
    report.strangers = objects.count_strangers().await?;
    let attached = attachments::read(&objects, history, &forgotten, shutdown).await?;
    let notes: usize = history.devices.iter().map(|device| device.notes.len()).sum();
    report.objects = attached.objects + notes as u64 + repository.descriptors.history.len() as u64;
    report.bytes_read = attached.bytes_read;
    report.findings.extend(attached.findings);

    let mut uses = uses(&objects, &snapshots, &mut listed, &attached.refs, &healed).await?;
    report.replaced.extend(std::mem::take(&mut uses.replaced));
    let needed = uses.needed.clone();
    let segments: Vec<_> = std::mem::take(&mut uses.segments).into_iter().collect();
    report.packs = needed.len() as u64;
    report.pack_bytes = needed.values().map(|used| used.object_bytes).sum();
    report.objects += needed.len() as u64 + segments.len() as u64;
    count_orphans(&mut report, &listed, &attached.names, &needed, &segments, &healed);
    report.findings.extend(uses.findings());
    let all = options.read_data == ReadData::All;
    let (wrong, bytes) = attachments::check_segments(&objects, segments, &listed, all, shutdown).await?;
    report.findings.extend(wrong);
    report.bytes_read += bytes;
    check_keys(repository, &attached.refs, &mut report).await?;

    let id_keys = follow_trees(repository, &snapshots, &listed, options, shutdown, &mut report).await?;
    let known = Known { listed: &listed, refs: &attached.refs, healed: &healed };
    read_packs(repository, needed, &known, id_keys, &snapshots, options, monitor, shutdown, &mut report)
        .await?;
    through::tell(&objects, &known, &mut report);
    report.lost = lost(&repository.history, &mut report.findings);
    conclude(&mut report, &snapshots);
    tell_accepted(repository, &mut report).await?;
    report.duration = began.elapsed();
    monitor.finish();
    Ok(report)
}

/// What the snapshots use, by names, and by versions where that is not enough.
async fn uses(
    objects: &Objects,
    snapshots: &[Snapshot],
    listed: &mut HashMap<String, u64>,
    refs: &HashMap<Sha256, Arc<Refs>>,
    healed: &Healed,
) -> Result<PackUses> {
    let mut uses = uses_of(snapshots, listed, refs, healed);
    if uses.lacks_something(listed) {
        // Only now: a listing of versions is longer than one of names.
        through::note_hidden(objects, listed).await?;
        uses = uses_of(snapshots, listed, refs, healed);
    }
    if through::note_overwritten(objects, &uses, listed).await? {
        uses = uses_of(snapshots, listed, refs, healed);
    }
    Ok(uses)
}

async fn check_keys(
    repository: &Repository,
    refs: &HashMap<Sha256, Arc<Refs>>,
    report: &mut CheckReport,
) -> Result<()> {
    let files = KeyFiles::fetch(&repository.objects).await?;
    report.objects += files.len() as u64;
    let (wrong, copies) = keys::check(&files, &repository.descriptors.current, refs);
    report.findings.extend(wrong);
    let keyring = repository.keyring.as_deref();
    for finding in keys::devices(&files, &repository.descriptors.current, keyring) {
        if !report.findings.iter().any(|known| known.object == finding.object) {
            report.findings.push(finding);
        }
    }
    report.key_copies = copies;
    Ok(())
}

fn uses_of(
    snapshots: &[Snapshot],
    listed: &HashMap<String, u64>,
    refs: &HashMap<Sha256, Arc<Refs>>,
    healed: &Healed,
) -> PackUses {
    let mut uses = PackUses::default();
    let known = Known { listed, refs, healed };
    snapshots.iter().for_each(|snapshot| uses.add(snapshot, &known));
    uses
}

/// Local state has seen a head that the store does not show.
fn rollback(repository: &Repository, options: &CheckOptions) -> Option<Finding> {
    let (device, sequence, sha256) = options.local_head.as_ref()?;
    let notes = repository.history.device(device).map(|device| &device.notes[..]).unwrap_or_default();
    let is_there = notes.iter().any(|row| row.note.sequence == *sequence && row.text_sha256 == *sha256);
    (!is_there).then(|| Finding::new(FindingKind::Rollback, layout::notes_at(device, *sequence)))
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

fn count_orphans(
    report: &mut CheckReport,
    listed: &HashMap<String, u64>,
    attached: &BTreeSet<String>,
    needed: &BTreeMap<(PackKind, PackId), super::packs::PackUse>,
    segments: &[attachments::SegmentRow],
    healed: &Healed,
) {
    let healing = healed.values().flatten().map(|(kind, pack, _)| (*kind, *pack));
    let packs: BTreeSet<String> =
        needed.keys().copied().chain(healing).map(|(kind, pack)| layout::pack(kind, &pack)).collect();
    let segments: BTreeSet<&str> = segments.iter().map(|(name, _)| name.as_str()).collect();
    for (name, bytes) in listed {
        if !packs.contains(name) && !attached.contains(name) && !segments.contains(name.as_str()) {
            report.orphans += 1;
            report.orphan_bytes += bytes;
        }
    }
}

/// With a key: the newest snapshots of each device, location by location.
async fn follow_trees(
    repository: &Repository,
    snapshots: &[Snapshot],
    listed: &HashMap<String, u64>,
    options: &CheckOptions,
    shutdown: &Shutdown,
    report: &mut CheckReport,
) -> Result<IdKeys> {
    let mut id_keys = IdKeys::new();
    let Some(keyring) = &repository.keyring else { return Ok(id_keys) };
    let descriptors = Some(repository.descriptors.clone());
    let fetcher = Fetcher::new(Arc::clone(&repository.objects), Arc::clone(keyring), descriptors);
    let mut trailers = trees::Trailers::new(Arc::clone(&fetcher), listed);
    let mut left: BTreeMap<&DeviceId, usize> = BTreeMap::new();
    for snapshot in snapshots.iter().rev() {
        let left = left.entry(&snapshot.id.device).or_insert(options.trees);
        if *left > 0 {
            *left -= 1;
            report.findings.extend(trees::follow(&mut trailers, snapshot, &mut id_keys, shutdown).await?);
        }
    }
    report.bytes_read += fetcher.fetched_bytes();
    Ok(id_keys)
}

async fn read_packs(
    repository: &Repository,
    mut packs: BTreeMap<(PackKind, PackId), super::packs::PackUse>,
    known: &Known<'_>,
    id_keys: IdKeys,
    snapshots: &[Snapshot],
    options: &CheckOptions,
    monitor: &dyn Monitor,
    shutdown: &Shutdown,
    report: &mut CheckReport,
) -> Result<()> {
    match options.read_data {
        ReadData::None => return Ok(()),
        ReadData::Percent { percent, turn } => packs.retain(|(_, pack), _| data::is_due(pack, percent, turn)),
        ReadData::All => {}
    }
    packs.extend(heirs(&packs, known.healed));
    let bytes = packs.values().map(|used| used.object_bytes).sum();
    monitor.start(Phase::ReadData, Some(packs.len() as u64), Some(bytes));
    let devices: HashMap<(PackKind, PackId), DeviceId> =
        packs.iter().map(|(name, used)| (*name, used.device.clone())).collect();
    let keys = repository.keyring.clone().map(|keyring| (keyring, Arc::new(id_keys)));
    let read = data::read(&repository.objects, packs, keys, monitor, shutdown).await?;
    report.packs_read = read.packs;
    report.bytes_read += read.bytes_read;
    let damage = Damage::of(&repository.objects, &repository.history).await?;
    let wrong: BTreeSet<(PackKind, PackId)> = read.findings.iter().map(|(name, _)| *name).collect();
    let sound =
        devices.keys().filter(|name| !wrong.contains(name)).map(|(kind, pack)| layout::pack(*kind, pack));
    report.sound_again = sound.filter(|name| damage.is_open(name)).collect();
    note_wrong(repository, read.findings, &devices, known, snapshots, report).await
}

/// Notes what was read wrong. A pack that was replaced is no damage, as long as everything in its place was read whole.
async fn note_wrong(
    repository: &Repository,
    findings: Vec<((PackKind, PackId), FindingKind)>,
    devices: &HashMap<(PackKind, PackId), DeviceId>,
    known: &Known<'_>,
    snapshots: &[Snapshot],
    report: &mut CheckReport,
) -> Result<()> {
    let lost = findings.iter().filter(|(_, kind)| !kind.is_read_through());
    let lost: BTreeSet<(PackKind, PackId)> = lost.map(|(name, _)| *name).collect();
    for (name, kind) in findings {
        let object = layout::pack(name.0, &name.1);
        if is_replaced(name, &lost, known.healed, 0) {
            report.replaced.insert(object);
            continue;
        }
        let affects = match kind.is_read_through() {
            true => Vec::new(),
            false => needing(repository, name, devices.get(&name), snapshots).await?,
        };
        // It may have been met on the way through the trees, which are followed of the newest snapshots only.
        match report.findings.iter_mut().find(|finding| finding.object == object) {
            Some(met) => affects.into_iter().for_each(|snapshot| {
                if !met.affects.contains(&snapshot) {
                    met.affects.push(snapshot);
                }
            }),
            None => report.findings.push(Finding { affects, ..Finding::new(kind, object) }),
        }
    }
    Ok(())
}

/// The snapshots whose refs name a pack; looked up only when one is damaged.
async fn needing(
    repository: &Repository,
    name: (PackKind, PackId),
    device: Option<&DeviceId>,
    snapshots: &[Snapshot],
) -> Result<Vec<SnapshotId>> {
    let mut needing = Vec::new();
    for snapshot in snapshots.iter().filter(|snapshot| Some(&snapshot.id.device) == device) {
        let packs = crate::repo::history::packs_of(&repository.objects, snapshot).await;
        if packs.is_ok_and(|packs| packs.get(name.0, name.1).is_some()) {
            needing.push(snapshot.id.clone());
        }
    }
    Ok(needing)
}

/// What is damaged and known to be lost for good.
async fn tell_accepted(repository: &Repository, report: &mut CheckReport) -> Result<()> {
    if report.code() != ExitCode::Ok {
        let damage = Damage::of(&repository.objects, &repository.history).await?;
        let names = report.findings.iter().map(|finding| finding.object.clone());
        report.acknowledged = names.filter(|name| damage.is_accepted(name)).collect();
        report.loss = damage.loss().filter(|_| !report.acknowledged.is_empty());
    }
    Ok(())
}

fn conclude(report: &mut CheckReport, snapshots: &[Snapshot]) {
    report.findings.sort_by(|a, b| (a.kind, &a.object).cmp(&(b.kind, &b.object)));
    report.findings.dedup();
    let damaged: BTreeSet<SnapshotId> = report
        .findings
        .iter()
        .filter(|finding| finding.kind.is_damage())
        .flat_map(|finding| finding.affects.iter().cloned())
        .collect();
    report.sound = snapshots.iter().map(|s| s.id.clone()).filter(|id| !damaged.contains(id)).collect();
    report.damaged = damaged.into_iter().collect();
}
