//! Hunks being made: entries in order, some of whose content is still on its way.
//!
//! Entries come from the scan in the manifest's order; a hunk is written as soon as the packs that hold its content
//! have names, whatever the hunks before it wait for. Hunks none of whose entries changed are taken over as they are.

use std::collections::{BTreeMap, HashMap, VecDeque};

use scelle_format::id::{ChunkId, PackId, PackKind, Sha256};
use scelle_format::manifest::{Content, NodeRef, encode_hunk};
use scelle_format::pack::Location;
use scelle_format::path;

use crate::catalog::{Catalog, CatalogEntry, Fingerprint, HunkRow};
use crate::error::{AgentError, Result};
use crate::monitor::Problem;
use crate::pipeline::chunks::list::SettledList;
use crate::pipeline::chunks::packs::{Lane, Place};
use crate::pipeline::chunks::recipe::Recipe;
use crate::pipeline::gather::alike::Alike;
pub use crate::pipeline::gather::item::{HunkEntry, ItemSource};
use crate::pipeline::gather::item::{groups_left, packs_of};
use crate::pipeline::gather::late::Late;
use crate::pipeline::jobs::job::{Outcome, StoredContent};
use crate::pipeline::jobs::verdict::Taken;
use crate::pipeline::workers::worker::Worker;

/// A hunk is split when its plain bytes pass this (FORMAT.md §8.3).
const HUNK_MAX_PLAIN_BYTES: usize = 2 << 20;

/// Entries that may come before waiting hunks are looked through again without news.
const LOOK_ENTRIES: usize = 4096;
/// Entries looked through at a time while the walk goes on: the workers must not run out of jobs meanwhile.
const LOOK_SHARE: usize = 512;

/// A hunk that waits.
pub struct PendingHunk {
    /// Its place among the hunks.
    pub ordinal: usize,
    /// Its entries.
    pub items: Vec<HunkEntry>,
}

/// A hunk that is written, or taken over.
pub struct MadeHunk {
    /// First path, counts; the location follows once its pack has a name.
    pub node: NodeRef,
    /// Where it will lie.
    pub place: Place,
    /// Packs its entries need.
    pub packs: BTreeMap<PackId, PackKind>,
    /// Row in the catalog. Its records are there already, so that memory does not grow with the tree.
    pub row: i64,
    /// Whether it was written in this run.
    pub is_new: bool,
}

/// Where a hunk stands: hunks are in the order of these.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct HunkPlace {
    /// Among the hunks.
    ordinal: usize,
    /// Within one that was split.
    part: usize,
}

/// What was known when hunks were last looked through.
#[derive(Clone, Copy, Debug, Default)]
struct LastLook {
    /// Packs that had names.
    named_packs: u64,
    /// Entries that waited.
    waiting_entries: usize,
}

/// Something that could not be saved, or only with a reservation.
pub struct Trouble {
    /// Its path: for the sealed root only.
    pub path: Vec<u8>,
    /// Why.
    pub problem: Problem,
    /// Whether the entry is in the snapshot all the same.
    pub is_stored: bool,
}

/// Hunks of one run.
pub struct Hunks<'a> {
    catalog: &'a Catalog,
    pending: VecDeque<PendingHunk>,
    /// Hunks at the front of `pending` that are to be looked through.
    unseen: usize,
    made: BTreeMap<HunkPlace, MadeHunk>,
    next_ordinal: usize,
    last_look: LastLook,
    /// Where manifest chunks of this run lie.
    nodes: HashMap<ChunkId, Place>,
    /// What could not be saved.
    pub troubles: Vec<Trouble>,
    /// Databases taken through their own interface.
    pub consistent_copies: u64,
    /// Bytes read more (or less) than the walk saw.
    pub bytes_beyond: i64,
    /// Files that the walk saw and that could not be read.
    pub lost_files: u64,
    /// Files that look different and hold what they held in the last snapshot.
    pub alike: Alike,
    /// The worst of how databases were taken.
    pub databases: Option<Taken>,
    /// Files that are counted only now that they are saved.
    pub late: Late,
}

