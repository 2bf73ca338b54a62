//! Notes of this device that the store has lost, put back from the copies of this PC.
//!
//! For: the start of the ledger, before anything is written behind a hole, and the round at the end of a backup. A note goes
//! back only after what it attaches. Never: writes a new note, or chooses between two of one number.

use std::collections::{BTreeMap, BTreeSet};

use scelle_format::ledger::Note;
use scelle_format::{layout, note};

use crate::error::Result;
use crate::repo::kept::Kept;
use crate::repo::objects::Objects;
use crate::repo::objects::mend::{Fate, from_copy, is_own};
use crate::repo::state::Device;

/// What became of the notes that the store does not list.
#[derive(Debug, Default)]
pub(in crate::repo) struct PutBack {
    /// Notes stored again.
    pub(in crate::repo) mended: u64,
    /// Numbers that the store shows now, from before or from here.
    pub(in crate::repo) there: BTreeSet<u64>,
}

/// Puts back every note of this device up to number `last` that the store does not list and of which there is a copy.
pub(in crate::repo) async fn put_back(objects: &Objects, device: &Device, last: u64) -> Result<PutBack> {
    let Some(kept) = objects.kept() else { return Ok(PutBack::default()) };
    let prefix = layout::notes_of(&device.id);
    let number = |name: &str| layout::parse_note(name).ok().map(|(_, sequence, _)| sequence);
    let listed = objects.list_all(&prefix).await?;
    let mut put = PutBack { mended: 0, there: listed.iter().filter_map(|row| number(&row.name)).collect() };
    let mut by_number: BTreeMap<u64, Vec<String>> = BTreeMap::new();
    for name in kept.names_below(&prefix) {
        if let Some(sequence) = number(&name).filter(|n| *n <= last && !put.there.contains(n)) {
            by_number.entry(sequence).or_default().push(name);
        }
    }
    for (sequence, names) in by_number {
        // Two of one number would be a fork: that is for people.
        if let [name] = &names[..]
            && is_own(kept, device, name)
            && brings_along(objects, kept, name).await
        {
            let fate = from_copy(objects, name).await;
            put.mended += u64::from(matches!(fate, Fate::Mended));
            if fate.is_whole() {
                put.there.insert(sequence);
            }
        }
    }
    Ok(put)
}

/// Whether everything that a note attaches is there, or could be put back: never a note before what it names.
async fn brings_along(objects: &Objects, kept: &Kept, name: &str) -> bool {
    let signed = kept.copy(name).and_then(|bytes| note::parse(&bytes).ok());
    let Some(note) = signed.and_then(|signed| Note::parse(&signed.text).ok()) else { return false };
    for attachment in &note.attachments {
        if !from_copy(objects, &layout::attachment(&attachment.sha256)).await.is_whole() {
            return false;
        }
    }
    true
}
