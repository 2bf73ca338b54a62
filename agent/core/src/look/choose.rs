//! Which snapshot a person means, and when nothing may be taken in its place.
//!
//! From one word and the checked notes to one snapshot. What is automatic ("latest", a date) ends with exit 13 as soon as
//! a newer one is known to exist and cannot be read: the one before is restored by its number, when a person asks for
//! it. Never: takes an older snapshot in silence.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::RangeInclusive;
use std::time::UNIX_EPOCH;

use scelle_format::id::DeviceId;
use scelle_format::timestamp::Timestamp;

use super::list::note_of;
use super::newer::{Newer, Own, highest_known, newer};
use crate::error::{AgentError, Result};
use crate::look::spec::SnapshotSpec;
use crate::repo::finding::{Finding, FindingKind};
use crate::repo::ledger::history::{History, Snapshot};

/// The snapshot a person means. `own` is what this computer remembers and `set` the plan's, where they are known:
/// without a device in the word, the own one is meant where it ever made a snapshot, else all.
///
/// Errors: exit 2 when there is none, when several have that number, or when what is asked for automatically would be one of
/// several sets or computers; exit 13 naming a note when the one asked for
/// has been lost or damaged, or when a newer one than could be taken was.
pub fn select(
    history: &History,
    spec: &SnapshotSpec,
    own: Option<Own<'_>>,
    set: Option<&str>,
) -> Result<Snapshot> {
    let scope = scope(history, spec, own);
    let all = history.snapshots();
    let mut inside = all.iter().filter(|snapshot| scope.contains(&snapshot.id.device));
    let in_set = |snapshot: &&Snapshot| set.is_none_or(|set| snapshot.set == set);
    let chosen = match spec {
        SnapshotSpec::Latest { .. } => {
            refuse_older(history, &scope, own, None)?;
            newest_of_one_set(inside.filter(in_set))?
        }
        SnapshotSpec::AtOrBefore(moment) => {
            let seconds = moment.duration_since(UNIX_EPOCH).map_or(-1, |since| since.as_secs() as i64);
            refuse_older(history, &scope, own, Some(Timestamp(seconds)))?;
            newest_of_one_set(inside.filter(in_set).filter(|snapshot| snapshot.time.0 <= seconds))?
        }
        SnapshotSpec::Number { number, .. } => {
            let found: Vec<&Snapshot> = inside.filter(|snapshot| snapshot.id.number == *number).collect();
            // Of two devices, or two branches of a fork, neither is meant more than the other.
            if found.len() > 1 {
                let names: Vec<String> = found.iter().map(|snapshot| full_word(snapshot)).collect();
                return Err(AgentError::snapshot_ambiguous().at(names.join(", ")));
            }
            found.first().copied()
        }
        SnapshotSpec::Note { number, note, .. } => inside.find(|snapshot| {
            snapshot.id.number == *number && snapshot.note_sha256.to_string().starts_with(note)
        }),
    };
    chosen
        .cloned()
        .ok_or_else(|| lost(history, spec, &scope, own).unwrap_or_else(AgentError::snapshot_not_found))
}

/// The newest of snapshots that are all of one device and one set of folders.
///
/// Errors: exit 2 naming the newest of each, where there are several: each holds a part of what was saved, and one of them
/// taken for all would look like everything.
fn newest_of_one_set<'a>(snapshots: impl Iterator<Item = &'a Snapshot>) -> Result<Option<&'a Snapshot>> {
    let mut newest: BTreeMap<(&DeviceId, &str), &Snapshot> = BTreeMap::new();
    for snapshot in snapshots {
        newest.insert((&snapshot.id.device, &snapshot.set), snapshot);
    }
    if newest.len() > 1 {
        let words: Vec<String> = newest.values().map(|snapshot| full_word(snapshot)).collect();
        return Err(AgentError::several_sets().at(words.join(", ")));
    }
    Ok(newest.into_values().next())
}

/// The devices that a word speaks of, also those whose snapshots are all lost.
fn scope(history: &History, spec: &SnapshotSpec, own: Option<Own<'_>>) -> BTreeSet<DeviceId> {
    let all: BTreeSet<DeviceId> = history
        .devices
        .iter()
        .map(|device| &device.id)
        .chain(own.map(|own| own.device))
        .filter(|device| {
            highest_known(history, device, own) > 0 || newer(history, device, own, None, None).is_some()
        })
        .cloned()
        .collect();
    let device = match spec {
        SnapshotSpec::Latest { device }
        | SnapshotSpec::Number { device, .. }
        | SnapshotSpec::Note { device, .. } => device.as_deref(),
        SnapshotSpec::AtOrBefore(_) => None,
    };
    match (device, own.map(|own| own.device).filter(|own| all.contains(*own))) {
        (Some(device), _) => all.into_iter().filter(|id| id.as_str().starts_with(device)).collect(),
        (None, Some(own)) => BTreeSet::from([own.clone()]),
        (None, None) => all,
    }
}

/// Exit 13 where a device made a snapshot, until `until` where that is asked, that is newer than its newest that can be
/// read.
fn refuse_older(
    history: &History,
    scope: &BTreeSet<DeviceId>,
    own: Option<Own<'_>>,
    until: Option<Timestamp>,
) -> Result<()> {
    for device in scope {
        let read = history.device(device).map(|device| device.snapshots()).unwrap_or_default();
        let taken = read.iter().rfind(|snapshot| until.is_none_or(|until| snapshot.time <= until));
        if let Some(newer) = newer(history, device, own, taken, until) {
            return Err(refused(history, scope, newer));
        }
    }
    Ok(())
}

