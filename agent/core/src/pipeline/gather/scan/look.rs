//! An entry that is new or looks different: what the walk tells of it, what it carries, and the job that reads it.
//!
//! Data comes from the walk, goes to the hunks and the workers. Never: opens a file.

use super::hand_over::Scan;
use crate::catalog::{CatalogEntry, Fingerprint};
use crate::clock::nanoseconds;
use crate::error::Result;
use crate::monitor::Problem;
use crate::pipeline::chunks::earlier::EarlierSlice;
use crate::pipeline::gather::alike::Before;
use crate::pipeline::gather::hunks::{HunkEntry, ItemSource, Trouble};
use crate::platform::{Attributes, Kind, ProblemCode};
use crate::scan::WalkItem;

impl Scan<'_> {
    /// Takes an entry that is new or looks different.
    pub(super) fn look(&mut self, item: WalkItem, earlier: Option<CatalogEntry>) -> Result<()> {
        let now_ns = nanoseconds(self.clock);
        let mut record = self.bare(&item);
        if item.stat.kind == Kind::File {
            // Looked at again only because its last change was too fresh to prove anything.
            let alike =
                |record: &CatalogEntry| record.fingerprint.is_some_and(|print| print.looks_like(&item.stat));
            let mut before = None;
            match &earlier {
                Some(record) if alike(record) => self.changes.unchanged += 1,
                Some(record) => {
                    self.changes.changed += 1;
                    before = Some(Box::new(Before::of(&record.entry)));
                }
                None => self.changes.new += 1,
            }
            // Names of one inode share the job of the first; where this one lay, that one does not know.
            let left =
                earlier.as_ref().filter(|_| item.stat.links > 1).and_then(EarlierSlice::of).map(Box::new);
            let job = self.job(&item, earlier)?;
            if item.stat.links > 1 {
                record.entry.link_group = Some(self.link_group(&item.stat));
            }
            self.push(HunkEntry { before, left, ..HunkEntry::new(record, ItemSource::Job { job, now_ns }) });
            return Ok(());
        }
        let attributes = self.attributes(&item);
        let path = item.path.as_bytes();
        if item.stat.kind == Kind::Symlink && attributes.link_target.is_none() {
            self.totals.symlinks = self.totals.symlinks.saturating_sub(1);
            self.hunks.troubles.push(Trouble {
                path: path.to_vec(),
                problem: Problem::Unreadable,
                is_stored: false,
            });
            return Ok(());
        }
        if attributes.problem.is_some() {
            let problem = Problem::MetadataUnreadable;
            self.hunks.troubles.push(Trouble { path: path.to_vec(), problem, is_stored: true });
        }
        record.fingerprint = Some(Fingerprint::of(&item.stat, now_ns));
        record.entry.target = attributes.link_target.filter(|_| item.stat.kind == Kind::Symlink);
        record.entry.xattrs = attributes.xattrs;
        record.entry.owner_name = attributes.owner_name;
        record.entry.group_name = attributes.group_name;
        self.push(HunkEntry::new(record, ItemSource::Ready));
        Ok(())
    }

    /// What a folder or link carries beyond its stat. The steps `UNC` and `UNC/server` of Windows carry nothing.
    fn attributes(&self, item: &WalkItem) -> Attributes {
        if item.os_path().is_err() {
            return Attributes::default();
        }
        let found = self.folders.attributes(&item.path, &item.stat);
        let problem = Some(ProblemCode::AttributesUnreadable);
        found.unwrap_or_else(|_| Attributes { problem, ..Attributes::default() })
    }
}