impl<'a> Hunks<'a> {
    /// Knows the manifest chunks of earlier snapshots.
    pub fn new(catalog: &'a Catalog) -> Result<Self> {
        Ok(Self {
            catalog,
            nodes: HashMap::new(),
            pending: VecDeque::new(),
            unseen: 0,
            made: BTreeMap::new(),
            next_ordinal: 0,
            last_look: LastLook::default(),
            troubles: Vec::new(),
            consistent_copies: 0,
            bytes_beyond: 0,
            lost_files: 0,
            alike: Alike::default(),
            databases: None,
            late: Late::default(),
        })
    }

    /// Entries that wait for something.
    pub fn waiting_entries(&self) -> usize {
        self.pending.iter().map(|hunk| hunk.items.len()).sum()
    }

    /// Whether no look is under way.
    pub fn is_looked_through(&self) -> bool {
        self.unseen == 0
    }

    /// Adds the next hunk.
    pub fn push(&mut self, items: Vec<HunkEntry>) {
        let ordinal = self.next_ordinal;
        self.next_ordinal += 1;
        self.pending.push_back(PendingHunk { ordinal, items });
    }

    /// Takes an earlier hunk over.
    pub fn take_over(&mut self, hunk: &HunkRow, first: Vec<u8>, packs: BTreeMap<PackId, PackKind>) {
        let node = NodeRef { first, ..hunk.node.clone() };
        let place = Place::Known(node.at);
        let made = MadeHunk { node, place, packs, row: hunk.row, is_new: false };
        self.made.insert(HunkPlace { ordinal: self.next_ordinal, part: 0 }, made);
        self.next_ordinal += 1;
    }

    /// Writes some of what can be written, when there is news: a pack got its name, or many entries came.
    pub fn settle_news(&mut self, worker: &mut Worker<'_>) -> Result<()> {
        if self.unseen == 0 {
            // Read before the look: a pack that gets its name meanwhile is news for the next.
            let now_named = worker.shared.pool.named_packs();
            let last = self.last_look;
            if now_named == last.named_packs && self.waiting_entries() < last.waiting_entries + LOOK_ENTRIES {
                return Ok(());
            }
            self.last_look.named_packs = now_named;
            self.unseen = self.pending.len();
        }
        let mut entries = 0;
        while entries < LOOK_SHARE && self.unseen > 0 {
            entries += self.settle_first(worker)?;
        }
        self.last_look.waiting_entries = self.waiting_entries();
        Ok(())
    }

    /// Writes every hunk that waits for nothing any more.
    pub fn settle(&mut self, worker: &mut Worker<'_>) -> Result<()> {
        self.unseen = self.pending.len();
        while self.unseen > 0 {
            self.settle_first(worker)?;
        }
        Ok(())
    }

    /// Writes the first hunk, or lets it wait behind the others; returns how many entries it has.
    fn settle_first(&mut self, worker: &mut Worker<'_>) -> Result<usize> {
        self.unseen -= 1;
        let Some(mut hunk) = self.pending.pop_front() else { return Ok(0) };
        let entries = hunk.items.len();
        let mut ready = true;
        for item in &mut hunk.items {
            ready &= self.settle_item(item, worker)?;
        }
        if ready {
            self.make(hunk, worker)?;
        } else {
            self.pending.push_back(hunk);
        }
        Ok(entries)
    }

    /// Whether nothing waits any more.
    pub fn is_settled(&self) -> bool {
        self.pending.is_empty()
    }

    /// The hunks in order, once everything is settled and all packs are sealed.
    pub fn take_made(&mut self) -> Vec<MadeHunk> {
        std::mem::take(&mut self.made).into_values().collect()
    }

    /// Where the manifest chunks that this run has written, or found sent, lie, once their packs are sealed.
    pub fn new_nodes(&self) -> Vec<Location> {
        self.nodes.values().filter_map(Place::resolve).collect()
    }

