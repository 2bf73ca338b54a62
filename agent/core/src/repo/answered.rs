//! What somebody has acknowledged of the store and of the ledger itself (`acknowledge` notes about `store`, FORMAT.md §10).
//!
//! Data comes from a checked ledger; goes to the mending rounds and to the bilan. Never: makes anything sound.

use scelle_format::id::{DeviceId, Sha256};
use scelle_format::layout;
use scelle_format::ledger::{NoteKind, STORE_SET};
use scelle_format::timestamp::Timestamp;

use super::branch::branch_of;
use super::finding::{Finding, FindingKind};
use super::history::{History, VerifiedNote};

/// The number of the newest bilan of `device` whose words about the store are acknowledged; 0 where none are.
pub fn answered(history: &History, device: &DeviceId) -> u64 {
    let notes = history.device(device).map(|chain| &chain.notes[..]).unwrap_or_default();
    let bilans = answers(notes).filter_map(|row| match &row.note.kind {
        NoteKind::Acknowledge { bilan, .. } => Some(*bilan),
        _ => None,
    });
    bilans.max().unwrap_or(0)
}

/// Whether a finding is a note of a fork that is no news: it was there when somebody acknowledged it, or it is on this
/// computer's own branch, which `head` ends, and its twin decides. What another wrote later is a copy that goes on.
pub fn is_answered_fork(finding: &Finding, history: &History, head: Option<Sha256>) -> bool {
    let Ok((device, ..)) = layout::parse_note(&finding.object) else { return false };
    let notes = history.device(&device).map(|chain| &chain.notes[..]).unwrap_or_default();
    let Some(note) = notes.iter().find(|row| row.name == finding.object) else { return false };
    let is_own = || branch_of(notes, head).iter().any(|own| own.text_sha256 == note.text_sha256);
    let is_older = answered_at(notes).is_some_and(|time| note.note.time <= time);
    finding.kind == FindingKind::Fork && (is_older || is_own())
}

/// Whether all notes of a device that are not on the branch that `head` ends were there when somebody acknowledged them.
pub fn is_all_answered(notes: &[VerifiedNote], head: Option<Sha256>) -> bool {
    let branch = branch_of(notes, head);
    let is_own = |row: &VerifiedNote| branch.iter().any(|own| own.text_sha256 == row.text_sha256);
    let time = answered_at(notes);
    notes.iter().all(|row| time.is_some_and(|time| row.note.time <= time) || is_own(row))
}

/// When somebody last acknowledged what a bilan of the device said of the store.
fn answered_at(notes: &[VerifiedNote]) -> Option<Timestamp> {
    answers(notes).map(|row| row.note.time).max()
}

/// The acknowledgments among a device's notes that are about the store.
fn answers(notes: &[VerifiedNote]) -> impl Iterator<Item = &VerifiedNote> {
    let is_about_store =
        |row: &&VerifiedNote| matches!(&row.note.kind, NoteKind::Acknowledge { set, .. } if set == STORE_SET);
    notes.iter().filter(is_about_store)
}
