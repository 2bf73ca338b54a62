//! Snapshots that are known to exist, or may, and cannot be read: what an automatic choice must not pass over.
//!
//! For: `select`, when it takes "the newest" of something. Data comes from a checked [`History`] and from the head that
//! this computer remembers. Known are: a number that a bilan or a later snapshot of the device names, the number that
//! the local head names, a note that is listed and cannot be believed, a hole in the chain. Never: knows of a chain whose
//! end was removed, bilan and all, where no local head remembers it (DAMAGE.md).

use scelle_format::id::DeviceId;
use scelle_format::layout;
use scelle_format::ledger::{NoteKind, SnapshotStatus};
use scelle_format::timestamp::Timestamp;

use crate::repo::finding::{Finding, FindingKind, is_out_of_place};
use crate::repo::ledger::history::{DeviceHistory, History, Snapshot, VerifiedNote};
use crate::repo::state::Head;

/// What this computer remembers of its own chain.
#[derive(Clone, Copy)]
pub struct Own<'a> {
    /// Its device.
    pub device: &'a DeviceId,
    /// The head of its ledger.
    pub head: &'a Head,
}

/// A snapshot newer than the one that would be taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Newer {
    /// The device that made it.
    pub device: DeviceId,
    /// Its number, where it is known that there is one; else a note that cannot be read may be a snapshot's.
    pub number: Option<u64>,
    /// Where its note should be.
    pub object: String,
}

/// Sequence numbers whose notes cannot be read, and when the last note before them was written.
struct Hole {
    from: u64,
    to: u64,
    after: Option<Timestamp>,
}

/// How many snapshots a device had made, and the number of the note that tells it.
struct Told {
    at: u64,
    made: u64,
}

/// Whether `device` made a snapshot after `taken` (its newest that can be read, or the newest until `until`) that cannot
/// be read. With `until`, only what may have been made by then counts.
pub fn newer(
    history: &History,
    device: &DeviceId,
    own: Option<Own<'_>>,
    taken: Option<&Snapshot>,
    until: Option<Timestamp>,
) -> Option<Newer> {
    let chain = history.device(device);
    let notes: &[VerifiedNote] = chain.map_or(&[], |chain| &chain.notes);
    let head = own.filter(|own| own.device == device).map(|own| own.head);
    let (number, sequence) = taken.map_or((0, 0), |taken| (taken.id.number, taken.sequence));
    let next = until.and_then(|_| next_of(chain, number));
    let end = next.as_ref().map_or(u64::MAX, |next| next.sequence);
    let in_time = |hole: &Hole| until.is_none_or(|until| hole.after.is_none_or(|after| after <= until));
    let holes: Vec<Hole> = holes(history, device, notes, head)
        .into_iter()
        .filter(|hole| hole.to > sequence && hole.from < end && in_time(hole))
        .collect();
    let first = holes.iter().find(|hole| hole.to > sequence)?;
    let object = layout::notes_at(device, first.from.max(sequence + 1));
    let found = |number| Some(Newer { device: device.clone(), number, object: object.clone() });
    if let Some(next) = next {
        // What lies between two numbers that are read is known to the last one.
        return if next.id.number > number + 1 { found(Some(next.id.number - 1)) } else { None };
    }
    let told =
        notes.iter().filter_map(|row| Some(Told { at: row.note.sequence, made: made_by(&row.note.kind)? }));
    let told: Vec<Told> =
        told.chain(head.map(|head| Told { at: head.sequence, made: head.snapshot })).collect();
    let highest = told.iter().map(|told| told.made).max().unwrap_or(0);
    if highest > number {
        return found(Some(highest));
    }
    // A hole before the last word about numbers holds no further one.
    let last_word = told.iter().filter(|told| told.made == number).map(|told| told.at).max().unwrap_or(0);
    if holes.iter().any(|hole| hole.to > last_word) { found(None) } else { None }
}

/// Highest number of a snapshot that a device is known to have made, read or not.
pub fn highest_known(history: &History, device: &DeviceId, own: Option<Own<'_>>) -> u64 {
    let read = history.device(device).map_or(0, DeviceHistory::highest_number);
    own.filter(|own| own.device == device).map_or(read, |own| read.max(own.head.snapshot))
}

/// How many snapshots its device had made when a note was written, where the note says so.
fn made_by(kind: &NoteKind) -> Option<u64> {
    match kind {
        NoteKind::Snapshot { number, status: SnapshotStatus::Complete, .. } => Some(*number),
        // It bears the number that its run is to have.
        NoteKind::Snapshot { number, .. } => Some(number.saturating_sub(1)),
        NoteKind::Bilan { run, snapshot, .. } if run == "backup" => *snapshot,
        _ => None,
    }
}

fn next_of(chain: Option<&DeviceHistory>, number: u64) -> Option<Snapshot> {
    chain?.snapshots().into_iter().find(|snapshot| snapshot.id.number > number)
}

/// All holes of a chain: between its valid notes, and behind the last one up to what is listed or remembered.
fn holes(history: &History, device: &DeviceId, notes: &[VerifiedNote], head: Option<&Head>) -> Vec<Hole> {
    let mut holes = Vec::new();
    let (mut expected, mut after) = (1, None);
    for row in notes {
        if row.note.sequence > expected {
            holes.push(Hole { from: expected, to: row.note.sequence - 1, after });
        }
        (expected, after) = (row.note.sequence + 1, Some(row.note.time));
    }
    // Behind the newest that this computer remembers to have written, what it has not signed is nobody's.
    let is_remembered = head.is_some_and(|head| head.sequence + 1 >= expected);
    let is_nobodys = |kind: FindingKind| is_remembered && is_out_of_place(kind.code());
    let counts = |finding: &&Finding| finding.kind.is_lost_note() && !is_nobodys(finding.kind);
    let listed = history.findings.iter().filter(counts);
    let listed = listed.filter_map(|finding| layout::parse_note(&finding.object).ok());
    let listed = listed.filter(|(of, ..)| of == device).map(|(_, sequence, _)| sequence).max();
    let end = listed.max(head.map(|head| head.sequence)).unwrap_or(0);
    if end >= expected {
        holes.push(Hole { from: expected, to: end, after });
    }
    holes
}
