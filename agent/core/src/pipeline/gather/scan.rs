//! The scan: walk the roots beside the catalog of the last snapshot, and hand out what changed.
//!
//! Walk and catalog are in one order, so that both are read once, front to back, in constant memory. Data comes from
//! [`Walker`] and [`Catalog`], goes to the workers as jobs and to [`Hunks`] as entries. Never: opens a file.

mod aside;
mod hand_over;
mod look;

use std::collections::BTreeMap;
use std::path::Path;

use scelle_format::chunker::Cut;
use scelle_format::id::{PackId, PackKind};

pub(in crate::pipeline) use self::hand_over::{Scan, ScanKeys};
use crate::catalog::{CatalogEntry, HunkRow, PackEntry};
use crate::error::Result;
use crate::monitor::Problem;
use crate::pipeline::database::side::{self, BaseKey, SavedAs};
use crate::pipeline::gather::found::Sources;
use crate::pipeline::gather::hunks::{HunkEntry, ItemSource, Trouble};
use crate::pipeline::gather::unread::UnreadCount;
use crate::pipeline::workers::worker::Worker;
use crate::platform::{Kind, ProblemCode};
use crate::scan::{WalkItem, WalkProblem, Walked, Walker};

/// Entries that may wait for packs before open packs are closed early.
const WAITING_MAX: usize = 60_000;
/// A hunk is ended early when its extended attributes alone reach this size.
const HUNK_SOFT_BYTES: usize = 1 << 20;

/// Entries between two questions whether a partial note is due.
const CHECKPOINT_ENTRIES: usize = 256;

