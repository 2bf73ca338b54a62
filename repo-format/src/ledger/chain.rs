//! The chain that a device's notes form: whether it is whole, and where local state stands in it.
//!
//! For: readers (FORMAT.md §12 "the chain is checked") and the start rule of writers. Data: links of notes whose
//! signatures, names and repository the caller checked, all of one device, in any order, possibly repeated.
//! Never: decides what to do about a fork.

use std::collections::{BTreeMap, BTreeSet};

use crate::id::Sha256;

/// A note's place in its chain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChainLink {
    /// Its sequence number.
    pub sequence: u64,
    /// SHA-256 of its text.
    pub text_sha256: Sha256,
    /// SHA-256 of the text before it.
    pub prev: Option<Sha256>,
    /// The notes that it, being a `gap` note, declares lost.
    pub missing: Option<NoteNumbers>,
}

/// Sequence numbers, one after another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct NoteNumbers {
    /// First one.
    pub from: u64,
    /// Last one.
    pub to: u64,
}

/// The end of a chain.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ChainHead {
    /// Sequence of the last note.
    pub sequence: u64,
    /// SHA-256 of its text.
    pub text_sha256: Sha256,
}

/// A range of sequence numbers without a note.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Missing {
    /// First one.
    pub from: u64,
    /// Last one.
    pub to: u64,
    /// Whether a later `gap` note says so.
    pub declared: bool,
}

/// What [`verify_chain`] found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChainReport {
    /// Whether every number up to the head has a note that stands on the one before it, and only one.
    pub contiguous: bool,
    /// Numbers without a note, ascending.
    pub missing: Vec<Missing>,
    /// Sequences of notes whose `prev` is not the text before them.
    pub broken_links: Vec<u64>,
    /// Sequences that have two texts.
    pub forks: Vec<u64>,
    /// Highest note; where that is a fork, the one with the lowest hash.
    pub head: Option<ChainHead>,
}

impl ChainReport {
    /// Whether nothing is wrong but what `gap` notes own up to.
    pub fn sound(&self) -> bool {
        self.broken_links.is_empty()
            && self.forks.is_empty()
            && self.missing.iter().all(|range| range.declared)
    }
}

/// The notes of one sequence number: text hash to `prev`. Signature lines do not make another note.
type Notes = BTreeMap<u64, BTreeMap<Sha256, Option<Sha256>>>;

/// Checks a whole chain, from sequence 1.
pub fn verify_chain(links: &[ChainLink]) -> ChainReport {
    check(links, None)
}

/// Checks the part of a chain that follows a note already trusted; older notes are passed over.
pub fn verify_chain_after(anchor: ChainHead, links: &[ChainLink]) -> ChainReport {
    check(links, Some(anchor))
}

fn check(links: &[ChainLink], anchor: Option<ChainHead>) -> ChainReport {
    let first = anchor.map_or(1, |head| head.sequence);
    let mut notes = by_sequence(links);
    notes = notes.split_off(&first);
    if let Some(head) = anchor {
        notes.entry(head.sequence).or_default().entry(head.text_sha256).or_insert(None);
    }
    let declared = declared_gaps(links);
    let mut report =
        ChainReport { contiguous: true, missing: vec![], broken_links: vec![], forks: vec![], head: None };
    let mut expected = first;
    for (&sequence, texts) in &notes {
        if sequence > expected {
            split_missing(expected, sequence - 1, &declared, &mut report.missing);
        }
        if texts.len() > 1 {
            report.forks.push(sequence);
        }
        let trusted = anchor.is_some() && sequence == first;
        let before = sequence.checked_sub(1).and_then(|n| notes.get(&n));
        if !trusted && texts.values().any(|prev| !stands_on(sequence, *prev, before)) {
            report.broken_links.push(sequence);
        }
        expected = sequence.saturating_add(1);
    }
    report.head = head_of(&notes);
    report.contiguous =
        report.missing.is_empty() && report.broken_links.is_empty() && report.forks.is_empty();
    report
}

