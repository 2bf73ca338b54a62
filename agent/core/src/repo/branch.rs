//! The branches of a chain that two computers have continued: which is whose.
//!
//! A copied disk makes two computers that write as one device. Data comes from a device's checked notes and from a head that
//! a computer remembers; goes to the pen, to the mending rounds and to the list of bilans. Never: says that a branch is the
//! right one; both stay.

use std::collections::HashMap;

use scelle_format::id::Sha256;

use super::history::VerifiedNote;

/// The note with this text and those that it follows, newest first; none where the store does not show it.
pub fn branch_of(notes: &[VerifiedNote], text_sha256: Option<Sha256>) -> Vec<&VerifiedNote> {
    let by_text: HashMap<Sha256, &VerifiedNote> = notes.iter().map(|row| (row.text_sha256, row)).collect();
    let mut at = text_sha256.and_then(|text| by_text.get(&text).copied());
    let mut branch = Vec::new();
    while let Some(row) = at {
        branch.push(row);
        let before = row.note.prev.and_then(|prev| by_text.get(&prev).copied());
        let before = before.or_else(|| only_one_before(notes, row.note.sequence));
        at = before.filter(|next| next.note.sequence < row.note.sequence);
    }
    branch
}

/// Behind a hole: the note before it, where only one bears that number.
fn only_one_before(notes: &[VerifiedNote], sequence: u64) -> Option<&VerifiedNote> {
    let number = notes.iter().map(|row| row.note.sequence).filter(|n| *n < sequence).max()?;
    let mut same = notes.iter().filter(|row| row.note.sequence == number);
    same.next().filter(|_| same.next().is_none())
}

/// The last note that follows the one with this text, as long as one alone does.
pub fn tip_of(notes: &[VerifiedNote], text_sha256: Sha256) -> Option<&VerifiedNote> {
    let mut tip: Option<&VerifiedNote> = None;
    let mut at = text_sha256;
    loop {
        let number = tip.map_or(0, |tip| tip.note.sequence);
        let mut next = notes.iter().filter(|row| row.note.prev == Some(at) && row.note.sequence > number);
        match (next.next(), next.next()) {
            (Some(only), None) => (tip, at) = (Some(only), only.text_sha256),
            _ => return tip,
        }
    }
}
