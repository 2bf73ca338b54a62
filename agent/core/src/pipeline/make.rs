//! What the threads of a run make: the scan stage and the workers, until every pack is sealed and the tree is whole.
//!
//! Data comes from the walk and the catalog; packs go to the upload stage, the tree to the commit stage. Every channel is
//! bounded and every thread is joined. Never: asks the store.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use parking_lot::Mutex;
use scelle_format::chunker::ContentCutter;
use scelle_format::id::{PackId, PackKind};
use scelle_format::manifest::{NodeRef, SourceRoot, Totals};
use scelle_format::pack::{Location, PackVerifier};

use super::changes::Changes;
use super::database::side::Beside;
use super::database::verdict::Taken;
use super::dedup::{KnownChunks, RunChunks};
use super::found::{Sources, source_roots};
use super::hunks::{MadeHunk, Trouble};
use super::packs::{Lane, PackPool, Place, Sealing, VerifiedPack};
use super::parts::PartQueue;
use super::plan::Plan;
use super::regroup::regroup;
use super::scan::{Scan, Work};
use super::worker::{Shared, Worker};
use super::{packs, tree};
use crate::catalog::{Catalog, Journal, JournaledPack, Lists, SetRow};
use crate::clock::nanoseconds;
use crate::error::{AgentError, Result};
use crate::repo::damage::Avoided;
use crate::repo::seat::Seat;
use crate::scan::Walker;

/// Rounds of closing packs until every entry has a place: one for each level of chunk lists, and room.
const SETTLE_ROUNDS: u32 = 12;

/// Everything the threads have made: the tree is whole, all packs are sealed and handed to the upload stage.
pub(super) struct Made {
    pub(super) hunks: Vec<MadeHunk>,
    pub(super) level2: Vec<NodeRef>,
    pub(super) needs: BTreeMap<PackId, PackKind>,
    pub(super) known_sizes: HashMap<PackId, u64>,
    pub(super) fresh: RunChunks,
    pub(super) nodes: Vec<Location>,
    pub(super) list_nodes: Vec<Location>,
    pub(super) roots: Vec<SourceRoot>,
    pub(super) totals: Totals,
    pub(super) changes: Changes,
    pub(super) troubles: Vec<Trouble>,
    pub(super) read_bytes: u64,
    pub(super) consistent_copies: u64,
    pub(super) databases: Option<Taken>,
    pub(super) sources: Sources,
    pub(super) regrouped: Vec<Location>,
}

/// Walks, reads and seals on threads of its own; returns when the last pack is handed over.
pub(super) fn make(
    plan: &Plan,
    seat: &Seat,
    segments: Vec<String>,
    (avoided, open): (&Arc<Avoided>, &BTreeSet<(PackKind, PackId)>),
    (catalog, lists): (&Catalog, &Lists),
    (journal, resumed): (&Mutex<Journal>, &[JournaledPack]),
    sealed: tokio::sync::mpsc::Sender<VerifiedPack>,
    checkpoint: &mut dyn FnMut() -> Result<()>,
) -> Result<Made> {
    let (device, around) = (&seat.device, &seat.around);
    let set = catalog.set(&plan.set)?;
    let sealing = Sealing {
        epoch: device.epoch,
        recipient: device.epoch_recipient.clone(),
        generation: device.secret.generation(),
        id_key: device.secret.chunk_id_key(),
        target_bytes: packs::target_bytes(plan.workers),
        packs_max: packs::PACKS_MAX,
    };
    let shared = Shared {
        pool: PackPool::new(sealing, sealed),
        known: KnownChunks::new(seat.state.folder().to_owned(), segments, avoided.clone()),
        cutter: ContentCutter::new(device.secret.gear_table()),
        parts: PartQueue::default(),
        avoided: avoided.clone(),
        lists,
        list_nodes: Mutex::default(),
        monitor: &*around.monitor,
        shutdown: &around.shutdown,
        beside: Beside::new(nanoseconds(&*around.clock)),
        folder: seat.state.folder(),
        read_bytes: AtomicU64::new(0),
        failed: AtomicBool::new(false),
    };
    let walker = Walker::new(&plan.roots, plan.filter.clone())?;
    let roots = source_roots(&walker);
    if roots.is_empty() {
        return Err(AgentError::source_missing());
    }
    let (jobs, work) = crossbeam_channel::bounded(plan.workers * JOBS_WAITING);
    let keys = (device.secret.boundary_key(), device.secret.token_key());
    let mut scan = Scan::new(
        catalog,
        set.as_ref(),
        &walker,
        jobs,
        keys,
        &*around.clock,
        &*around.monitor,
        avoided.clone(),
    )?;
    for pack in resumed {
        let locations = journal.lock().locations(pack)?;
        if pack.kind == PackKind::Manifest {
            let nodes = locations.iter().map(|at| (at.id, Place::Known(*at)));
            shared.list_nodes.lock().extend(nodes);
            scan.hunks.know(locations);
        } else {
            locations.iter().for_each(|at| shared.known.remember(at.id, Place::Known(*at)));
            shared.known.spill()?;
        }
    }
    let failure: Mutex<Option<AgentError>> = Mutex::new(None);
    let mut own = Worker::new(&shared);
    let span = tracing::Span::current();
    let scanned = std::thread::scope(|scope| {
        for _ in 0..plan.workers {
            let (work, shared, failure, span) = (work.clone(), &shared, &failure, &span);
            scope.spawn(move || {
                let _inside = span.enter();
                if let Err(error) = labour(&work, shared) {
                    failure.lock().get_or_insert(error);
                    // Nobody takes jobs any more: the scan stage notices when its channel closes.
                    shared.shutdown_workers();
                }
            });
        }
        drop(work);
        let scanned = scan.run(walker, &mut own, checkpoint);
        scan.close();
        scanned
    });
    if let Some(error) = failure.lock().take() {
        return Err(error);
    }
    scanned?;
    own.late()?;
    shared.shutdown.check()?;
    let open = open.iter().filter(|(kind, _)| *kind == PackKind::Data).map(|(_, pack)| *pack).collect();
    let regrouped = regroup(&mut own, catalog, &open, &roots)?;
    finish(scan, &shared, &mut own, set, roots, &regrouped)
}

