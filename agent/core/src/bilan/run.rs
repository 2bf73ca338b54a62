//! What one backup run knows when it ends: the only source of its bilan.
//!
//! Data comes from the command that ran the backup and goes to [`super::facts()`] and [`super::record()`]. Nothing is
//! measured here. Paths of troubles pass through on their way to becoming tokens. Never: stored or shown as it is.

use std::path::Path;

use scelle_format::descriptor::RecipientRole;
use scelle_format::id::{DeviceId, Sha256};
use scelle_format::ledger::NoteKind;
use scelle_format::report::{DestinationKind, Label, RunResult, Trigger};
use scelle_format::timestamp::Timestamp;
use scelle_store::probe::ProbeReport;

use super::memory::Memory;
use crate::error::{AgentError, ExitCode, Result};
use crate::monitor::Problem;
use crate::pipeline::Saved;
use crate::repo::damage::damaged::DamageCounts;
use crate::repo::damage::{Damage, Loss};
use crate::repo::files;
use crate::repo::keys::descriptors::Descriptors;
use crate::repo::ledger::append::LedgerWriter;
use crate::repo::ledger::append::start::Start;
use crate::repo::ledger::history::History;
use crate::repo::rounds::LedgerEnd;
use crate::repo::state::checksum;
use crate::repo::state::{Device, State};

/// How a run ended.
#[derive(Clone, Copy)]
pub enum RunEnd<'a> {
    /// Its snapshot is in the store.
    Committed(&'a Saved),
    /// There is no snapshot.
    Failed(&'a AgentError),
    /// It was due and did not take place: nothing ran that could have done it.
    Missed,
}

impl<'a> From<&'a Result<Saved>> for RunEnd<'a> {
    fn from(result: &'a Result<Saved>) -> Self {
        match result {
            Ok(outcome) => Self::Committed(outcome),
            Err(error) => Self::Failed(error),
        }
    }
}

/// Something that could not be saved, or only with a reservation, as the pipeline reports it.
#[derive(Clone, Copy, Debug)]
pub struct TroubleTold<'a> {
    /// Its path: it leaves this room as a token only.
    pub path: &'a [u8],
    /// Why.
    pub problem: Problem,
    /// Whether it is in the snapshot all the same.
    pub is_stored: bool,
}

/// What the listing at the end of a run showed, against the refs of its snapshot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EndCheck {
    /// Packs of the snapshot that the store lists with their sizes.
    pub listed_packs: u64,
    /// Packs it does not list.
    pub missing: u64,
    /// Packs of another size.
    pub wrong_size: u64,
    /// What descriptors and newest notes show.
    pub ledger: LedgerEnd,
}

/// When a kit was last shown to open the repository.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KitCheck {
    /// When, by the clock of the device that wrote the proof.
    pub time: Timestamp,
    /// Whether that was on the PC that is backed up.
    pub on_this_pc: bool,
}

/// The last restore rehearsal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LastRehearsal {
    /// When.
    pub time: Timestamp,
    /// Whether it restored what it was to restore.
    pub passed: bool,
}

/// The last time that every stored byte was read again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LastReread {
    /// When it ended.
    pub time: Timestamp,
    /// How many objects were wrong.
    pub wrong: u64,
}

/// What `proof` notes say.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Proofs {
    /// The newest check of the kit; one on another machine comes before one on this PC.
    pub kit: Option<KitCheck>,
    /// Whether some holder opened the epoch in force.
    pub epoch_opened: bool,
    /// The last restore rehearsal.
    pub rehearsal: Option<LastRehearsal>,
    /// When every stored byte had last been read again.
    pub full_reread: Option<LastReread>,
}

impl Proofs {
    /// What the ledgers say about `device` and its epoch.
    pub fn of(history: &History, device: &DeviceId, epoch: u32) -> Self {
        let mut proofs = Self::default();
        for row in history.devices.iter().flat_map(|chain| &chain.notes) {
            let NoteKind::Proof { holder, epoch: opened, .. } = &row.note.kind else { continue };
            proofs.epoch_opened |= *opened == epoch;
            let check = KitCheck { time: row.note.time, on_this_pc: row.note.device == *device };
            let rank = |check: KitCheck| (!check.on_this_pc, check.time);
            if *holder == RecipientRole::Recovery && proofs.kit.is_none_or(|best| rank(check) > rank(best)) {
                proofs.kit = Some(check);
            }
        }
        proofs
    }
}

/// The certificate of the store's connection.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum TlsEnd {
    /// A folder, or an engine on this computer without TLS.
    NoTls,
    /// It ends then.
    Ends(Timestamp),
    /// Nobody looked.
    #[default]
    NotMeasured,
}

