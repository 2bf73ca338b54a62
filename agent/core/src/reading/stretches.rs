//! Parts of packs that are kept while they are useful, within a budget of bytes.
//!
//! For: `fetch`. A part is asked for once however many threads want it. What was fetched ahead for a window of files
//! stays until that window is done; everything else goes, least recently used first. Data comes from `fetch` and goes
//! back to it. Never: fetches, or drops what someone reads right now.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::ops::Range;
use std::sync::Arc;

use tokio::sync::OnceCell;

use super::sealed::{PackName, SealedStretch};
use crate::error::Result;

/// A part that is there, on its way, or failed.
pub(super) type Cell = Arc<OnceCell<Result<Arc<SealedStretch>>>>;

/// What a small part costs beside its bytes.
const RECORD_BYTES: u64 = 1 << 10;

/// Parts by pack.
pub(super) struct Stretches {
    budget_bytes: u64,
    held_bytes: u64,
    next: u64,
    by_number: HashMap<u64, Stretch>,
    by_pack: HashMap<PackName, Vec<u64>>,
    by_use: BTreeMap<u64, u64>,
    /// Windows of files that are not done.
    windows: BTreeSet<u64>,
    next_window: u64,
}

struct Stretch {
    pack: PackName,
    range: Range<u64>,
    cell: Cell,
    /// What it takes of the budget: nothing before its fetch begins.
    bytes: u64,
    used: u64,
    /// The last window it was fetched for; 0 for none.
    window: u64,
}

impl Stretch {
    /// Whether it is there, or failed, and nobody reads it.
    fn is_idle(&self) -> bool {
        self.cell
            .get()
            .is_some_and(|held| held.as_ref().map_or(true, |sealed| Arc::strong_count(sealed) == 1))
    }
}

impl Stretches {
    /// An empty cache that holds `budget_bytes`.
    pub(super) fn new(budget_bytes: u64) -> Self {
        Self {
            budget_bytes,
            held_bytes: 0,
            next: 0,
            by_number: HashMap::new(),
            by_pack: HashMap::new(),
            by_use: BTreeMap::new(),
            windows: BTreeSet::new(),
            next_window: 1,
        }
    }

    /// Opens a window: what is fetched for it stays until it is done.
    pub(super) fn open_window(&mut self) -> u64 {
        self.next_window += 1;
        self.windows.insert(self.next_window);
        self.next_window
    }

    /// Ends a window.
    pub(super) fn close_window(&mut self, window: u64) {
        self.windows.remove(&window);
    }

    /// The part that covers `range`, with its own range; `window` is who wants it, 0 for nobody in particular.
    pub(super) fn find(
        &mut self,
        pack: &PackName,
        range: &Range<u64>,
        window: u64,
    ) -> Option<(Range<u64>, Cell)> {
        let numbers = self.by_pack.get(pack)?;
        let number = *numbers.iter().find(|number| {
            let held = self.by_number.get(number).map(|stretch| &stretch.range);
            held.is_some_and(|held| held.start <= range.start && range.end <= held.end)
        })?;
        let used = self.tick();
        let stretch = self.by_number.get_mut(&number)?;
        self.by_use.remove(&stretch.used);
        (stretch.used, stretch.window) = (used, stretch.window.max(window));
        self.by_use.insert(used, number);
        Some((stretch.range.clone(), stretch.cell.clone()))
    }

    /// A new part, which takes no room before [`Self::begin`].
    pub(super) fn insert(&mut self, pack: PackName, range: Range<u64>, window: u64) -> Cell {
        let (number, used) = (self.tick(), self.tick());
        let cell = Cell::default();
        self.by_number.insert(number, Stretch { pack, range, cell: cell.clone(), bytes: 0, used, window });
        self.by_pack.entry(pack).or_default().push(number);
        self.by_use.insert(used, number);
        cell
    }

    /// Makes room for a part that someone waits for, unless it has its room already: whatever is idle may go, what an
    /// open window wants last. What is in use may exceed the budget.
    pub(super) fn begin(&mut self, pack: &PackName, range: &Range<u64>, bytes: u64) {
        let has_room = |number| self.by_number.get(&number).is_some_and(|stretch| stretch.bytes > 0);
        if self.number_of(pack, range).is_some_and(has_room) {
            return;
        }
        self.make_room(bytes, false);
        self.set_bytes(pack, range, bytes);
    }

    /// Makes room for a part that is fetched ahead: only what no open window wants may go. `false` when there is none.
    pub(super) fn begin_ahead(&mut self, pack: &PackName, range: &Range<u64>, bytes: u64) -> bool {
        self.make_room(bytes, true) && self.set_bytes(pack, range, bytes)
    }

    /// Notes what a part really takes.
    pub(super) fn set_bytes(&mut self, pack: &PackName, range: &Range<u64>, bytes: u64) -> bool {
        let Some(number) = self.number_of(pack, range) else { return true };
        if let Some(stretch) = self.by_number.get_mut(&number) {
            self.held_bytes -= stretch.bytes;
            stretch.bytes = bytes + RECORD_BYTES;
            self.held_bytes += stretch.bytes;
        }
        true
    }

    /// Whether the last window that wanted a part is still open.
    pub(super) fn is_wanted(&self, pack: &PackName, range: &Range<u64>) -> bool {
        let stretch = self.number_of(pack, range).and_then(|number| self.by_number.get(&number));
        stretch.is_some_and(|stretch| self.windows.contains(&stretch.window))
    }

