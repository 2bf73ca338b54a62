//! From what a run knows to the facts that lights follow from: the thresholds are here, and only here.
//!
//! Pure. What a run must measure and did not is unknown, so grey. A run without a snapshot measures next to nothing: its
//! unknowns stay silent, because all of them follow from the one thing to be told; it is never better than red or, when it
//! was only stopped, amber. Never: asks a store or a clock.

use scelle_format::descriptor::{EpochState, RecipientRole, Standing};
use scelle_format::report::{
    Altered, Anomaly, Clock, Credential, Damage, Databases, DestinationKind, Destinations, EpochProof, Facts,
    Files, FullReread, History, HostingFact, KeyCopies, Kit, LastRun, Lock, OffSite, Owner, PackPresence,
    PauseState, Planned, Recipients, Rehearsal, RunResult, SmallObjects, Sources, Space, TlsCertificate,
    UnknownWhy, Verification,
};
use scelle_format::timestamp::Timestamp;
use scelle_store::probe::{Fact, ProbeReport};

use super::chain::chain;
use super::held::{self, RootLoss};
use super::memory::SetMemory;
use super::run::{LastRehearsal, LastReread, RunReport, TlsEnd, days_between};
use super::unread;
use crate::error::AgentError;
use crate::monitor::Problem;
use crate::pipeline::jobs::verdict::Taken;
use crate::pipeline::{Gathered, Saved};
use crate::repo::damage::damaged::DamageCounts;
use crate::repo::rounds::LedgerEnd;

/// A kit check counts for twelve months and a month's grace.
pub const KIT_DAYS: i64 = 400;
/// A restore rehearsal counts for a quarter.
pub const REHEARSAL_DAYS: i64 = 90;
/// Every stored byte is to be read again within so many days.
pub const FULL_REREAD_DAYS: i64 = 90;
/// The owner signs, and a holder opens the epoch, within so many days of init.
pub const OWNER_DAYS: i64 = 30;
/// Certificates and locks that end within so many days are said to end soon.
const SOON_DAYS: i64 = 30;
/// Earlier runs of a set without which nothing is compared.
pub const ANOMALY_RUNS: u64 = 5;
/// Days without any change that are worth a word: a week of work.
const NO_NEW_DATA_DAYS: i64 = 5;
/// Files below which a mass change means nothing.
const MASS_CHANGE_FILES: u64 = 20;
/// Unreadable files up to which their share does not count.
const FEW_UNREADABLE: u64 = 10;
const KEY_COPIES: u64 = 3;
const CLOCK_TOLERANCE_MS: u64 = 60_000;

/// The facts of a run.
pub fn facts(report: &RunReport<'_>) -> Facts {
    let base = match report.saved() {
        Some(_) => unmeasured(report),
        None => Facts { second_party: Facts::unmeasured().second_party, ..Facts::all_good() },
    };
    let declared = &report.declared;
    Facts {
        last_run: last_run(report),
        planned: if declared.planned { Planned::Yes } else { Planned::No },
        history: history(report).unwrap_or(base.history),
        destinations: destinations(report),
        off_site: if report.off_site() == Some(true) { OffSite::Yes } else { OffSite::No },
        lock: lock(report).unwrap_or(base.lock),
        files: files(report).unwrap_or(base.files),
        databases: report.saved().map_or(base.databases, databases),
        verification: verification(report).unwrap_or(base.verification),
        pack_presence: pack_presence(report).unwrap_or(base.pack_presence),
        damage: damage(report),
        small_objects: small_objects(&report.damaged),
        altered: if report.altered > 0 { Altered::Seen } else { Altered::NoneSeen },
        key_copies: report
            .key_copies
            .map_or(base.key_copies, |n| if n >= KEY_COPIES { KeyCopies::Enough } else { KeyCopies::TooFew }),
        full_reread: full_reread(report),
        rehearsal: rehearsal(report),
        kit: kit(report),
        owner: owner(report).unwrap_or(base.owner),
        epoch_proof: epoch_proof(report),
        recipients: recipients(report).unwrap_or(base.recipients),
        anomaly: report.saved().map_or(base.anomaly, |outcome| {
            let memory = report.memory.sets.get(report.set);
            anomaly(memory, &outcome.gathered, report.earlier_runs, report.ended)
        }),
        sources: match report.saved() {
            Some(_) if !report.is_set_known => Sources::Unknown(UnknownWhy::NotReachable),
            Some(outcome) => {
                let memory = report.memory.sets.get(report.set);
                sources(memory.unwrap_or(&SetMemory::default()), &outcome.gathered)
            }
            None => base.sources,
        },
        chain: chain(report).unwrap_or(base.chain),
        clock: report.clock_offset_ms.map_or(base.clock, |offset| {
            if offset.unsigned_abs() < CLOCK_TOLERANCE_MS { Clock::Within } else { Clock::Off }
        }),
        space: space(report).unwrap_or(base.space),
        credential: credential(report).unwrap_or(base.credential),
        tls_certificate: tls(report).unwrap_or(base.tls_certificate),
        pause: if declared.paused { PauseState::Paused } else { PauseState::Running },
        hosting: hosting(report),
        ..base
    }
}

