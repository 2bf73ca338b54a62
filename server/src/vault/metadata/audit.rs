//! Whether the metadata agree with themselves, and how they are made to.
//!
//! For: [`crate::vault::fsck`] and [`crate::vault::rebuild`]. Never: removes a row or shortens a retention.

use rusqlite::{Connection, params};

use crate::vault::refusal::Refusal;

/// Whether the database is sound as a database.
pub fn is_sound(c: &Connection) -> Result<bool, Refusal> {
    let said = c.query_row("PRAGMA integrity_check(1)", [], |row| row.get::<_, String>(0));
    let dangling = c.prepare("PRAGMA foreign_key_check").and_then(|mut query| query.exists([]));
    Ok(said.is_ok_and(|said| said == "ok") && dangling.is_ok_and(|dangling| !dangling))
}

/// Whether any row names the blob.
pub fn is_named(c: &rusqlite::Connection, blob: &str) -> Result<bool, Refusal> {
    let sql = "SELECT EXISTS (SELECT 1 FROM versions WHERE blob = ?1) OR EXISTS (SELECT 1 FROM parts WHERE blob = ?1)";
    Ok(c.prepare_cached(sql)?.query_row([blob], |row| row.get(0))?)
}

/// Whether a version, a part or a file still to be removed has this name.
pub fn is_known(c: &Connection, blob: &str) -> Result<bool, Refusal> {
    let doomed = c.prepare_cached("SELECT 1 FROM doomed WHERE blob = ?1")?.exists([blob])?;
    Ok(doomed || is_named(c, blob)?)
}

/// How many objects have another current version than their newest.
pub fn wrong_current(c: &Connection) -> Result<u64, Refusal> {
    let sql = "SELECT count(*) FROM (SELECT 1 FROM versions GROUP BY bucket, key
               HAVING sum(is_current) <> 1 OR max(sequence) <> max(CASE WHEN is_current THEN sequence END))";
    Ok(c.query_row(sql, [], |row| row.get::<_, i64>(0))?.unsigned_abs())
}

/// Makes the newest version of each object the current one.
pub fn set_current(c: &Connection) -> Result<(), Refusal> {
    c.execute(
        "UPDATE versions SET is_current = (sequence = (SELECT max(sequence) FROM versions AS other
         WHERE other.bucket = versions.bucket AND other.key = versions.key))
         WHERE is_current <> (sequence = (SELECT max(sequence) FROM versions AS other
         WHERE other.bucket = versions.bucket AND other.key = versions.key))",
        [],
    )?;
    Ok(())
}

/// Bytes that a tenant's versions and parts really have.
const USED: &str =
    "(SELECT coalesce(sum(versions.bytes), 0) FROM versions JOIN buckets ON buckets.id = versions.bucket
       WHERE tenant = tenants.name)
    + (SELECT coalesce(sum(parts.bytes), 0) FROM parts JOIN uploads ON uploads.id = upload
       JOIN buckets ON buckets.id = uploads.bucket WHERE tenant = tenants.name)";

/// How many tenants have another count of bytes than their versions and parts.
pub fn wrong_counts(c: &Connection) -> Result<u64, Refusal> {
    let sql = format!("SELECT count(*) FROM tenants WHERE used_bytes <> {USED}");
    Ok(c.query_row(&sql, [], |row| row.get::<_, i64>(0))?.unsigned_abs())
}

/// Counts every tenant's bytes again.
pub fn count_again(c: &Connection) -> Result<(), Refusal> {
    c.execute(&format!("UPDATE tenants SET used_bytes = {USED}"), [])?;
    Ok(())
}

/// Notes what was found of a blob: damage or its end, and a retention that the files promise.
pub fn repair(
    c: &Connection,
    blob: &str,
    is_damaged: Option<bool>,
    promised_ms: Option<i64>,
    now_ms: i64,
) -> Result<(), Refusal> {
    if let Some(is_damaged) = is_damaged {
        c.execute(
            "UPDATE versions SET is_damaged = ?2, scrubbed_ms = ?3 WHERE blob = ?1",
            params![blob, is_damaged, now_ms],
        )?;
    }
    c.execute(
        "UPDATE versions SET retain_until_ms = ?2 WHERE blob = ?1 AND ?2 > coalesce(retain_until_ms, 0)",
        params![blob, promised_ms],
    )?;
    Ok(())
}