    /// Drops a part, so that the next one who wants it asks again.
    pub(super) fn remove(&mut self, pack: &PackName, range: &Range<u64>) {
        if let Some(number) = self.number_of(pack, range) {
            self.forget(number);
        }
    }

    /// Drops all parts of a pack.
    pub(super) fn remove_pack(&mut self, pack: &PackName) {
        for number in self.by_pack.get(pack).cloned().unwrap_or_default() {
            self.forget(number);
        }
    }

    /// Drops what is idle until `bytes` fit, least recently used first. Where only what no window wants may go and that
    /// is not enough, nothing goes.
    fn make_room(&mut self, bytes: u64, only_unwanted: bool) -> bool {
        let mut missing = (self.held_bytes + bytes).saturating_sub(self.budget_bytes);
        let idle: Vec<(bool, u64)> = match missing {
            0 => Vec::new(),
            _ => self.by_use.values().filter_map(|number| self.idle(*number)).collect(),
        };
        let mut victims = Vec::new();
        let unwanted = idle.iter().filter(|(wanted, _)| !wanted);
        let wanted = idle.iter().filter(|(wanted, _)| *wanted && !only_unwanted);
        for (_, number) in unwanted.chain(wanted) {
            if missing == 0 {
                break;
            }
            missing = missing.saturating_sub(self.by_number.get(number).map_or(0, |stretch| stretch.bytes));
            victims.push(*number);
        }
        if missing > 0 && only_unwanted {
            return false;
        }
        for number in victims {
            self.forget(number);
        }
        true
    }

    /// A part that could go, and whether an open window wants it.
    fn idle(&self, number: u64) -> Option<(bool, u64)> {
        let stretch = self.by_number.get(&number).filter(|stretch| stretch.bytes > 0 && stretch.is_idle())?;
        Some((self.windows.contains(&stretch.window), number))
    }

    fn number_of(&self, pack: &PackName, range: &Range<u64>) -> Option<u64> {
        let numbers = self.by_pack.get(pack)?;
        let same = |number: &&u64| self.by_number.get(number).is_some_and(|stretch| stretch.range == *range);
        numbers.iter().find(same).copied()
    }

    fn forget(&mut self, number: u64) {
        let Some(stretch) = self.by_number.remove(&number) else { return };
        self.by_use.remove(&stretch.used);
        self.held_bytes -= stretch.bytes;
        if let Some(numbers) = self.by_pack.get_mut(&stretch.pack) {
            numbers.retain(|other| *other != number);
            if numbers.is_empty() {
                self.by_pack.remove(&stretch.pack);
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
    use scelle_format::id::{PackId, PackKind, Sha256};

    use super::*;
    use crate::error::AgentError;

    fn pack(n: u8) -> PackName {
        (PackKind::Data, PackId { epoch: 0, sha256: Sha256([n; 32]) })
    }

    /// A part that is there (a failure takes part like any other).
    fn there(stretches: &mut Stretches, n: u8, window: u64) {
        let cell = stretches.insert(pack(n), 0..40, window);
        stretches.begin(&pack(n), &(0..40), 40 << 10);
        cell.set(Err(AgentError::object_missing())).ok().unwrap();
    }

    #[test]
    fn what_was_used_last_stays() {
        let mut stretches = Stretches::new(100 << 10);
        there(&mut stretches, 1, 0);
        there(&mut stretches, 2, 0);
        assert!(stretches.find(&pack(1), &(10..40), 0).is_some());
        there(&mut stretches, 3, 0);
        assert!(stretches.find(&pack(2), &(0..1), 0).is_none());
        assert!(stretches.find(&pack(1), &(0..40), 0).is_some());
        assert!(stretches.find(&pack(1), &(0..41), 0).is_none());
        assert_eq!(stretches.held_bytes, 82 << 10);
        stretches.remove(&pack(1), &(0..40));
        stretches.remove_pack(&pack(3));
        assert_eq!((stretches.held_bytes, stretches.by_use.len()), (0, 0));
    }

    #[test]
    fn fetching_ahead_waits_for_the_window_and_who_reads_does_not() {
        let mut stretches = Stretches::new(100 << 10);
        let window = stretches.open_window();
        there(&mut stretches, 1, window);
        there(&mut stretches, 2, window);
        stretches.insert(pack(3), 0..40, window);
        assert!(!stretches.begin_ahead(&pack(3), &(0..40), 40 << 10));
        assert!(stretches.is_wanted(&pack(3), &(0..40)));
        stretches.begin(&pack(3), &(0..40), 40 << 10);
        stretches.begin(&pack(3), &(0..40), 40 << 10);
        assert!(stretches.find(&pack(1), &(0..40), 0).is_none(), "gone for the reader");
        // Part 3 is on its way: it cannot go, whoever asks.
        stretches.close_window(window);
        assert!(!stretches.is_wanted(&pack(3), &(0..40)));
        stretches.insert(pack(4), 0..40, 0);
        assert!(stretches.begin_ahead(&pack(4), &(0..40), 40 << 10));
        assert!(stretches.find(&pack(2), &(0..40), 0).is_none());
        stretches.insert(pack(5), 0..40, 0);
        stretches.begin(&pack(5), &(0..40), 40 << 10);
        assert_eq!(stretches.held_bytes, 3 * (41 << 10));
    }
}
