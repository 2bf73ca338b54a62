//! Listing bilans and finding one by its id.
//!
//! Data comes from the checked ledger and from what the state folder keeps back; goes to `bilan list`, `show` and
//! `export`. Never: believes a record that does not hash to what its signed note says.

use std::collections::HashMap;
use std::path::Path;

use scelle_format::ledger::NoteKind;
use scelle_format::limits::ATTACHMENT_MAX_BYTES;
use scelle_format::report::{Light, Record};
use scelle_format::timestamp::Timestamp;
use serde::Serialize;

use super::write::{bilan_id, unsent};
use crate::error::{AgentError, Result};
use crate::repo::history::{History, VerifiedNote, read_attachment};
use crate::repo::objects::Objects;

/// One line of `bilan list`; its JSON is the contract of the command line.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Row {
    /// `<first 8 of the device>-<sequence>`, or with `unsent` while it is kept back.
    pub id: String,
    /// What ran: `backup`…
    pub kind: String,
    /// When it was written, UTC.
    pub time: Timestamp,
    /// Its status.
    pub status: Light,
    /// Snapshot it speaks of.
    pub snapshot: Option<u64>,
    /// Set of roots of that snapshot, where it is there.
    pub set: Option<String>,
    /// Label of the plan with these folders; set by whoever knows the configuration.
    pub plan: Option<String>,
}

/// A bilan with what its record says.
#[derive(Clone, Debug)]
pub struct Loaded {
    /// Its id.
    pub id: String,
    /// Its record.
    pub record: Record,
    /// Its note; `None` while it is kept back.
    pub note: Option<VerifiedNote>,
}

/// All bilans, oldest first. `folder` is the state folder of the repository, where there is one.
pub fn rows(history: &History, folder: Option<&Path>) -> Vec<Row> {
    let sets: HashMap<(String, u64), String> = history
        .snapshots()
        .into_iter()
        .map(|snapshot| ((snapshot.id.device.to_string(), snapshot.id.number), snapshot.set))
        .collect();
    let set = |device: &str, snapshot: Option<u64>| sets.get(&(device.to_owned(), snapshot?)).cloned();
    let sent = history.bilans().into_iter().filter_map(|note| row_of(note, set));
    let kept = folder.map(unsent).unwrap_or_default().into_iter().map(|(id, record)| Row {
        id,
        kind: record.run.kind.to_string(),
        time: record.run.ended,
        status: record.status.overall,
        snapshot: record.run.snapshot,
        set: set(record.identity.device.0.as_str(), record.run.snapshot),
        plan: None,
    });
    let mut rows: Vec<Row> = sent.chain(kept).collect();
    rows.sort_by_key(|row| row.time);
    rows
}

/// The bilan of an id, or the newest one for `latest`. Errors: exit 2 when there is none of that id, exit 13 when its
/// record is missing or damaged.
pub async fn load(objects: &Objects, history: &History, folder: Option<&Path>, id: &str) -> Result<Loaded> {
    let wanted = match id {
        "latest" => rows(history, folder).pop().map(|row| row.id),
        id => Some(id.to_owned()),
    };
    let id = wanted.ok_or_else(AgentError::bilan_not_found)?;
    let found = history.bilans().into_iter().find(|row| bilan_id(&row.note.device, row.note.sequence) == id);
    if let Some(note) = found {
        let record = read_record(objects, note).await?;
        return Ok(Loaded { id, record, note: Some(note.clone()) });
    }
    let kept = folder.map(unsent).unwrap_or_default();
    let (id, record) = kept.into_iter().find(|(of, _)| *of == id).ok_or_else(AgentError::bilan_not_found)?;
    Ok(Loaded { id, record, note: None })
}

fn row_of(row: &VerifiedNote, set: impl Fn(&str, Option<u64>) -> Option<String>) -> Option<Row> {
    let NoteKind::Bilan { run, status, snapshot } = &row.note.kind else { return None };
    Some(Row {
        id: bilan_id(&row.note.device, row.note.sequence),
        kind: run.clone(),
        time: row.note.time,
        status: *status,
        snapshot: *snapshot,
        set: set(row.note.device.as_str(), *snapshot),
        plan: None,
    })
}

/// The record of a bilan's note.
pub(super) async fn read_record(objects: &Objects, note: &VerifiedNote) -> Result<Record> {
    let damaged = || AgentError::object_corrupt().at(note.name.clone());
    let attachment = note.note.attachment("record").ok_or_else(damaged)?;
    let bytes = read_attachment(objects, attachment, ATTACHMENT_MAX_BYTES as u64).await?;
    Record::parse(&bytes).map_err(|error| damaged().because(error))
}
