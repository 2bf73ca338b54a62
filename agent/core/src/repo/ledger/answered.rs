//! What somebody has acknowledged of the store and of the ledger itself (`acknowledge` notes about `store`, FORMAT.md §10).
//!
//! Data comes from a checked ledger; goes to the mending rounds and to the bilan. Never: makes anything sound.

use std::collections::{BTreeSet, HashSet};

use scelle_format::id::{DeviceId, Sha256};
use scelle_format::ledger::{NoteKind, STORE_SET};
use scelle_format::timestamp::Timestamp;

use crate::repo::ledger::branch::branch_of;
use crate::repo::ledger::history::{History, VerifiedNote};

/// The number of the newest bilan of `device` whose words about the store are acknowledged; 0 where none are.
pub fn answered(history: &History, device: &DeviceId) -> u64 {
    let notes = history.device(device).map(|chain| &chain.notes[..]).unwrap_or_default();
    let bilans = answers(notes).filter_map(|row| match &row.note.kind {
        NoteKind::Acknowledge { bilan, .. } => Some(*bilan),
        _ => None,
    });
    bilans.max().unwrap_or(0)
}

/// What somebody knows of a forked chain, as the computer sees it whose branch a head ends.
pub struct ForkAnswers<'a> {
    /// Texts of the notes of its own branch: a number that they share with others is those others' news.
    own: HashSet<Sha256>,
    /// Names of the notes of others that were there when the fork was acknowledged here.
    known: Option<&'a BTreeSet<String>>,
    /// Where the state has lost them: when it was acknowledged on that branch.
    time: Option<Timestamp>,
}

impl<'a> ForkAnswers<'a> {
    /// Of a device's notes. Without a head no branch is anybody's own, and every acknowledgment counts.
    pub fn of(notes: &[VerifiedNote], head: Option<Sha256>, known: Option<&'a BTreeSet<String>>) -> Self {
        let own: HashSet<Sha256> = branch_of(notes, head).iter().map(|row| row.text_sha256).collect();
        let here = answers(notes).filter(|row| own.is_empty() || own.contains(&row.text_sha256));
        let time = here.map(|row| row.note.time).max();
        Self { own, known, time }
    }

    /// Whether a note is no news. What another wrote after the acknowledgment is a copy that goes on.
    pub fn cover(&self, row: &VerifiedNote) -> bool {
        let was_there = match self.known {
            Some(known) => known.contains(&row.name),
            None => self.time.is_some_and(|time| row.note.time <= time),
        };
        was_there || self.own.contains(&row.text_sha256)
    }
}

/// The acknowledgments among a device's notes that are about the store.
fn answers(notes: &[VerifiedNote]) -> impl Iterator<Item = &VerifiedNote> {
    let is_about_store =
        |row: &&VerifiedNote| matches!(&row.note.kind, NoteKind::Acknowledge { set, .. } if set == STORE_SET);
    notes.iter().filter(is_about_store)
}
