//! Buckets. Every look-up is by tenant and name: what another tenant has cannot be found.

use rusqlite::{Connection, OptionalExtension as _, Row, params};

use crate::vault::label::BucketState;
use crate::vault::refusal::Refusal;

/// A bucket of a tenant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bucket {
    /// Row id.
    pub id: i64,
    /// Whose it is.
    pub tenant: String,
    /// Name within the tenant.
    pub name: String,
    /// Server time, milliseconds since 1970.
    pub created_ms: i64,
    /// Versions, lock and default retention.
    pub state: BucketState,
}

const COLUMNS: &str = "id, tenant, name, created_ms, versioned, locked, retention_days";

fn bucket(row: &Row<'_>) -> rusqlite::Result<Bucket> {
    let state = BucketState { versioned: row.get(4)?, locked: row.get(5)?, retention_days: row.get(6)? };
    Ok(Bucket { id: row.get(0)?, tenant: row.get(1)?, name: row.get(2)?, created_ms: row.get(3)?, state })
}

/// Finds a tenant's bucket.
pub fn find(c: &Connection, tenant: &str, name: &str) -> Result<Bucket, Refusal> {
    let sql = format!("SELECT {COLUMNS} FROM buckets WHERE tenant = ?1 AND name = ?2");
    let found = c.prepare_cached(&sql)?.query_row([tenant, name], bucket).optional()?;
    found.ok_or(Refusal::NoSuchBucket)
}

/// A bucket as it stands now.
pub fn again(c: &Connection, id: i64) -> Result<Bucket, Refusal> {
    let sql = format!("SELECT {COLUMNS} FROM buckets WHERE id = ?1");
    c.prepare_cached(&sql)?.query_row([id], bucket).optional()?.ok_or(Refusal::NoSuchBucket)
}

/// All buckets of a tenant, by name.
pub fn list(c: &Connection, tenant: &str) -> Result<Vec<Bucket>, Refusal> {
    let sql = format!("SELECT {COLUMNS} FROM buckets WHERE tenant = ?1 ORDER BY name");
    let mut query = c.prepare_cached(&sql)?;
    let rows = query.query_map([tenant], bucket)?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// Makes a bucket; one with a lock keeps versions from the start.
pub fn create(
    c: &Connection,
    tenant: &str,
    name: &str,
    state: BucketState,
    now_ms: i64,
) -> Result<(), Refusal> {
    let made = c.execute(
        "INSERT INTO buckets (tenant, name, created_ms, versioned, locked, retention_days)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6) ON CONFLICT (tenant, name) DO NOTHING",
        params![tenant, name, now_ms, state.versioned, state.locked, state.retention_days],
    )?;
    if made == 0 { Err(Refusal::BucketExists) } else { Ok(()) }
}

/// Deletes an empty bucket: without versions, markers or uploads.
pub fn delete(c: &Connection, tenant: &str, name: &str) -> Result<(), Refusal> {
    let bucket = find(c, tenant, name)?;
    let used: bool = c.query_row(
        "SELECT EXISTS (SELECT 1 FROM versions WHERE bucket = ?1) OR EXISTS (SELECT 1 FROM uploads WHERE bucket = ?1)",
        [bucket.id],
        |row| row.get(0),
    )?;
    if used {
        return Err(Refusal::BucketNotEmpty);
    }
    c.execute("DELETE FROM buckets WHERE id = ?1", [bucket.id])?;
    Ok(())
}

/// Turns versions on; never off.
pub fn enable_versions(c: &Connection, tenant: &str, name: &str) -> Result<(), Refusal> {
    let bucket = find(c, tenant, name)?;
    c.execute("UPDATE buckets SET versioned = 1 WHERE id = ?1", [bucket.id])?;
    Ok(())
}

/// Sets the lock's default retention, turning the lock on where versions are kept; never off.
pub fn set_lock(c: &Connection, tenant: &str, name: &str, days: Option<u32>) -> Result<(), Refusal> {
    let bucket = find(c, tenant, name)?;
    if !bucket.state.versioned {
        return Err(Refusal::NotALockBucket);
    }
    c.execute("UPDATE buckets SET locked = 1, retention_days = ?2 WHERE id = ?1", params![bucket.id, days])?;
    Ok(())
}
