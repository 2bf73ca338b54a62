//! The memory of a set read again from the ledger: after an acknowledgment, and where the state folder lost it.
//!
//! Counts come from snapshot notes, warnings from the record of the set's newest bilan, both as signed by this device.
//! Goes to [`super::memory::Memory`]. Never: forgives what nobody acknowledged, or guesses when the store does not answer.

use std::collections::BTreeMap;

use scelle_format::id::DeviceId;
use scelle_format::ledger::NoteKind;
use scelle_format::report::Record;

use super::accepted::{Accepted, Counted};
use super::facts::ANOMALY_RUNS;
use super::list::read_record;
use super::memory::{ALTERED_ALARM, SetMemory, stays_open};
use super::write::unsent_in;
use crate::error::{ExitCode, Result};
use crate::repo::ledger::alarms::{CHAIN_ALARMS, ChainAlarms};
use crate::repo::ledger::answered::answered;
use crate::repo::ledger::history::{History, Snapshot, VerifiedNote};
use crate::repo::objects::Objects;
use crate::repo::state::State;

/// The number of this device's newest bilan where it still had the alarm about altered objects open and nobody has
/// acknowledged it since.
///
/// Errors: the store does not answer.
pub async fn open_alarm(objects: &Objects, history: &History, device: &DeviceId) -> Result<Option<u64>> {
    let newest = newest_unanswered(objects, history, device).await?;
    let is_open = |record: &Record| record.alerts.iter().any(|alert| alert.code.as_str() == ALTERED_ALARM);
    Ok(newest.filter(|(_, record)| is_open(record)).map(|(sequence, _)| sequence))
}

/// Reads from the newest bilans which alarms about the ledger are open, where the state folder does not know: from the newest
/// in the store, and from those that are kept back and will follow it.
///
/// Errors: the store does not answer.
pub async fn chain_alarms(
    objects: &Objects,
    history: &History,
    device: &DeviceId,
    state: &State,
) -> Result<()> {
    let newest = newest_unanswered(objects, history, device).await?;
    let (bilan, alerts) = newest.map(|(bilan, record)| (bilan, record.alerts)).unwrap_or_default();
    let kept_back = unsent_in(state).into_iter().flat_map(|(_, record)| record.alerts);
    let alerts = alerts.into_iter().chain(kept_back);
    let open = alerts.filter(|alert| CHAIN_ALARMS.contains(&alert.code.as_str()));
    let open = open.map(|alert| (alert.code.as_str().to_owned(), alert.since));
    ChainAlarms::load(state).recall(state, open, bilan)
}

/// The newest bilan of this device that no acknowledgment about the store answers: number and record. One whose record is
/// lost says nothing: the one before it is asked.
async fn newest_unanswered(
    objects: &Objects,
    history: &History,
    device: &DeviceId,
) -> Result<Option<(u64, Record)>> {
    let Some(chain) = history.device(device) else { return Ok(None) };
    let answered = answered(history, device);
    let bilans = chain.notes.iter().rev().filter(|row| matches!(row.note.kind, NoteKind::Bilan { .. }));
    for row in bilans.take_while(|row| row.note.sequence > answered) {
        match read_record(objects, row).await {
            Ok(record) => return Ok(Some((row.note.sequence, record))),
            Err(error) if error.code == ExitCode::Damaged => {}
            Err(error) => return Err(error),
        }
    }
    Ok(None)
}

/// What a run of `set` would know of the runs before snapshot `before` of `device`. `history` is the whole ledger.
pub async fn recall(
    objects: &Objects,
    history: &History,
    device: &DeviceId,
    set: &str,
    before: u64,
) -> Result<SetMemory> {
    let mut memory = SetMemory::default();
    let Some(chain) = history.device(device) else { return Ok(memory) };
    let mut counts: BTreeMap<u64, Counted> = BTreeMap::new();
    let complete: BTreeMap<u64, Snapshot> =
        chain.snapshots().into_iter().map(|snapshot| (snapshot.sequence, snapshot)).collect();
    let (mut newest, mut acknowledged): (Option<&VerifiedNote>, u64) = (None, 0);
    for row in &chain.notes {
        match &row.note.kind {
            NoteKind::Snapshot { .. } => {
                let of_set =
                    complete.get(&row.note.sequence).filter(|s| s.set == set && s.id.number < before);
                let Some(snapshot) = of_set else { continue };
                let (time, files, bytes) = (snapshot.time.0, snapshot.files, snapshot.source_bytes);
                let state = Counted { snapshot: snapshot.id.number, time, files, bytes };
                let shrunk = counts.len() as u64 >= ANOMALY_RUNS && memory.accepted.has_shrunk(bytes);
                let has_lost = memory.accepted.has_lost(files) || memory.accepted.has_lost_few(files);
                if !has_lost && !shrunk {
                    memory.accepted.accept(state);
                }
                memory.last_change = time;
                memory.missing_accepted = false;
                counts.insert(snapshot.id.number, state);
            }
            NoteKind::Bilan { snapshot: Some(number), .. } if counts.contains_key(number) => {
                newest = Some(row)
            }
            NoteKind::Acknowledge { bilan, set: of, snapshot, .. } if of == set => {
                acknowledged = acknowledged.max(*bilan);
                memory.missing_accepted = true;
                if let Some(state) = counts.get(snapshot) {
                    memory.accepted = Accepted::only(*state);
                }
            }
            _ => {}
        }
    }
    if let Some(row) = newest.filter(|row| row.note.sequence > acknowledged) {
        let record = read_record(objects, row).await?;
        let open = record.alerts.iter().filter(|alert| stays_open(alert.code.as_str()));
        memory.alarms = open.map(|alert| (alert.code.as_str().to_owned(), alert.since.0)).collect();
    }
    Ok(memory)
}