fn damage(report: &RunReport<'_>) -> Damage {
    match (report.damaged.packs, report.loss, report.mended) {
        (0, Some(_), _) => Damage::Accepted,
        (0, None, 0) => Damage::NoneKnown,
        (0, None, _) => Damage::Healed,
        _ => Damage::Known,
    }
}

/// The worst of what is damaged.
fn small_objects(damaged: &DamageCounts) -> SmallObjects {
    match damaged {
        DamageCounts { keys: 1.., .. } => SmallObjects::Keys,
        DamageCounts { hidden: 1.., .. } => SmallObjects::Hidden,
        DamageCounts { small: 1.., .. } => SmallObjects::Lost,
        DamageCounts { spare: 1.., .. } => SmallObjects::Spare,
        _ => SmallObjects::Whole,
    }
}

/// What is unknown of a run that made a snapshot, unless it says more.
fn unmeasured(report: &RunReport<'_>) -> Facts {
    let base = Facts::unmeasured();
    match report.destination() {
        DestinationKind::Folder => base,
        // A bucket has a clock: not having looked is not knowing. And a certificate, unless it is an engine on this
        // computer: no request of a run that got this far was sent over a connection that did not verify it.
        DestinationKind::Bucket => {
            let plain = report.device.place.endpoint.as_ref().is_some_and(|url| url.starts_with("http:"));
            let tls_certificate = if plain { base.tls_certificate } else { TlsCertificate::Verified };
            Facts { clock: Clock::Unknown(UnknownWhy::NotMeasured), tls_certificate, ..base }
        }
    }
}

fn last_run(report: &RunReport<'_>) -> LastRun {
    match report.result() {
        RunResult::Complete => LastRun::Complete,
        RunResult::Partial => LastRun::Partial,
        RunResult::Interrupted => LastRun::Interrupted,
        RunResult::Failed => LastRun::Failed,
        RunResult::Missed => LastRun::Missed,
    }
}

fn history(report: &RunReport<'_>) -> Option<History> {
    match report.earlier_runs + u64::from(report.saved().is_some()) {
        0 => None,
        1 => Some(History::First),
        2..=4 => Some(History::Short),
        _ => Some(History::Established),
    }
}

/// The one destination given is the one required. A run that was stopped goes on, so it is not lost; one that never began had
/// nothing to write, and that it did not begin is a reason of its own.
fn destinations(report: &RunReport<'_>) -> Destinations {
    match report.result() {
        RunResult::Complete | RunResult::Partial | RunResult::Missed => Destinations::AllWritten,
        RunResult::Interrupted => Destinations::SomeMissed,
        RunResult::Failed => Destinations::NoneWritten,
    }
}

/// Whether what lies in the store is safe from whoever holds this PC's credentials. What is declared counts where the
/// store itself locks nothing.
fn lock(report: &RunReport<'_>) -> Option<Lock> {
    let measured = measured_lock(report.probe.as_ref()?);
    Some(match (measured, report.declared.immutable_days) {
        (Lock::Absent, Some(days)) if i64::from(days) <= SOON_DAYS => Lock::EndsSoon,
        (Lock::Absent, Some(_)) => Lock::Declared,
        (measured, _) => measured,
    })
}

fn measured_lock(probe: &ProbeReport) -> Lock {
    let kept = probe.locked_delete_refused == Fact::Yes;
    let broken = probe.locked_delete_refused == Fact::No || probe.shorten_refused == Fact::No;
    let may_not_delete = probe.may_delete == Fact::No || probe.may_delete_versions == Fact::No;
    match (&probe.lock_accepted, &probe.default_retention) {
        (Fact::NotApplicable | Fact::No, _) => Lock::Absent,
        (Fact::Yes, _) | (_, Fact::Yes) if broken => Lock::Broken,
        (_, Fact::No | Fact::NotApplicable) => Lock::Absent,
        (_, Fact::Unknown { .. }) => Lock::Unproven,
        (_, Fact::Yes) => match probe.default_retention_compliance {
            Fact::No => Lock::Liftable,
            Fact::Yes if probe.default_retention_days.is_some_and(|days| i64::from(days) <= SOON_DAYS) => {
                Lock::EndsSoon
            }
            // A credential that may not delete cannot prove the lock by trying, and does not need to.
            Fact::Yes if kept || may_not_delete => Lock::Holds,
            _ => Lock::Unproven,
        },
    }
}

