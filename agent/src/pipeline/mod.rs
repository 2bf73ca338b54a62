//! One backup run, from the walk to the snapshot's note.
//!
//! [`backup`] is the page to read first. The scan stage and the workers run on threads, store calls on the async runtime;
//! every channel is bounded and every task is joined. Never: commits what the store did not show.

pub mod checkpoint;
pub mod commit;
pub mod database;
pub mod dedup;
mod earlier;
mod failures;
mod hunks;
mod job;
mod late;
mod list;
mod pack_memory;
pub mod packs;
mod pages;
mod part;
mod previous;
mod read;
pub mod recipe;
mod scan;
mod segments;
mod small;
mod solid;
mod tree;
pub mod upload;

use std::collections::{BTreeMap, HashMap};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use parking_lot::Mutex;
use scelle_format::chunker::ContentCutter;
use scelle_format::id::{PackId, PackKind};
use scelle_format::manifest::{NodeRef, Root, SourceRoot, Totals};
use scelle_format::pack::{Location, PackVerifier};
use scelle_format::random::OsRandom;

use self::checkpoint::{CheckpointEvery, Checkpoints};
use self::commit::{Committed, RefsDraft, SnapshotFacts};
use self::database::side::Beside;
use self::database::verdict::Taken;
use self::dedup::{KnownChunks, RunChunks};
use self::hunks::{MadeHunk, Trouble};
use self::packs::{Lane, PackPool, Place, Sealing, VerifiedPack};
use self::part::PartQueue;
use self::read::{Shared, Worker};
use self::scan::{Scan, Work};
use crate::catalog::{Catalog, Journal, JournaledPack, Lists, SetRow};
use crate::clock::Clock;
use crate::error::{AgentError, Result};
use crate::monitor::{Monitor, Phase};
use crate::repo::append::{LedgerWriter, now};
use crate::repo::objects::Objects;
use crate::repo::state::{Device, State};
use crate::scan::{EntryPath, Filter, Walker};
use crate::shutdown::Shutdown;

pub use self::scan::Changes;

/// What one run is to save.
pub struct Plan {
    /// Which set of roots: runs are compared within it.
    pub set: String,
    /// Roots as given.
    pub roots: Vec<PathBuf>,
    /// What to leave out.
    pub filter: Filter,
    /// Threads that read, compress and seal.
    pub workers: usize,
    /// When partial notes are due.
    pub checkpoints: CheckpointEvery,
}

/// What one run needs from outside.
pub struct Surroundings<'a> {
    /// The store.
    pub objects: Arc<Objects>,
    /// The state folder, locked.
    pub state: &'a State,
    /// This device.
    pub device: &'a Device,
    /// Time.
    pub clock: &'a dyn Clock,
    /// Who watches.
    pub monitor: Arc<dyn Monitor>,
    /// Whether to stop.
    pub shutdown: &'a Shutdown,
}

/// What became of a run.
pub struct Outcome {
    /// The snapshot.
    pub committed: Committed,
    /// What is in it.
    pub totals: Totals,
    /// What changed.
    pub changes: Changes,
    /// What could not be saved, or only with a reservation.
    pub troubles: Vec<Trouble>,
    /// Bytes read from sources.
    pub read_bytes: u64,
    /// Bytes found again from an interrupted run.
    pub resumed_bytes: u64,
    /// Databases taken through their own interface.
    pub consistent_copies: u64,
    /// The worst of how databases were taken; `None` where there was none to take.
    pub databases: Option<Taken>,
}

/// One run: scan, read, seal, send, confirm, index, commit.
pub async fn backup(plan: Plan, around: &Surroundings<'_>, ledger: &mut LedgerWriter<'_>) -> Result<Outcome> {
    let (state, device, monitor) = (around.state, around.device, &around.monitor);
    let began = now(around.clock);
    let mut catalog = Catalog::open(&state.folder().join("catalog.sqlite"), &device.secret.catalog_key())?;
    let journal = Arc::new(Mutex::new(Journal::open(&state.folder().join("journal.sqlite"))?));
    catalog.remove_orphans()?;
    let lists = state.folder().join("lists.sqlite");
    let lists = Lists::open(&lists, device.secret.chunk_id_key(), catalog.manifest_packs()?)?;
    let resumed = upload::resume(&around.objects, &journal).await?;

    monitor.start(Phase::Backup, None, None);
    let (sealed, packs) = tokio::sync::mpsc::channel(1);
    let sent_bytes = Arc::new(AtomicU64::new(0));
    let uploading = upload::upload(
        around.objects.clone(),
        journal.clone(),
        packs,
        monitor.clone(),
        sent_bytes.clone(),
        around.shutdown.clone(),
    );
    let uploading = tokio::spawn(uploading);
    let segments = ledger.head().segments.iter().map(|(sha256, _)| sha256.clone()).collect();
    let objects = &*around.objects;
    let mut checkpoints =
        Checkpoints::new(plan.checkpoints, objects, device, &plan.set, around.clock, &journal, ledger);
    let mut checkpoint = || checkpoints.look(sent_bytes.load(Ordering::Relaxed));
    let made = tokio::task::block_in_place(|| {
        make(&plan, around, segments, (&catalog, &lists), (&journal, &resumed), sealed, &mut checkpoint)
    });
    let uploaded = uploading.await.map_err(AgentError::bug)?;
    // Where both ended badly, the upload's reason is the cause.
    let (uploaded, made) = match (uploaded, made) {
        (Err(error), _) => return Err(error),
        (Ok(uploaded), made) => (uploaded, made?),
    };

    monitor.start(Phase::Commit, None, None);
    let resumed_bytes = resumed.iter().map(|pack| pack.object_bytes).sum();
    let confirmed = commit::confirm(objects, uploaded, &resumed).await?;
    let root = Root {
        repository: device.repository.clone(),
        device: device.id.clone(),
        snapshot: ledger.head().snapshot + 1,
        set: plan.set.clone(),
        time: began.to_string(),
        os: if cfg!(windows) { "windows".into() } else { "unix".into() },
        roots: made.roots,
        generation: device.secret.generation(),
        dedup_secret: *device.secret.expose(),
        older_secrets: Vec::new(),
        level2: made.level2.clone(),
        totals: made.totals,
        problems: problems_of(&made.troubles),
    };
    let facts = SnapshotFacts { root, needs: made.needs, known_sizes: made.known_sizes };
    let draft = RefsDraft::new(state, ledger, commit::needed_packs(&confirmed, &facts)?);
    let (for_root, for_index) = (&mut OsRandom, &mut OsRandom);
    let (prepared, indexed) = tokio::try_join!(
        commit::prepare(objects, device, &facts.root, draft, for_root),
        segments::index(objects, state, device, ledger, confirmed, made.fresh, &facts.needs, for_index),
    )?;
    let committed = commit::snapshot(objects, state, device, ledger, indexed, prepared, facts).await?;
    let gone = commit::remember(
        &mut catalog,
        &journal,
        &plan.set,
        &committed,
        &made.hunks,
        &made.nodes,
        made.level2,
    )?;
    lists.settle(&made.list_nodes, &gone)?;
    Ok(Outcome {
        committed,
        totals: made.totals,
        changes: made.changes,
        troubles: made.troubles,
        read_bytes: made.read_bytes,
        resumed_bytes,
        consistent_copies: made.consistent_copies,
        databases: made.databases,
    })
}

