//! One backup from the outside: lock, ledger, pipeline, the check at the end, and the bilan.
//!
//! Called by the command line (and later by the service). Data comes from a [`Request`]; the summary goes to whoever
//! asked. Never: prints, or ends without a bilan when the ledger can be reached.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use scelle_format::descriptor::Pin;
use scelle_format::layout;
use scelle_format::note::VerifyingKey;

use crate::bilan::run::load_probe;
use crate::bilan::{self, Declared, EndCheck, Memory, Proofs, RunEnd, RunReport, Written};
use crate::clock::Clock;
use crate::connect::Connected;
use crate::error::{AgentError, ExitCode, Result};
use crate::monitor::{Monitor, Notice, Phase};
use crate::pipeline::checkpoint::CheckpointEvery;
use crate::pipeline::{self, Attempt, Outcome, Plan, Surroundings};
use crate::repo::append::{LedgerWriter, Start, now};
use crate::repo::damage::Damage;
use crate::repo::descriptors::Descriptors;
use crate::repo::finding::FindingKind;
use crate::repo::history::{History, StoredNotes};
use crate::repo::keyring::KeyFiles;
use crate::repo::objects::Objects;
use crate::repo::rebuild;
use crate::repo::state::{Device, State};
use crate::scan::Filter;
use crate::shutdown::Shutdown;
use crate::verify::listing::Listing;

/// A clock this far off is said aloud.
const CLOCK_OFF_MS: i64 = 60_000;

/// More workers than this would not keep to 256 MiB, and no practice has a disk that feeds them.
const WORKERS_MAX: usize = 16;

/// Copies of the wrapped keys in the state folder.
pub const KEY_COPIES_FILE: &str = "keys-copy.json";

/// What is asked for.
pub struct Request {
    /// Roots as given.
    pub roots: Vec<PathBuf>,
    /// Globs to leave out.
    pub exclude: Vec<String>,
    /// Folders of the backup itself: state and store.
    pub own_folders: Vec<PathBuf>,
    /// Threads; 0 means one per core, at most 16.
    pub threads: usize,
    /// When partial notes are due.
    pub checkpoints: CheckpointEvery,
}

/// Everything known after a run.
pub struct Summary {
    /// What the pipeline says.
    pub outcome: Outcome,
    /// Small objects that were gone from the store and were stored again, or replaced.
    pub mended_objects: u64,
    /// What the start of the ledger showed.
    pub start: Start,
    /// The set of roots.
    pub set: String,
    /// Earlier runs of this set.
    pub earlier_runs: u64,
    /// Whether descriptor and notes of this device read back sound.
    pub ledger_sound: bool,
    /// What proof notes say.
    pub proofs: Proofs,
    /// Fewest copies of a key file: in the store, in refs, in the state folder.
    pub key_copies: u64,
    /// When it began and ended.
    pub began: SystemTime,
    /// How long it took.
    pub duration: Duration,
}

/// What a run stands on.
pub struct Footing<'a> {
    /// The store.
    pub connected: &'a Connected,
    /// State folder, locked.
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

/// Loads and checks the descriptors as this PC must see them: signed by the owner it knows, never older than seen.
pub async fn descriptors(objects: &Objects, state: &State, device: &Device) -> Result<Descriptors> {
    let owner = VerifyingKey::parse(&device.owner).map_err(AgentError::local_state)?;
    let pin = Pin { owner_key: *owner.public_key(), recovery_sha256: None };
    let mut descriptors = Descriptors::load(objects, Some(&pin)).await?;
    // A state that lost its head has seen nothing.
    if let Ok(seen) = state.head().and_then(|head| head.descriptor_seen()) {
        descriptors.compare_with_seen(seen);
    }
    Ok(descriptors)
}

/// Runs one backup up to the check at its end. The caller writes the bilan with the same pen.
pub async fn run(
    footing: &Footing<'_>,
    ledger: &mut LedgerWriter<'_>,
    descriptors: &Descriptors,
    objects: &Arc<Objects>,
    request: Request,
) -> Result<Summary> {
    let (state, device, monitor) = (footing.state, footing.device, &footing.monitor);
    let began = footing.clock.now();
    if let Some(offset_ms) = footing.connected.clock_offset_ms.filter(|ms| ms.abs() >= CLOCK_OFF_MS) {
        monitor.notice(Notice::ClockOff { seconds: -offset_ms / 1000 });
    }
    monitor.start(Phase::Open, None, None);
    let start = begin(footing, ledger, descriptors, objects).await?;
    let set = set_id(device, &request.roots);
    let earlier_runs = ledger.head().runs.get(&set).copied().unwrap_or(0);
    let filter = Filter::new(&[], &request.exclude, &request.own_folders)?;
    let workers = match request.threads {
        0 => std::thread::available_parallelism().map_or(2, usize::from).min(WORKERS_MAX),
        n => n,
    };
    let checkpoints = request.checkpoints;
    let plan = Plan { set: set.clone(), roots: request.roots, filter, workers, checkpoints };
    let around = Surroundings {
        objects: objects.clone(),
        state,
        device,
        clock: footing.clock,
        monitor: monitor.clone(),
        shutdown: footing.shutdown,
    };
    let outcome = attempts(footing, &plan, &around, ledger, descriptors).await?;
    *ledger.head_mut().runs.entry(set.clone()).or_default() += 1;
    monitor.start(Phase::Verify, None, None);
    let ((ledger_sound, proofs), (key_copies, keys_again)) =
        tokio::try_join!(read_back(footing, descriptors, objects), keep_key_copies(state, objects))?;
    monitor.finish();
    let duration = footing.clock.now().duration_since(began).unwrap_or_default();
    let mended_objects = outcome.mended_objects + keys_again;
    Ok(Summary {
        outcome,
        mended_objects,
        start,
        set,
        earlier_runs,
        ledger_sound,
        proofs,
        key_copies,
        began,
        duration,
    })
}

