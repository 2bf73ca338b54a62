//! The metadata, made again from the blob files.
//!
//! For: `scelle-server rebuild`, on a stopped vault whose `vault.sqlite` is lost, broken or older than its blobs. Labels
//! say everything about versions and locks; tenants, quotas, credentials and the settings of buckets come from an
//! earlier database where there is one. The new database is whole and durable before it takes the old one's name; the
//! old one is kept beside it. Never: shortens a lock, weakens a bucket, or deletes a file.

use std::collections::HashMap;
use std::fs::{self, File};
use std::path::{Path, PathBuf};

use rusqlite::{Connection, OpenFlags, OptionalExtension as _, params};
use scelle_store::sync_folder;
use serde::Serialize;

use super::blobs::{Blobs, folders};
use super::clock::now_ms;
use super::label::{BucketState, Kind, Label};
use super::metadata::{FILE_NAME, SCHEMA, audit, credentials, versions};
use super::{Refusal, platform};

/// Columns taken from an earlier database, table by table; rows that cannot be read there are left behind.
const TAKEN: [(&str, &str); 4] = [
    ("tenants", "name, quota_bytes"),
    ("credentials", "access_key, tenant, role, bucket, prefix, sealed, created_ms, revoked_ms"),
    ("buckets", "tenant, name, created_ms, versioned, locked, retention_days"),
    ("doomed", "blob"),
];
const NEW_NAME: &str = "vault.sqlite.new";

/// What was brought back.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Rebuilt {
    /// Versions and markers.
    pub versions: u64,
    /// Bytes of their bodies.
    pub bytes: u64,
    /// Buckets, of which some are known from their objects only.
    pub buckets: u64,
    /// Buckets that no earlier database told of: their default retention is that of their newest object.
    pub buckets_from_objects: u64,
    /// Credentials taken from the earlier database. Without any, all must be made again.
    pub credentials: u64,
    /// Files that are not whole: left where they are, and not served.
    pub not_whole: u64,
    /// Parts of uploads that were not complete: left where they are, to be sent again.
    pub parts: u64,
    /// Where the database that was replaced is kept.
    pub replaced: Option<PathBuf>,
}

/// Makes the metadata below `data` again; `earlier` is a copy of a database to take tenants, credentials and buckets
/// from, by default the one that is replaced. Only for the one process that owns the folder.
pub fn rebuild(data: &Path, earlier: Option<&Path>) -> Result<Rebuilt, Refusal> {
    let (old, new) = (data.join(FILE_NAME), data.join(NEW_NAME));
    if new.try_exists()? {
        fs::remove_file(&new)?;
    }
    let mut rebuilt = Rebuilt::default();
    let blobs = Blobs::open(data)?;
    let mut connection = Connection::open(&new)?;
    // In one piece: nothing of it counts before it has its name.
    connection.pragma_update(None, "journal_mode", "memory")?;
    connection.pragma_update(None, "synchronous", "off")?;
    connection.execute_batch(include_str!("metadata/schema.sql"))?;
    connection.pragma_update(None, "user_version", SCHEMA)?;
    let change = connection.transaction()?;
    for database in earlier.into_iter().chain([old.as_path()]) {
        take_over(&change, database)?;
    }
    rebuilt.credentials = count(&change, "SELECT count(*) FROM credentials WHERE revoked_ms IS NULL")?;
    read_labels(&change, &blobs, &mut rebuilt)?;
    drop_replaced(&change)?;
    audit::set_current(&change)?;
    audit::count_again(&change)?;
    rebuilt.versions = count(&change, "SELECT count(*) FROM versions")?;
    rebuilt.bytes = count(&change, "SELECT coalesce(sum(bytes), 0) FROM versions")?;
    rebuilt.buckets = count(&change, "SELECT count(*) FROM buckets")?;
    change.commit()?;
    if !audit::is_sound(&connection)? {
        return Err(Refusal::Internal("metadata: the new database is not sound".to_owned()));
    }
    connection.close().map_err(|(_, error)| error)?;
    File::open(&new)?.sync_all()?;
    rebuilt.replaced = set_aside(data)?;
    fs::rename(&new, &old)?;
    sync_folder(data)?;
    Ok(rebuilt)
}

/// Takes what only a database knows. A database that cannot be read gives what it can; rows that are there already stay.
fn take_over(c: &Connection, database: &Path) -> Result<(), Refusal> {
    if !database.is_file() {
        return Ok(());
    }
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let Ok(from) = Connection::open_with_flags(database, flags) else { return Ok(()) };
    for (table, columns) in TAKEN {
        let Ok(mut query) = from.prepare(&format!("SELECT {columns} FROM {table}")) else { continue };
        let places: Vec<String> = (1..=query.column_count()).map(|at| format!("?{at}")).collect();
        let sql =
            format!("INSERT INTO {table} ({columns}) VALUES ({}) ON CONFLICT DO NOTHING", places.join(", "));
        let width = query.column_count();
        let Ok(mut rows) = query.query([]) else { continue };
        while let Ok(Some(row)) = rows.next() {
            let values: Result<Vec<rusqlite::types::Value>, _> = (0..width).map(|at| row.get(at)).collect();
            if let Ok(values) = values {
                // A row that does not fit is not worth the rest.
                let _ = c.execute(&sql, rusqlite::params_from_iter(values));
            }
        }
    }
    Ok(())
}

