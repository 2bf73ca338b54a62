//! The words that name bilans.
//!
//! A number alone names a bilan, until two computers that write as one device (a copied disk) have both given it. From the
//! checked ledger to the list. Never: says which of two is the right one.

use std::collections::HashMap;

use scelle_format::ledger::NoteKind;

use super::write::bilan_id;
use crate::look::spec::NOTE_CHARS;
use crate::repo::history::{History, VerifiedNote};

/// Bilans' notes by the words that name them: `<first 8 of the device>-<sequence>`, with `@<first 8 of its hash>` where two
/// bear one number.
pub(super) fn named(history: &History) -> Vec<(String, &VerifiedNote)> {
    let bilans = history.bilans();
    let plain = |row: &VerifiedNote| bilan_id(&row.note.device, row.note.sequence);
    let mut count: HashMap<String, u32> = HashMap::new();
    bilans.iter().for_each(|row| *count.entry(plain(row)).or_default() += 1);
    let word = |row: &VerifiedNote| match plain(row) {
        plain if count.get(&plain) == Some(&1) => plain,
        plain => format!("{plain}@{}", &row.text_sha256.to_string()[..NOTE_CHARS]),
    };
    bilans.into_iter().map(|row| (word(row), row)).collect()
}

/// Whether a note is a bilan's.
pub(super) fn is_bilan(row: &VerifiedNote) -> bool {
    matches!(row.note.kind, NoteKind::Bilan { .. })
}
