//! Writing a bilan: attach the record, append the note; or keep it until the store answers again.
//!
//! Data comes from [`RunReport`], goes to the ledger and to `bilans.json`. A bilan that cannot be sent, whatever the reason, lies in
//! the state folder (`unsent-bilans/`), where `bilan list` and `show` find it, and is sent as a note of its own before the next
//! one. Of these the newest thousand are kept, and a state folder that takes nothing keeps none: then, and only then, [`write()`]
//! and [`keep()`] fail. Never: lets a bilan go missing because the store did.

use std::fs;
use std::path::Path;

use scelle_format::id::{DeviceId, Sha256};
use scelle_format::ledger::NoteKind;
use scelle_format::report::{Assessment, Light, Reason, Record, status};

use super::chain::alarm_seen;
use super::facts::facts;
use super::memory::{ALTERED_ALARM, SOURCE_ALARMS};
use super::record::{NotePosition, place, record};
use super::remember::memory_after;
use super::run::RunReport;
use crate::error::{AgentError, Result};
use crate::repo::files;
use crate::repo::ledger::alarms;
use crate::repo::ledger::append::LedgerWriter;
use crate::repo::state::{Head, State};

/// Bilans kept back: a PC that is off line for years must not fill its disk.
const UNSENT_MAX: usize = 1000;

/// A bilan that was written.
#[derive(Clone, Debug)]
pub struct Written {
    /// `<first 8 of the device>-<sequence>`; `<first 8 of the device>-unsent-<start>` (the second of one second: `-1`) while
    /// it is kept back.
    pub id: String,
    /// Its status.
    pub status: Light,
    /// Lights and reasons.
    pub assessment: Assessment,
    /// SHA-256 of the record.
    pub record_sha256: Sha256,
    /// Why it is not in the store yet; `None` when it is.
    pub not_sent: Option<AgentError>,
    /// Why this computer could not note what the next bilan is to compare with; that one asks the ledger.
    pub not_remembered: Option<AgentError>,
}

impl Written {
    /// Reasons that somebody is to acknowledge: they are said at once, not only in the bilan.
    pub fn to_acknowledge(&self) -> impl Iterator<Item = &Reason> {
        let is_told = |code: &str| {
            SOURCE_ALARMS.contains(&code) || alarms::CHAIN_ALARMS.contains(&code) || code == ALTERED_ALARM
        };
        self.assessment.reasons.iter().filter(move |reason| is_told(reason.code))
    }
}

/// Writes the bilan of a run, or keeps it: why is in [`Written::not_sent`].
///
/// Errors: it is neither in the store nor on this computer.
pub async fn write(
    ledger: &mut LedgerWriter<'_>,
    state: &State,
    report: &RunReport<'_>,
    token_key: &[u8; 32],
) -> Result<Written> {
    let assessment = status(&facts(report));
    let record = match prepare(ledger, state, report, token_key, &assessment).await {
        Ok(record) => record,
        Err(error) => return keep_because(state, report, token_key, assessment, ledger.head(), error),
    };
    let record_sha256 = record.sha256().map_err(AgentError::bug)?;
    let (sequence, not_sent) = match send(ledger, &record).await {
        Sent::Whole(sequence) => (sequence, None),
        Sent::Pending(sequence, error) => (sequence, Some(error)),
        Sent::Nothing(error) => {
            return keep_because(state, report, token_key, assessment, ledger.head(), error);
        }
    };
    let not_remembered = remember(state, report, &assessment, sequence).err();
    let id = bilan_id(&report.device.id, sequence);
    Ok(Written { id, status: assessment.overall(), assessment, record_sha256, not_sent, not_remembered })
}

/// What comes before a bilan in the ledger, and then its record.
async fn prepare(
    ledger: &mut LedgerWriter<'_>,
    state: &State,
    report: &RunReport<'_>,
    token_key: &[u8; 32],
    assessment: &Assessment,
) -> Result<Record> {
    // What the run left in the head (its count of runs) must not be lost with a note that is not sent.
    ledger.save_head()?;
    // A note of the run that may be in the store or not comes first: the record names the one before it.
    ledger.settle().await?;
    send_unsent(ledger, state).await?;
    record(report, assessment, NotePosition::after(ledger.head()), token_key)
}

/// Keeps the bilan of a run for which nobody writes to the ledger, because of `error`: it could not open it, or was stopped.
///
/// Errors: the state folder takes nothing.
pub fn keep(
    state: &State,
    report: &RunReport<'_>,
    token_key: &[u8; 32],
    error: AgentError,
) -> Result<Written> {
    keep_because(state, report, token_key, status(&facts(report)), &state.head()?, error)
}

/// What the next bilan is to know; `next` is no lower than the number that this one's note bears or will bear.
fn remember(state: &State, report: &RunReport<'_>, assessment: &Assessment, next: u64) -> Result<()> {
    if let Some(code) = alarm_seen(report) {
        alarms::note(state, code, report.ended, next)?;
    }
    memory_after(report, assessment).save(state)
}

/// Id of a bilan from its note.
pub fn bilan_id(device: &DeviceId, sequence: u64) -> String {
    format!("{}-{sequence}", device_part(device))
}

