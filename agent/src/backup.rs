//! One backup from the outside: lock, ledger, pipeline, the check at the end, and the bilan.
//!
//! Called by the command line (and later by the service). Data comes from a [`Request`]; the summary goes to whoever
//! asked. Never: prints, or ends without a bilan when the ledger can be reached.

use std::collections::HashSet;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use scelle_format::descriptor::Pin;
use scelle_format::note::VerifyingKey;

use crate::catalog::Catalog;
use crate::clock::Clock;
use crate::connect::Connected;
use crate::error::{AgentError, Result};
use crate::monitor::{Monitor, Notice, Phase};
use crate::pipeline::{self, Outcome, Plan, Surroundings};
use crate::repo::append::{LedgerWriter, Start};
use crate::repo::descriptors::Descriptors;
use crate::repo::objects::Objects;
use crate::repo::rebuild;
use crate::repo::state::{Device, State};
use crate::scan::Filter;
use crate::shutdown::Shutdown;
use crate::verify::listing::{self, Listing};

/// A clock this far off is said aloud.
const CLOCK_OFF_MS: i64 = 60_000;

/// What is asked for.
pub struct Request {
    /// Roots as given.
    pub roots: Vec<PathBuf>,
    /// Globs to leave out.
    pub exclude: Vec<String>,
    /// Folders of the backup itself: state and store.
    pub own_folders: Vec<PathBuf>,
    /// Threads; 0 means one per core.
    pub threads: usize,
}

/// Everything known after a run.
pub struct Summary {
    /// What the pipeline says.
    pub outcome: Outcome,
    /// What the listing at the end shows.
    pub listing: Listing,
    /// What the start of the ledger showed.
    pub start: Start,
    /// The set of roots.
    pub set: String,
    /// Earlier runs of this set.
    pub earlier_runs: u64,
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
    descriptors.compare_with_seen(state.head()?.descriptor_seen()?);
    Ok(descriptors)
}

/// Runs one backup up to the check at its end. The caller writes the bilan with the same pen.
pub async fn run(footing: &Footing<'_>, ledger: &mut LedgerWriter<'_>, descriptors: &Descriptors, objects: &Arc<Objects>, request: Request) -> Result<Summary> {
    let (state, device, monitor) = (footing.state, footing.device, &footing.monitor);
    let began = footing.clock.now();
    if let Some(offset_ms) = footing.connected.clock_offset_ms.filter(|ms| ms.abs() >= CLOCK_OFF_MS) {
        monitor.notice(Notice::ClockOff { seconds: -offset_ms / 1000 });
    }
    monitor.start(Phase::Open, None, None);
    let start = begin(footing, ledger, descriptors, objects).await?;
    let set = set_id(device, &request.roots);
    let earlier_runs = ledger.head().runs.get(&set).copied().unwrap_or(0);
    let filter = Filter::new(&[], &request.exclude, &request.own_folders).map_err(AgentError::bad_glob)?;
    let workers = match request.threads {
        0 => std::thread::available_parallelism().map_or(2, usize::from),
        n => n,
    };
    let plan = Plan { set: set.clone(), roots: request.roots, filter, workers };
    let around = Surroundings {
        objects: objects.clone(),
        state,
        device,
        clock: footing.clock,
        monitor: monitor.clone(),
        shutdown: footing.shutdown,
    };
    let outcome = pipeline::backup(plan, &around, ledger).await?;
    *ledger.head_mut().runs.entry(set.clone()).or_default() += 1;
    monitor.start(Phase::Verify, None, None);
    let listing = listing::compare(objects, &outcome.committed.packs).await?;
    if !listing.is_sound() {
        heal_next_time(state, device, ledger, &listing)?;
    }
    monitor.finish();
    let duration = footing.clock.now().duration_since(began).unwrap_or_default();
    Ok(Summary { outcome, listing, start, set, earlier_runs, began, duration })
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
        Catalog::open(&state.folder().join("catalog.sqlite"), &device.secret.catalog_key())?.forget_snapshots()?;
    }
    if start.forked {
        monitor.notice(Notice::ForkAlarm);
    }
    if start.store_behind {
        monitor.notice(Notice::SnapshotVanished { snapshot: ledger.head().snapshot });
    }
    let lost_copy = ledger.head().segments.iter().any(|(sha256, _)| {
        !state.folder().join(pipeline::commit::segment_file(sha256)).is_file()
    });
    if start.rewound_notes > 0 || lost_copy {
        let mut head = ledger.head().clone();
        rebuild::segments(objects, state, device, &mut head, descriptors).await?;
        *ledger.head_mut() = head;
        monitor.notice(Notice::CatalogRebuilt);
    }
    Ok(start)
}

/// What is missing in the store is stored again by the next run, from the source.
fn heal_next_time(state: &State, device: &Device, ledger: &LedgerWriter<'_>, listing: &Listing) -> Result<()> {
    let gone: HashSet<_> = listing.missing.iter().chain(&listing.wrong_size).map(|(_, id)| *id).collect();
    rebuild::forget_packs(state, ledger.head(), &gone)?;
    Catalog::open(&state.folder().join("catalog.sqlite"), &device.secret.catalog_key())?.forget_snapshots()
}

/// Names a set of roots without saying which: runs are compared within it.
pub fn set_id(device: &Device, roots: &[PathBuf]) -> String {
    let mut names: Vec<Vec<u8>> = roots.iter().map(|root| crate::platform::os_to_bytes(root.as_os_str())).collect();
    names.sort();
    names.dedup();
    let hash = blake3::keyed_hash(&device.secret.token_key(), &names.join(&0));
    hex::encode(&hash.as_bytes()[..6])
}
