//! A paged file as the last snapshot has it: its pages in order, to be compared by position.
//!
//! An equal page takes its old place without asking index or filter. The list is read front to back beside the file, one
//! node of each level at a time, from the catalog's [`Lists`]. A node that is missing there ends the comparison: what
//! follows is asked of the index. Never: compares content, only ids.

use std::sync::OnceLock;

use scelle_format::chunk_list::ListRow;
use scelle_format::chunker::{Cut, PAGED_CHUNK_BYTES};
use scelle_format::id::ChunkId;
use scelle_format::manifest::Content;
use scelle_format::pack::Location;

use crate::catalog::{Lists, Record};

/// A paged file's content in the last snapshot.
#[derive(Debug)]
pub struct EarlierList {
    content: Content,
    extents: Option<Vec<(u64, u64)>>,
    /// Where each of the topmost rows begins in the content.
    tops: OnceLock<Vec<ListRow>>,
}

impl EarlierList {
    /// Takes the list out of a record, if it was cut into pages of today's size.
    pub fn of(record: Record) -> Option<Self> {
        let paged = record.entry.cut == Cut::Paged { size: PAGED_CHUNK_BYTES as u32 };
        let has_list = matches!(record.entry.content, Content::Chunks(_) | Content::Nodes { .. });
        let (content, extents) = (record.entry.content, record.entry.extents);
        (paged && has_list).then(|| Self { content, extents, tops: OnceLock::new() })
    }

    /// A place in the list that moves forward.
    pub fn cursor<'a>(&'a self, lists: &'a Lists) -> EarlierCursor<'a> {
        EarlierCursor { list: self, lists, levels: Vec::new(), is_at_end: false }
    }

    /// The topmost rows with the bytes they cover, which an entry does not say.
    fn tops(&self, lists: &Lists) -> &[ListRow] {
        self.tops.get_or_init(|| match &self.content {
            Content::Chunks(rows) => {
                rows.iter().map(|at| ListRow { at: *at, covered: u64::from(at.bytes) }).collect()
            }
            Content::Nodes { nodes, .. } => {
                let row = |at: &Location| {
                    let node = lists.node(&at.id)?;
                    Some(ListRow { at: *at, covered: node.rows.iter().map(|row| row.covered).sum() })
                };
                nodes.iter().map_while(row).collect()
            }
            _ => Vec::new(),
        })
    }

    fn top_level(&self) -> u8 {
        match &self.content {
            Content::Nodes { level, .. } => level + 1,
            _ => 0,
        }
    }

    /// Where the byte at `offset` of the file stands among the content, which leaves holes out.
    fn content_offset(&self, offset: u64) -> Option<u64> {
        let Some(extents) = &self.extents else { return Some(offset) };
        let mut before = 0;
        for &(start, bytes) in extents {
            if offset < start {
                return None;
            }
            if offset < start + bytes {
                return Some(before + (offset - start));
            }
            before += bytes;
        }
        None
    }
}

/// A place in an [`EarlierList`].
pub struct EarlierCursor<'a> {
    list: &'a EarlierList,
    lists: &'a Lists,
    /// From the top down to the chunks.
    levels: Vec<Level>,
    is_at_end: bool,
}

struct Level {
    rows: Vec<ListRow>,
    at: usize,
    /// Where the row at `at` begins in the content.
    start: u64,
}

impl Level {
    /// Moves to the row that holds `offset`; false where none does.
    fn seek(&mut self, offset: u64) -> bool {
        while let Some(row) = self.rows.get(self.at) {
            if offset < self.start + row.covered {
                return offset >= self.start;
            }
            self.start += row.covered;
            self.at += 1;
        }
        false
    }
}

impl EarlierCursor<'_> {
    /// Where the page at `offset` of the file lies, if it had this id and length there. Offsets only grow.
    pub fn same_page(&mut self, offset: u64, bytes: u32, id: &ChunkId) -> Option<Location> {
        if self.is_at_end {
            return None;
        }
        let offset = self.list.content_offset(offset)?;
        let row = self.row_at(offset)?;
        (row.id == *id && row.bytes == bytes).then_some(row)
    }

    /// The chunk that begins at `offset` of the content.
    fn row_at(&mut self, offset: u64) -> Option<Location> {
        if self.levels.is_empty() {
            self.levels.push(Level { rows: self.list.tops(self.lists).to_vec(), at: 0, start: 0 });
        }
        // Up to the lowest level that still holds the offset.
        while !self.levels.last_mut()?.seek(offset) {
            if self.levels.len() == 1 {
                self.is_at_end = self.levels[0].at == self.levels[0].rows.len();
                return None;
            }
            self.levels.pop();
        }
        while self.levels.len() <= usize::from(self.list.top_level()) {
            let above = self.levels.last()?;
            let (id, start) = (above.rows.get(above.at)?.at.id, above.start);
            let Some(node) = self.lists.node(&id) else {
                self.is_at_end = true;
                return None;
            };
            self.levels.push(Level { rows: node.rows, at: 0, start });
            if !self.levels.last_mut()?.seek(offset) {
                return None;
            }
        }
        let level = self.levels.last()?;
        (level.start == offset).then(|| level.rows.get(level.at).map(|row| row.at))?
    }
}
