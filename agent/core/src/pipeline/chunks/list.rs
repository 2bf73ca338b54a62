//! The chunk list of one large file, written while the file is still being read.
//!
//! Parts come from the workers in any order and are laid in file order; as soon as the packs of the first chunks have names
//! the nodes over them are encoded and stored, level by level (FORMAT.md §8.4), so that memory does not grow with the file.
//! Never: waits. What has no place yet is taken up with the next part, or when the packs are closed at the end.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use parking_lot::Mutex;
use scelle_format::chunk_list::{ListNode, ListRow, ends_node};
use scelle_format::id::PackId;
use scelle_format::limits::INLINE_LOCATIONS;
use scelle_format::manifest::Content;

use crate::catalog::NeededPack;
use crate::error::Result;
use crate::pipeline::chunks::packs::Place;

/// Chunks of a file that may wait for the names of their packs before open packs are closed early: 14 MB.
const WAITING_MAX: usize = 1 << 17;

/// Chunks of one part of a file, in order, with their lengths.
pub type PartChunks = Vec<(Place, u32)>;

/// What the chunks of a list come to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ListSize {
    /// Their bytes.
    pub bytes: u64,
    /// Their number.
    pub chunks: u64,
}

/// A list all of whose chunks have a place.
#[derive(Clone, Debug)]
pub struct SettledList {
    /// What the entry holds.
    pub content: Content,
    /// Packs that lie below it.
    pub needs: Vec<NeededPack>,
}

/// Where nodes are stored.
pub trait NodeStore {
    /// Stores a node, unless it is stored already.
    fn store_node(&mut self, plain: &[u8]) -> Result<Place>;

    /// Closes the packs that hold content of files, so that everything in them gets a name.
    fn close_data_packs(&mut self) -> Result<()>;
}

/// The chunk list of a file that is being read, or was.
#[derive(Debug, Default)]
pub struct ChunkList {
    state: Mutex<ListState>,
}

#[derive(Debug, Default)]
struct ListState {
    next_part: usize,
    /// Parts that came before an earlier one.
    waiting: BTreeMap<usize, PartChunks>,
    bytes: u64,
    chunks: u64,
    levels: Vec<ListLevel>,
    needs: BTreeSet<NeededPack>,
    is_whole: bool,
    done: Option<SettledList>,
}

#[derive(Debug, Default)]
struct ListLevel {
    /// Rows that wait for a place, with the bytes they cover.
    waiting: VecDeque<(Place, u64)>,
    /// Rows of the node being made.
    rows: Vec<ListRow>,
    /// There are too many for the entry: nodes are cut.
    is_cut: bool,
}

impl ChunkList {
    /// Takes over the chunks of part `part`, counted from 0, and writes what nodes it can.
    pub fn hand_in(&self, part: usize, chunks: PartChunks, store: &mut dyn NodeStore) -> Result<()> {
        let mut state = self.state.lock();
        state.bytes += chunks.iter().map(|(_, bytes)| u64::from(*bytes)).sum::<u64>();
        state.chunks += chunks.len() as u64;
        state.waiting.insert(part, chunks);
        let next = state.next_part;
        if part != next {
            return Ok(());
        }
        while let Some(chunks) = {
            let next = state.next_part;
            state.waiting.remove(&next)
        } {
            state.next_part += 1;
            let rows = chunks.into_iter().map(|(place, bytes)| (place, u64::from(bytes)));
            state.level(0).waiting.extend(rows);
        }
        state.advance(store)?;
        if state.levels.iter().any(|level| level.waiting.len() > WAITING_MAX) {
            store.close_data_packs()?;
            state.advance(store)?;
        }
        Ok(())
    }

    /// All parts are there.
    pub fn end(&self) {
        self.state.lock().is_whole = true;
    }

    /// What all its chunks come to.
    pub fn size(&self) -> ListSize {
        let state = self.state.lock();
        ListSize { bytes: state.bytes, chunks: state.chunks }
    }

    /// What the entry holds and which packs lie below it, once everything has a place.
    pub fn settle(&self, store: &mut dyn NodeStore) -> Result<Option<SettledList>> {
        let mut state = self.state.lock();
        if state.done.is_none() {
            state.advance(store)?;
        }
        Ok(state.done.clone())
    }
}

impl ListState {
    fn level(&mut self, level: usize) -> &mut ListLevel {
        while self.levels.len() <= level {
            self.levels.push(ListLevel::default());
        }
        &mut self.levels[level]
    }

    /// Moves every level on as far as packs have names.
    fn advance(&mut self, store: &mut dyn NodeStore) -> Result<()> {
        let mut below_is_done = self.is_whole;
        for number in 0.. {
            if number == self.levels.len() {
                return Ok(());
            }
            self.fill_nodes(number, store)?;
            let level = &mut self.levels[number];
            below_is_done &= level.waiting.is_empty();
            if !below_is_done {
                continue;
            }
            if !level.is_cut {
                let at = level.rows.drain(..).map(|row| row.at).collect();
                let content = match number.checked_sub(1) {
                    None => Content::Chunks(at),
                    Some(below) => Content::Nodes { level: below as u8, nodes: at },
                };
                self.levels = Vec::new();
                let needs = std::mem::take(&mut self.needs).into_iter().collect();
                self.done = Some(SettledList { content, needs });
                return Ok(());
            }
            if !level.rows.is_empty() {
                self.end_node(number, store)?;
            }
        }
        Ok(())
    }

    /// Takes rows that have places into nodes.
    fn fill_nodes(&mut self, number: usize, store: &mut dyn NodeStore) -> Result<()> {
        let level = &mut self.levels[number];
        level.is_cut |= level.rows.len() + level.waiting.len() > INLINE_LOCATIONS;
        loop {
            let level = &mut self.levels[number];
            let Some((place, covered)) = level.waiting.front() else { return Ok(()) };
            let Some(at) = place.resolve() else { return Ok(()) };
            level.rows.push(ListRow { at, covered: *covered });
            level.waiting.pop_front();
            if level.is_cut && ends_node(level.rows.len(), &at.id) {
                self.end_node(number, store)?;
            }
        }
    }

    fn end_node(&mut self, number: usize, store: &mut dyn NodeStore) -> Result<()> {
        let rows = std::mem::take(&mut self.levels[number].rows);
        let mut last = None;
        for row in &rows {
            let PackId { epoch, sha256 } = row.at.pack;
            let need = NeededPack { is_data: number == 0, epoch, sha256: sha256.0 };
            if last.replace(need) != Some(need) {
                self.needs.insert(need);
            }
        }
        let covered = rows.iter().map(|row| row.covered).sum();
        let place = store.store_node(&ListNode::encode(number as u8, &rows))?;
        let above = self.level(number + 1);
        above.waiting.push_back((place, covered));
        // The same room serves the next node.
        self.levels[number].rows = rows;
        self.levels[number].rows.clear();
        Ok(())
    }
}
