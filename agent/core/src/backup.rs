//! One backup from the outside: lock, ledger, pipeline, the check at the end, and the bilan.
//!
//! Called by the command line (and later by the service). Data comes from a [`Request`]; the summary goes to whoever
//! asked. Never: prints, or ends without a bilan when the ledger can be reached.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use scelle_format::descriptor::Pin;
use scelle_format::layout;
use scelle_format::note::VerifyingKey;
use scelle_format::report::Trigger;

use crate::bilan::probed::probed;
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
use crate::repo::damaged::DamageCounts;
use crate::repo::descriptors::Descriptors;
use crate::repo::finding::FindingKind;
use crate::repo::history::History;
use crate::repo::objects::Objects;
use crate::repo::rebuild;
use crate::repo::rounds::Rounds;
use crate::repo::state::{Device, State};
use crate::scan::Filter;
use crate::shutdown::Shutdown;
use crate::verify::listing::Listing;

/// A clock this far off is said aloud.
const CLOCK_OFF_MS: i64 = 60_000;

/// More workers than this would not keep to 256 MiB, and no practice has a disk that feeds them.
const WORKERS_MAX: usize = 16;

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
    /// Objects that were gone from the store, or spoilt, and were put back as they were, or replaced.
    pub mended_objects: u64,
    /// Objects that are known to be damaged still.
    pub damaged: DamageCounts,
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
    let rounds = Rounds { objects, state, device };
    let mut damage = Damage::look(objects, state, device, descriptors).await?;
    if damage.is_alarm_unknown() {
        let history = History::load(objects, descriptors).await?;
        damage.recall_altered(bilan::recall::open_alarm(objects, &history, &device.id).await?);
        damage.save(state)?;
    }
    let (outcome, mended_before) =
        attempts(&rounds, footing, &plan, &around, ledger, descriptors, &mut damage).await?;
    *ledger.head_mut().runs.entry(set.clone()).or_default() += 1;
    monitor.start(Phase::Verify, None, None);
    let reread = async || self::descriptors(objects, state, device).await;
    let after = rounds.after(ledger, start, &outcome.shown, descriptors, &mut damage, reread).await?;
    monitor.finish();
    let duration = footing.clock.now().duration_since(began).unwrap_or_default();
    let mended_objects = mended_before + outcome.mended_objects + after.mended;
    let proofs = Proofs::of(&after.history, &device.id, device.epoch);
    let (ledger_sound, key_copies) = (after.ledger_sound, after.key_copies);
    Ok(Summary {
        outcome,
        mended_objects,
        damaged: damage.counted(),
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
    report.probe = match &result {
        Ok(_) => {
            let newest = ledger.head().name.as_deref().and_then(|name| objects.key(name).ok());
            let (bare, ahead_ms) = (&*footing.connected.bare, footing.connected.clock_offset_ms.unwrap_or(0));
            probed(state, bare, newest, footing.clock.now(), ahead_ms).await
        }
        Err(_) => load_probe(state),
    };
    report.exclusions = exclusions;
    if declared.planned {
        report.trigger = Trigger::Scheduled;
    }
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
        report.loss = damage.loss();
        report.damaged = damage.counted();
        report.altered = damage.altered_objects();
        report.damaged_snapshots = damaged_snapshots(&damage, device, ledger);
    }
    let written = bilan::write(ledger, state, &report, &device.secret.token_key()).await?;
    Ok((result?, written))
}

/// How many snapshots of the one set there is are known to be damaged; of several, nobody knows whose they are.
fn damaged_snapshots(damage: &Damage, device: &Device, ledger: &LedgerWriter<'_>) -> Option<u64> {
    let numbers = damage.damaged_snapshots(&device.id)?;
    (numbers.is_empty() || ledger.head().runs.len() == 1).then_some(numbers.len() as u64)
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

/// Runs the pipeline. Where packs that the snapshot would build on are gone it begins once more without them: their content
/// is read from the source again, and no note ever names what is not there. What this PC has copies of is mended before.
/// Also returns how many objects were.
///
/// Errors: exit 13 where a second time packs are not shown.
async fn attempts(
    rounds: &Rounds<'_>,
    footing: &Footing<'_>,
    plan: &Plan,
    around: &Surroundings<'_>,
    ledger: &mut LedgerWriter<'_>,
    descriptors: &Descriptors,
    damage: &mut Damage,
) -> Result<(Outcome, u64)> {
    let mut mended = rounds.before(ledger, descriptors, damage).await?;
    let lacking = match pipeline::backup(plan, around, ledger, damage).await? {
        Attempt::Whole(outcome) => return Ok((*outcome, mended)),
        Attempt::Lacking(listing) => listing,
    };
    let bad = rows_of(&lacking);
    bad.iter().for_each(|(_, name)| footing.monitor.notice(Notice::Damaged { key: name.clone() }));
    damage.record(ledger, footing.state, "backup", bad, Vec::new()).await?;
    mended += rounds.known(ledger, descriptors, damage).await?;
    match pipeline::backup(plan, around, ledger, damage).await? {
        Attempt::Whole(outcome) => Ok((*outcome, mended)),
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
