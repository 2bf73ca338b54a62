//! Snapshots whose notes are gone or spoilt, and which are known all the same: a bilan tells their number and their day.
//!
//! For: `check`, so that "no snapshot is affected" is never said where one is lost. Data comes from a whole, checked
//! ledger. Never: guesses; a snapshot whose bilan is lost with it leaves no trace here.

use std::collections::BTreeMap;

use scelle_format::id::DeviceId;
use scelle_format::layout;
use scelle_format::ledger::{NoteKind, SnapshotStatus};
use scelle_format::timestamp::Timestamp;
use serde::Serialize;

use crate::repo::finding::{Finding, SnapshotId};
use crate::repo::ledger::history::{DeviceHistory, History};

/// A snapshot that cannot be restored because its note cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct LostSnapshot {
    /// Which one.
    pub id: SnapshotId,
    /// When the bilan of its run was written.
    pub told: Timestamp,
}

/// Lost snapshots of all devices. The finding of each one's note is told what it affects.
pub(super) fn lost(history: &History, findings: &mut [Finding]) -> Vec<LostSnapshot> {
    let mut all = Vec::new();
    for device in &history.devices {
        // Numbers of the notes that cannot be read, and where they stand among the findings.
        let gone = findings.iter().enumerate().filter(|(_, finding)| finding.kind.is_lost_note());
        let gone: BTreeMap<u64, usize> =
            gone.filter_map(|(at, finding)| Some((number_of(&device.id, &finding.object)?, at))).collect();
        for (number, (sequence, told)) in told_only(device) {
            let Some((_, at)) = gone.range(..sequence).next_back() else { continue };
            let id = SnapshotId { device: device.id.clone(), number };
            findings[*at] = findings[*at].clone().affecting(id.clone());
            all.push(LostSnapshot { id, told });
        }
    }
    all
}

/// Numbers that bilans name and no valid note bears: the bilan's sequence and time.
fn told_only(device: &DeviceHistory) -> BTreeMap<u64, (u64, Timestamp)> {
    let mut told = BTreeMap::new();
    for row in &device.notes {
        if let NoteKind::Bilan { run, snapshot: Some(number), .. } = &row.note.kind
            && run == "backup"
        {
            told.entry(*number).or_insert_with(|| (row.note.sequence, row.note.time));
        }
    }
    for row in &device.notes {
        if let NoteKind::Snapshot { number, status: SnapshotStatus::Complete, .. } = &row.note.kind {
            told.remove(number);
        }
    }
    told
}

/// The sequence in the name of a note of this device, or in the beginning of such a name.
fn number_of(device: &DeviceId, object: &str) -> Option<u64> {
    if let Ok((of, sequence, _)) = layout::parse_note(object) {
        return (of == *device).then_some(sequence);
    }
    let inverse: u64 = object.strip_prefix(&layout::notes_of(device))?.strip_suffix('-')?.parse().ok()?;
    let sequence = 1_000_000_000_000u64.checked_sub(inverse)?;
    (layout::notes_at(device, sequence) == object).then_some(sequence)
}
