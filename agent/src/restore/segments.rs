//! Opened parts of packs, kept while they are useful, within a budget of bytes.
//!
//! For: `fetch`. A part is asked for once however many threads want it. Data comes from `fetch`, already
//! authenticated, and goes back to it. Never: fetches, or holds more than its budget plus what is in use.

use std::collections::{BTreeMap, HashMap};
use std::ops::Range;
use std::sync::Arc;

use scelle_format::id::{PackId, PackKind};
use tokio::sync::OnceCell;

use crate::error::Result;

/// A pack's kind and id.
pub(super) type PackName = (PackKind, PackId);

/// Opened bytes of a pack.
pub(super) struct Plain {
    /// Where they begin in the pack's plaintext.
    pub(super) start: u64,
    /// The bytes.
    pub(super) bytes: Vec<u8>,
}

impl Plain {
    /// The bytes of a range of the plaintext, if they are here.
    pub(super) fn slice(&self, range: &Range<u64>) -> Option<&[u8]> {
        let from = usize::try_from(range.start.checked_sub(self.start)?).ok()?;
        let to = usize::try_from(range.end.checked_sub(self.start)?).ok()?;
        self.bytes.get(from..to)
    }
}

/// A part that is there, on its way, or failed.
pub(super) type Cell = Arc<OnceCell<Result<Arc<Plain>>>>;

/// Parts by pack, least recently used first out.
pub(super) struct Segments {
    budget_bytes: u64,
    held_bytes: u64,
    next: u64,
    by_number: HashMap<u64, Segment>,
    by_pack: HashMap<PackName, Vec<u64>>,
    by_use: BTreeMap<u64, u64>,
}

struct Segment {
    pack: PackName,
    range: Range<u64>,
    cell: Cell,
    bytes: u64,
    used: u64,
}

impl Segments {
    /// An empty cache that holds `budget_bytes`.
    pub(super) fn new(budget_bytes: u64) -> Self {
        Self {
            budget_bytes,
            held_bytes: 0,
            next: 0,
            by_number: HashMap::new(),
            by_pack: HashMap::new(),
            by_use: BTreeMap::new(),
        }
    }

    /// The part that covers `range`, with its own range.
    pub(super) fn find(&mut self, pack: &PackName, range: &Range<u64>) -> Option<(Range<u64>, Cell)> {
        let numbers = self.by_pack.get(pack)?;
        let number = *numbers.iter().find(|number| {
            let held = self.by_number.get(number).map(|segment| &segment.range);
            held.is_some_and(|held| held.start <= range.start && range.end <= held.end)
        })?;
        let used = self.tick();
        let segment = self.by_number.get_mut(&number)?;
        self.by_use.remove(&segment.used);
        segment.used = used;
        self.by_use.insert(used, number);
        Some((segment.range.clone(), segment.cell.clone()))
    }

    /// Makes room for a part of about `bytes` and returns its cell.
    pub(super) fn insert(&mut self, pack: PackName, range: Range<u64>, bytes: u64) -> Cell {
        while self.held_bytes + bytes > self.budget_bytes {
            let Some((_, number)) = self.by_use.pop_first() else { break };
            self.forget(number);
        }
        let (number, used) = (self.tick(), self.tick());
        let cell = Cell::default();
        self.by_number.insert(number, Segment { pack, range, cell: cell.clone(), bytes, used });
        self.by_pack.entry(pack).or_default().push(number);
        self.by_use.insert(used, number);
        self.held_bytes += bytes;
        cell
    }

    /// Drops a part, so that the next one who wants it asks again.
    pub(super) fn remove(&mut self, pack: &PackName, range: &Range<u64>) {
        let numbers = self.by_pack.get(pack).cloned().unwrap_or_default();
        let same = |number: &u64| self.by_number.get(number).is_some_and(|segment| segment.range == *range);
        if let Some(number) = numbers.into_iter().find(same) {
            if let Some(segment) = self.by_number.get(&number) {
                self.by_use.remove(&segment.used);
            }
            self.forget(number);
        }
    }

    fn forget(&mut self, number: u64) {
        let Some(segment) = self.by_number.remove(&number) else { return };
        self.held_bytes -= segment.bytes;
        if let Some(numbers) = self.by_pack.get_mut(&segment.pack) {
            numbers.retain(|other| *other != number);
            if numbers.is_empty() {
                self.by_pack.remove(&segment.pack);
            }
        }
    }

    fn tick(&mut self) -> u64 {
        self.next += 1;
        self.next
    }
}

#[cfg(test)]
mod tests {
    use scelle_format::id::Sha256;

    use super::*;

    fn pack(n: u8) -> PackName {
        (PackKind::Data, PackId { epoch: 0, sha256: Sha256([n; 32]) })
    }

    #[test]
    fn what_was_used_last_stays() {
        let mut segments = Segments::new(100);
        segments.insert(pack(1), 0..40, 40);
        segments.insert(pack(2), 0..40, 40);
        assert!(segments.find(&pack(1), &(10..40)).is_some());
        segments.insert(pack(3), 0..40, 40);
        assert!(segments.find(&pack(2), &(0..1)).is_none());
        assert!(segments.find(&pack(1), &(0..40)).is_some());
        assert!(segments.find(&pack(1), &(0..41)).is_none());
        assert_eq!(segments.held_bytes, 80);
        segments.remove(&pack(1), &(0..40));
        assert_eq!(segments.held_bytes, 40);
        assert!(segments.find(&pack(1), &(0..1)).is_none());
    }
}