impl Scan<'_> {
    /// Walks everything; `worker` writes hunks meanwhile, `checkpoint` is asked now and then.
    pub fn run(
        &mut self,
        walker: Walker,
        worker: &mut Worker<'_>,
        checkpoint: &mut dyn FnMut() -> Result<()>,
    ) -> Result<()> {
        for (at, walked) in walker.enumerate() {
            worker.shared.shutdown.check()?;
            if at % CHECKPOINT_ENTRIES == 0 {
                checkpoint()?;
            }
            match walked {
                Walked::Entry(item) => self.entry(item, worker)?,
                Walked::Problem(problem) => self.problem(problem),
            }
        }
        self.changes.removed += self.previous.skip_rest(&mut self.roots)?;
        self.end_hunk(worker)?;
        self.send_batch()
    }

    fn problem(&mut self, WalkProblem { path, code }: WalkProblem) {
        let problem = match code {
            ProblemCode::Special => {
                self.totals.skipped += 1;
                return;
            }
            ProblemCode::RootMissing => {
                self.missing_roots += 1;
                Problem::RootMissing
            }
            ProblemCode::RootExcluded => {
                self.missing_roots += 1;
                Problem::RootExcluded
            }
            // A journal that ended with its transaction. What becomes of the database is told of the database.
            ProblemCode::Vanished if side::base_of(&path).is_some() => return,
            ProblemCode::Vanished => Problem::Vanished,
            ProblemCode::NameTooLong | ProblemCode::PathTooDeep => Problem::RefusedName,
            ProblemCode::XattrLimit | ProblemCode::AttributesUnreadable => Problem::MetadataUnreadable,
            ProblemCode::Unreadable => Problem::Unreadable,
            ProblemCode::FolderUnreadable => Problem::FolderUnreadable,
        };
        if matches!(code, ProblemCode::Unreadable | ProblemCode::FolderUnreadable) {
            self.previous.unread.add(path.as_bytes());
        }
        self.hunks.troubles.push(Trouble { path: path.as_bytes().to_vec(), problem, is_stored: false });
    }

    fn entry(&mut self, item: WalkItem, worker: &mut Worker<'_>) -> Result<()> {
        // Its database went away meanwhile.
        if item.is_part_only && side::base_of(&item.path).is_none() {
            return Ok(());
        }
        let (earlier, removed) = self.previous.take(item.path.as_bytes(), &mut self.roots)?;
        self.changes.removed += removed;
        if item.stat.kind == Kind::File
            && let Some((base, key)) = side::base_of(&item.path)
        {
            self.put_aside(&item, earlier.map(|(_, _, record)| record), base, key, worker)?;
            return self.end_entry(&item, worker);
        }
        self.count(&item);
        let untouched = earlier.as_ref().is_some_and(|(_, _, record)| self.is_untouched(record, &item));
        match earlier {
            Some((row, index, record)) if untouched => {
                let base = || BaseKey::of(&item.stat, item.path.as_bytes());
                match record.entry.cut {
                    Cut::Paged { .. }
                        if !item.has_side
                            || !item.os_path().is_ok_and(|path| side::is_of_another_engine(&path)) =>
                    {
                        worker.shared.beside.is_saved_now(base(), SavedAs::Database)
                    }
                    _ if side::may_stand_alone(item.has_side, &item.stat) => {
                        worker.shared.beside.is_saved_now(base(), SavedAs::Alone)
                    }
                    _ => {}
                }
                self.keep(row, index, record, &item);
            }
            earlier => self.look(item.clone(), earlier.map(|(_, _, record)| record))?,
        }
        self.end_entry(&item, worker)
    }

    fn end_entry(&mut self, item: &WalkItem, worker: &mut Worker<'_>) -> Result<()> {
        let full = self.cutter.ends_after(item.path.as_bytes());
        if full || self.soft_bytes > HUNK_SOFT_BYTES {
            if !full {
                self.cutter.restart();
            }
            self.end_hunk(worker)?;
        }
        Ok(())
    }

    /// Files of each root, once the scan is over.
    pub fn root_files(&self) -> BTreeMap<String, u64> {
        self.roots.by_token(&self.token_key)
    }

    /// What the last snapshot has at the places that could not be read, by their tokens.
    pub fn unread(&self) -> BTreeMap<String, UnreadCount> {
        self.previous.unread.by_token(&self.roots, &self.token_key)
    }

    /// What became of the roots, once the scan is over.
    pub fn sources(&self) -> Sources {
        self.roots.sources(self.missing_roots)
    }

    fn count(&mut self, item: &WalkItem) {
        match item.stat.kind {
            Kind::File => {
                self.totals.files += 1;
                self.totals.bytes += item.stat.bytes;
                self.roots.file(item.path.as_bytes());
            }
            Kind::Directory => self.totals.directories += 1,
            _ => self.totals.symlinks += 1,
        }
    }

    fn is_untouched(&self, record: &CatalogEntry, item: &WalkItem) -> bool {
        if self.needs_damaged(record) {
            return false;
        }
        // The times of a folder above the roots change with what others make there: no reason to write it anew.
        if item.is_ancestor {
            return record.fingerprint.is_some_and(|print| print.looks_like_but_for_times(&item.stat));
        }
        let same = record.fingerprint.is_some_and(|print| print.is_settled() && print.looks_like(&item.stat));
        // A database in use changes in its log while its own times stand still. A journal beside one that SQLite has read proves
        // nothing: it only says how to get back to what the main file was. One that SQLite has not read may have been saved with it.
        let is_database = matches!(record.entry.cut, Cut::Paged { .. });
        let has_log = |path: &Path| match is_database {
            true => side::has_log(path),
            false => item.has_side && side::has_needed(path),
        };
        same && !((is_database || item.has_side) && item.os_path().is_ok_and(|path| has_log(&path)))
    }

    /// Whether its content, or the list of it, lies in a pack that is damaged.
    fn needs_damaged(&self, record: &CatalogEntry) -> bool {
        let mut packs = BTreeMap::new();
        if !self.avoided.is_empty() {
            crate::pipeline::gather::item::packs_of(record, &mut packs);
        }
        packs.keys().any(|pack| self.avoided.has(pack))
    }

    fn keep(&mut self, row: i64, index: usize, record: CatalogEntry, item: &WalkItem) {
        if item.stat.kind == Kind::File {
            self.changes.unchanged += 1;
            self.monitor.advance(1, item.stat.bytes);
        }
        self.push(HunkEntry::new(record, ItemSource::Kept { row, index }));
    }

    /// Ends the hunk: takes an earlier one over when nothing in it changed, else lets it wait for its packs.
    fn end_hunk(&mut self, worker: &mut Worker<'_>) -> Result<()> {
        self.soft_bytes = 0;
        let items = std::mem::take(&mut self.items);
        let Some(first) = items.first() else { return Ok(()) };
        let sound = |hunk: &HunkRow| !self.avoided.has(&hunk.node.at.pack);
        match self.previous.hunk_of(&items).filter(sound) {
            Some(hunk) => {
                let first = scelle_format::path::join(&first.record.directory, &first.record.entry.name);
                let packs = self.packs_of(&hunk);
                self.hunks.take_over(&hunk, first, packs);
            }
            None => {
                self.hunks.push(items);
                self.hunks.settle_news(worker)?;
                // Once each look: while one goes on, what waits may only not have been reached yet.
                if self.hunks.is_looked_through() && self.hunks.waiting_entries() > WAITING_MAX {
                    worker.flush_data_packs()?;
                }
            }
        }
        Ok(())
    }

    fn packs_of(&self, hunk: &HunkRow) -> BTreeMap<PackId, PackKind> {
        hunk.packs.iter().filter_map(|row| self.packs.get(row)).map(|(kind, id, _)| (*id, *kind)).collect()
    }

    /// Sizes of packs that earlier snapshots name.
    pub fn known_packs(&self) -> impl Iterator<Item = PackEntry> {
        self.packs.values().copied()
    }
}
