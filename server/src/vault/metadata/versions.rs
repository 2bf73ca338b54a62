//! Versions of objects: what is where, what is current, what is locked.
//!
//! From [`crate::vault::operations`]. Every function runs inside one transaction. Never: removes a row that is inside
//! its retention, or moves a retention to an earlier time; both are refused here, whoever asks.

use rusqlite::{Connection, OptionalExtension as _, Row, params};

use super::buckets::{self, Bucket};
use super::credentials::count_bytes;
use crate::vault::label::{Kind, Label};
use crate::vault::refusal::Refusal;

/// What must hold of a key's newest version for a new one to be written.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Condition {
    /// Nothing.
    #[default]
    None,
    /// `If-None-Match: *`: no current object.
    Absent,
    /// `If-Match`: the current object has this ETag.
    Matches(String),
}

/// Under what terms a version is written.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Terms {
    /// What the client asked.
    pub condition: Condition,
    /// The credential may not put another object in the place of one: in a bucket without versions that destroys it.
    pub replaces_nothing: bool,
}

/// A version as the metadata has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Version {
    /// Everything written with it; `label.retain_until_ms` is what it was written with.
    pub label: Label,
    /// Whether its id is `null`.
    pub is_null: bool,
    /// Whether it is the newest.
    pub is_current: bool,
    /// Retention now, milliseconds since 1970.
    pub retain_until_ms: Option<i64>,
    /// Whether its bytes were found to be wrong.
    pub is_damaged: bool,
}

impl Version {
    /// The id clients see.
    pub fn id(&self) -> &str {
        if self.is_null { "null" } else { &self.label.blob }
    }

    /// Whether it is a delete marker.
    pub fn is_marker(&self) -> bool {
        self.label.kind == Kind::Marker
    }

    /// Whether readers find an object here: no marker, and not damaged.
    pub fn is_readable(&self) -> bool {
        !self.is_marker() && !self.is_damaged
    }

    /// Whether nobody may delete it now.
    pub fn is_locked(&self, now_ms: i64) -> bool {
        self.retain_until_ms.is_some_and(|until| until > now_ms)
    }
}

/// Columns in the order [`version`] reads them.
pub const COLUMNS: &str = "label, is_null, is_current, retain_until_ms, is_damaged";

/// Reads a row of [`COLUMNS`].
pub fn version(row: &Row<'_>) -> rusqlite::Result<Version> {
    let json: String = row.get(0)?;
    let label = serde_json::from_str(&json).map_err(|_| rusqlite::Error::InvalidQuery)?;
    Ok(Version {
        label,
        is_null: row.get(1)?,
        is_current: row.get(2)?,
        retain_until_ms: row.get(3)?,
        is_damaged: row.get(4)?,
    })
}

/// The newest version of a key, marker or not.
pub fn current(c: &Connection, bucket: i64, key: &str) -> Result<Option<Version>, Refusal> {
    let sql = format!("SELECT {COLUMNS} FROM versions WHERE bucket = ?1 AND key = ?2 AND is_current = 1");
    Ok(c.prepare_cached(&sql)?.query_row(params![bucket, key], version).optional()?)
}

/// One version of a key by the id clients use.
pub fn by_id(c: &Connection, bucket: i64, key: &str, id: &str) -> Result<Version, Refusal> {
    let sql = format!(
        "SELECT {COLUMNS} FROM versions WHERE bucket = ?1 AND key = ?2
         AND CASE WHEN is_null THEN 'null' ELSE blob END = ?3 ORDER BY sequence DESC LIMIT 1"
    );
    let found = c.prepare_cached(&sql)?.query_row(params![bucket, key, id], version).optional()?;
    found.ok_or(Refusal::NoSuchVersion)
}

/// The version an id names, or the newest that is no marker.
pub fn wanted(c: &Connection, bucket: i64, key: &str, id: Option<&str>) -> Result<Version, Refusal> {
    match id {
        Some(id) => by_id(c, bucket, key, id),
        None => current(c, bucket, key)?.filter(Version::is_readable).ok_or(Refusal::NoSuchKey),
    }
}

/// Refuses a write whose terms do not hold. A damaged object counts as absent: whoever has the bytes puts them again.
pub fn check(terms: &Terms, bucket: &Bucket, current: Option<&Version>) -> Result<(), Refusal> {
    let current = current.filter(|version| version.is_readable());
    if terms.replaces_nothing && !bucket.state.versioned && current.is_some() {
        return Err(match terms.condition {
            Condition::Absent => Refusal::PreconditionFailed,
            _ => Refusal::Denied,
        });
    }
    match (&terms.condition, current) {
        (Condition::None, _) | (Condition::Absent, None) => Ok(()),
        (Condition::Matches(etag), Some(version)) if *etag == version.label.etag || etag == "*" => Ok(()),
        (Condition::Matches(_), None) => Err(Refusal::NoSuchKey),
        _ => Err(Refusal::PreconditionFailed),
    }
}

