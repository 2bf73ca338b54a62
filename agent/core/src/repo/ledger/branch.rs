//! The branches of a chain that two computers have continued: which is whose.
//!
//! A copied disk makes two computers that write as one device. Data comes from a device's checked notes and from a head that
//! a computer remembers; goes to the pen, to the mending rounds and to the list of bilans. Never: says that a branch is the
//! right one; both stay.

use std::collections::HashMap;

use scelle_format::id::Sha256;

use crate::repo::ledger::history::VerifiedNote;

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

/// The last notes of all branches that follow the note with this text; none where nothing follows it.
pub fn ends_after(notes: &[VerifiedNote], text_sha256: Sha256) -> Vec<&VerifiedNote> {
    let mut after: HashMap<Sha256, Vec<&VerifiedNote>> = HashMap::new();
    for row in notes {
        if let Some(prev) = row.note.prev {
            after.entry(prev).or_default().push(row);
        }
    }
    let (mut ends, mut open) = (Vec::new(), after.remove(&text_sha256).unwrap_or_default());
    while let Some(row) = open.pop() {
        match after.remove(&row.text_sha256) {
            Some(next) => open.extend(next),
            None => ends.push(row),
        }
    }
    ends
}