    /// Knows more manifest chunks: those that an interrupted run has sent.
    pub fn know(&mut self, nodes: impl IntoIterator<Item = Location>) {
        self.nodes.extend(nodes.into_iter().map(|at| (at.id, Place::Known(at))));
    }

    /// Moves one entry on; true when it waits for nothing any more.
    fn settle_item(&mut self, item: &mut HunkEntry, worker: &mut Worker<'_>) -> Result<bool> {
        loop {
            match &mut item.source {
                ItemSource::Ready => {
                    if let Some(before) = item.before.take() {
                        self.alike.count(&before, &item.record.entry);
                    }
                    return Ok(true);
                }
                ItemSource::Kept { .. } | ItemSource::Lost => return Ok(true),
                ItemSource::Job { job, now_ns } => {
                    let Some(outcome) = job.outcome() else { return Ok(false) };
                    let (path, now_ns) = (job.path.as_bytes().to_vec(), *now_ns);
                    let read_bytes = match outcome {
                        Outcome::Stored(stored) => stored.bytes,
                        // Never counted, so nothing to take off.
                        Outcome::LeftOut => job.stat.bytes,
                        Outcome::Lost(_) => 0,
                    };
                    self.bytes_beyond += read_bytes.cast_signed() - job.stat.bytes.cast_signed();
                    self.late.count(job, outcome);
                    item.left = item.left.take().or_else(|| job.slice_of_same_content());
                    item.source = self.take_outcome(outcome.clone(), path, now_ns, &mut item.record);
                }
                ItemSource::Slice { place, offset, bytes } => {
                    let Some(at) = place.resolve() else { return Ok(false) };
                    item.record.entry.content = Content::Slice { at, offset: *offset, bytes: *bytes };
                    item.source = ItemSource::Ready;
                }
                ItemSource::Chunks(rows) => {
                    let at = rows.iter().map(|(place, _)| place.resolve()).collect::<Option<Vec<_>>>();
                    let Some(at) = at else { return Ok(false) };
                    item.record.entry.content = Content::Chunks(at);
                    item.source = ItemSource::Ready;
                }
                ItemSource::List(list) => {
                    let Some(SettledList { content, needs }) = list.settle(worker)? else { return Ok(false) };
                    item.record.entry.content = content;
                    item.record.needs = needs;
                    item.source = ItemSource::Ready;
                }
            }
        }
    }

    fn take_outcome(
        &mut self,
        outcome: Outcome,
        path: Vec<u8>,
        now_ns: i64,
        record: &mut CatalogEntry,
    ) -> ItemSource {
        let mut stored = match outcome {
            Outcome::Lost(problem) => {
                self.lost_files += 1;
                self.troubles.push(Trouble { path, problem, is_stored: false });
                return ItemSource::Lost;
            }
            Outcome::LeftOut => return ItemSource::Lost,
            Outcome::Stored(stored) => stored,
        };
        if let Some(problem) = stored.problem {
            self.troubles.push(Trouble { path: path.clone(), problem, is_stored: true });
        }
        if stored.attributes.problem.is_some() {
            self.troubles.push(Trouble { path, problem: Problem::MetadataUnreadable, is_stored: true });
        }
        self.databases = self.databases.max(stored.taken);
        record.print = stored.print;
        let entry = &mut record.entry;
        entry.bytes = stored.bytes;
        entry.cut = stored.cut;
        entry.extents = stored.extents.take();
        entry.consistent_copy = stored.consistent_copy;
        self.consistent_copies += u64::from(stored.consistent_copy);
        entry.xattrs = std::mem::take(&mut stored.attributes.xattrs);
        entry.owner_name = stored.attributes.owner_name.take();
        entry.group_name = stored.attributes.group_name.take();
        if let Some(stat) = &stored.stat {
            entry.modified_ns = stat.modified_ns;
            (entry.mode, entry.owner, entry.group) = (stat.mode, stat.owner, stat.group);
            let trusted = stored.problem.is_none();
            // What is not as long as it says is read each time: looks prove nothing of it.
            let now_ns = if stored.bytes == stat.bytes { now_ns } else { i64::MIN };
            record.fingerprint = trusted.then(|| Fingerprint::of(stat, now_ns));
        }
        match stored.content {
            StoredContent::Empty => ItemSource::Ready,
            StoredContent::Slice { place, offset, bytes } => ItemSource::Slice { place, offset, bytes },
            StoredContent::Chunks(chunks) => ItemSource::Chunks(chunks),
            StoredContent::List(list) => ItemSource::List(list),
        }
    }