/// Adds a version and makes it current. In a bucket without versions it takes the place of the one before, whose
/// file is doomed. The terms are looked at in the same transaction: of writers that race, one wins.
pub fn insert(c: &Connection, bucket: i64, label: &Label, terms: &Terms) -> Result<(), Refusal> {
    let stands = buckets::again(c, bucket)?;
    let before = current(c, bucket, &label.key)?;
    check(terms, &stands, before.as_ref())?;
    if stands.state != label.bucket_state || before.is_some_and(|it| it.label.sequence >= label.sequence) {
        // Versions or retention were turned on in this very moment: what the label says is not what was promised.
        return Err(Refusal::Stopping);
    }
    count_bytes(c, &label.tenant, i64::try_from(label.bytes).unwrap_or(i64::MAX))?;
    let is_null = !label.bucket_state.versioned;
    match by_id(c, bucket, &label.key, "null") {
        Ok(before) if is_null => delete_row(c, bucket, &before)?,
        Err(error) if !matches!(error, Refusal::NoSuchVersion) => return Err(error),
        _ => {}
    }
    c.prepare_cached("UPDATE versions SET is_current = 0 WHERE bucket = ?1 AND key = ?2 AND is_current = 1")?
        .execute(params![bucket, label.key])?;
    insert_row(c, bucket, label, label.retain_until_ms, label.stored_ms, true)
}

/// Adds a version whose file was found: it was never read since, and whether it is current is for others to say.
pub fn insert_found(
    c: &Connection,
    bucket: i64,
    label: &Label,
    retain_until_ms: Option<i64>,
) -> Result<(), Refusal> {
    insert_row(c, bucket, label, retain_until_ms, 0, false)
}

fn insert_row(
    c: &Connection,
    bucket: i64,
    label: &Label,
    retain_until_ms: Option<i64>,
    scrubbed_ms: i64,
    is_current: bool,
) -> Result<(), Refusal> {
    let json = serde_json::to_string(label).map_err(|_| Refusal::Internal("metadata: label".to_owned()))?;
    c.prepare_cached(
        "INSERT INTO versions (bucket, key, sequence, blob, is_null, is_current, is_marker, bytes,
         retain_until_ms, label, scrubbed_ms) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)",
    )?
    .execute(params![
        bucket,
        label.key,
        label.sequence,
        label.blob,
        !label.bucket_state.versioned,
        is_current,
        label.kind == Kind::Marker,
        i64::try_from(label.bytes).unwrap_or(i64::MAX),
        retain_until_ms,
        json,
        scrubbed_ms
    ])?;
    Ok(())
}

/// Deletes one version for good, unless it is locked; the newest that is left becomes current.
pub fn delete(c: &Connection, bucket: i64, key: &str, id: &str, now_ms: i64) -> Result<Version, Refusal> {
    let version = by_id(c, bucket, key, id)?;
    if version.is_locked(now_ms) {
        return Err(Refusal::Locked);
    }
    delete_row(c, bucket, &version)?;
    if version.is_current {
        c.prepare_cached(
            "UPDATE versions SET is_current = 1 WHERE bucket = ?1 AND key = ?2 AND sequence =
             (SELECT max(sequence) FROM versions WHERE bucket = ?1 AND key = ?2)",
        )?
        .execute(params![bucket, key])?;
    }
    Ok(version)
}

fn delete_row(c: &Connection, bucket: i64, version: &Version) -> Result<(), Refusal> {
    let Label { key, sequence, blob, tenant, bytes, .. } = &version.label;
    c.prepare_cached("DELETE FROM versions WHERE bucket = ?1 AND key = ?2 AND sequence = ?3")?
        .execute(params![bucket, key, sequence])?;
    doom(c, blob)?;
    count_bytes(c, tenant, -i64::try_from(*bytes).unwrap_or(i64::MAX))
}

/// Notes that a blob's file is to go.
pub fn doom(c: &Connection, blob: &str) -> Result<(), Refusal> {
    c.prepare_cached("INSERT INTO doomed (blob) VALUES (?1) ON CONFLICT DO NOTHING")?.execute([blob])?;
    Ok(())
}

/// Moves a retention to a later time; the same time is fine, an earlier one is refused while the old one holds.
pub fn extend(c: &Connection, version: &Version, until_ms: i64, now_ms: i64) -> Result<(), Refusal> {
    let mut query = c.prepare_cached("SELECT retain_until_ms FROM versions WHERE blob = ?1")?;
    let found: Option<Option<i64>> = query.query_row([&version.label.blob], |row| row.get(0)).optional()?;
    let held = found.ok_or(Refusal::NoSuchVersion)?;
    if held.is_some_and(|held| held > now_ms && until_ms < held) {
        return Err(Refusal::Locked);
    }
    c.prepare_cached("UPDATE versions SET retain_until_ms = ?2 WHERE blob = ?1")?
        .execute(params![version.label.blob, until_ms])?;
    Ok(())
}

/// The largest position in history so far.
pub fn last_sequence(c: &Connection) -> Result<i64, Refusal> {
    Ok(c.query_row("SELECT coalesce(max(sequence), 0) FROM versions", [], |row| row.get(0))?)
}