/// The snapshots of these devices that can be asked for, as a person types them; empty where there is none.
pub fn readable(history: &History, scope: &BTreeSet<DeviceId>) -> String {
    let mut numbers: BTreeMap<&DeviceId, Vec<u64>> = BTreeMap::new();
    for device in history.devices.iter().filter(|device| scope.contains(&device.id)) {
        let read = device.snapshots();
        numbers.entry(&device.id).or_default().extend(read.iter().map(|snapshot| snapshot.id.number));
    }
    let words = numbers.iter().filter(|(_, read)| !read.is_empty()).map(|(device, read)| match scope.len() {
        1 => ranges(read),
        _ => format!("{device}/{}", ranges(read)),
    });
    words.collect::<Vec<_>>().join(", ")
}

/// Says which one is known, and which ones can be asked for.
fn refused(history: &History, scope: &BTreeSet<DeviceId>, newer: Newer) -> AgentError {
    let readable = readable(history, scope);
    let known = newer.number.map(|number| match scope.len() {
        1 => number.to_string(),
        _ => format!("{}/{number}", newer.device),
    });
    AgentError::newer_unreadable(known.as_deref(), &readable).at(newer.object)
}

/// `1-3, 5`.
fn ranges(numbers: &[u64]) -> String {
    let mut out: Vec<RangeInclusive<u64>> = Vec::new();
    for &number in numbers {
        match out.last_mut() {
            Some(last) if number <= *last.end() + 1 => *last = *last.start()..=number,
            _ => out.push(number..=number),
        }
    }
    let word = |range: &RangeInclusive<u64>| match (range.start(), range.end()) {
        (from, to) if from == to => from.to_string(),
        (from, to) => format!("{from}-{to}"),
    };
    out.iter().map(word).collect::<Vec<_>>().join(", ")
}

/// What each of `all` snapshots is called on the command line: `7`, `DEV/7` where several computers write, with `@1a2b3c4d`
/// where a fork gave two one number.
pub fn words(all: &[Snapshot]) -> Vec<String> {
    let devices: BTreeSet<&DeviceId> = all.iter().map(|snapshot| &snapshot.id.device).collect();
    let mut with_id: BTreeMap<(&DeviceId, u64), usize> = BTreeMap::new();
    for snapshot in all {
        *with_id.entry((&snapshot.id.device, snapshot.id.number)).or_default() += 1;
    }
    let word = |snapshot: &Snapshot| {
        let is_forked = with_id.get(&(&snapshot.id.device, snapshot.id.number)) > Some(&1);
        match (devices.len() > 1, is_forked) {
            (false, false) => snapshot.id.number.to_string(),
            (false, true) => format!("{}@{}", snapshot.id.number, note_of(&snapshot.note_sha256)),
            (true, false) => snapshot.id.to_string(),
            (true, true) => full_word(snapshot),
        }
    };
    all.iter().map(word).collect()
}

/// What the newest snapshot before `empty` is called that has files, of the same device and set of folders.
pub fn newest_with_files(history: &History, empty: &Snapshot) -> Option<String> {
    let all = history.snapshots();
    let is_before = |snapshot: &Snapshot| {
        (&snapshot.id.device, &snapshot.set) == (&empty.id.device, &empty.set)
            && snapshot.sequence < empty.sequence
            && snapshot.files > 0
    };
    let newest = all.iter().enumerate().filter(|(_, snapshot)| is_before(snapshot));
    let (at, _) = newest.max_by_key(|(_, snapshot)| snapshot.sequence)?;
    words(&all).into_iter().nth(at)
}

/// `DEV/7@1a2b3c4d`.
fn full_word(snapshot: &Snapshot) -> String {
    format!("{}@{}", snapshot.id, note_of(&snapshot.note_sha256))
}

/// What is said of a number that nobody finds: lost where one of that number is known to have been, or where notes are
/// missing or damaged that may have been its own.
fn lost(
    history: &History,
    spec: &SnapshotSpec,
    scope: &BTreeSet<DeviceId>,
    own: Option<Own<'_>>,
) -> Option<AgentError> {
    let (SnapshotSpec::Number { number, .. } | SnapshotSpec::Note { number, .. }) = spec else { return None };
    let is_inside = |finding: &&Finding| {
        let rest = finding.object.strip_prefix("c/").unwrap_or_default();
        scope.iter().any(|device| rest.starts_with(device.as_str()))
    };
    let bad: Vec<&Finding> =
        history.findings.iter().filter(|finding| finding.kind.is_lost_note()).filter(is_inside).collect();
    let highest = scope.iter().map(|device| highest_known(history, device, own)).max().unwrap_or(0);
    // Each lost note may have been one snapshot more than those known.
    if *number > highest + bad.len() as u64 {
        return None;
    }
    let Some(first) = bad.first() else {
        let was = scope.iter().find(|device| highest_known(history, device, own) >= *number)?;
        return Some(AgentError::object_missing().at(scelle_format::layout::notes_of(was)));
    };
    let error = match first.kind {
        FindingKind::NoteMissing => AgentError::object_missing(),
        _ => AgentError::object_corrupt(),
    };
    Some(error.at(first.object.clone()).because("the note of that snapshot may be this one"))
}

#[cfg(test)]
mod tests {
    use super::ranges;

    #[test]
    fn numbers_are_said_in_ranges() {
        assert_eq!(ranges(&[1, 2, 3, 5, 8, 9]), "1-3, 5, 8-9");
        assert_eq!(ranges(&[4, 4]), "4");
        assert_eq!(ranges(&[]), "");
    }
}
