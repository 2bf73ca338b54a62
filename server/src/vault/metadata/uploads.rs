//! Uploads in parts that are not complete yet.

use rusqlite::{Connection, OptionalExtension as _, Row, params};

use super::credentials::count_bytes;
use super::versions::doom;
use crate::vault::label::Label;
use crate::vault::refusal::Refusal;

/// An upload that was begun.
#[derive(Clone, Debug)]
pub struct Upload {
    /// Its id.
    pub id: String,
    /// The object's key.
    pub key: String,
    /// Server time, milliseconds since 1970.
    pub created_ms: i64,
    /// Headers, metadata, checksum algorithm and asked-for retention of the object to come.
    pub draft: Label,
}

fn upload(row: &Row<'_>) -> rusqlite::Result<Upload> {
    let json: String = row.get(3)?;
    let draft = serde_json::from_str(&json).map_err(|_| rusqlite::Error::InvalidQuery)?;
    Ok(Upload { id: row.get(0)?, key: row.get(1)?, created_ms: row.get(2)?, draft })
}

fn json(label: &Label) -> Result<String, Refusal> {
    serde_json::to_string(label).map_err(|_| Refusal::Internal("metadata: label".to_owned()))
}

/// Begins an upload.
pub fn create(c: &Connection, bucket: i64, id: &str, draft: &Label, now_ms: i64) -> Result<(), Refusal> {
    c.execute(
        "INSERT INTO uploads (id, bucket, key, created_ms, draft) VALUES (?1, ?2, ?3, ?4, ?5)",
        params![id, bucket, draft.key, now_ms, json(draft)?],
    )?;
    Ok(())
}

/// Finds an upload of this bucket and key.
pub fn find(c: &Connection, bucket: i64, key: &str, id: &str) -> Result<Upload, Refusal> {
    let mut query = c.prepare_cached(
        "SELECT id, key, created_ms, draft FROM uploads WHERE id = ?1 AND bucket = ?2 AND key = ?3",
    )?;
    query.query_row(params![id, bucket, key], upload).optional()?.ok_or(Refusal::NoSuchUpload)
}

/// Where a listing of uploads goes on: they are in the order of keys, then of ids.
pub struct UploadMark<'a> {
    /// The last key.
    pub key: &'a str,
    /// The last upload of that key.
    pub id: &'a str,
}

/// Uploads of a bucket after this one, at most `rows`.
pub fn list(
    c: &Connection,
    bucket: i64,
    prefix: &str,
    after: UploadMark<'_>,
    rows: usize,
) -> Result<Vec<Upload>, Refusal> {
    let mut query = c.prepare_cached(
        "SELECT id, key, created_ms, draft FROM uploads WHERE bucket = ?1 AND (key, id) > (?2, ?3)
         AND substr(key, 1, length(?4)) = ?4 ORDER BY key, id LIMIT ?5",
    )?;
    let rows = i64::try_from(rows).unwrap_or(i64::MAX);
    let found = query.query_map(params![bucket, after.key, after.id, prefix, rows], upload)?;
    Ok(found.collect::<Result<_, _>>()?)
}

/// Adds a part, in place of an earlier one of the same number.
pub fn put_part(c: &Connection, upload: &str, number: i32, label: &Label) -> Result<(), Refusal> {
    let there = c.prepare_cached("SELECT 1 FROM uploads WHERE id = ?1")?.exists([upload])?;
    if !there {
        return Err(Refusal::NoSuchUpload);
    }
    let mut earlier = c.prepare_cached("SELECT label FROM parts WHERE upload = ?1 AND number = ?2")?;
    let earlier: Option<String> = earlier.query_row(params![upload, number], |row| row.get(0)).optional()?;
    if let Some(earlier) = earlier.and_then(|json| serde_json::from_str::<Label>(&json).ok()) {
        doom(c, &earlier.blob)?;
        count_bytes(c, &earlier.tenant, -i64::try_from(earlier.bytes).unwrap_or(i64::MAX))?;
    }
    let bytes = i64::try_from(label.bytes).unwrap_or(i64::MAX);
    count_bytes(c, &label.tenant, bytes)?;
    c.prepare_cached(
        "INSERT OR REPLACE INTO parts (upload, number, blob, bytes, label) VALUES (?1, ?2, ?3, ?4, ?5)",
    )?
    .execute(params![upload, number, label.blob, bytes, json(label)?])?;
    Ok(())
}

/// Parts of an upload after a number, in order.
pub fn parts(c: &Connection, upload: &str, after: i32, rows: usize) -> Result<Vec<(i32, Label)>, Refusal> {
    let mut query = c.prepare_cached(
        "SELECT number, label FROM parts WHERE upload = ?1 AND number > ?2 ORDER BY number LIMIT ?3",
    )?;
    let rows = i64::try_from(rows).unwrap_or(i64::MAX);
    let found = query.query_map(params![upload, after, rows], |row| {
        let json: String = row.get(1)?;
        let label = serde_json::from_str(&json).map_err(|_| rusqlite::Error::InvalidQuery)?;
        Ok((row.get(0)?, label))
    })?;
    Ok(found.collect::<Result<_, _>>()?)
}

/// Ends an upload: its parts are doomed. Refused when another request ended it first.
pub fn finish(c: &Connection, upload: &str) -> Result<(), Refusal> {
    for (_, part) in parts(c, upload, 0, usize::MAX)? {
        doom(c, &part.blob)?;
        count_bytes(c, &part.tenant, -i64::try_from(part.bytes).unwrap_or(i64::MAX))?;
    }
    c.execute("DELETE FROM parts WHERE upload = ?1", [upload])?;
    let ended = c.execute("DELETE FROM uploads WHERE id = ?1", [upload])?;
    if ended == 0 { Err(Refusal::NoSuchUpload) } else { Ok(()) }
}
