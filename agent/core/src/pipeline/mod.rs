//! One backup run, from the walk to the snapshot's note.
//!
//! [`backup`] is the page to read first. The scan stage and the workers run on threads, store calls on the async runtime;
//! every channel is bounded and every task is joined. Never: commits what the store did not show.

mod changes;
pub mod checkpoint;
pub mod commit;
pub mod database;
pub mod dedup;
mod earlier;
mod found;
mod heal;
mod hunks;
mod item;
mod job;
mod late;
mod list;
mod make;
mod pack_memory;
pub mod packs;
mod pages;
mod part;
mod parts;
mod plan;
mod presence;
mod previous;
mod read;
pub mod recipe;
mod regroup;
mod scan;
mod segments;
mod shown;
mod small;
mod solid;
mod stages;
mod tree;
pub mod upload;
mod worker;

use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use parking_lot::Mutex;
use scelle_format::manifest::{Root, Totals};
use scelle_format::random::OsRandom;
use scelle_format::timestamp::Timestamp;
use tracing::Instrument as _;

use self::checkpoint::Checkpoints;
use self::commit::{Committed, RefsDraft, SnapshotFacts};
use self::database::verdict::Taken;
use self::found::{Sources, problems_of};
use self::hunks::Trouble;
use self::make::{Made, make};
use self::stages::Uploaded;
use crate::catalog::{Catalog, Journal, JournaledPack, Lists};
use crate::clock::now;
use crate::error::{AgentError, Result};
use crate::monitor::Phase;
use crate::repo::append::LedgerWriter;
use crate::repo::damage::{Avoided, Damage};
use crate::repo::files;
use crate::repo::known::Shown;
use crate::repo::seat::Seat;
use crate::verify::listing::Listing;

pub use self::changes::Changes;
pub use self::found::Sources as SourcesFound;
pub use self::plan::Plan;

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
    /// The store's listing against the packs of the snapshot, before its note.
    pub listing: Listing,
    /// All packs that the store listed, with their sizes.
    pub shown: Shown,
    /// Damaged packs whose content is whole again in others.
    pub healed_packs: u64,
    /// Small objects that were gone from the store and were stored again, or replaced.
    pub mended_objects: u64,
    /// What became of the roots.
    pub sources: Sources,
    /// The worst of how databases were taken; `None` where there was none to take.
    pub databases: Option<Taken>,
}

/// How far a run came.
pub enum Attempt {
    /// Its snapshot is in the store.
    Whole(Box<Outcome>),
    /// Packs of earlier snapshots that it builds on are gone: nothing was named, and it is to begin again without them.
    Lacking(Listing),
}

/// One run: scan, read, seal, send, confirm, index, commit.
pub async fn backup(
    plan: &Plan,
    seat: &Seat,
    ledger: &mut LedgerWriter<'_>,
    damage: &mut Damage,
) -> Result<Attempt> {
    let began = now(&*seat.around.clock);
    let avoided = Arc::new(damage.avoided());
    let mut memory = Memory::open(seat, &avoided)?;
    let resumed = upload::resume(&seat.objects, &memory.journal, &avoided).await?;

    let making = make_and_send(plan, seat, ledger, &memory, &resumed, &avoided, damage);
    let (made, uploaded) = seat.around.stage(Phase::Backup, making).await?;
    if made.sources.is_nothing(&made.totals, &made.troubles) {
        return Err(AgentError::nothing_saved());
    }

    let naming = name_all(plan, seat, ledger, damage, &mut memory, (made, uploaded, &resumed), began);
    seat.around.stage(Phase::Commit, naming).await
}

/// What this computer remembers of earlier runs, and of this one should it be interrupted.
struct Memory {
    catalog: Catalog,
    journal: Arc<Mutex<Journal>>,
    lists: Lists,
}

impl Memory {
    fn open(seat: &Seat, avoided: &Avoided) -> Result<Self> {
        let (folder, secret) = (seat.state.folder(), &seat.device.secret);
        let catalog = Catalog::open(&folder.join(files::CATALOG), &secret.catalog_key())?;
        let journal = Arc::new(Mutex::new(Journal::open(&folder.join(files::JOURNAL))?));
        catalog.remove_orphans()?;
        let live = live_manifest_packs(&catalog, avoided)?;
        let lists = Lists::open(&folder.join(files::LISTS), secret.chunk_id_key(), live)?;
        Ok(Self { catalog, journal, lists })
    }
}

