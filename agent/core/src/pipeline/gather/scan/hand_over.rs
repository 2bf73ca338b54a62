//! What a scan has, and how it hands over what it met: entries to the hunk, files to the workers.
//!
//! On it stand `look` and `aside`, and on these the scan itself. Data comes from the walk. Never: opens a file.

use std::collections::HashMap;
use std::sync::Arc;

use scelle_format::manifest::{Entry, EntryKind, HunkCutter, Totals};

use crate::catalog::{Catalog, CatalogEntry, PackEntry, SetRow};
use crate::clock::Clock;
use crate::error::{AgentError, Result};
use crate::monitor::Monitor;
use crate::pipeline::gather::changes::Changes;
use crate::pipeline::gather::found::RootCounts;
use crate::pipeline::gather::hunks::{HunkEntry, Hunks};
use crate::pipeline::gather::previous::Previous;
use crate::pipeline::jobs::job::FileJob;
use crate::pipeline::workers::queue::{Queue, Stopped};
use crate::pipeline::workers::worker::{SMALL_BYTES, Work, Workshop};
use crate::platform::{FileId, Kind, Stat};
use crate::repo::damage::Avoided;
use crate::scan::{Folders, WalkItem, Walker};

/// Small files of one batch: at most so many bytes and so many files.
const BATCH_BYTES: u64 = 1 << 20;
const BATCH_FILES: usize = 256;

/// What the scan keys by.
pub(in crate::pipeline) struct ScanKeys {
    /// Where hunks are cut.
    pub(in crate::pipeline) boundary: [u8; 32],
    /// Tokens that stand for files in notices.
    pub(in crate::pipeline) token: [u8; 32],
}

/// The scan of one run.
pub struct Scan<'a> {
    pub(super) previous: Previous<'a>,
    pub(super) queue: &'a Queue<Work>,
    pub(super) monitor: &'a dyn Monitor,
    pub(super) clock: &'a dyn Clock,
    pub(super) boundary_key: [u8; 32],
    pub(super) cutter: HunkCutter,
    pub(super) token_key: [u8; 32],
    pub(super) packs: HashMap<u32, PackEntry>,
    pub(super) items: Vec<HunkEntry>,
    pub(super) soft_bytes: usize,
    pub(super) batch: Vec<Arc<FileJob>>,
    pub(super) batch_bytes: u64,
    /// Packs that are damaged: what needs them is read again.
    pub(super) avoided: Arc<Avoided>,
    /// Jobs of files with several names.
    pub(super) links: HashMap<FileId, Arc<FileJob>>,
    pub(super) folders: Arc<Folders>,
    /// Hunks made so far.
    pub hunks: Hunks<'a>,
    /// What was counted.
    pub totals: Totals,
    /// What changed.
    pub changes: Changes,
    pub(super) roots: RootCounts,
    pub(super) missing_roots: u64,
}

impl<'a> Scan<'a> {
    /// A scan of `set` as the catalog knows it, beside the workers of `shared`.
    pub(in crate::pipeline) fn new(
        shared: &'a Workshop<'a>,
        catalog: &'a Catalog,
        set: Option<&SetRow>,
        walker: &Walker,
        keys: ScanKeys,
        clock: &'a dyn Clock,
    ) -> Result<Self> {
        Ok(Self {
            previous: Previous::new(catalog, set),
            queue: &shared.queue,
            monitor: shared.monitor,
            clock,
            boundary_key: keys.boundary,
            cutter: HunkCutter::new(keys.boundary),
            token_key: keys.token,
            packs: catalog.packs()?,
            items: Vec::new(),
            soft_bytes: 0,
            batch: Vec::new(),
            batch_bytes: 0,
            avoided: shared.avoided.clone(),
            links: HashMap::new(),
            folders: Arc::default(),
            hunks: Hunks::new(catalog)?,
            totals: Totals::default(),
            changes: Changes::default(),
            roots: RootCounts::new(walker),
            missing_roots: 0,
        })
    }

    /// A cutter for level-2 nodes.
    pub fn boundary(&self) -> HunkCutter {
        HunkCutter::new(self.boundary_key)
    }

    /// The job that reads a file; names of one inode share one.
    pub(super) fn job(&mut self, item: &WalkItem, earlier: Option<CatalogEntry>) -> Result<Arc<FileJob>> {
        let shared = item.stat.file_id().filter(|_| item.stat.links > 1);
        if let Some(job) = shared.and_then(|file| self.links.get(&file)) {
            self.monitor.advance(1, 0);
            return Ok(job.clone());
        }
        let os_path = item.os_path()?;
        let mut job = FileJob::new(self.folders.clone(), item.path.clone(), os_path, item.stat, earlier);
        job.has_side = item.has_side;
        let job = Arc::new(job);
        if let Some(file) = shared {
            self.links.insert(file, job.clone());
        }
        if item.stat.bytes > SMALL_BYTES {
            self.send_batch()?;
            self.send(Work::Large(job.clone()))?;
        } else {
            self.batch_bytes += item.stat.bytes;
            self.batch.push(job.clone());
            if self.batch_bytes >= BATCH_BYTES || self.batch.len() >= BATCH_FILES {
                self.send_batch()?;
            }
        }
        Ok(job)
    }

    pub(super) fn send_batch(&mut self) -> Result<()> {
        self.batch_bytes = 0;
        let batch = std::mem::take(&mut self.batch);
        if batch.is_empty() { Ok(()) } else { self.send(Work::Small(batch)) }
    }

    fn send(&self, work: Work) -> Result<()> {
        self.queue.offer(work).map_err(|Stopped| AgentError::interrupted())
    }

    pub(super) fn link_group(&self, stat: &Stat) -> u64 {
        let mut inode = [0; 16];
        inode[..8].copy_from_slice(&stat.volume.to_le_bytes());
        inode[8..].copy_from_slice(&stat.inode.to_le_bytes());
        let hash = blake3::keyed_hash(&self.token_key, &inode);
        let [a, b, c, d, e, f, ..] = *hash.as_bytes();
        u64::from_le_bytes([a, b, c, d, e, f, 0, 0])
    }

    pub(super) fn push(&mut self, item: HunkEntry) {
        let xattrs = item.record.entry.xattrs.iter();
        self.soft_bytes += xattrs.map(|xattr| xattr.name.len() + xattr.value.len()).sum::<usize>();
        self.items.push(item);
    }

    /// What the walk tells of an entry.
    pub(super) fn bare(&self, item: &WalkItem) -> CatalogEntry {
        let mut entry = Entry::bare(item.path.name().to_vec(), kind_of(item.stat.kind));
        entry.modified_ns = item.stat.modified_ns;
        (entry.mode, entry.owner, entry.group) = (item.stat.mode, item.stat.owner, item.stat.group);
        let directory: Arc<[u8]> = item.path.parent_bytes().into();
        CatalogEntry::new(directory, entry)
    }
}

fn kind_of(kind: Kind) -> EntryKind {
    match kind {
        Kind::Directory => EntryKind::Directory,
        Kind::Symlink => EntryKind::Symlink,
        _ => EntryKind::File,
    }
}