fn files(report: &RunReport<'_>) -> Option<Files> {
    let nothing = [AgentError::source_missing().kind, AgentError::nothing_saved().kind];
    if report.error().is_some_and(|error| nothing.contains(&error.kind)) {
        return Some(Files::NothingFound);
    }
    let outcome = report.saved()?;
    let lost = report.lost_files();
    let seen = outcome.gathered.totals.files + lost;
    // How much lies in a folder that nobody could look into is not known, or is what lay there before.
    let is_folder_lost = report.troubles.iter().any(|t| t.problem == Problem::FolderUnreadable);
    Some(match lost {
        _ if is_folder_lost => Files::ManyUnreadable,
        _ if seen == 0 => Files::NothingFound,
        0 => Files::AllRead,
        _ if lost > FEW_UNREADABLE && lost * 100 > seen => Files::ManyUnreadable,
        _ => Files::SomeUnreadable,
    })
}

/// The worst of how databases were taken.
fn databases(outcome: &Saved) -> Databases {
    outcome.gathered.databases.map_or(Databases::NotDetected, Taken::fact)
}

fn verification(report: &RunReport<'_>) -> Option<Verification> {
    match report.check {
        Some(check) if check.missing + check.wrong_size == 0 && check.ledger == LedgerEnd::Sound => {
            Some(Verification::Passed)
        }
        Some(_) => Some(Verification::Failed),
        None => report.saved().map(|_| Verification::Skipped),
    }
}

fn pack_presence(report: &RunReport<'_>) -> Option<PackPresence> {
    let check = report.check?;
    Some(if check.missing + check.wrong_size == 0 { PackPresence::AllPresent } else { PackPresence::Missing })
}

fn full_reread(report: &RunReport<'_>) -> FullReread {
    match report.proofs.full_reread {
        Some(LastReread { wrong: 1.., .. }) => FullReread::Mismatch,
        Some(LastReread { time, .. }) if within(time, report, FULL_REREAD_DAYS) => FullReread::Within,
        _ if report.days_since_init() <= FULL_REREAD_DAYS => FullReread::NotDue,
        _ => FullReread::Overdue,
    }
}

fn rehearsal(report: &RunReport<'_>) -> Rehearsal {
    match report.proofs.rehearsal {
        Some(LastRehearsal { passed: false, .. }) => Rehearsal::Failed,
        Some(LastRehearsal { time, .. }) if within(time, report, REHEARSAL_DAYS) => Rehearsal::Passed,
        _ if report.days_since_init() <= REHEARSAL_DAYS => Rehearsal::NotDue,
        _ => Rehearsal::Overdue,
    }
}

/// To have checked on this PC is never worse than not to have checked.
fn kit(report: &RunReport<'_>) -> Kit {
    let check = report.proofs.kit.filter(|check| within(check.time, report, KIT_DAYS));
    match check {
        _ if report.declared.kit_on_disk => Kit::OnDisk,
        Some(check) if !check.on_this_pc => Kit::CheckedOffPc,
        _ if report.days_since_init() <= KIT_DAYS => Kit::NotDue,
        Some(_) => Kit::CheckedOnPc,
        None => Kit::Unchecked,
    }
}

fn owner(report: &RunReport<'_>) -> Option<Owner> {
    Some(match report.descriptors?.standing {
        Standing::OwnerSigned => Owner::Signed,
        Standing::Provisional if report.days_since_init() <= OWNER_DAYS => Owner::NotDue,
        Standing::Provisional => Owner::Unsigned,
    })
}

fn epoch_proof(report: &RunReport<'_>) -> EpochProof {
    let epoch = report.descriptors.and_then(|d| d.current.epoch(report.device.epoch));
    let confirmed = epoch.is_some_and(|line| line.state == EpochState::Confirmed);
    match () {
        () if confirmed || report.proofs.epoch_opened => EpochProof::Opened,
        () if report.days_since_init() <= OWNER_DAYS => EpochProof::NotDue,
        () => EpochProof::NotOpened,
    }
}

/// Without an acknowledgment the practice knows of those that the repository was made with.
fn recipients(report: &RunReport<'_>) -> Option<Recipients> {
    let descriptors = report.descriptors?;
    let listed = |lines: &[scelle_format::descriptor::RecipientLine]| {
        let mut all: Vec<_> = lines.iter().map(|line| line.sha256).collect();
        all.sort();
        all
    };
    let known = match &report.declared.acknowledged_recipients {
        Some(known) => {
            let mut known = known.clone();
            known.sort();
            known
        }
        None => listed(&descriptors.history.first()?.descriptor.recipients),
    };
    let same = listed(&descriptors.current.recipients) == known;
    Some(if same { Recipients::Acknowledged } else { Recipients::Changed })
}

