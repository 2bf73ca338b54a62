//! Writing a bilan: attach the record, append the note; or keep it until the store answers again.
//!
//! Data comes from [`RunReport`], goes to the ledger and to `bilans.json`. A bilan that cannot be sent lies in the state
//! folder (`unsent-bilans/`), where `bilan list` and `show` find it, and is sent as a note of its own before the next one.
//! Never: lets a bilan go missing because the store did.

use std::fs;
use std::path::{Path, PathBuf};

use scelle_format::id::{DeviceId, Sha256};
use scelle_format::ledger::NoteKind;
use scelle_format::report::{Assessment, Light, Record, status};

use super::chain::alarm_seen;
use super::facts::facts;
use super::record::{NotePosition, place, record};
use super::remember::memory_after;
use super::run::RunReport;
use crate::error::{AgentError, Result};
use crate::repo::alarms;
use crate::repo::append::LedgerWriter;
use crate::repo::state::State;

const UNSENT: &str = "unsent-bilans";
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
}

/// Writes the bilan of a run. An error of the store does not fail: it is in [`Written::not_sent`].
pub async fn write(
    ledger: &mut LedgerWriter<'_>,
    state: &State,
    report: &RunReport<'_>,
    token_key: &[u8; 32],
) -> Result<Written> {
    let assessment = status(&facts(report));
    // What the run left in the head (its count of runs) must not be lost with a note that is not sent.
    ledger.save_head()?;
    // A note of the run that may be in the store or not comes first: the record names the one before it.
    if let Err(error) = ledger.settle().await {
        return keep_because(state, report, token_key, assessment, error);
    }
    if let Err(error) = send_unsent(ledger, state.folder()).await {
        return keep_because(state, report, token_key, assessment, error);
    }
    let record = record(report, &assessment, NotePosition::after(ledger.head()), token_key)?;
    let record_sha256 = record.sha256().map_err(AgentError::bug)?;
    let (sequence, not_sent) = match send(ledger, &record).await {
        Sent::Whole(sequence) => (sequence, None),
        Sent::Pending(sequence, error) => (sequence, Some(error)),
        Sent::Nothing(error) => return keep_because(state, report, token_key, assessment, error),
    };
    remember(state, report, &assessment, sequence)?;
    let id = bilan_id(&report.device.id, sequence);
    Ok(Written { id, status: assessment.overall(), assessment, record_sha256, not_sent })
}

/// Keeps the bilan of a run that could not even open its ledger, because of `error`.
pub fn keep(
    state: &State,
    report: &RunReport<'_>,
    token_key: &[u8; 32],
    error: AgentError,
) -> Result<Written> {
    keep_because(state, report, token_key, status(&facts(report)), error)
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
    unsent_files(folder).into_iter().map(|(_, id, record)| (id, record)).collect()
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
        Ok((sequence, _)) => Sent::Whole(sequence),
        Err(error) if ledger.is_pending() => Sent::Pending(sequence, error),
        // It did not even get so far that it waits.
        Err(error) => Sent::Nothing(error),
    }
}

/// Sends what was kept back, oldest first, each where the chain is now.
async fn send_unsent(ledger: &mut LedgerWriter<'_>, folder: &Path) -> Result<()> {
    for (path, _, mut record) in unsent_files(folder) {
        place(&mut record, NotePosition::after(ledger.head()));
        match send(ledger, &record).await {
            Sent::Whole(_) => fs::remove_file(&path)?,
            Sent::Pending(_, error) => {
                // The note is on its way by itself.
                fs::remove_file(&path)?;
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
    error: AgentError,
) -> Result<Written> {
    let record = record(report, &assessment, NotePosition::after(&state.head()?), token_key)?;
    let json = record.to_canonical_json().map_err(AgentError::bug)?;
    let folder = state.folder().join(UNSENT);
    fs::create_dir_all(&folder)?;
    crate::platform::make_private(&folder)?;
    let kept = unsent_files(state.folder());
    for (path, ..) in kept.iter().take((kept.len() + 1).saturating_sub(UNSENT_MAX)) {
        fs::remove_file(path)?;
    }
    // Two runs may begin in one second.
    let name = |n: u32| format!("{UNSENT}/{:012}-{n:03}.json", report.started.0.max(0));
    let free: u32 = (0..1000).find(|n| !state.folder().join(name(*n)).exists()).unwrap_or(0);
    state.put(&name(free), json.as_bytes())?;
    remember(state, report, &assessment, state.head()?.sequence + 1)?;
    Ok(Written {
        id: unsent_id(&record, free),
        status: assessment.overall(),
        assessment,
        record_sha256: Sha256::of(json.as_bytes()),
        not_sent: Some(error),
    })
}

/// `<first 8 of the device>-unsent-<start>`, with `-<n>` for the others that began in the same second.
fn unsent_id(record: &Record, n: u32) -> String {
    let first = format!("{}-unsent-{}", device_part(&record.identity.device.0), record.run.started.0);
    if n == 0 { first } else { format!("{first}-{n}") }
}

fn unsent_files(folder: &Path) -> Vec<(PathBuf, String, Record)> {
    let Ok(entries) = fs::read_dir(folder.join(UNSENT)) else { return Vec::new() };
    let mut found: Vec<_> = entries
        .filter_map(|entry| {
            let path = entry.ok()?.path();
            let is_ours = path.extension().is_some_and(|extension| extension == "json");
            let record = Record::parse(&fs::read(&path).ok().filter(|_| is_ours)?).ok()?;
            let n = path.file_stem()?.to_str()?.split_once('-').and_then(|(_, n)| n.parse().ok());
            Some((path, unsent_id(&record, n.unwrap_or(0)), record))
        })
        .collect();
    found.sort_by(|a, b| a.0.cmp(&b.0));
    found
}
