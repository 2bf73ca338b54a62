//! The last snapshot of a set as the catalog has it, read front to back beside the walk.
//!
//! Data comes from the catalog, goes to the scan. Never: holds more than one hunk's records.

use scelle_format::manifest::EntryKind;

use crate::catalog::{Catalog, CatalogEntry, HunkRow, SetRow};
use crate::error::Result;
use crate::pipeline::gather::found::RootCounts;
use crate::pipeline::gather::hunks::{HunkEntry, ItemSource};
use crate::pipeline::gather::unread::Unread;

/// A record of the last snapshot: row of its hunk, its place there, itself.
pub type PreviousRow = (i64, usize, CatalogEntry);

/// The last snapshot of the set, read front to back.
pub struct Previous<'a> {
    catalog: &'a Catalog,
    rows: std::vec::IntoIter<i64>,
    current: Option<(HunkRow, std::iter::Peekable<std::iter::Enumerate<std::vec::IntoIter<CatalogEntry>>>)>,
    /// Hunks read so far whose entries may still be in the hunk being made: row and number of entries.
    read: Vec<(HunkRow, usize)>,
    /// Places that could not be read: what lies there is not gone.
    pub unread: Unread,
}

impl<'a> Previous<'a> {
    /// Reads the hunks of `set` in order.
    pub fn new(catalog: &'a Catalog, set: Option<&SetRow>) -> Self {
        let rows = set.map(|set| set.hunks.clone()).unwrap_or_default().into_iter();
        Self { catalog, rows, current: None, read: Vec::new(), unread: Unread::default() }
    }

    /// The record of `path`, if the last snapshot had it; what stands before it there is gone: how many files.
    pub fn take(&mut self, path: &[u8], roots: &mut RootCounts) -> Result<(Option<PreviousRow>, u64)> {
        let mut removed = 0;
        loop {
            let Some((hunk, records)) = self.current.as_mut() else {
                if self.load_next()? { continue } else { return Ok((None, removed)) }
            };
            let Some((_, record)) = records.peek() else {
                self.current = None;
                continue;
            };
            let (directory, name) = scelle_format::path::split(path);
            let order = scelle_format::path::compare_directories(&record.directory, directory)
                .then_with(|| record.entry.name.as_slice().cmp(name));
            match order {
                std::cmp::Ordering::Greater => return Ok((None, removed)),
                std::cmp::Ordering::Equal => {
                    let row = hunk.row;
                    return Ok((records.next().map(|(index, record)| (row, index, record)), removed));
                }
                std::cmp::Ordering::Less => {
                    removed += gone(record, &mut self.unread, roots);
                    records.next();
                }
            }
        }
    }

    /// Everything that was not asked for is gone: how many files.
    pub fn skip_rest(&mut self, roots: &mut RootCounts) -> Result<u64> {
        let mut removed = 0;
        loop {
            if let Some((_, records)) = self.current.take() {
                let unread = &mut self.unread;
                removed += records.map(|(_, record)| gone(&record, unread, roots)).sum::<u64>();
            } else if !self.load_next()? {
                return Ok(removed);
            }
        }
    }

    fn load_next(&mut self) -> Result<bool> {
        let Some(row) = self.rows.next() else { return Ok(false) };
        let (hunk, records) = self.catalog.hunk(row)?;
        self.read.push((hunk.clone(), records.len()));
        self.current = Some((hunk, records.into_iter().enumerate().peekable()));
        Ok(true)
    }

    /// The earlier hunk that `items` are, entry for entry.
    pub fn hunk_of(&mut self, items: &[HunkEntry]) -> Option<HunkRow> {
        let ItemSource::Kept { row: first_row, .. } = items.first()?.source else {
            self.forget_read();
            return None;
        };
        let same = |(at, item): (usize, &HunkEntry)| matches!(item.source, ItemSource::Kept { row, index } if row == first_row && index == at);
        let all = items.iter().enumerate().all(same);
        let found = self.read.iter().find(|(hunk, n)| all && hunk.row == first_row && *n == items.len());
        let found = found.map(|(hunk, _)| hunk.clone());
        self.forget_read();
        found
    }

    fn forget_read(&mut self) {
        let keep = self.read.len().saturating_sub(1);
        self.read.drain(..keep);
    }
}

/// Counts an entry that is no longer there: 1 for a file.
fn gone(record: &CatalogEntry, unread: &mut Unread, roots: &mut RootCounts) -> u64 {
    let CatalogEntry { directory, entry, .. } = record;
    if entry.kind != EntryKind::File || unread.holds(directory, &entry.name, entry.bytes) {
        return 0;
    }
    roots.removed(&scelle_format::path::join(&record.directory, &record.entry.name));
    1
}
