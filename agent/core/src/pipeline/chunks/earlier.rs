//! A paged file as the last snapshot has it: its pages in order, to be compared by position.
//!
//! An equal page takes its old place without asking index or filter. The list is read front to back beside the file, one
//! node of each level at a time, from the catalog's [`Lists`]. A node that is missing there ends the comparison: what
//! follows is asked of the index. Never: compares content, only ids.

use std::sync::OnceLock;

use scelle_format::chunk_list::ListRow;
use scelle_format::chunker::{Cut, PAGED_CHUNK_BYTES};
use scelle_format::id::ChunkId;
use scelle_format::manifest::{Content, Extent};
use scelle_format::pack::Location;

use crate::catalog::{CatalogEntry, Lists, SmallPrint};

/// A paged file's content in the last snapshot.
#[derive(Debug)]
pub struct EarlierList {
    content: Content,
    extents: Option<Vec<Extent>>,
    /// Where each of the topmost rows begins in the content.
    tops: OnceLock<Vec<ListRow>>,
}

impl EarlierList {
    /// Takes the list out of a record, if it was cut into pages of today's size.
    pub fn of(record: CatalogEntry) -> Option<Self> {
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
        for extent in extents {
            if offset < extent.start {
                return None;
            }
            if offset < extent.end() {
                return Some(before + (offset - extent.start));
            }
            before += extent.bytes;
        }
        None
    }
}

/// A file that shared its chunk in the last snapshot. Read again and found to hold what it held, it stays there: which
/// neighbours are read with it, and would share a chunk with it, differs from run to run.
#[derive(Clone, Copy, Debug)]
pub struct EarlierSlice {
    /// The shared chunk.
    pub at: Location,
    /// Where the file begins in it.
    pub offset: u32,
    /// Its length.
    pub bytes: u32,
    /// Tells its content; not known where the catalog was made again from the store.
    pub print: Option<SmallPrint>,
}

impl EarlierSlice {
    /// Takes it out of a record, where that one has it.
    pub fn of(record: &CatalogEntry) -> Option<Self> {
        match record.entry.content {
            Content::Slice { at, offset, bytes } => Some(Self { at, offset, bytes, print: record.print }),
            _ => None,
        }
    }
}

/// A place in an [`EarlierList`].
pub struct EarlierCursor<'a> {
    list: &'a EarlierList,
    lists: &'a Lists,
    /// From the top down to the chunks.
    levels: Vec<EarlierLevel>,
    is_at_end: bool,
}

struct EarlierLevel {
    rows: Vec<ListRow>,
    at: usize,
    /// Where the row at `at` begins in the content.
    start: u64,
}

impl EarlierLevel {
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
            self.levels.push(EarlierLevel { rows: self.list.tops(self.lists).to_vec(), at: 0, start: 0 });
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
            self.levels.push(EarlierLevel { rows: node.rows, at: 0, start });
            if !self.levels.last_mut()?.seek(offset) {
                return None;
            }
        }
        let level = self.levels.last()?;
        (level.start == offset).then(|| level.rows.get(level.at).map(|row| row.at))?
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use scelle_format::chunk_list::{ListNode, split_rows};
    use scelle_format::filter::Filter;
    use scelle_format::id::{PackId, Sha256};
    use scelle_format::manifest::{Entry, EntryKind};

    const KEY: [u8; 32] = [4; 32];
    const PAGE: u64 = PAGED_CHUNK_BYTES as u64;

    fn location(id: ChunkId, bytes: u32) -> Location {
        let pack = PackId { epoch: 0, sha256: Sha256([1; 32]) };
        Location { id, pack, frame_offset: 0, frame_bytes: 9, offset: 0, bytes, filter: Filter::None }
    }

    fn page(n: u64) -> Location {
        location(ChunkId::of(&KEY, &n.to_le_bytes()), PAGED_CHUNK_BYTES as u32)
    }

    /// A list of `pages` pages as a run leaves it, its nodes in `lists`.
    fn earlier(pages: u64, extents: Option<Vec<Extent>>, lists: &Lists) -> EarlierList {
        let mut rows: Vec<ListRow> = (0..pages).map(|n| ListRow { at: page(n), covered: PAGE }).collect();
        let mut content = Content::Chunks(rows.iter().map(|row| row.at).collect());
        for level in 0.. {
            if rows.len() <= 64 {
                break;
            }
            let node = |rows: &[ListRow]| {
                let plain = ListNode::encode(level, rows);
                let id = ChunkId::of(&KEY, &plain);
                lists.put(&id, &plain).unwrap();
                ListRow { at: location(id, 9), covered: rows.iter().map(|row| row.covered).sum() }
            };
            rows = split_rows(&rows).map(node).collect();
            content = Content::Nodes { level, nodes: rows.iter().map(|row| row.at).collect() };
        }
        let cut = Cut::Paged { size: PAGED_CHUNK_BYTES as u32 };
        let entry = Entry { cut, content, extents, ..Entry::bare(b"a".to_vec(), EntryKind::File) };
        let record = CatalogEntry::new(b"".as_slice().into(), entry);
        EarlierList::of(record).unwrap()
    }

    fn lists(folder: &std::path::Path) -> Lists {
        Lists::open(&folder.join(crate::repo::files::LISTS), KEY, [[1; 32]].into()).unwrap()
    }

    #[test]
    fn every_page_is_found_at_its_place_and_only_there() {
        let folder = tempfile::tempdir().unwrap();
        let lists = lists(folder.path());
        for pages in [1, 64, 65, 3_000, 60_000] {
            let list = earlier(pages, None, &lists);
            for first in [0, pages / 3, pages - 1] {
                let mut cursor = list.cursor(&lists);
                for n in first..pages {
                    let other = page(n + 1).id;
                    assert_eq!(cursor.same_page(n * PAGE, PAGED_CHUNK_BYTES as u32, &other), None);
                    let found = cursor.same_page(n * PAGE, PAGED_CHUNK_BYTES as u32, &page(n).id);
                    assert_eq!(found, Some(page(n)), "page {n} of {pages} from {first}");
                }
                assert_eq!(cursor.same_page(pages * PAGE, PAGED_CHUNK_BYTES as u32, &page(0).id), None);
            }
        }
    }

    #[test]
    fn holes_are_stepped_over() {
        let folder = tempfile::tempdir().unwrap();
        let lists = lists(folder.path());
        let extents = [(PAGE * 10, PAGE * 300), (PAGE * 1_000, PAGE * 200)].map(Extent::from).to_vec();
        let list = earlier(500, Some(extents), &lists);
        let mut cursor = list.cursor(&lists);
        for n in 0..2_000 {
            let expected = match n {
                10..310 => Some(page(n - 10)),
                1_000..1_200 => Some(page(n - 700)),
                _ => None,
            };
            let id = expected.map_or(page(0).id, |at| at.id);
            assert_eq!(cursor.same_page(n * PAGE, PAGED_CHUNK_BYTES as u32, &id), expected, "page {n}");
        }
    }

    #[test]
    fn a_list_that_is_lost_only_ends_the_comparison() {
        let (folder, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let list = earlier(3_000, None, &lists(folder.path()));
        let empty = lists(other.path());
        let mut cursor = list.cursor(&empty);
        assert!((0..3_000).all(|n| cursor.same_page(n * PAGE, 1, &page(n).id).is_none()));
    }
}
