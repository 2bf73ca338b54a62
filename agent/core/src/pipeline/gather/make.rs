//! What the threads of a run make: the scan and the workers, until every pack is sealed and the tree is whole.
//!
//! Data comes from the walk and the catalog; packs go to the upload, the tree to the commit. Every channel is
//! bounded and every thread is joined. Never: asks the store.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use parking_lot::Mutex;
use scelle_format::chunker::ContentCutter;
use scelle_format::id::{PackId, PackKind};
use scelle_format::manifest::{NodeRef, SourceRoot, Totals};
use scelle_format::pack::{Location, PackVerifier};
use tokio::sync::mpsc::Sender;

use crate::catalog::{JournaledPack, PrintKey, SetRow};
use crate::clock::nanoseconds;
use crate::error::{AgentError, Result};
use crate::pipeline::chunks::dedup::{KnownChunks, RunChunks};
use crate::pipeline::chunks::packs;
use crate::pipeline::chunks::packs::{Lane, PackPool, Place, Sealing, VerifiedPack};
use crate::pipeline::database::side::Beside;
use crate::pipeline::gather::found::source_roots;
use crate::pipeline::gather::gathered::Gathered;
use crate::pipeline::gather::hunks::MadeHunk;
use crate::pipeline::gather::plan::RunPlan;
use crate::pipeline::gather::scan::{Scan, ScanKeys};
use crate::pipeline::gather::tree;
use crate::pipeline::gather::tree::Resolved;
use crate::pipeline::landing::caches::Caches;
use crate::pipeline::workers::queue::Queue;
use crate::pipeline::workers::regroup::regroup;
use crate::pipeline::workers::worker::{Worker, Workshop};
use crate::repo::damage::Avoided;
use crate::repo::seat::Seat;
use crate::scan::Walker;

/// Rounds of closing packs until every entry has a place: one for each level of chunk lists, and room.
const SETTLE_ROUNDS: u32 = 12;
/// Jobs that wait for each worker, without content: enough to keep it busy while hunks are written.
const JOBS_WAITING: usize = 32;

/// What a run is made from.
pub(in crate::pipeline) struct Making<'a> {
    pub(in crate::pipeline) plan: &'a RunPlan,
    pub(in crate::pipeline) seat: &'a Seat,
    pub(in crate::pipeline) caches: &'a Caches,
    /// Names of the index segments in force.
    pub(in crate::pipeline) segments: Vec<String>,
    /// Packs that nothing is built on.
    pub(in crate::pipeline) avoided: &'a Arc<Avoided>,
    /// Data packs that are damaged and not healed.
    pub(in crate::pipeline) open: BTreeSet<PackId>,
    /// Packs that an interrupted run has sent.
    pub(in crate::pipeline) resumed: &'a [JournaledPack],
}

/// The tree of the snapshot, whole.
pub(in crate::pipeline) struct MadeTree {
    pub(in crate::pipeline) roots: Vec<SourceRoot>,
    pub(in crate::pipeline) level2: Vec<NodeRef>,
    pub(in crate::pipeline) hunks: Vec<MadeHunk>,
}

/// The chunks that the tree stands on.
pub(in crate::pipeline) struct MadeChunks {
    /// Packs that the tree needs.
    pub(in crate::pipeline) needs: BTreeMap<PackId, PackKind>,
    /// Sizes of those that earlier runs have stored.
    pub(in crate::pipeline) known_sizes: HashMap<PackId, u64>,
    /// Chunks that this run has sealed.
    pub(in crate::pipeline) fresh: RunChunks,
}

/// Where what is new lies, for what this computer remembers.
pub(in crate::pipeline) struct NewPlaces {
    /// Nodes of the tree.
    pub(in crate::pipeline) nodes: Vec<Location>,
    /// Nodes of chunk lists.
    pub(in crate::pipeline) list_nodes: Vec<Location>,
    /// Chunks that older snapshots had in damaged packs.
    pub(in crate::pipeline) regrouped: Vec<Location>,
}

/// Everything the threads have made: the tree is whole, all packs are sealed and handed to the upload.
pub(in crate::pipeline) struct Made {
    pub(in crate::pipeline) tree: MadeTree,
    pub(in crate::pipeline) chunks: MadeChunks,
    pub(in crate::pipeline) places: NewPlaces,
    pub(in crate::pipeline) gathered: Gathered,
}