/// Encryption by malware rewrites files, or writes others in their place.
pub(super) fn anomaly(
    memory: Option<&SetMemory>,
    gathered: &Gathered,
    earlier_runs: u64,
    ended: Timestamp,
) -> Anomaly {
    if memory.is_some_and(|set| set.alarms.contains_key("mass-change")) {
        return Anomaly::MassChange;
    }
    if earlier_runs < ANOMALY_RUNS {
        return Anomaly::TooFewRuns;
    }
    let changes = gathered.changes;
    let before = changes.unchanged + changes.changed + changes.removed;
    let rewritten = changes.changed.saturating_sub(changes.same_content);
    let replaced = rewritten + changes.new.min(changes.removed);
    let quiet = changes.new + changes.changed + changes.removed == 0;
    match memory {
        _ if before >= MASS_CHANGE_FILES && replaced * 2 > before => Anomaly::MassChange,
        Some(set) if set.accepted.has_shrunk(unread::still_there(memory, gathered).bytes) => Anomaly::Shrunk,
        Some(set) if quiet && days_between(Timestamp(set.last_change), ended) >= NO_NEW_DATA_DAYS => {
            Anomaly::NoNewData
        }
        _ => Anomaly::Normal,
    }
}

/// Losses against what was last accepted. A root that was emptied stays so until it is acknowledged or all is back.
pub(super) fn sources(memory: &SetMemory, gathered: &Gathered) -> Sources {
    // What could not be read is there, as far as anybody knows: it has a reason of its own.
    let (found, seen) = (gathered.sources, unread::still_there(Some(memory), gathered));
    let (files, lost) = (seen.files, held::worst(&memory.roots, &seen.root_files));
    let is_open = memory.alarms.contains_key("root-emptied");
    let is_back = found.empty_roots == 0 && files >= memory.accepted.most_files();
    match () {
        () if found.missing_roots > 0 && !memory.missing_accepted => Sources::RootMissing,
        () if lost == Some(RootLoss::Missing) => Sources::RootMissing,
        () if found.emptied_roots > 0 || is_open && !is_back => Sources::RootEmptied,
        () if memory.accepted.has_lost(files) => Sources::FilesLost,
        () if lost.is_some() => Sources::RootEmptied,
        () if memory.accepted.has_lost_few(files) => Sources::FewLost,
        () => Sources::There,
    }
}

/// Thirty more runs like this one; the first run stores everything, so it says little about the others.
fn space(report: &RunReport<'_>) -> Option<Space> {
    if report.error().is_some_and(|error| error.kind == AgentError::destination_full().kind) {
        return Some(Space::Exhausted);
    }
    let stored_bytes = report.saved()?.committed.stored_bytes;
    let runs = if report.earlier_runs == 0 { 1 } else { 30 };
    let enough = report.declared.free_bytes? > stored_bytes.saturating_mul(runs);
    Some(if enough { Space::Enough } else { Space::Low })
}

fn credential(report: &RunReport<'_>) -> Option<Credential> {
    let denied = report.error().is_some_and(|error| error.kind == AgentError::store_denied().kind);
    denied.then_some(Credential::Ended)
}

fn tls(report: &RunReport<'_>) -> Option<TlsCertificate> {
    match report.declared.tls {
        TlsEnd::NoTls => Some(TlsCertificate::NotApplicable),
        TlsEnd::Ends(end) if end <= report.ended => Some(TlsCertificate::Ended),
        TlsEnd::Ends(end) if days_between(report.ended, end) < SOON_DAYS => Some(TlsCertificate::EndsSoon),
        TlsEnd::Ends(_) => Some(TlsCertificate::Valid),
        TlsEnd::NotMeasured => None,
    }
}

fn hosting(report: &RunReport<'_>) -> HostingFact {
    let until = report.declared.host.as_ref().and_then(|host| host.certified_until);
    match (until, report.destination()) {
        (Some(until), _) if until < report.ended => HostingFact::CertificateEnded,
        (Some(_), _) => HostingFact::Certified,
        (None, DestinationKind::Folder) if report.off_site() != Some(true) => HostingFact::OwnPremises,
        (None, _) => HostingFact::Undeclared,
    }
}

fn within(time: Timestamp, report: &RunReport<'_>, days: i64) -> bool {
    days_between(time, report.ended) <= days
}

/// Recipients of each role, for the record.
pub(super) fn count_role(report: &RunReport<'_>, role: RecipientRole) -> u64 {
    let lines = report.descriptors.map_or(&[][..], |d| &d.current.recipients);
    lines.iter().filter(|line| line.role == role).count() as u64
}
