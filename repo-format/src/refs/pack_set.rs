//! The packs a snapshot needs, as a set: resolved from a chain of refs, compared, and planned for writing.
//!
//! For: writers of refs, presence checks, retention. Data comes from [`Refs`]. Never: reads the store.

use std::collections::BTreeMap;

use super::{PackRow, Refs};
use crate::error::{FormatError, Result, malformed};
use crate::id::{PackId, PackKind, Sha256};
use crate::limits::REFS_MAX_DEPTH;

const WHAT: &str = "refs";

/// Packs and their stored sizes in bytes, in the order of refs.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PackSet(BTreeMap<(PackKind, PackId), u64>);

impl PackSet {
    /// An empty set.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a pack, or replaces its size.
    pub fn insert(&mut self, kind: PackKind, pack: PackId, object_bytes: u64) {
        self.0.insert((kind, pack), object_bytes);
    }

    /// Takes a pack out; its size if it was there.
    pub fn remove(&mut self, kind: PackKind, pack: PackId) -> Option<u64> {
        self.0.remove(&(kind, pack))
    }

    /// Stored size of a pack, if it is in the set.
    pub fn get(&self, kind: PackKind, pack: PackId) -> Option<u64> {
        self.0.get(&(kind, pack)).copied()
    }

    /// Number of packs.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Stored bytes of all packs.
    pub fn object_bytes(&self) -> u64 {
        self.0.values().fold(0, |sum, bytes| sum.saturating_add(*bytes))
    }

    /// All packs, in the order of refs.
    pub fn rows(&self) -> impl Iterator<Item = PackRow> + '_ {
        self.0.iter().map(|(&(kind, pack), &object_bytes)| PackRow { kind, pack, object_bytes })
    }

    /// Carries out what one refs attachment says: removals, then additions. A removal of what is not there, or an
    /// addition of what is, shows that it does not belong on this set.
    pub fn apply(&mut self, refs: &Refs) -> Result<()> {
        for (kind, pack) in &refs.removed {
            self.remove(*kind, *pack).ok_or(malformed(WHAT, "a pack is removed that was not there"))?;
        }
        for row in &refs.added {
            if self.0.insert((row.kind, row.pack), row.object_bytes).is_some() {
                return Err(malformed(WHAT, "a pack is added that was there"));
            }
        }
        Ok(())
    }
}

impl FromIterator<PackRow> for PackSet {
    fn from_iter<I: IntoIterator<Item = PackRow>>(rows: I) -> Self {
        Self(rows.into_iter().map(|row| ((row.kind, row.pack), row.object_bytes)).collect())
    }
}

/// The set that a chain of refs stands for: a full list first, then the differences, each on the one before it.
pub fn resolve(chain: &[Refs]) -> Result<PackSet> {
    if chain.len() > REFS_MAX_DEPTH as usize + 1 {
        return Err(FormatError::TooLarge { what: WHAT });
    }
    let (full, rest) = chain.split_first().ok_or(malformed(WHAT, "an empty chain"))?;
    if full.base.is_some() {
        return Err(malformed(WHAT, "the chain does not begin with a full list"));
    }
    let mut set = PackSet::new();
    set.apply(full)?;
    for (before, refs) in chain.iter().zip(rest) {
        if refs.repository != full.repository || refs.device != full.device {
            return Err(malformed(WHAT, "the chain is of two repositories or devices"));
        }
        if refs.base != Some((before.text_sha256(), before.depth() + 1)) {
            return Err(malformed(WHAT, "the chain is broken"));
        }
        set.apply(refs)?;
    }
    Ok(set)
}

/// Rows that lead from `old` to `new`: what to add, what to remove.
pub fn delta(old: &PackSet, new: &PackSet) -> (Vec<PackRow>, Vec<(PackKind, PackId)>) {
    let added = new.rows().filter(|row| old.get(row.kind, row.pack) != Some(row.object_bytes)).collect();
    let removed = old.rows().filter(|row| new.get(row.kind, row.pack) != Some(row.object_bytes));
    (added, removed.map(|row| (row.kind, row.pack)).collect())
}

/// How the refs of a new snapshot are best written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RefsPlan {
    /// The packs are the same: the earlier attachment can be named again, if its index segments still hold.
    Reuse,
    /// Write a difference.
    Delta {
        /// `base` of the new attachment.
        base: (Sha256, u32),
        /// Its `+` rows.
        added: Vec<PackRow>,
        /// Its `-` rows.
        removed: Vec<(PackKind, PackId)>,
    },
    /// Write a full list, with the key copies.
    Full,
}

/// Plans the refs of a snapshot that needs `new`, after the attachment `previous` (its hash, its
/// [depth](Refs::depth), what it resolves to). A difference is worth it up to half the rows of a full list.
pub fn plan(previous: Option<(&Sha256, u32, &PackSet)>, new: &PackSet) -> RefsPlan {
    let Some((sha256, depth, old)) = previous else { return RefsPlan::Full };
    if old == new {
        return RefsPlan::Reuse;
    }
    let (added, removed) = delta(old, new);
    if depth >= REFS_MAX_DEPTH || (added.len() + removed.len()) * 2 > new.len() {
        return RefsPlan::Full;
    }
    RefsPlan::Delta { base: (*sha256, depth + 1), added, removed }
}