/// Threads walk, read and seal while packs are sent; now and then a partial note names those that are there.
async fn make_and_send(
    plan: &Plan,
    seat: &Seat,
    ledger: &mut LedgerWriter<'_>,
    memory: &Memory,
    resumed: &[JournaledPack],
    avoided: &Arc<Avoided>,
    damage: &Damage,
) -> Result<(Made, Uploaded)> {
    let (around, journal) = (&seat.around, &memory.journal);
    let (sealed, packs) = tokio::sync::mpsc::channel(1);
    let sent_bytes = Arc::new(AtomicU64::new(0));
    let uploading = upload::upload(
        seat.objects.clone(),
        journal.clone(),
        packs,
        around.monitor.clone(),
        sent_bytes.clone(),
        around.shutdown.clone(),
    );
    let uploading = tokio::spawn(uploading.in_current_span());
    let segments = ledger.head().segments.iter().map(|(sha256, _)| sha256.clone()).collect();
    let (every, device, clock) = (plan.checkpoints, &seat.device, &*around.clock);
    let mut checkpoints = Checkpoints::new(every, &seat.objects, device, &plan.set, clock, journal, ledger);
    let mut checkpoint = || checkpoints.look(sent_bytes.load(Ordering::Relaxed));
    let known = (&memory.catalog, &memory.lists);
    let damaged = (avoided, &damage.open_packs());
    let made = tokio::task::block_in_place(|| {
        make(plan, seat, segments, damaged, known, (journal, resumed), sealed, &mut checkpoint)
    });
    // Where both ended badly, the upload's reason is the cause.
    let uploaded = uploading.await.map_err(AgentError::bug)??;
    Ok((made?, uploaded))
}

/// Confirms what is stored, and names it in index, root, refs and note, in this order; then remembers it here, and writes
/// the heal notes of packs whose content is whole again.
async fn name_all(
    plan: &Plan,
    seat: &Seat,
    ledger: &mut LedgerWriter<'_>,
    damage: &mut Damage,
    memory: &mut Memory,
    (made, uploaded, resumed): (Made, Uploaded, &[JournaledPack]),
    began: Timestamp,
) -> Result<Attempt> {
    let (objects, state, device) = (&*seat.objects, &seat.state, &seat.device);
    let resumed_bytes = resumed.iter().map(|pack| pack.object_bytes).sum();
    let confirmed = commit::confirm(objects, uploaded, resumed).await?;
    let root = root_of(plan, seat, ledger.head().snapshot + 1, began, &made);
    let facts = SnapshotFacts { root, needs: made.needs, known_sizes: made.known_sizes };
    let needed = commit::needed_packs(&confirmed, &facts)?;
    let random = &mut OsRandom;
    let ((listing, listed), mended_objects) = tokio::try_join!(
        presence::packs(objects, &needed),
        presence::small_objects(objects, state, device, ledger, damage, random),
    )?;
    if !listing.is_sound() {
        return Ok(Attempt::Lacking(listing));
    }
    let draft = RefsDraft::new(state, ledger, needed);
    let (for_root, for_index) = (&mut OsRandom, &mut OsRandom);
    let (needs, fresh) = (&facts.needs, made.fresh);
    let (prepared, indexed) = tokio::try_join!(
        commit::prepare(objects, device, &facts.root, draft, for_root),
        segments::index(objects, state, device, ledger, confirmed, fresh, needs, damage, for_index),
    )?;
    let committed =
        commit::snapshot(objects, state, device, ledger, indexed, prepared, facts, damage).await?;
    let Memory { catalog, journal, lists } = memory;
    let (hunks, nodes) = (&made.hunks, &made.nodes);
    let gone = commit::remember(catalog, journal, &plan.set, &committed, hunks, nodes, made.level2)?;
    lists.settle(&made.list_nodes, &gone)?;
    // The snapshot stands: what could not be said of older ones stays known as damaged, and is tried again next time.
    let regrouped = made.regrouped;
    let healed =
        heal::heal(state, (catalog, lists), regrouped, ledger, damage, &committed.packs, &listed).await;
    damage.note_tried();
    // Not to have it kept makes `check` promise less surely, no more.
    let _ = damage.save(state);
    Ok(Attempt::Whole(Box::new(Outcome {
        committed,
        totals: made.totals,
        changes: made.changes,
        troubles: made.troubles,
        read_bytes: made.read_bytes,
        resumed_bytes,
        consistent_copies: made.consistent_copies,
        listing,
        shown: listed,
        healed_packs: healed.unwrap_or(0),
        mended_objects,
        sources: made.sources,
        databases: made.databases,
    })))
}

/// The root of the snapshot's tree.
fn root_of(plan: &Plan, seat: &Seat, snapshot: u64, began: Timestamp, made: &Made) -> Root {
    let device = &seat.device;
    Root {
        repository: device.repository.clone(),
        device: device.id.clone(),
        snapshot,
        set: plan.set.clone(),
        time: began.to_string(),
        os: if cfg!(windows) { "windows".into() } else { "unix".into() },
        roots: made.roots.clone(),
        generation: device.secret.generation(),
        dedup_secret: *device.secret.expose(),
        older_secrets: Vec::new(),
        level2: made.level2.clone(),
        totals: made.totals,
        problems: problems_of(&made.troubles),
    }
}

/// Manifest packs that nodes may be taken from.
fn live_manifest_packs(catalog: &Catalog, avoided: &Avoided) -> Result<HashSet<[u8; 32]>> {
    let mut live = catalog.manifest_packs()?;
    avoided.iter().for_each(|pack| {
        live.remove(&pack.sha256.0);
    });
    Ok(live)
}