/// Whose bucket it is, and its name.
#[derive(Clone, PartialEq, Eq, Hash)]
struct BucketName {
    tenant: String,
    bucket: String,
}

/// A bucket while its objects come in.
struct Known {
    id: i64,
    state: BucketState,
    /// The newest object that told of its state; 0 where a database did.
    told: Option<i64>,
}

fn read_labels(c: &Connection, blobs: &Blobs, rebuilt: &mut Rebuilt) -> Result<(), Refusal> {
    let mut known: HashMap<BucketName, Known> = HashMap::new();
    for folder in folders() {
        for (name, found) in blobs.folder(&folder)? {
            let label = match blobs.label(&name) {
                Ok(Some(label)) if label.blob == name => label,
                Ok(_) => {
                    rebuilt.not_whole += 1;
                    continue;
                }
                Err(error) if platform::is_bad_medium(&error) => {
                    rebuilt.not_whole += 1;
                    continue;
                }
                Err(error) => return Err(error.into()),
            };
            if c.prepare_cached("SELECT 1 FROM doomed WHERE blob = ?1")?.exists([&name])? {
                // Deleted before; only its file was still there.
                continue;
            }
            if label.kind == Kind::Part {
                rebuilt.parts += 1;
                continue;
            }
            let bucket = bucket_of(c, &mut known, &label, rebuilt)?;
            versions::insert_found(c, bucket, &label, label.retain_until_ms.max(found.until_ms))?;
        }
    }
    for Known { id, state, .. } in known.into_values() {
        c.execute(
            "UPDATE buckets SET versioned = ?2, locked = ?3, retention_days = ?4 WHERE id = ?1",
            params![id, state.versioned, state.locked, state.retention_days],
        )?;
    }
    Ok(())
}

/// The bucket of a label. Versions and lock, once seen, are kept: neither can be turned off.
fn bucket_of(
    c: &Connection,
    known: &mut HashMap<BucketName, Known>,
    label: &Label,
    rebuilt: &mut Rebuilt,
) -> Result<i64, Refusal> {
    let name = BucketName { tenant: label.tenant.clone(), bucket: label.bucket.clone() };
    if !known.contains_key(&name) {
        let sql = "SELECT id, versioned, locked, retention_days FROM buckets WHERE tenant = ?1 AND name = ?2";
        let found = c.query_row(sql, [&name.tenant, &name.bucket], |row| {
            let state =
                BucketState { versioned: row.get(1)?, locked: row.get(2)?, retention_days: row.get(3)? };
            Ok(Known { id: row.get(0)?, state, told: None })
        });
        let bucket = match found.optional()? {
            Some(bucket) => bucket,
            None => {
                rebuilt.buckets_from_objects += 1;
                credentials::ensure_tenant(c, &name.tenant)?;
                c.execute(
                    "INSERT INTO buckets (tenant, name, created_ms, versioned, locked) VALUES (?1, ?2, ?3, 0, 0)",
                    params![name.tenant, name.bucket, label.stored_ms],
                )?;
                Known { id: c.last_insert_rowid(), state: BucketState::default(), told: Some(i64::MIN) }
            }
        };
        known.insert(name.clone(), bucket);
    }
    let bucket = known.get_mut(&name).ok_or(Refusal::NoSuchBucket)?;
    bucket.state.versioned |= label.bucket_state.versioned;
    bucket.state.locked |= label.bucket_state.locked;
    if let Some(told) = bucket.told.filter(|told| label.sequence > *told) {
        bucket.told = Some(label.sequence.max(told));
        bucket.state.retention_days = label.bucket_state.retention_days;
    }
    Ok(bucket.id)
}

/// Without versions a newer object took the place of the one before: its file was still to be removed.
fn drop_replaced(c: &Connection) -> Result<(), Refusal> {
    let sql = "FROM versions WHERE is_null = 1 AND EXISTS (SELECT 1 FROM versions AS newer WHERE newer.bucket =
               versions.bucket AND newer.key = versions.key AND newer.is_null = 1 AND newer.sequence > versions.sequence)";
    c.execute(&format!("INSERT INTO doomed (blob) SELECT blob {sql} ON CONFLICT DO NOTHING"), [])?;
    c.execute(&format!("DELETE {sql}"), [])?;
    Ok(())
}

/// Gives the database that is replaced, and what belongs to it, another name.
fn set_aside(data: &Path) -> Result<Option<PathBuf>, Refusal> {
    let aside = data.join(format!("{FILE_NAME}.replaced-{}", now_ms()));
    // Its journal first: a new database must never find the old one's.
    for suffix in ["-wal", "-shm", ""] {
        let from = data.join(format!("{FILE_NAME}{suffix}"));
        if from.try_exists()? {
            let mut to = aside.clone().into_os_string();
            to.push(suffix);
            fs::rename(from, to)?;
        }
    }
    sync_folder(data)?;
    Ok(aside.try_exists()?.then_some(aside))
}

fn count(c: &Connection, sql: &str) -> Result<u64, Refusal> {
    Ok(c.query_row(sql, [], |row| row.get::<_, i64>(0))?.unsigned_abs())
}