fn stands_on(sequence: u64, prev: Option<Sha256>, before: Option<&BTreeMap<Sha256, Option<Sha256>>>) -> bool {
    match (prev, before) {
        (None, _) => sequence == 1,
        (Some(_), _) if sequence <= 1 => false,
        (Some(prev), Some(texts)) => texts.contains_key(&prev),
        // What it stands on is missing, which is reported as such.
        (Some(_), None) => true,
    }
}

fn by_sequence(links: &[ChainLink]) -> Notes {
    let mut notes = Notes::new();
    for link in links {
        notes.entry(link.sequence).or_default().insert(link.text_sha256, link.prev);
    }
    notes
}

fn head_of(notes: &Notes) -> Option<ChainHead> {
    let (&sequence, texts) = notes.last_key_value()?;
    let (&text_sha256, _) = texts.first_key_value()?;
    Some(ChainHead { sequence, text_sha256 })
}

/// Ranges that `gap` notes declare, ascending. A note cannot excuse what comes after it.
fn declared_gaps(links: &[ChainLink]) -> BTreeSet<NoteNumbers> {
    links
        .iter()
        .filter_map(|link| link.missing.filter(|lost| lost.from <= lost.to && lost.to < link.sequence))
        .collect()
}

/// Adds `from..=to` to `out`, cut where declared ranges begin and end.
fn split_missing(from: u64, to: u64, declared: &BTreeSet<NoteNumbers>, out: &mut Vec<Missing>) {
    let mut at = from;
    for &NoteNumbers { from: begin, to: end } in declared {
        if end < at || begin > to {
            continue;
        }
        if begin > at {
            out.push(Missing { from: at, to: begin - 1, declared: false });
        }
        let last = end.min(to);
        out.push(Missing { from: at.max(begin), to: last, declared: true });
        at = last + 1;
        if at > to {
            return;
        }
    }
    out.push(Missing { from: at, to, declared: false });
}

/// Where the local head stands in the store's chain.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Position {
    /// Neither side has a note.
    Empty,
    /// Both have the same head.
    Same,
    /// The store has more. Only where its head descends from the local one may it be taken over.
    StoreAhead {
        /// Whether every note between is there and stands on the one before it.
        descends: bool,
    },
    /// The store lacks the local head: it is sent again.
    StoreBehind,
    /// Two texts for one number.
    Fork {
        /// Lowest number at which two are seen.
        at: u64,
    },
}

/// Compares the local head with the notes of the store (the newest suffice, down to the local head).
pub fn position(local: Option<ChainHead>, store: &[ChainLink]) -> Position {
    let notes = by_sequence(store);
    let fork = notes.iter().find_map(|(&sequence, texts)| {
        let other =
            local.is_some_and(|head| head.sequence == sequence && !texts.contains_key(&head.text_sha256));
        (texts.len() > 1 || other).then_some(sequence)
    });
    if let Some(at) = fork {
        return Position::Fork { at };
    }
    match (local, head_of(&notes)) {
        (None, None) => Position::Empty,
        (None, Some(_)) => Position::StoreAhead { descends: true },
        (Some(_), None) => Position::StoreBehind,
        (Some(local), Some(head)) if head == local => Position::Same,
        (Some(local), Some(head)) if head.sequence < local.sequence => Position::StoreBehind,
        (Some(local), Some(head)) => Position::StoreAhead { descends: descends(&notes, head, local) },
    }
}

/// Walks `prev` from `head` down to `ancestor`; the ancestor itself may be missing from the store.
fn descends(notes: &Notes, head: ChainHead, ancestor: ChainHead) -> bool {
    let mut at = head;
    while at.sequence > ancestor.sequence {
        let Some(prev) =
            notes.get(&at.sequence).and_then(|texts| texts.get(&at.text_sha256)).copied().flatten()
        else {
            return false;
        };
        at = ChainHead { sequence: at.sequence - 1, text_sha256: prev };
    }
    at == ancestor
}
