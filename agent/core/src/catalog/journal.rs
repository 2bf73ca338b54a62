//! Packs on their way: what an interrupted run has already sent.

use std::path::Path;

use rusqlite::params;
use scelle_format::id::{PackId, PackKind, Sha256};
use scelle_format::pack::{Location, Trailer};

use rusqlite::Connection;

use crate::error::{AgentError, Result};
use crate::repo::state::checksum;
use crate::repo::state::shape::{Shape, clear_way};

const SCHEMA: &str = "CREATE TABLE IF NOT EXISTS journal (
    sha256 BLOB PRIMARY KEY, kind INTEGER NOT NULL, epoch INTEGER NOT NULL,
    object_bytes INTEGER NOT NULL, trailer BLOB NOT NULL) WITHOUT ROWID";

/// A pack that was sent, or was being sent.
#[derive(Clone, Copy, Debug)]
pub struct JournaledPack {
    /// Data or manifest.
    pub kind: PackKind,
    /// Its name.
    pub id: PackId,
    /// Its stored size.
    pub object_bytes: u64,
}

/// The journal, in a database of its own: its rows must outlive a run that ends early.
pub struct Journal {
    connection: Connection,
}

impl Journal {
    /// Opens or creates the journal; an unreadable one is removed, which costs sending some packs again.
    pub fn open(path: &Path) -> Result<Self> {
        clear_way(path, Shape::File)?;
        Self::open_file(path).or_else(|_| {
            let _ = std::fs::remove_file(path);
            Self::open_file(path)
        })
    }

    fn open_file(path: &Path) -> Result<Self> {
        let connection = Connection::open(path)?;
        connection.pragma_update(None, "journal_mode", "WAL")?;
        connection.pragma_update(None, "synchronous", "NORMAL")?;
        connection.execute_batch(SCHEMA)?;
        Ok(Self { connection })
    }

    /// Writes down a pack before it is sent.
    pub fn add(&self, pack: &JournaledPack, trailer: &Trailer) -> Result<()> {
        let sql = "INSERT OR REPLACE INTO journal (sha256, kind, epoch, object_bytes, trailer) VALUES (?1, ?2, ?3, ?4, ?5)";
        let kind = i64::from(pack.kind == PackKind::Manifest);
        let trailer = checksum::with(&pack.id.sha256.0, trailer.encode());
        let values = params![pack.id.sha256.0, kind, pack.id.epoch, pack.object_bytes as i64, trailer];
        self.connection.prepare_cached(sql)?.execute(values)?;
        Ok(())
    }

    /// Where the chunks of one pack lie. Asked pack by pack: all of them together may be more than memory should hold.
    pub fn locations(&self, pack: &JournaledPack) -> Result<Vec<Location>> {
        let sql = "SELECT trailer FROM journal WHERE sha256 = ?1";
        let trailer = self.connection.prepare_cached(sql)?.query_row([pack.id.sha256.0], |row| row.get(0));
        let trailer = checksum::without(&pack.id.sha256.0, trailer?);
        let trailer = trailer.ok_or_else(|| AgentError::cache_damaged("a row of the journal"))?;
        let trailer = Trailer::decode(&trailer).map_err(AgentError::cache_damaged)?;
        let mut locations = Vec::with_capacity(trailer.chunks.len());
        for (at, frame, chunks) in trailer.walk() {
            let mut offset = 0;
            for chunk in chunks {
                locations.push(Location {
                    id: chunk.id,
                    pack: pack.id,
                    frame_offset: at as u32,
                    frame_bytes: frame.stored_bytes,
                    offset,
                    bytes: chunk.plain_bytes,
                    filter: frame.filter,
                });
                offset += chunk.plain_bytes;
            }
        }
        Ok(locations)
    }

    /// Everything in the journal.
    pub fn packs(&self) -> Result<Vec<JournaledPack>> {
        let mut statement =
            self.connection.prepare("SELECT sha256, kind, epoch, object_bytes FROM journal")?;
        let rows = statement.query_map([], |row| {
            let kind = if row.get::<_, i64>(1)? == 0 { PackKind::Data } else { PackKind::Manifest };
            let id = PackId { epoch: row.get(2)?, sha256: Sha256(row.get(0)?) };
            Ok(JournaledPack { kind, id, object_bytes: row.get::<_, i64>(3)? as u64 })
        })?;
        Ok(rows.collect::<rusqlite::Result<_>>()?)
    }

    /// Strikes a pack that is not in the store after all.
    pub fn strike(&self, id: &PackId) -> Result<()> {
        self.connection.prepare_cached("DELETE FROM journal WHERE sha256 = ?1")?.execute([id.sha256.0])?;
        Ok(())
    }

    /// Empties the journal: everything in it is committed.
    pub fn clear(&self) -> Result<()> {
        self.connection.execute("DELETE FROM journal", [])?;
        Ok(())
    }
}
