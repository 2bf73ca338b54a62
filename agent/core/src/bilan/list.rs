//! Listing bilans and finding one by its id.
//!
//! Data comes from the checked ledger and from what the state folder keeps back; goes to `bilan list`, `show` and
//! `export`. Never: believes a record that does not hash to what its signed note says.

use std::collections::HashMap;
use std::path::Path;

use scelle_format::layout;
use scelle_format::ledger::NoteKind;
use scelle_format::limits::ATTACHMENT_MAX_BYTES;
use scelle_format::report::{Light, Record};
use scelle_format::timestamp::Timestamp;
use serde::Serialize;

use super::named::{is_bilan, named};
use super::write::{bilan_id, unsent};
use crate::error::{AgentError, Result};
use crate::look::newer::Own;
use crate::repo::kept::Kept;
use crate::repo::ledger::branch::branch_of;
use crate::repo::ledger::history::{History, VerifiedNote, read_attachment};
use crate::repo::objects::Objects;

/// One line of `bilan list`; its JSON is the contract of the command line.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Row {
    /// `<first 8 of the device>-<sequence>`, with `@<first 8 of its note's hash>` where a fork gave two one number; with
    /// `unsent` while it is kept back.
    pub id: String,
    /// What ran: `backup`…
    pub kind: String,
    /// When it was written, UTC.
    pub time: Timestamp,
    /// Its status.
    pub status: Light,
    /// Snapshot it speaks of.
    pub snapshot: Option<u64>,
    /// Set of roots of that snapshot, where it is there; of a run that made none, where this computer has its record.
    pub set: Option<String>,
    /// Number of its note; `None` while it is kept back.
    #[serde(skip)]
    pub sequence: Option<u64>,
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

/// Where bilans are looked for.
#[derive(Clone, Copy)]
pub struct Shelf<'a> {
    /// The checked ledger, whole.
    pub history: &'a History,
    /// The state folder of the repository, where there is one.
    pub folder: Option<&'a Path>,
    /// What this computer remembers of its own chain, where it is a device of the repository.
    pub own: Option<Own<'a>>,
}