/// What the configuration declares about the host of the store.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HostDeclared {
    /// Its name.
    pub name: String,
    /// Last day of its HDS certificate.
    pub certified_until: Option<Timestamp>,
    /// Country, ISO 3166-1 alpha-2.
    pub country: Option<String>,
}

/// What nobody measures: it comes from the configuration or from what the command saw.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Declared {
    /// The system's scheduler started this run, after a plan.
    pub planned: bool,
    /// The moment of the plan that this run answers, where the service started it.
    pub expected: Option<Timestamp>,
    /// The service started it later than it should have run.
    pub is_late: bool,
    /// Backups are paused.
    pub paused: bool,
    /// Whether the destination is outside the practice, where somebody said so.
    pub off_site: Option<bool>,
    /// For how many days whoever runs the store says that nobody at this PC can remove what was written.
    pub immutable_days: Option<u32>,
    /// What reports call the set, in place of its paths.
    pub label: Option<Label>,
    /// Host of the store.
    pub host: Option<HostDeclared>,
    /// A kit file was seen on a fixed disk or inside a source.
    pub kit_on_disk: bool,
    /// Room left, in bytes, where the store tells.
    pub free_bytes: Option<u64>,
    /// Certificate of the store.
    pub tls: TlsEnd,
    /// Recipients the practice knows of; `None`: those of revision 1.
    pub acknowledged_recipients: Option<Vec<Sha256>>,
}

/// What one backup run knows.
pub struct RunReport<'a> {
    /// This device.
    pub device: &'a Device,
    /// Descriptors as the store shows them; `None` where it did not answer.
    pub descriptors: Option<&'a Descriptors>,
    /// Which set of roots.
    pub set: &'a str,
    /// How it ended.
    pub end: RunEnd<'a>,
    /// What it could not save as it should.
    pub troubles: Vec<TroubleTold<'a>>,
    /// What made it start.
    pub trigger: Trigger,
    /// When it started.
    pub started: Timestamp,
    /// When it ended.
    pub ended: Timestamp,
    /// What the comparison of ledger heads showed; `None` where there was none.
    pub start: Option<Start>,
    /// End-of-run verification; `None` where there was none.
    pub check: Option<EndCheck>,
    /// Server time minus device time, in milliseconds.
    pub clock_offset_ms: Option<i64>,
    /// What the store was found to do ([`load_probe`]).
    pub probe: Option<ProbeReport>,
    /// Runs of the same set before this one that ended with a snapshot.
    pub earlier_runs: u64,
    /// Fewest copies that any small object without which all is lost has.
    pub key_copies: Option<u64>,
    /// Objects known to be damaged and not mended, and whose loss nobody has accepted.
    pub damaged: DamageCounts,
    /// Objects in whose place the store held other bytes, and nobody has acknowledged it.
    pub altered: u64,
    /// What somebody has accepted as lost, where it still is.
    pub loss: Option<Loss>,
    /// Snapshots of this device among the set's that need one of them; `None` where that is not known.
    pub damaged_snapshots: Option<u64>,
    /// Damaged packs healed and damaged objects put back by this run.
    pub mended: u64,
    /// Number of exclusion rules.
    pub exclusions: u64,
    /// What `proof` notes say.
    pub proofs: Proofs,
    /// What the configuration says.
    pub declared: Declared,
    /// The alarm about the ledger that nobody has acknowledged ([`ChainAlarms`](crate::repo::ledger::alarms::ChainAlarms)).
    pub chain_alarm: Option<&'static str>,
    /// What the last bilan left in the state folder ([`Memory::load`]).
    pub memory: Memory,
    /// Whether what the memory holds of the set is all there is; false when it was lost and the ledger could not be read.
    pub is_set_known: bool,
}

impl<'a> RunReport<'a> {
    /// A report of a run started by hand of which nothing else is known yet.
    pub fn new(
        device: &'a Device,
        set: &'a str,
        end: RunEnd<'a>,
        started: Timestamp,
        ended: Timestamp,
    ) -> Self {
        let troubles = match end {
            RunEnd::Committed(outcome) => {
                let all = outcome.gathered.troubles.iter();
                all.map(|t| TroubleTold { path: &t.path, problem: t.problem, is_stored: t.is_stored })
                    .collect()
            }
            RunEnd::Failed(_) | RunEnd::Missed => Vec::new(),
        };
        Self {
            device,
            descriptors: None,
            set,
            end,
            troubles,
            trigger: Trigger::Manual,
            started,
            ended,
            start: None,
            check: None,
            clock_offset_ms: None,
            probe: None,
            earlier_runs: 0,
            key_copies: None,
            damaged: DamageCounts::default(),
            altered: 0,
            loss: None,
            damaged_snapshots: Some(0),
            mended: 0,
            exclusions: 0,
            proofs: Proofs::default(),
            declared: Declared::default(),
            chain_alarm: None,
            memory: Memory::default(),
            is_set_known: true,
        }
    }