/// One worker's life: parts of large files first, then whatever comes.
fn labour(work: &crossbeam_channel::Receiver<Work>, shared: &Shared<'_>) -> Result<()> {
    let mut worker = Worker::new(shared);
    loop {
        let working = shared.parts.working();
        while let Some((work, part, ranges)) = shared.parts.pop() {
            worker.part(&work, part, &ranges)?;
        }
        shared.check_workers()?;
        drop(working);
        let next = work.recv_timeout(std::time::Duration::from_millis(5));
        let _working = shared.parts.working();
        match next {
            Ok(Work::Small(jobs)) => worker.small_files(&jobs)?,
            Ok(Work::Large(job)) => worker.large_file(&job)?,
            Err(crossbeam_channel::RecvTimeoutError::Timeout) => {}
            Err(crossbeam_channel::RecvTimeoutError::Disconnected) => {
                drop(_working);
                if shared.parts.is_done() {
                    // No frame comes any more: each worker seals a pack of those that are open.
                    return worker.flush_data_packs();
                }
                std::thread::sleep(std::time::Duration::from_millis(1));
            }
        }
    }
}

/// Closes all packs and hangs the tree together.
fn finish(
    mut scan: Scan<'_>,
    shared: &Shared<'_>,
    worker: &mut Worker<'_>,
    set: Option<SetRow>,
    roots: Vec<SourceRoot>,
    regrouped: &[Place],
) -> Result<Made> {
    worker.flush_data_packs()?;
    let mut rounds = 0;
    while !scan.hunks.is_settled() {
        rounds += 1;
        if rounds > SETTLE_ROUNDS {
            return Err(AgentError::bug("entries that never get a place"));
        }
        scan.hunks.settle(worker)?;
        shared.pool.flush(Lane::Manifest, &mut worker.verifier)?;
    }
    shared.pool.flush(Lane::Manifest, &mut worker.verifier)?;
    let ((totals, changes), sources) = (scan.counted(), scan.sources());
    let mut known_sizes: HashMap<PackId, u64> = scan.known_packs().map(|(_, id, n)| (id, n)).collect();
    let tree = tree::build(&mut scan, set, worker)?;
    shared.pool.flush(Lane::Manifest, &mut PackVerifier::default())?;
    let tree = tree.resolve()?;
    let nodes = scan.hunks.new_nodes();
    let (consistent_copies, databases) = (scan.hunks.consistent_copies, scan.hunks.databases);
    let troubles = std::mem::take(&mut scan.hunks.troubles);
    known_sizes.extend(shared.known.pack_sizes());
    let bytes = totals.bytes.saturating_add_signed(scan.hunks.bytes_beyond);
    // A folder that could not be opened is no file: only what was counted is taken off.
    let files = totals.files.saturating_sub(scan.hunks.lost_files);
    let totals = Totals { problems: troubles.len() as u64, files, bytes, ..totals };
    let of_this_run = shared.list_nodes.lock();
    let list_nodes = of_this_run.values().filter_map(Place::resolve).collect();
    drop(of_this_run);
    Ok(Made {
        hunks: tree.hunks,
        level2: tree.level2,
        needs: tree.needs,
        known_sizes,
        fresh: shared.known.take_run(),
        nodes,
        list_nodes,
        roots,
        totals,
        changes,
        troubles,
        read_bytes: shared.read_bytes.load(Ordering::Relaxed),
        consistent_copies,
        databases,
        sources,
        regrouped: regrouped.iter().filter_map(Place::resolve).collect(),
    })
}

/// Jobs that wait for each worker, without content: enough to keep it busy while hunks are written.
const JOBS_WAITING: usize = 32;