impl Making<'_> {
    /// Walks, reads and seals on threads of its own; returns when the last pack is handed over to `sealed`. `checkpoint` is
    /// asked now and then whether a partial note is due.
    pub(in crate::pipeline) fn run(
        self,
        sealed: Sender<VerifiedPack>,
        checkpoint: &mut dyn FnMut() -> Result<()>,
    ) -> Result<Made> {
        let catalog = &self.caches.catalog;
        let set = catalog.set(&self.plan.set)?;
        let shared = self.shared(sealed);
        let walker = Walker::new(&self.plan.roots, self.plan.filter.clone())?;
        let roots = source_roots(&walker);
        if roots.is_empty() {
            return Err(AgentError::source_missing());
        }
        let mut scan = self.scan(set.as_ref(), &walker, &shared)?;
        self.take_up(&shared, &mut scan)?;
        let mut own = Worker::new(&shared);
        read_all(self.plan.workers, &shared, || scan.run(walker, &mut own, checkpoint))?;
        own.late()?;
        shared.shutdown.check()?;
        let regrouped = regroup(&mut own, catalog, &self.open, &roots)?;
        settle(&mut scan, &mut own)?;
        finish(scan, &mut own, set, roots, &regrouped)
    }

    fn shared(&self, sealed: Sender<VerifiedPack>) -> Workshop<'_> {
        let (device, around, state) = (&self.seat.device, &self.seat.around, &self.seat.state);
        let sealing = Sealing {
            epoch: device.epoch,
            recipient: device.epoch_recipient.clone(),
            generation: device.secret.generation(),
            id_key: device.secret.chunk_id_key(),
            target_bytes: packs::target_bytes(self.plan.workers),
            packs_max: packs::PACKS_MAX,
            chance: around.random(),
        };
        Workshop {
            pool: PackPool::new(sealing, sealed),
            known: KnownChunks::new(state.index(), self.segments.clone(), self.avoided.clone()),
            cutter: ContentCutter::new(device.secret.gear_table()),
            print_key: PrintKey::of(&device.secret.catalog_key()),
            queue: Queue::new(self.plan.workers * JOBS_WAITING),
            avoided: self.avoided.clone(),
            lists: &self.caches.lists,
            list_nodes: Mutex::default(),
            monitor: &*around.monitor,
            shutdown: &around.shutdown,
            beside: Beside::new(nanoseconds(&*around.clock)),
            state,
            read_bytes: AtomicU64::new(0),
        }
    }

    fn scan<'s>(
        &'s self,
        set: Option<&SetRow>,
        walker: &Walker,
        shared: &'s Workshop<'s>,
    ) -> Result<Scan<'s>> {
        let secret = &self.seat.device.secret;
        let keys = ScanKeys { boundary: secret.boundary_key(), token: secret.token_key() };
        Scan::new(shared, &self.caches.catalog, set, walker, keys, &*self.seat.around.clock)
    }

    /// Knows what an interrupted run has sent.
    fn take_up(&self, shared: &Workshop<'_>, scan: &mut Scan<'_>) -> Result<()> {
        for pack in self.resumed {
            let locations = self.caches.journal.lock().locations(pack)?;
            if pack.kind == PackKind::Manifest {
                let nodes = locations.iter().map(|at| (at.id, Place::Known(*at)));
                shared.list_nodes.lock().extend(nodes);
                scan.hunks.know(locations);
            } else {
                locations.iter().for_each(|at| shared.known.remember(at.id, Place::Known(*at)));
                shared.known.spill()?;
            }
        }
        Ok(())
    }
}

/// Runs `scan` beside so many workers, until nothing is left to do. The first worker that fails says why.
fn read_all(workers: usize, shared: &Workshop<'_>, scan: impl FnOnce() -> Result<()>) -> Result<()> {
    let failure: Mutex<Option<AgentError>> = Mutex::new(None);
    let span = tracing::Span::current();
    let scanned = std::thread::scope(|scope| {
        for _ in 0..workers {
            scope.spawn(|| {
                let _inside = span.enter();
                if let Err(error) = Worker::new(shared).labour() {
                    failure.lock().get_or_insert(error);
                    // The scan notices, and so do the others.
                    shared.queue.stop();
                }
            });
        }
        let _closing = shared.queue.closing();
        scan()
    });
    failure.into_inner().map_or(scanned, Err)
}

/// Closes packs until every entry has a place.
fn settle(scan: &mut Scan<'_>, worker: &mut Worker<'_>) -> Result<()> {
    worker.flush_data_packs()?;
    let mut rounds = 0;
    while !scan.hunks.is_settled() {
        rounds += 1;
        if rounds > SETTLE_ROUNDS {
            return Err(AgentError::bug("entries that never get a place"));
        }
        scan.hunks.settle(worker)?;
        worker.shared.pool.flush(Lane::Manifest, &mut worker.verifier)?;
    }
    worker.shared.pool.flush(Lane::Manifest, &mut worker.verifier)
}

/// Hangs the tree together and closes the last packs.
fn finish(
    mut scan: Scan<'_>,
    worker: &mut Worker<'_>,
    set: Option<SetRow>,
    roots: Vec<SourceRoot>,
    regrouped: &[Place],
) -> Result<Made> {
    let shared = worker.shared;
    let (counted, sources, root_files) = (scan.counted(), scan.sources(), scan.root_files());
    let mut known_sizes: HashMap<PackId, u64> = scan.known_packs().map(|(_, id, n)| (id, n)).collect();
    let tree = tree::build(&mut scan, set, worker)?;
    shared.pool.flush(Lane::Manifest, &mut PackVerifier::default())?;
    let Resolved { hunks, level2, needs } = tree.resolve()?;
    known_sizes.extend(shared.known.pack_sizes());
    let troubles = std::mem::take(&mut scan.hunks.troubles);
    let (totals, changes) = counted;
    let totals = Totals {
        problems: troubles.len() as u64,
        // A folder that could not be opened is no file: only what was counted is taken off.
        files: totals.files.saturating_sub(scan.hunks.lost_files),
        bytes: totals.bytes.saturating_add_signed(scan.hunks.bytes_beyond),
        ..totals
    };
    Ok(Made {
        tree: MadeTree { roots, level2, hunks },
        chunks: MadeChunks { needs, known_sizes, fresh: shared.known.take_run() },
        places: NewPlaces {
            nodes: scan.hunks.new_nodes(),
            list_nodes: shared.list_nodes.lock().values().filter_map(Place::resolve).collect(),
            regrouped: regrouped.iter().filter_map(Place::resolve).collect(),
        },
        gathered: Gathered {
            totals,
            side_files: scan.hunks.late.side_files,
            changes,
            troubles,
            read_bytes: shared.read_bytes.load(Ordering::Relaxed),
            consistent_copies: scan.hunks.consistent_copies,
            databases: scan.hunks.databases,
            sources,
            root_files,
            unread: scan.unread(),
        },
    })
}
