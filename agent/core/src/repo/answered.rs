//! What somebody has acknowledged of the store and of the ledger itself (`acknowledge` notes about `store`, FORMAT.md §10).
//!
//! Data comes from a checked ledger; goes to the mending rounds and to the bilan. Never: makes anything sound.

use scelle_format::id::DeviceId;
use scelle_format::layout;
use scelle_format::ledger::{NoteKind, STORE_SET};

use super::finding::{Finding, FindingKind};
use super::history::History;

/// The number of the newest bilan of `device` whose words about the store are acknowledged; 0 where none are.
pub fn answered(history: &History, device: &DeviceId) -> u64 {
    let notes = history.device(device).map(|chain| &chain.notes[..]).unwrap_or_default();
    let answered = notes.iter().filter_map(|row| match &row.note.kind {
        NoteKind::Acknowledge { bilan, set, .. } if set == STORE_SET => Some(*bilan),
        _ => None,
    });
    answered.max().unwrap_or(0)
}

/// Whether a finding is a note of a fork that was there when somebody acknowledged it: both branches stay, and are no news. What
/// was written later is a copy that goes on.
pub fn is_answered_fork(finding: &Finding, history: &History) -> bool {
    let Ok((device, ..)) = layout::parse_note(&finding.object) else { return false };
    let notes = history.device(&device).map(|chain| &chain.notes[..]).unwrap_or_default();
    let answers = notes.iter().filter(|row| is_about_store(&row.note.kind));
    let answered = answers.map(|row| row.note.time).max();
    let written = notes.iter().find(|row| row.name == finding.object).map(|row| row.note.time);
    finding.kind == FindingKind::Fork && written.is_some() && written <= answered
}

fn is_about_store(kind: &NoteKind) -> bool {
    matches!(kind, NoteKind::Acknowledge { set, .. } if set == STORE_SET)
}
