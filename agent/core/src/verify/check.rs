//! The order of a check, and its report.
//!
//! For: `check` and whoever ends a run with one. Data comes from an opened [`Repository`] and leaves as findings and
//! counts. Never: needs a key, but does more with one.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Instant;

use scelle_format::id::DeviceId;
use scelle_format::layout;

use super::data::IdKeys;
use super::lost::lost;
use super::options::{CheckOptions, LocalHead, ReadData};
use super::report::CheckReport;
use super::stock::Stock;
use super::{keys, read_back, recorded, through, trees};
use crate::around::Around;
use crate::error::{ExitCode, Result};
use crate::monitor::Phase;
use crate::reading::fetch::Fetcher;
use crate::repo::damage::Damage;
use crate::repo::damage::strangers;
use crate::repo::finding::{Finding, FindingKind, SnapshotId};
use crate::repo::keys::key_files::KeyFiles;
use crate::repo::ledger::history::Snapshot;
use crate::repo::open::Repository;
use crate::shutdown::Shutdown;

/// Checks a repository.
///
/// Errors: only the store's; what is wrong with the repository is in the report.
pub async fn check(
    repository: &mut Repository,
    options: &CheckOptions,
    around: &Around,
) -> Result<CheckReport> {
    let report = around.stage(Phase::Verify, look(repository, options, around)).await?;
    around.monitor.finish();
    Ok(report)
}

async fn look(repository: &mut Repository, options: &CheckOptions, around: &Around) -> Result<CheckReport> {
    let (began, shutdown) = (Instant::now(), &around.shutdown);
    repository.load_history().await?;
    let mut report = CheckReport { findings: repository.all_findings(), ..CheckReport::default() };
    report.findings.extend(rollback(repository, options));
    let mut stock = Stock::take(repository, shutdown, &mut report).await?;
    let uses = stock.uses().await?;
    let all = options.read_data == ReadData::All;
    let needed = stock.compare(uses, all, shutdown, &mut report).await?;
    check_keys(&stock, &mut report).await?;
    let id_keys = follow_trees(&stock, options.trees, shutdown, &mut report).await?;
    let due = read_back::due(needed, options.read_data, stock.healed());
    if let Some(due) = due {
        read_back::packs(&stock, due, id_keys, around, &mut report).await?;
    }
    recorded::tell(&stock, &mut report).await?;
    through::tell(&repository.objects, &stock.known(), &mut report);
    report.lost = lost(&repository.history, &mut report.findings);
    conclude(&mut report, stock.snapshots());
    tell_accepted(repository, &mut report).await?;
    report.duration = began.elapsed();
    Ok(report)
}

/// Local state has seen a head that the store does not show.
fn rollback(repository: &Repository, options: &CheckOptions) -> Option<Finding> {
    let LocalHead { device, sequence, text_sha256 } = options.local_head.as_ref()?;
    let notes = repository.history.device(device).map(|device| &device.notes[..]).unwrap_or_default();
    let is_there = notes.iter().any(|row| row.note.sequence == *sequence && row.text_sha256 == *text_sha256);
    (!is_there).then(|| Finding::new(FindingKind::Rollback, layout::notes_at(device, *sequence)))
}

/// Key files, and how many copies of each there are.
async fn check_keys(stock: &Stock<'_>, report: &mut CheckReport) -> Result<()> {
    let repository = stock.repository;
    let right = |name: &str| {
        let proven = repository.keyring.as_ref().and_then(|keyring| keyring.proven.get(name).cloned());
        proven.or_else(|| repository.objects.kept().and_then(|kept| kept.copy(name)))
    };
    let is_copied = |name: &str| {
        let copies = stock.known().refs.values().flat_map(|refs| &refs.keys);
        copies.into_iter().any(|(copied, _)| copied == name)
    };
    let is_known = |name: &str| is_copied(name) || right(name).is_some();
    let files = KeyFiles::fetch(&repository.objects).await?;
    let (files, strangers) = files.named_by(&repository.descriptors.current, is_known);
    let revisions = repository.objects.list_all("desc/").await?;
    report.strangers += strangers + strangers::count_in(&repository.descriptors, &revisions);
    report.objects += files.len() as u64;
    let (wrong, copies) = keys::check(&files, &repository.descriptors.current, stock.known().refs, &right);
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

/// With a key: the newest snapshots of each device, location by location.
async fn follow_trees(
    stock: &Stock<'_>,
    of_each: usize,
    shutdown: &Shutdown,
    report: &mut CheckReport,
) -> Result<IdKeys> {
    let (mut id_keys, repository) = (IdKeys::new(), stock.repository);
    let Some(keyring) = &repository.keyring else { return Ok(id_keys) };
    let descriptors = Some(repository.descriptors.clone());
    let fetcher = Fetcher::new(Arc::clone(&repository.objects), Arc::clone(keyring), descriptors);
    let mut trailers = trees::Trailers::new(Arc::clone(&fetcher), stock.known().listed);
    let mut left: BTreeMap<&DeviceId, usize> = BTreeMap::new();
    for snapshot in stock.snapshots().iter().rev() {
        let left = left.entry(&snapshot.id.device).or_insert(of_each);
        if *left > 0 {
            *left -= 1;
            report.findings.extend(trees::follow(&mut trailers, snapshot, &mut id_keys, shutdown).await?);
        }
    }
    report.bytes_read += fetcher.fetched_bytes();
    Ok(id_keys)
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
