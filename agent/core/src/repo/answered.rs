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

/// Whether a finding is a fork that a bilan has told and somebody has acknowledged: both branches stay, and are no news.
pub fn is_answered_fork(finding: &Finding, history: &History) -> bool {
    let Ok((device, sequence, _)) = layout::parse_note(&finding.object) else { return false };
    finding.kind == FindingKind::Fork && sequence <= answered(history, &device)
}
