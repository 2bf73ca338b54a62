//! The bilan of a run: what it can prove, from what became of it, and the same for the log.
//!
//! From the run and its summary to [`RunReport`], which the bilan's room turns into lights and a signed record. Never: what
//! was not measured.

use scelle_format::report::{Light, Trigger, file_token};
use scelle_format::timestamp::Timestamp;
use tracing::{debug, info, warn};

use super::ended::Ended;
use super::opened::Run;
use super::request::{BackupRequest, Summary};
use crate::bilan::probed::probed;
use crate::bilan::run::load_probe;
use crate::bilan::{self, Declared, EndCheck, Memory, RunEnd, RunReport, Written};
use crate::clock::now;
use crate::error::{AgentError, ExitCode, Result};
use crate::monitor::Notice;
use crate::repo::damage::Damage;
use crate::repo::ledger::alarms::ChainAlarms;
use crate::repo::ledger::append::LedgerWriter;
use crate::repo::ledger::history::History;
use crate::repo::state::{Device, State};

/// What was asked of a run, as far as its bilan says so.
pub(super) struct Asked<'a> {
    pub(super) set: &'a str,
    pub(super) exclusions: u64,
    pub(super) started: Timestamp,
    pub(super) declared: Declared,
}

impl<'a> Asked<'a> {
    pub(super) fn of(request: &BackupRequest, set: &'a str, started: Timestamp) -> Self {
        Self { set, exclusions: request.exclude.len() as u64, started, declared: request.declared.clone() }
    }
}

/// Keeps the bilan of a run that was stopped: nobody waits for the store any more, the next run sends it.
fn keep(run: &Run, asked: Asked<'_>, why: &AgentError) -> Result<Written> {
    let report = begun(run, asked, RunEnd::Failed(why));
    bilan::keep(&run.seat.state, &report, &run.seat.device.secret.token_key(), why.clone())
}

/// Writes the bilan of a run that has ended, one way or the other, or keeps it.
///
/// Errors: it is neither in the store nor on this computer.
pub(super) async fn write(
    run: &Run,
    pen: &mut LedgerWriter<'_>,
    asked: Asked<'_>,
    ended: &Result<Summary>,
) -> Result<Written> {
    let (seat, state, device) = (&run.seat, &run.seat.state, &run.seat.device);
    let end = match ended {
        Ok(summary) => RunEnd::Committed(&summary.saved),
        Err(error) if error.code == ExitCode::Interrupted => return keep(run, asked, error),
        Err(error) => RunEnd::Failed(error),
    };
    let mut report = begun(run, asked, end);
    if let Ok(summary) = ended {
        let at = &summary.saved.committed.at;
        let newest = pen.head().name.as_deref().and_then(|name| at.objects.key(name).ok());
        let ahead_ms = at.clock_offset_ms.unwrap_or(0);
        report.probe = probed(state, &**at.objects.store(), newest, &seat.around, ahead_ms).await;
        proven(run, &mut report, summary).await;
    }
    if let Some(damage) = Damage::load(state) {
        report.damaged_snapshots = damaged_snapshots(&damage, device, pen);
    }
    bilan::write(pen, state, &report, &device.secret.token_key()).await
}

/// What is known of a run that was opened, whatever became of it.
fn begun<'a>(run: &'a Run, asked: Asked<'a>, end: RunEnd<'a>) -> RunReport<'a> {
    let seat = &run.seat;
    let mut report = remembered(&seat.state, &seat.device, asked, end, now(&*seat.around.clock));
    report.descriptors = Some(&run.descriptors);
    report.clock_offset_ms = seat.clock_offset_ms();
    report
}

/// Keeps the bilan of a run that was not opened, for `why`, from what the state folder knows.
///
/// Errors: those of [`bilan::keep`].
pub(super) fn keep_remembered(
    state: &State,
    device: &Device,
    asked: Asked<'_>,
    end: RunEnd<'_>,
    why: AgentError,
) -> Result<Written> {
    let ended = asked.started;
    let report = remembered(state, device, asked, end, ended);
    bilan::keep(state, &report, &device.secret.token_key(), why)
}

/// What the state folder knows of a run, opened or not: of the store and of what is damaged there, too.
fn remembered<'a>(
    state: &State,
    device: &'a Device,
    asked: Asked<'a>,
    end: RunEnd<'a>,
    ended: Timestamp,
) -> RunReport<'a> {
    let mut report = RunReport::new(device, asked.set, end, asked.started, ended);
    report.exclusions = asked.exclusions;
    if asked.declared.planned {
        report.trigger = if asked.declared.is_late { Trigger::CatchUp } else { Trigger::Scheduled };
    }
    report.declared = asked.declared;
    report.memory = Memory::load(state);
    report.probe = load_probe(state);
    if let Some(damage) = Damage::load(state) {
        report.tell_damage(&damage);
    }
    report.chain_alarm = ChainAlarms::load(state).open_at(report.ended);
    // How many runs of the set ended well: also where this one did not.
    report.earlier_runs = state.head().ok().and_then(|head| head.runs.get(asked.set).copied()).unwrap_or(0);
    report
}