    /// Stores a manifest chunk unless it is stored already. Returns its id and where it lies.
    pub fn store_node(&mut self, plain: &[u8], worker: &mut Worker<'_>) -> Result<(ChunkId, Place)> {
        let id = ChunkId::of(&worker.shared.pool.sealing().id_key, plain);
        if let Some(place) = self.nodes.get(&id) {
            return Ok((id, place.clone()));
        }
        if let Some(at) = self.catalog.node(&id)?.filter(|at| !worker.shared.avoided.has(&at.pack)) {
            return Ok((id, Place::Known(at)));
        }
        let recipe = Some(Recipe::Zstd(scelle_format::filter::Filter::None));
        let places = worker.store_frame(Lane::Manifest, plain, &[(id, plain.len() as u32)], recipe)?;
        let place = places.into_iter().next().ok_or_else(|| AgentError::bug("a frame without a place"))?;
        self.nodes.insert(id, place.clone());
        Ok((id, place))
    }

    fn make(&mut self, hunk: PendingHunk, worker: &mut Worker<'_>) -> Result<()> {
        self.catalog.remember_groups(&groups_left(&hunk.items))?;
        let records: Vec<CatalogEntry> = hunk
            .items
            .into_iter()
            .filter(|item| !matches!(item.source, ItemSource::Lost))
            .map(|item| item.record)
            .collect();
        self.make_parts(HunkPlace { ordinal: hunk.ordinal, part: 0 }, records, worker).map(|_| ())
    }

    /// Writes one hunk, or several where it would be larger than readers accept; returns the next free place.
    fn make_parts(
        &mut self,
        at: HunkPlace,
        mut records: Vec<CatalogEntry>,
        worker: &mut Worker<'_>,
    ) -> Result<HunkPlace> {
        let Some(first) = records.first() else { return Ok(at) };
        let first = path::join(&first.directory, &first.entry.name);
        let plain = encode_hunk(records.iter().map(|r| (&*r.directory, &r.entry)));
        if plain.len() > HUNK_MAX_PLAIN_BYTES && records.len() > 1 {
            let rest = records.split_off(records.len() / 2);
            let next = self.make_parts(at, records, worker)?;
            return self.make_parts(next, rest, worker);
        }
        let (id, place) = self.store_node(&plain, worker)?;
        let files = records.iter().filter(|r| r.entry.kind == scelle_format::manifest::EntryKind::File);
        let node = NodeRef {
            first,
            // Replaced once the pack has a name.
            at: place.resolve().unwrap_or(PLACEHOLDER),
            entries: records.len() as u64,
            files: files.clone().count() as u64,
            bytes: files.map(|r| r.entry.bytes).sum(),
        };
        let mut packs = BTreeMap::new();
        records.iter().for_each(|r| packs_of(r, &mut packs));
        let mut rows = Vec::with_capacity(packs.len());
        for (id, kind) in &packs {
            rows.push(self.catalog.pack_row_of(*kind, id)?);
        }
        let row = self.catalog.add_hunk(&id, &rows, &records)?;
        self.made.insert(at, MadeHunk { node, place, packs, row, is_new: true });
        Ok(HunkPlace { part: at.part + 1, ..at })
    }
}

/// Stands where a location is not known yet; never written.
pub const PLACEHOLDER: Location = Location {
    id: ChunkId([0; 32]),
    pack: PackId { epoch: 0, sha256: Sha256([0; 32]) },
    frame_offset: 0,
    frame_bytes: 0,
    offset: 0,
    bytes: 0,
    filter: scelle_format::filter::Filter::None,
};
