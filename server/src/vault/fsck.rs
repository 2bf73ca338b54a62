//! Compares metadata, blob files and the access trace, and says where they do not agree.
//!
//! For: `scelle-server fsck`, beside a running vault (it then only looks) or on a stopped one (it may repair). It goes
//! through the blob folders one by one, so that it needs no more memory than one of them. A repair notes and lifts damage,
//! restores locks that files promise, and counts again; it never deletes a file or a version.

use std::collections::BTreeMap;
use std::io;
use std::path::Path;
use std::time::Duration;

use rusqlite::Connection;
use serde::Serialize;

use super::blobs::{Blobs, FoundBlob, folders};
use super::keys::TraceKey;
use super::label::Label;
use super::metadata::{Metadata, audit};
use super::operations::damage::{Damage, look, look_at_label};
use super::trace::verify::verify;
use super::{Refusal, clock};

/// Beside a running vault, files younger than this may belong to an upload whose record is being written.
const SETTLED: Duration = Duration::from_secs(3600);
/// Names told one by one; the rest is counted.
const MAX_NAMED: usize = 1000;

/// What to do.
#[derive(Clone, Copy, Debug, Default)]
pub struct Task {
    /// Read every body as well.
    pub read_data: bool,
    /// Write into the metadata what was found.
    pub repair: bool,
    /// Another process serves the folder.
    pub beside: bool,
}

/// A blob that is not as it should be.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct BadBlob {
    /// Its name, also the version id.
    pub blob: String,
    /// `missing`, `torn`, `mislabelled`, `changed` or `unreadable`.
    pub what: &'static str,
}

/// What was found.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Report {
    /// Versions, markers and parts that have a file.
    pub blobs: u64,
    /// Bytes of their bodies, as recorded.
    pub bytes: u64,
    /// Bodies read as a whole.
    pub read: u64,
    /// Blobs that are not what was stored.
    pub damaged: u64,
    /// Which, the first thousand.
    pub damaged_blobs: Vec<BadBlob>,
    /// Noted as damaged, and found right.
    pub whole_again: u64,
    /// Whole files that no record names: `rebuild` takes them in.
    pub unrecorded: u64,
    /// Files below `blobs/` that are not whole and that no record names.
    pub strange: u64,
    /// Locks that are shorter in the metadata than the files promise.
    pub shortened_locks: u64,
    /// Objects whose newest version is not the current one.
    pub wrong_current: u64,
    /// Tenants whose bytes were counted wrongly.
    pub wrong_counts: u64,
    /// The database is not sound as a database: `rebuild` it.
    pub metadata_broken: bool,
    /// Tenants whose access trace is not whole.
    pub broken_traces: Vec<String>,
    /// Whether what could be repaired was.
    pub repaired: bool,
}

impl Report {
    /// Whether something that was stored or promised is not there any more.
    pub fn is_damaged(&self) -> bool {
        self.damaged > 0 || self.metadata_broken || !self.broken_traces.is_empty() || self.shortened_locks > 0
    }

    /// Whether there is nothing to say.
    pub fn is_clean(&self) -> bool {
        let untidy = [self.whole_again, self.unrecorded, self.strange, self.wrong_current, self.wrong_counts];
        !self.is_damaged() && untidy == [0; 5]
    }
}

/// Checks the vault below `data`.
pub fn check(data: &Path, task: Task) -> Result<Report, Refusal> {
    let (blobs, metadata) = (Blobs::open(data)?, Metadata::open(data)?);
    let mut report = Report { repaired: task.repair, ..Report::default() };
    if !metadata.read_blocking(audit::is_sound)? {
        // Nothing it says can be compared with anything.
        report.metadata_broken = true;
        return Ok(report);
    }
    for folder in folders() {
        check_folder(&blobs, &metadata, &folder, task, &mut report)?;
    }
    report.wrong_current = metadata.read_blocking(audit::wrong_current)?;
    report.wrong_counts = metadata.read_blocking(audit::wrong_counts)?;
    if task.repair {
        metadata.write_blocking(|c| {
            audit::set_current(c)?;
            audit::count_again(c)
        })?;
    }
    report.broken_traces = broken_traces(data)?;
    Ok(report)
}

/// What the metadata say of a blob.
struct Record {
    label: Label,
    retain_until_ms: Option<i64>,
    is_damaged: bool,
}