/// What a run that has stored its snapshot has shown.
async fn proven(run: &Run, report: &mut RunReport<'_>, summary: &Summary) {
    let listing = &summary.saved.listing;
    let (missing, wrong_size) = (listing.missing.len() as u64, listing.wrong_size.len() as u64);
    report.start = Some(summary.start);
    report.check = Some(EndCheck {
        listed_packs: listing.needed_packs - missing - wrong_size,
        missing,
        wrong_size,
        ledger: summary.ledger,
    });
    report.earlier_runs = summary.earlier_runs;
    let (set, snapshot) = (&summary.set, summary.saved.committed.snapshot);
    if snapshot > 1 && (report.memory.lacks(set) || summary.start.rewound_notes > 0) {
        match recalled(run, set, snapshot).await {
            Ok(known) => drop(report.memory.sets.insert(set.clone(), known)),
            // Not to know is said, and asked again by the next run: it must not look like nothing to know.
            Err(_) => report.is_set_known = false,
        }
    }
    report.key_copies = Some(summary.key_copies);
    report.proofs = summary.proofs;
    report.mended = summary.saved.healed_packs + summary.mended_objects;
}

/// How many snapshots of the one set there is are known to be damaged; of several, nobody knows whose they are.
fn damaged_snapshots(damage: &Damage, device: &Device, ledger: &LedgerWriter<'_>) -> Option<u64> {
    let numbers = damage.damaged_snapshots(&device.id)?;
    (numbers.is_empty() || ledger.head().runs.len() == 1).then_some(numbers.len() as u64)
}

/// What the ledger knows of a set that the state folder does not.
async fn recalled(run: &Run, set: &str, before: u64) -> Result<bilan::memory::SetMemory> {
    let (seat, objects) = (&run.seat, run.seat.objects());
    let history = History::load(objects, &run.descriptors).await?;
    bilan::recall(objects, &history, &seat.device.id, set, before).await
}

/// Tells whoever watches of a bilan that is nowhere, and the log of the rest.
pub(super) fn tell(run: &Run, ended: &Ended) {
    if let Ok(summary) = &ended.saved {
        log_saved(summary, &run.seat.device.secret.token_key());
    }
    match &ended.bilan {
        Ok(written) => log_bilan(written),
        Err(lost) => {
            warn!(code = lost.code.number(), "the bilan is neither in the store nor on this computer");
            let snapshot = ended.saved.as_ref().ok().map(|summary| summary.saved.committed.snapshot);
            run.seat.around.monitor.notice(Notice::BilanLost { snapshot });
        }
    }
}

/// What a run did.
fn log_saved(summary: &Summary, token_key: &[u8; 32]) {
    let (saved, changes) = (&summary.saved, &summary.saved.gathered.changes);
    for trouble in &saved.gathered.troubles {
        let token = file_token(token_key, &trouble.path);
        match trouble.problem.spoils_run() {
            true => warn!(token, problem = trouble.problem.code(), "problem"),
            false => info!(token, problem = trouble.problem.code(), "reservation"),
        }
    }
    info!(
        snapshot = saved.committed.snapshot,
        files = saved.gathered.totals.files,
        new = changes.new,
        changed = changes.changed,
        unchanged = changes.unchanged,
        removed = changes.removed,
        source_bytes = saved.gathered.totals.bytes,
        read_bytes = saved.gathered.read_bytes,
        stored_bytes = saved.committed.stored_bytes,
        resumed_bytes = saved.resumed_bytes,
        mended_objects = summary.mended_objects,
        damaged_objects = summary.damaged.total(),
        ms = u64::try_from(summary.duration.as_millis()).unwrap_or(u64::MAX),
        "snapshot stored"
    );
}

/// What a bilan says.
fn log_bilan(written: &Written) {
    let (bilan, status, is_sent) = (&written.id, written.status, written.not_sent.is_none());
    info!(bilan, %status, is_sent, "bilan written");
    if let Some(error) = &written.not_remembered {
        warn!(code = error.code.number(), "what the next bilan compares with was not written down");
    }
    for reason in &written.assessment.reasons {
        match reason.light {
            Light::Green => debug!(reason = reason.code, light = %reason.light, "reason of the bilan"),
            light => warn!(reason = reason.code, %light, "reason of the bilan"),
        }
    }
}
