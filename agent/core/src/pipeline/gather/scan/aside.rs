//! Files that sound like side files of databases: put aside by the scan, counted when their fate is known.
//!
//! Data comes from the walk, goes to [`Beside`](crate::pipeline::database::side::Beside). Never: opens a file.

use std::path::PathBuf;
use std::sync::Arc;

use scelle_format::manifest::Totals;

use super::hand_over::Scan;
use crate::catalog::CatalogEntry;
use crate::clock::nanoseconds;
use crate::error::Result;
use crate::pipeline::database::side::{BaseKey, Candidate};
use crate::pipeline::gather::changes::Changes;
use crate::pipeline::gather::hunks::{HunkEntry, ItemSource};
use crate::pipeline::jobs::job::{FileJob, LateCount};
use crate::pipeline::workers::worker::Worker;
use crate::scan::WalkItem;

impl Scan<'_> {
    /// A file that sounds like a side file of a database: whether it is saved follows from what becomes of that one.
    pub(super) fn put_aside(
        &mut self,
        item: &WalkItem,
        earlier: Option<CatalogEntry>,
        base: PathBuf,
        key: BaseKey,
        worker: &Worker<'_>,
    ) -> Result<()> {
        let count = match &earlier {
            Some(record) if record.fingerprint.is_some_and(|print| print.looks_like(&item.stat)) => {
                LateCount::Unchanged
            }
            Some(_) => LateCount::Changed,
            None => LateCount::New,
        };
        let (mut record, now_ns) = (self.bare(item), nanoseconds(self.clock));
        if item.stat.links > 1 {
            record.entry.link_group = Some(self.link_group(&item.stat));
        }
        let mut job =
            FileJob::new(self.folders.clone(), item.path.clone(), item.os_path()?, item.stat, earlier);
        job.counted_late = Some(count);
        let job = Arc::new(job);
        let candidate = Candidate { job: job.clone(), base, is_part_only: item.is_part_only };
        worker.shared.beside.put_aside(key, candidate);
        self.push(HunkEntry::new(record, ItemSource::Job { job, now_ns }));
        Ok(())
    }

    /// What was counted, files whose fate was open included.
    pub fn counted(&self) -> (Totals, Changes) {
        let (mut totals, mut changes, late) = (self.totals, self.changes, self.hunks.late);
        totals.files += late.files;
        totals.bytes += late.bytes;
        changes.new += late.changes.new;
        changes.changed += late.changes.changed;
        changes.unchanged += late.changes.unchanged;
        changes.removed += late.changes.removed;
        self.hunks.alike.tell(&mut changes);
        (totals, changes)
    }
}