fn check_folder(
    blobs: &Blobs,
    metadata: &Metadata,
    folder: &str,
    task: Task,
    report: &mut Report,
) -> Result<(), Refusal> {
    // Records first: a file whose record is younger than this look is settled by asking again below.
    let records = metadata.read_blocking(|c| records(c, folder))?;
    let files = blobs.folder(folder)?;
    for (name, record) in &records {
        report.blobs += 1;
        report.bytes += record.label.bytes;
        check_blob(blobs, metadata, record, files.get(name), task, report)?;
    }
    for (name, found) in files.iter().filter(|(name, _)| !records.contains_key(*name)) {
        let settled = found.modified.elapsed().unwrap_or_default() >= SETTLED;
        if (task.beside && !settled) || metadata.read_blocking(|c| audit::is_known(c, name))? {
            continue;
        }
        match blobs.label(name)? {
            Some(_) => report.unrecorded += 1,
            None => report.strange += 1,
        }
    }
    Ok(())
}

fn check_blob(
    blobs: &Blobs,
    metadata: &Metadata,
    record: &Record,
    file: Option<&FoundBlob>,
    task: Task,
    report: &mut Report,
) -> Result<(), Refusal> {
    let label = &record.label;
    let damage = match task.read_data {
        true => {
            report.read += 1;
            let first = look(blobs, label, &mut |_| true)?;
            if first.is_some() { look(blobs, label, &mut |_| true)? } else { None }
        }
        false => look_at_label(blobs, label)?,
    };
    let blob = label.blob.clone();
    if damage == Some(Damage::Missing)
        && !metadata.read_blocking(|c| super::metadata::audit::is_named(c, &blob))?
    {
        // Deleted while this went on.
        return Ok(());
    }
    if let Some(damage) = damage {
        report.damaged += 1;
        if report.damaged_blobs.len() < MAX_NAMED {
            report.damaged_blobs.push(BadBlob { blob: blob.clone(), what: damage.name() });
        }
    }
    // Without the body a whole label proves nothing about a body that was found wrong.
    let heals = record.is_damaged && damage.is_none() && task.read_data;
    report.whole_again += u64::from(heals);
    let promised = file.and_then(|file| file.until_ms).max(label.retain_until_ms);
    let shortened = promised > record.retain_until_ms;
    report.shortened_locks += u64::from(shortened);
    if task.repair && (heals || damage.is_some() || shortened) {
        let noted = if heals { Some(false) } else { damage.map(|_| true) };
        metadata.write_blocking(move |c| audit::repair(c, &blob, noted, promised, clock::now_ms()))?;
    }
    Ok(())
}

fn records(c: &Connection, folder: &str) -> Result<BTreeMap<String, Record>, Refusal> {
    // Names are hexadecimal: everything that begins with the folder's name is below that name and a `g`.
    let sql = "SELECT label, retain_until_ms, is_damaged FROM versions WHERE blob >= ?1 AND blob < ?1 || 'g'
               UNION ALL SELECT label, NULL, 0 FROM parts WHERE blob >= ?1 AND blob < ?1 || 'g'";
    let mut query = c.prepare_cached(sql)?;
    let rows = query.query_map([folder], |row| {
        Ok((row.get::<_, String>(0)?, row.get::<_, Option<i64>>(1)?, row.get::<_, bool>(2)?))
    })?;
    let mut records = BTreeMap::new();
    for row in rows {
        let (json, retain_until_ms, is_damaged) = row?;
        let label: Label =
            serde_json::from_str(&json).map_err(|_| Refusal::Internal("metadata: label".to_owned()))?;
        records.insert(label.blob.clone(), Record { label, retain_until_ms, is_damaged });
    }
    Ok(records)
}

fn broken_traces(data: &Path) -> Result<Vec<String>, Refusal> {
    let trace = data.join("trace");
    let mut broken = Vec::new();
    let chains = match std::fs::read_dir(&trace) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(broken),
        chains => chains?,
    };
    let public = TraceKey::open(data)?.public();
    for chain in chains {
        let chain = chain?;
        if !chain.file_type()?.is_dir() {
            continue;
        }
        if let Err(fault) = verify(&chain.path(), &public, None) {
            fault.here()?;
            broken.push(chain.file_name().to_string_lossy().into_owned());
        }
    }
    broken.sort();
    Ok(broken)
}