fn device_part(device: &DeviceId) -> &str {
    device.as_str().get(..8).unwrap_or(device.as_str())
}

/// Bilans of a state folder that are not in the store, oldest first, with their ids. Unreadable ones are left out.
pub fn unsent(folder: &Path) -> Vec<(String, Record)> {
    let read = |name: &str| fs::read(folder.join(name)).ok();
    with_ids(kept_back(files::names_in(folder, files::UNSENT), read))
}

/// [`unsent`] of a state that is held.
pub fn unsent_in(state: &State) -> Vec<(String, Record)> {
    with_ids(kept_back_in(state))
}

fn with_ids(kept: Vec<KeptBack>) -> Vec<(String, Record)> {
    kept.into_iter().map(|kept| (unsent_id(&kept.record, kept.number), kept.record)).collect()
}

/// How far a bilan got.
enum Sent {
    /// Record and note are stored.
    Whole(u64),
    /// The note waits in the state folder; the next run's [`LedgerWriter::settle`] sends it.
    Pending(u64, AgentError),
    /// Not even the record is stored.
    Nothing(AgentError),
}

async fn send(ledger: &mut LedgerWriter<'_>, record: &Record) -> Sent {
    let json = match record.to_canonical_json() {
        Ok(json) => json,
        Err(error) => return Sent::Nothing(AgentError::bug(error)),
    };
    let attached = match ledger.attach("record", json.into_bytes()).await {
        Ok(attached) => attached,
        Err(error) => return Sent::Nothing(error),
    };
    let kind = NoteKind::Bilan {
        run: record.run.kind.to_string(),
        status: record.status.overall,
        snapshot: record.run.snapshot,
    };
    let sequence = ledger.head().sequence + 1;
    match ledger.append(kind, vec![attached]).await {
        Ok(head) => Sent::Whole(head.sequence),
        Err(error) if ledger.is_pending() => Sent::Pending(sequence, error),
        // It did not even get so far that it waits.
        Err(error) => Sent::Nothing(error),
    }
}

/// Sends what was kept back, oldest first, each where the chain is now.
async fn send_unsent(ledger: &mut LedgerWriter<'_>, state: &State) -> Result<()> {
    for KeptBack { name, mut record, .. } in kept_back_in(state) {
        place(&mut record, NotePosition::after(ledger.head()));
        match send(ledger, &record).await {
            Sent::Whole(_) => state.remove_surely(&name)?,
            Sent::Pending(_, error) => {
                // The note is on its way by itself.
                state.remove_surely(&name)?;
                return Err(error);
            }
            Sent::Nothing(error) => return Err(error),
        }
    }
    Ok(())
}

fn keep_because(
    state: &State,
    report: &RunReport<'_>,
    token_key: &[u8; 32],
    assessment: Assessment,
    head: &Head,
    error: AgentError,
) -> Result<Written> {
    let record = record(report, &assessment, NotePosition::after(head), token_key)?;
    let json = record.to_canonical_json().map_err(AgentError::bug)?;
    state.make_folder(files::UNSENT)?;
    let kept = kept_back_in(state);
    for old in kept.iter().take((kept.len() + 1).saturating_sub(UNSENT_MAX)) {
        state.remove_surely(&old.name)?;
    }
    // Two runs may begin in one second.
    let name = |n: u32| files::unsent_bilan(report.started.0, n);
    let taken = state.names_in(files::UNSENT);
    let free: u32 = (0..1000).find(|n| !taken.contains(&name(*n))).unwrap_or(0);
    state.put(&name(free), json.as_bytes())?;
    let not_remembered = remember(state, report, &assessment, head.sequence + 1).err();
    Ok(Written {
        id: unsent_id(&record, free),
        status: assessment.overall(),
        assessment,
        record_sha256: Sha256::of(json.as_bytes()),
        not_sent: Some(error),
        not_remembered,
    })
}

/// `<first 8 of the device>-unsent-<start>`, with `-<n>` for the others that began in the same second.
fn unsent_id(record: &Record, n: u32) -> String {
    let first = format!("{}-unsent-{}", device_part(&record.identity.device.0), record.run.started.0);
    if n == 0 { first } else { format!("{first}-{n}") }
}

/// A bilan that is kept until the store answers.
struct KeptBack {
    /// Its file in the state folder.
    name: String,
    /// Its number among those that began in the same second.
    number: u32,
    record: Record,
}

impl KeptBack {
    fn read(name: String, bytes: &[u8]) -> Option<Self> {
        let record = Record::parse(bytes).ok()?;
        let number =
            Path::new(&name).file_stem()?.to_str()?.split_once('-').and_then(|(_, n)| n.parse().ok());
        Some(Self { name, number: number.unwrap_or(0), record })
    }
}

fn kept_back_in(state: &State) -> Vec<KeptBack> {
    kept_back(state.names_in(files::UNSENT), |name| state.get(name).ok().flatten())
}

/// Oldest first.
fn kept_back(mut names: Vec<String>, read: impl Fn(&str) -> Option<Vec<u8>>) -> Vec<KeptBack> {
    names.sort();
    let ours = names.into_iter().filter(|name| name.ends_with(files::RECORD_ENDING));
    ours.filter_map(|name| read(&name).and_then(|bytes| KeptBack::read(name, &bytes))).collect()
}