impl Shelf<'_> {
    /// All bilans, oldest first.
    pub fn rows(&self) -> Vec<Row> {
        let snapshots = self.history.snapshots().into_iter();
        let sets: HashMap<(String, u64), String> =
            snapshots.map(|s| ((s.id.device.to_string(), s.id.number), s.set)).collect();
        let set = |device: &str, snapshot: Option<u64>| sets.get(&(device.to_owned(), snapshot?)).cloned();
        let sent = named(self.history).into_iter().filter_map(|(id, note)| {
            let row = row_of(id, note, set)?;
            let is_unknown = row.set.is_none() && row.snapshot.is_none();
            let set =
                if is_unknown { self.kept_record(note).and_then(|record| set_in(&record)) } else { row.set };
            Some(Row { set, ..row })
        });
        let kept = self.kept().into_iter().map(|(id, record)| Row {
            id,
            kind: record.run.kind.to_string(),
            time: record.run.ended,
            status: record.status.overall,
            snapshot: record.run.snapshot,
            set: set_in(&record).or_else(|| set(record.identity.device.0.as_str(), record.run.snapshot)),
            sequence: None,
            plan: None,
        });
        let mut rows: Vec<Row> = sent.chain(kept).collect();
        rows.sort_by_key(|row| row.time);
        rows
    }

    /// The bilan of an id; a number alone is one of this computer's own, or of the only computer there is. `latest`: the newest of this computer's own branch, whatever its clock said, where it has one;
    /// else the newest of all.
    ///
    /// Errors: exit 2 when there is none of that id, or several that this computer did not write; exit 13 when its record is
    /// missing or damaged.
    pub async fn load(&self, objects: &Objects, id: &str) -> Result<Loaded> {
        match id {
            "latest" => self.latest(objects).await,
            id => match self.kept().into_iter().find(|(of, _)| of == id) {
                Some((id, record)) => Ok(Loaded { id, record, note: None }),
                None => loaded(objects, self.sent(&self.whole_id(id))?).await,
            },
        }
    }

    fn whole_id(&self, id: &str) -> String {
        let only = || match &self.history.devices[..] {
            [only] => Some(&only.id),
            _ => None,
        };
        let device = self.own.map(|own| own.device).or_else(only);
        match (id.parse::<u64>(), device) {
            (Ok(number), Some(device)) => bilan_id(device, number),
            _ => id.to_owned(),
        }
    }

    async fn latest(&self, objects: &Objects) -> Result<Loaded> {
        // What is kept back is sent before anything else is written: it is newer than all that was.
        if let Some((id, record)) = self.kept().pop() {
            return Ok(Loaded { id, record, note: None });
        }
        let named = named(self.history);
        let own = self.branch().into_iter().find(|row| is_bilan(row));
        let of_own = own.and_then(|own| named.iter().find(|(_, row)| row.text_sha256 == own.text_sha256));
        let newest = of_own.or(named.last()).cloned();
        loaded(objects, newest.ok_or_else(AgentError::bilan_not_found)?).await
    }

    /// The note that a word names.
    fn sent(&self, id: &str) -> Result<(String, &VerifiedNote)> {
        let is_meant = |(word, _): &(String, &VerifiedNote)| {
            word == id || word.split_once('@').is_some_and(|(plain, _)| plain == id)
        };
        let mut found: Vec<_> = named(self.history).into_iter().filter(is_meant).collect();
        if found.len() > 1 {
            let branch = self.branch();
            let words: Vec<String> = found.iter().map(|(word, _)| word.clone()).collect();
            found.retain(|(_, row)| branch.iter().any(|own| own.text_sha256 == row.text_sha256));
            if found.is_empty() {
                return Err(AgentError::bilan_ambiguous().at(words.join(", ")));
            }
        }
        found.pop().ok_or_else(AgentError::bilan_not_found)
    }

    /// Whether this computer wrote a note: one of its number by a copy of it does not count.
    pub fn is_own(&self, note: &VerifiedNote) -> bool {
        let branch = self.branch();
        let is_there = || branch.iter().any(|row| row.text_sha256 == note.text_sha256);
        self.own.is_some_and(|own| *own.device == note.note.device) && (branch.is_empty() || is_there())
    }

    /// The notes that lead to the head that this computer remembers, newest first.
    fn branch(&self) -> Vec<&VerifiedNote> {
        let Some(own) = self.own else { return Vec::new() };
        let notes = self.history.device(own.device).map(|chain| &chain.notes[..]);
        branch_of(notes.unwrap_or_default(), own.head.chain_head().map(|head| head.text_sha256))
    }

    /// The record of a note, where this computer has a copy of it.
    fn kept_record(&self, note: &VerifiedNote) -> Option<Record> {
        let record = note.note.attachment("record")?;
        let bytes = Kept::of(self.folder?).copy(&layout::attachment(&record.sha256))?;
        Record::parse(&bytes).ok()
    }

    /// Bilans that are kept back, oldest first.
    fn kept(&self) -> Vec<(String, Record)> {
        self.folder.map(unsent).unwrap_or_default()
    }
}

fn set_in(record: &Record) -> Option<String> {
    record.run.set.as_ref().map(ToString::to_string)
}

async fn loaded(objects: &Objects, (id, note): (String, &VerifiedNote)) -> Result<Loaded> {
    let record = read_record(objects, note).await?;
    Ok(Loaded { id, record, note: Some(note.clone()) })
}

fn row_of(id: String, row: &VerifiedNote, set: impl Fn(&str, Option<u64>) -> Option<String>) -> Option<Row> {
    let NoteKind::Bilan { run, status, snapshot } = &row.note.kind else { return None };
    Some(Row {
        id,
        kind: run.clone(),
        time: row.note.time,
        status: *status,
        snapshot: *snapshot,
        set: set(row.note.device.as_str(), *snapshot),
        sequence: Some(row.note.sequence),
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