/// Rounds of closing packs until every entry has a place: one for each level of chunk lists, and room.
const SETTLE_ROUNDS: u32 = 12;

/// Everything the threads have made: the tree is whole, all packs are sealed and handed to the upload stage.
struct Made {
    hunks: Vec<MadeHunk>,
    level2: Vec<NodeRef>,
    needs: BTreeMap<PackId, PackKind>,
    known_sizes: HashMap<PackId, u64>,
    fresh: RunChunks,
    nodes: Vec<Location>,
    list_nodes: Vec<Location>,
    roots: Vec<SourceRoot>,
    totals: Totals,
    changes: Changes,
    troubles: Vec<Trouble>,
    read_bytes: u64,
    consistent_copies: u64,
    databases: Option<Taken>,
}

fn make(
    plan: &Plan,
    around: &Surroundings<'_>,
    segments: Vec<String>,
    (catalog, lists): (&Catalog, &Lists),
    (journal, resumed): (&Mutex<Journal>, &[JournaledPack]),
    sealed: tokio::sync::mpsc::Sender<VerifiedPack>,
    checkpoint: &mut dyn FnMut() -> Result<()>,
) -> Result<Made> {
    let device = around.device;
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
        known: KnownChunks::new(around.state.folder().to_owned(), segments),
        cutter: ContentCutter::new(device.secret.gear_table()),
        parts: PartQueue::default(),
        lists,
        list_nodes: Mutex::default(),
        monitor: &*around.monitor,
        shutdown: around.shutdown,
        beside: Beside::default(),
        folder: around.state.folder(),
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
    let mut scan = Scan::new(catalog, set.as_ref(), jobs, keys, around.clock, &*around.monitor)?;
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
    let scanned = std::thread::scope(|scope| {
        for _ in 0..plan.workers {
            let (work, shared, failure) = (work.clone(), &shared, &failure);
            scope.spawn(move || {
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
    finish(scan, &shared, &mut own, set, roots)
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
    let (totals, changes) = scan.counted();
    let mut known_sizes: HashMap<PackId, u64> = scan.known_packs().map(|(_, id, n)| (id, n)).collect();
    let tree = tree::build(&mut scan, set, worker)?;
    shared.pool.flush(Lane::Manifest, &mut PackVerifier::default())?;
    let tree = tree.resolve()?;
    let nodes = scan.hunks.new_nodes();
    let (consistent_copies, databases) = (scan.hunks.consistent_copies, scan.hunks.databases);
    let troubles = std::mem::take(&mut scan.hunks.troubles);
    known_sizes.extend(shared.known.pack_sizes());
    let lost = troubles.iter().filter(|t| !t.is_stored).count() as u64;
    let totals =
        Totals { problems: troubles.len() as u64, files: totals.files.saturating_sub(lost), ..totals };
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
    })
}

fn problems_of(troubles: &[Trouble]) -> Vec<scelle_format::manifest::Problem> {
    let problem = |trouble: &Trouble| scelle_format::manifest::Problem {
        path: trouble.path.clone(),
        code: trouble.problem.code().to_owned(),
    };
    // A root has room for many, not for all of a disk that fails.
    troubles.iter().take(10_000).map(problem).collect()
}

fn source_roots(walker: &Walker) -> Vec<SourceRoot> {
    let found = walker.roots().iter().enumerate().filter_map(|(i, root)| {
        let path = root.path.as_ref().map(EntryPath::as_bytes)?;
        Some(SourceRoot { path: path.to_vec(), label: format!("racine {}", i + 1) })
    });
    found.collect()
}

/// Jobs that wait for each worker, without content: enough to keep it busy while hunks are written.
const JOBS_WAITING: usize = 32;