    /// Takes over what is known to be damaged.
    pub fn tell_damage(&mut self, damage: &Damage) {
        self.loss = damage.loss();
        self.damaged = damage.counted();
        self.altered = damage.altered_objects();
    }

    /// What was saved, where there is a snapshot.
    pub fn saved(&self) -> Option<&'a Saved> {
        match self.end {
            RunEnd::Committed(outcome) => Some(outcome),
            RunEnd::Failed(_) | RunEnd::Missed => None,
        }
    }

    /// Why there is no snapshot.
    pub fn error(&self) -> Option<&'a AgentError> {
        match self.end {
            RunEnd::Committed(_) | RunEnd::Missed => None,
            RunEnd::Failed(error) => Some(error),
        }
    }

    /// Folder or bucket.
    pub fn destination(&self) -> DestinationKind {
        if self.device.place.url.starts_with("file:") {
            DestinationKind::Folder
        } else {
            DestinationKind::Bucket
        }
    }

    /// Whether the copy is outside the practice, as declared: in so many words, or because a host of the bucket is named.
    pub fn off_site(&self) -> Option<bool> {
        let is_hosted = self.declared.host.is_some() && self.destination() == DestinationKind::Bucket;
        self.declared.off_site.or(is_hosted.then_some(true))
    }

    /// How it ended, in one word. Anything that could not be saved as it should makes a run partial.
    pub fn result(&self) -> RunResult {
        match self.end {
            RunEnd::Committed(_) if !self.troubles.iter().any(|t| t.problem.spoils_run()) => {
                RunResult::Complete
            }
            RunEnd::Committed(_) => RunResult::Partial,
            RunEnd::Failed(error) if error.code == ExitCode::Interrupted => RunResult::Interrupted,
            RunEnd::Failed(_) => RunResult::Failed,
            RunEnd::Missed => RunResult::Missed,
        }
    }

    /// Days since this device joined the repository.
    pub fn days_since_init(&self) -> i64 {
        days_between(Timestamp(self.device.since), self.ended)
    }
}

/// Whole days from `from` to `to`; negative where a clock went backwards.
pub fn days_between(from: Timestamp, to: Timestamp) -> i64 {
    to.0.saturating_sub(from.0).div_euclid(86_400)
}

/// Stable code of a run's error, for records.
pub fn error_code(error: &AgentError) -> &'static str {
    let is = |other: AgentError| error.kind == other.kind;
    match error.code {
        _ if is(AgentError::destination_full()) => "destination-full",
        _ if is(AgentError::source_missing()) => "source-missing",
        _ if is(AgentError::nothing_saved()) => "nothing-saved",
        _ if is(AgentError::store_denied()) || is(AgentError::folder_denied()) => "store-denied",
        ExitCode::Interrupted => "interrupted",
        ExitCode::Unreachable => "store-unreachable",
        ExitCode::Damaged => "store-damaged",
        ExitCode::NoRepository => "no-repository",
        ExitCode::Busy => "busy",
        ExitCode::WrongKey => "wrong-key",
        ExitCode::Usage => "usage",
        ExitCode::Ok | ExitCode::Partial | ExitCode::Failed => "failed",
    }
}

/// The probe kept in the state folder; one that cannot be read is as good as none.
pub fn load_probe(state: &State) -> Option<ProbeReport> {
    checksum::from_json(&state.get(files::PROBE).ok()??)
}

/// [`load_probe`] for who only looks: `folder` is the state folder of a repository.
pub fn probe_in(folder: &Path) -> Option<ProbeReport> {
    checksum::from_json(&std::fs::read(folder.join(files::PROBE)).ok()?)
}

/// Keeps what a probe learned: in the state for later runs, in the ledger for others.
pub async fn record_probe(pen: &mut LedgerWriter<'_>, state: &State, probe: &ProbeReport) -> Result<()> {
    save_probe(state, probe)?;
    let attachment = pen.attach("probe", serde_json::to_vec(probe).map_err(AgentError::bug)?).await?;
    pen.append(NoteKind::Probe, vec![attachment]).await?;
    Ok(())
}

/// Keeps a probe in the state folder.
pub fn save_probe(state: &State, probe: &ProbeReport) -> Result<()> {
    state.put(files::PROBE, &checksum::to_json(probe)?)
}
