//! Packs the committed snapshots name, with their sizes, and where manifest chunks lie.

use std::collections::{HashMap, HashSet};

use rusqlite::{OptionalExtension as _, params};
use scelle_format::id::{ChunkId, PackId, PackKind, Sha256};
use scelle_format::pack::Location;

use super::Catalog;
use crate::error::{AgentError, Result};

/// A pack as the catalog knows it.
pub type PackEntry = (PackKind, PackId, u64);

impl Catalog {
    /// All packs by their row.
    pub fn packs(&self) -> Result<HashMap<u32, PackEntry>> {
        let mut statement =
            self.connection.prepare("SELECT row, kind, epoch, sha256, object_bytes FROM packs")?;
        let rows = statement.query_map([], |row| {
            let kind = if row.get::<_, i64>(1)? == 0 { PackKind::Data } else { PackKind::Manifest };
            let id = PackId { epoch: row.get(2)?, sha256: Sha256(row.get(3)?) };
            Ok((row.get::<_, u32>(0)?, (kind, id, row.get::<_, i64>(4)? as u64)))
        })?;
        Ok(rows.collect::<rusqlite::Result<_>>()?)
    }

    /// The row of a pack whose size may not be known yet, made when it is new.
    pub fn pack_row_of(&self, kind: PackKind, id: &PackId) -> Result<u32> {
        let sql = "INSERT INTO packs (kind, epoch, sha256, object_bytes) VALUES (?1, ?2, ?3, 0)
                   ON CONFLICT (sha256) DO UPDATE SET kind = excluded.kind RETURNING row";
        let values = params![i64::from(kind == PackKind::Manifest), id.epoch, id.sha256.0];
        Ok(self.connection.prepare_cached(sql)?.query_row(values, |row| row.get(0))?)
    }

    /// The row of a pack, made when it is new, with its size.
    pub fn pack_row(&self, (kind, id, object_bytes): PackEntry) -> Result<u32> {
        let sql = "INSERT INTO packs (kind, epoch, sha256, object_bytes) VALUES (?1, ?2, ?3, ?4)
                   ON CONFLICT (sha256) DO UPDATE SET object_bytes = excluded.object_bytes RETURNING row";
        let mut statement = self.connection.prepare_cached(sql)?;
        let kind = i64::from(kind == PackKind::Manifest);
        let values = params![kind, id.epoch, id.sha256.0, object_bytes as i64];
        Ok(statement.query_row(values, |row| row.get(0))?)
    }

    /// Names of the manifest packs that the last snapshots need.
    pub fn manifest_packs(&self) -> Result<HashSet<[u8; 32]>> {
        let mut statement = self.connection.prepare("SELECT sha256 FROM packs WHERE kind = 1")?;
        let rows = statement.query_map([], |row| row.get(0))?;
        Ok(rows.collect::<rusqlite::Result<_>>()?)
    }

    /// Where a manifest chunk of a committed snapshot lies.
    pub fn node(&self, id: &ChunkId) -> Result<Option<Location>> {
        let mut statement = self.connection.prepare_cached("SELECT location FROM nodes WHERE id = ?1")?;
        let found = statement.query_row([id.0], |row| row.get::<_, Vec<u8>>(0)).optional()?;
        let location = found.map(|bytes| postcard::from_bytes(&bytes).map_err(AgentError::local_state));
        location.transpose()
    }

    /// Remembers what a manifest pack holds.
    pub fn remember_manifest_pack(&self, pack: &PackId, chunks: &[Location]) -> Result<()> {
        let ids: Vec<u8> = chunks.iter().flat_map(|at| at.id.0).collect();
        let sql = "INSERT OR REPLACE INTO manifest_chunks (sha256, ids) VALUES (?1, ?2)";
        self.connection.prepare_cached(sql)?.execute(params![pack.sha256.0, ids])?;
        Ok(())
    }

    /// What a manifest pack holds; nothing where that is not known.
    pub fn manifest_chunks(&self, pack: &PackId) -> Result<Vec<ChunkId>> {
        let sql = "SELECT ids FROM manifest_chunks WHERE sha256 = ?1";
        let mut statement = self.connection.prepare_cached(sql)?;
        let ids = statement.query_row([pack.sha256.0], |row| row.get::<_, Vec<u8>>(0)).optional()?;
        Ok(ids.unwrap_or_default().as_chunks::<32>().0.iter().map(|id| ChunkId(*id)).collect())
    }

    /// Forgets the manifest chunks in packs that are not in `kept`.
    pub(super) fn forget_nodes_outside(&self, kept: &HashSet<[u8; 32]>) -> Result<()> {
        let mut statement = self.connection.prepare("SELECT id, location FROM nodes")?;
        let mut gone: Vec<[u8; 32]> = Vec::new();
        for row in statement.query_map([], |row| Ok((row.get(0)?, row.get::<_, Vec<u8>>(1)?)))? {
            let (id, bytes) = row?;
            let location: Location = postcard::from_bytes(&bytes).map_err(AgentError::local_state)?;
            if !kept.contains(&location.pack.sha256.0) {
                gone.push(id);
            }
        }
        let mut remove = self.connection.prepare("DELETE FROM nodes WHERE id = ?1")?;
        gone.iter().try_for_each(|id| remove.execute([id]).map(|_| ()))?;
        Ok(())
    }

    /// Remembers where a manifest chunk lies.
    pub fn remember_node(&self, location: &Location) -> Result<()> {
        let bytes = postcard::to_stdvec(location).map_err(AgentError::bug)?;
        let sql = "INSERT OR REPLACE INTO nodes (id, location) VALUES (?1, ?2)";
        self.connection.prepare_cached(sql)?.execute(params![location.id.0, bytes])?;
        Ok(())
    }
}