/// Runs one backup and writes its bilan, whatever became of it.
///
/// Errors: the run's own, after its bilan was written or kept.
pub async fn run_to_bilan(
    footing: &Footing<'_>,
    ledger: &mut LedgerWriter<'_>,
    descriptors: &Descriptors,
    objects: &Arc<Objects>,
    request: Request,
    declared: Declared,
) -> Result<(Summary, Written)> {
    let (state, device) = (footing.state, footing.device);
    let set = set_id(device, &request.roots);
    let exclusions = request.exclude.len() as u64;
    let started = now(footing.clock);
    let result = run(footing, ledger, descriptors, objects, request).await;
    let end = match &result {
        Ok(summary) => RunEnd::Committed(&summary.outcome),
        Err(error) if error.code == ExitCode::Interrupted => return Err(error.clone()),
        Err(error) => RunEnd::Failed(error),
    };
    let mut report = RunReport::new(device, &set, end, started, now(footing.clock));
    report.descriptors = Some(descriptors);
    report.clock_offset_ms = footing.connected.clock_offset_ms;
    report.probe = load_probe(state);
    report.exclusions = exclusions;
    report.declared = declared;
    report.memory = Memory::load(state);
    if let Ok(summary) = &result {
        let listing = &summary.outcome.listing;
        let (missing, wrong_size) = (listing.missing.len() as u64, listing.wrong_size.len() as u64);
        report.start = Some(summary.start);
        report.check = Some(EndCheck {
            listed_packs: listing.needed_packs - missing - wrong_size,
            missing,
            wrong_size,
            notes_sound: summary.ledger_sound,
        });
        report.earlier_runs = summary.earlier_runs;
        let snapshot = summary.outcome.committed.snapshot;
        if snapshot > 1 && (report.memory.lacks(&set) || summary.start.rewound_notes > 0) {
            match recalled(objects, descriptors, device, &set, snapshot).await {
                Ok(known) => drop(report.memory.sets.insert(set.clone(), known)),
                // Not to know is said, and asked again by the next run: it must not look like nothing to know.
                Err(_) => report.is_set_known = false,
            }
        }
        report.key_copies = Some(summary.key_copies);
        report.proofs = summary.proofs;
        report.mended = summary.outcome.healed_packs + summary.mended_objects;
    }
    if let Some(damage) = Damage::load(state) {
        let is_open = |pack: &&(_, _)| !damage.is_accepted(&layout::pack(pack.0, &pack.1));
        report.damaged_packs = damage.open_packs().iter().filter(is_open).count() as u64;
        report.loss = damage.loss();
    }
    let written = bilan::write(ledger, state, &report, &device.secret.token_key()).await?;
    Ok((result?, written))
}

/// What the ledger knows of a set that the state folder does not.
async fn recalled(
    objects: &Objects,
    descriptors: &Descriptors,
    device: &Device,
    set: &str,
    before: u64,
) -> Result<bilan::memory::SetMemory> {
    let history = History::load(objects, descriptors).await?;
    bilan::recall(objects, &history, &device.id, set, before).await
}

/// Compares the ledger with the store's and brings local copies up to date.
async fn begin(
    footing: &Footing<'_>,
    ledger: &mut LedgerWriter<'_>,
    descriptors: &Descriptors,
    objects: &Arc<Objects>,
) -> Result<Start> {
    let (state, device, monitor) = (footing.state, footing.device, &footing.monitor);
    let start = ledger.start(descriptors).await?;
    if start.rewound_notes > 0 {
        monitor.notice(Notice::Rewound { notes: start.rewound_notes });
    }
    if start.forked {
        monitor.notice(Notice::ForkAlarm);
    }
    if start.store_behind {
        monitor.notice(Notice::SnapshotVanished { snapshot: ledger.head().snapshot });
    }
    rebuild::sweep(state, ledger.head());
    let lost_copy =
        ledger.head().segments.iter().any(|(sha256, _)| rebuild::copy_rows(state.folder(), sha256).is_none());
    if ledger.head().is_index_unknown || lost_copy {
        let mut head = ledger.head().clone();
        rebuild::segments(objects, state, device, &mut head, descriptors).await?;
        head.is_index_unknown = false;
        *ledger.head_mut() = head;
        ledger.save_head()?;
        monitor.notice(Notice::CatalogRebuilt);
    }
    Ok(start)
}

