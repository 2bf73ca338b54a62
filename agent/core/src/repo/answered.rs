//! What somebody has acknowledged of the store and of the ledger itself (`acknowledge` notes about `store`, FORMAT.md §10).
//!
//! Data comes from a checked ledger; goes to the mending rounds and to the bilan. Never: makes anything sound.

use scelle_format::id::DeviceId;
use scelle_format::layout;
use scelle_format::ledger::{NoteKind, STORE_SET};

use super::finding::{Finding, FindingKind};
use super::history::{History, VerifiedNote};

/// The number of the newest bilan of `device` whose words about the store are acknowledged; 0 where none are.
pub fn answered(history: &History, device: &DeviceId) -> u64 {
    let answers = answers(history, device);
    let bilans = answers.filter_map(|row| match &row.note.kind {
        NoteKind::Acknowledge { bilan, .. } => Some(*bilan),
        _ => None,
    });
    bilans.max().unwrap_or(0)
}

/// Whether a finding is a note of a fork that was there when somebody acknowledged it: both branches stay, and are no news. What
/// was written later is a copy that goes on.
pub fn is_answered_fork(finding: &Finding, history: &History) -> bool {
    let Ok((device, ..)) = layout::parse_note(&finding.object) else { return false };
    let answered = answers(history, &device).map(|row| row.note.time).max();
    let notes = history.device(&device).map(|chain| &chain.notes[..]).unwrap_or_default();
    let written = notes.iter().find(|row| row.name == finding.object).map(|row| row.note.time);
    finding.kind == FindingKind::Fork && written.is_some() && written <= answered
}

/// The acknowledgments of a device that are about the store.
fn answers<'a>(history: &'a History, device: &DeviceId) -> impl Iterator<Item = &'a VerifiedNote> {
    let notes = history.device(device).map(|chain| &chain.notes[..]).unwrap_or_default();
    let is_about_store =
        |row: &&VerifiedNote| matches!(&row.note.kind, NoteKind::Acknowledge { set, .. } if set == STORE_SET);
    notes.iter().filter(is_about_store)
}
