//! The words that name bilans.
//!
//! A number alone names a bilan, until two computers that write as one device (a copied disk) have both given it. From the
//! checked ledger to the list. Never: says which of two is the right one.

use std::collections::HashMap;

use scelle_format::id::Sha256;
use scelle_format::ledger::{Note, NoteKind};

use super::write::bilan_id;
use crate::look::spec::NOTE_CHARS;
use crate::repo::ledger::history::{History, VerifiedNote};

/// Bilans' notes by the words that name them: `<first 8 of the device>-<sequence>`, with `@<first 8 of its hash>` where two
/// bear one number.
pub(super) fn named(history: &History) -> Vec<(String, &VerifiedNote)> {
    let bilans = history.bilans();
    let plain = |row: &VerifiedNote| bilan_id(&row.note.device, row.note.sequence);
    let mut count: HashMap<String, u32> = HashMap::new();
    bilans.iter().for_each(|row| *count.entry(plain(row)).or_default() += 1);
    let word = |row: &VerifiedNote| match plain(row) {
        plain if count.get(&plain) == Some(&1) => plain,
        plain => with_note(&plain, &row.text_sha256),
    };
    bilans.into_iter().map(|row| (word(row), row)).collect()
}

fn with_note(plain: &str, text_sha256: &Sha256) -> String {
    format!("{plain}@{}", &text_sha256.to_string()[..NOTE_CHARS])
}

/// Whether a word names the bilan with this note, alone of its number or not.
pub(super) fn names(word: &str, note: &Note, text_sha256: &Sha256) -> bool {
    let plain = bilan_id(&note.device, note.sequence);
    word == plain || word == with_note(&plain, text_sha256)
}

/// Whether a note is a bilan's.
pub(super) fn is_bilan(row: &VerifiedNote) -> bool {
    matches!(row.note.kind, NoteKind::Bilan { .. })
}