/// Reads the newest notes of this device back and checks signatures and chain.
async fn read_back(
    footing: &Footing<'_>,
    descriptors: &Descriptors,
    objects: &Objects,
) -> Result<(bool, Proofs)> {
    let stored = StoredNotes::fetch_newest(objects).await?;
    let history = History::check(objects, stored, descriptors);
    let device = footing.device;
    let sound = history.findings.is_empty() && descriptors.findings.is_empty();
    Ok((sound, Proofs::of(&history, &device.id, device.epoch)))
}

/// Keeps a copy of the wrapped keys beside the state, and counts the copies: store, refs, here (FORMAT.md §9). One that the
/// store lost is put back. Also returns how many were.
async fn keep_key_copies(state: &State, objects: &Objects) -> Result<(u64, u64)> {
    let files = KeyFiles::fetch(objects).await?;
    let mut copies = 1;
    let bytes = state.get(KEY_COPIES_FILE)?.unwrap_or_default();
    let mut kept: BTreeMap<String, String> = serde_json::from_slice(&bytes).unwrap_or_default();
    let mut put_back = 0;
    for (name, copy) in &kept {
        let is_lost = name.starts_with("keys/") && files.iter().all(|(there, _)| there != name.as_str());
        if let Some(bytes) = base64_read(copy).filter(|_| is_lost) {
            objects.put_new(name, bytes).await?;
            put_back += 1;
        }
    }
    for (name, bytes) in files.iter() {
        // What this PC saw first counts: a key file is never written twice under one name.
        kept.entry(name.to_owned()).or_insert_with(|| base64_of(bytes));
    }
    if !kept.is_empty() {
        state.put(KEY_COPIES_FILE, &serde_json::to_vec(&kept).map_err(AgentError::bug)?)?;
        copies += 1;
    }
    // Full refs carry the third: written with the first snapshot, and again at least every 32nd.
    Ok((copies + u64::from(state.head()?.refs.is_some()), put_back))
}

fn base64_read(text: &str) -> Option<Vec<u8>> {
    use base64::Engine as _;
    base64::engine::general_purpose::STANDARD.decode(text).ok()
}

fn base64_of(bytes: &[u8]) -> String {
    use base64::Engine as _;
    base64::engine::general_purpose::STANDARD.encode(bytes)
}

/// Runs the pipeline. Where packs that the snapshot would build on are gone it begins once more without them: their content
/// is read from the source again, and no note ever names what is not there.
///
/// Errors: exit 13 where a second time packs are not shown.
async fn attempts(
    footing: &Footing<'_>,
    plan: &Plan,
    around: &Surroundings<'_>,
    ledger: &mut LedgerWriter<'_>,
    descriptors: &Descriptors,
) -> Result<Outcome> {
    let (state, device) = (footing.state, footing.device);
    let mut damage = Damage::look(&around.objects, state, device, descriptors).await?;
    let lacking = match pipeline::backup(plan, around, ledger, &mut damage).await? {
        Attempt::Whole(outcome) => return Ok(*outcome),
        Attempt::Lacking(listing) => listing,
    };
    let bad = rows_of(&lacking);
    bad.iter().for_each(|(_, name)| footing.monitor.notice(Notice::Damaged { key: name.clone() }));
    damage.record(ledger, state, "backup", bad, Vec::new()).await?;
    match pipeline::backup(plan, around, ledger, &mut damage).await? {
        Attempt::Whole(outcome) => Ok(*outcome),
        Attempt::Lacking(listing) => {
            let first = rows_of(&listing).into_iter().next().map(|(_, name)| name);
            Err(AgentError::not_confirmed().at(first.unwrap_or_default()))
        }
    }
}

/// What a listing lacks, for the ledger.
fn rows_of(listing: &Listing) -> Vec<(String, String)> {
    let row =
        |why: FindingKind| move |(kind, pack): &(_, _)| (why.code().to_owned(), layout::pack(*kind, pack));
    let missing = listing.missing.iter().map(row(FindingKind::PackMissing));
    missing.chain(listing.wrong_size.iter().map(row(FindingKind::PackTruncated))).collect()
}

/// Names a set of roots without saying which: runs are compared within it.
pub fn set_id(device: &Device, roots: &[PathBuf]) -> String {
    let mut names: Vec<Vec<u8>> =
        roots.iter().map(|root| crate::platform::os_to_bytes(root.as_os_str())).collect();
    names.sort();
    names.dedup();
    let hash = blake3::keyed_hash(&device.secret.token_key(), &names.join(&0));
    hex::encode(&hash.as_bytes()[..6])
}
