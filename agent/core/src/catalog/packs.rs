//! Packs the committed snapshots name, with their sizes, and where manifest chunks lie.

use std::collections::{HashMap, HashSet};

use rusqlite::{OptionalExtension as _, params};
use scelle_format::id::{ChunkId, PackId, PackKind, Sha256};
use scelle_format::pack::Location;

use super::{Catalog, checked};
use crate::error::{AgentError, Result};
use crate::repo::state::checksum;

/// A pack as the catalog knows it.
pub type PackEntry = (PackKind, PackId, u64);

impl Catalog {
    /// All packs by their row.
    pub fn packs(&self) -> Result<HashMap<u32, PackEntry>> {
        let sql = "SELECT row, kind, epoch, sha256, object_bytes, checksum FROM packs";
        let mut statement = self.connection.prepare(sql)?;
        let rows = statement.query_map([], |row| {
            let kind = if row.get::<_, i64>(1)? == 0 { PackKind::Data } else { PackKind::Manifest };
            let id = PackId { epoch: row.get(2)?, sha256: Sha256(row.get(3)?) };
            let pack = (kind, id, row.get::<_, i64>(4)? as u64);
            Ok((row.get::<_, u32>(0)?, pack, row.get::<_, Vec<u8>>(5)?))
        })?;
        let mut packs = HashMap::new();
        for found in rows {
            let (row, pack, check) = found?;
            if checksum_of(row, &pack).as_slice() != check {
                return Err(AgentError::cache_damaged("a pack of the catalog"));
            }
            packs.insert(row, pack);
        }
        Ok(packs)
    }

    /// The row of a pack whose size may not be known yet, made when it is new.
    pub fn pack_row_of(&self, kind: PackKind, id: &PackId) -> Result<u32> {
        match self.found_row(id)? {
            Some((row, _)) => Ok(row),
            None => self.put_pack(None, &(kind, *id, 0)),
        }
    }

    /// The row of a pack, made when it is new, with its size.
    pub fn pack_row(&self, pack: PackEntry) -> Result<u32> {
        match self.found_row(&pack.1)? {
            Some((row, object_bytes)) if object_bytes == pack.2 => Ok(row),
            found => self.put_pack(found.map(|(row, _)| row), &pack),
        }
    }

    /// Row and size of a pack.
    fn found_row(&self, id: &PackId) -> Result<Option<(u32, u64)>> {
        let sql = "SELECT row, object_bytes FROM packs WHERE sha256 = ?1";
        let mut statement = self.connection.prepare_cached(sql)?;
        let found = statement.query_row([id.sha256.0], |row| Ok((row.get(0)?, row.get::<_, i64>(1)? as u64)));
        Ok(found.optional()?)
    }

    /// Writes a pack to its row, or to a new one.
    fn put_pack(&self, row: Option<u32>, pack: &PackEntry) -> Result<u32> {
        let (kind, id, object_bytes) = pack;
        let row = match row {
            Some(row) => row,
            None => {
                let sql = "SELECT coalesce(max(row), 0) + 1 FROM packs";
                self.connection.prepare_cached(sql)?.query_row([], |row| row.get(0))?
            }
        };
        let sql = "INSERT OR REPLACE INTO packs (row, kind, epoch, sha256, object_bytes, checksum)
                   VALUES (?1, ?2, ?3, ?4, ?5, ?6)";
        let is_manifest = i64::from(*kind == PackKind::Manifest);
        let check = checksum_of(row, pack);
        let values = params![row, is_manifest, id.epoch, id.sha256.0, *object_bytes as i64, check];
        self.connection.prepare_cached(sql)?.execute(values)?;
        Ok(row)
    }

    /// Names of the manifest packs that the last snapshots need.
    pub fn manifest_packs(&self) -> Result<HashSet<[u8; 32]>> {
        let packs = self.packs()?.into_values();
        Ok(packs.filter(|(kind, ..)| *kind == PackKind::Manifest).map(|(_, id, _)| id.sha256.0).collect())
    }

    /// Where a manifest chunk of a committed snapshot lies.
    pub fn node(&self, id: &ChunkId) -> Result<Option<Location>> {
        let mut statement = self.connection.prepare_cached("SELECT location FROM nodes WHERE id = ?1")?;
        let found = statement.query_row([id.0], |row| row.get::<_, Vec<u8>>(0)).optional()?;
        found.map(|bytes| location_of(&id.0, bytes)).transpose()
    }

    /// Remembers what a manifest pack holds.
    pub fn remember_manifest_pack(&self, pack: &PackId, chunks: &[Location]) -> Result<()> {
        let ids = checksum::with(&pack.sha256.0, chunks.iter().flat_map(|at| at.id.0).collect());
        let sql = "INSERT OR REPLACE INTO manifest_chunks (sha256, ids) VALUES (?1, ?2)";
        self.connection.prepare_cached(sql)?.execute(params![pack.sha256.0, ids])?;
        Ok(())
    }

    /// What a manifest pack holds; nothing where that is not known.
    pub fn manifest_chunks(&self, pack: &PackId) -> Result<Vec<ChunkId>> {
        let sql = "SELECT ids FROM manifest_chunks WHERE sha256 = ?1";
        let mut statement = self.connection.prepare_cached(sql)?;
        let ids = statement.query_row([pack.sha256.0], |row| row.get::<_, Vec<u8>>(0)).optional()?;
        let ids = ids.map(|ids| checked(&pack.sha256.0, ids)).transpose()?.unwrap_or_default();
        Ok(ids.as_chunks::<32>().0.iter().map(|id| ChunkId(*id)).collect())
    }

    /// Forgets the manifest chunks in packs that are not in `kept`.
    pub(super) fn forget_nodes_outside(&self, kept: &HashSet<[u8; 32]>) -> Result<()> {
        let mut statement = self.connection.prepare("SELECT id, location FROM nodes")?;
        let mut gone: Vec<[u8; 32]> = Vec::new();
        for row in statement.query_map([], |row| Ok((row.get(0)?, row.get::<_, Vec<u8>>(1)?)))? {
            let (id, bytes) = row?;
            let location = location_of(&id, bytes)?;
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
        let bytes = checksum::with(&location.id.0, bytes);
        let sql = "INSERT OR REPLACE INTO nodes (id, location) VALUES (?1, ?2)";
        self.connection.prepare_cached(sql)?.execute(params![location.id.0, bytes])?;
        Ok(())
    }
}

fn location_of(id: &[u8; 32], bytes: Vec<u8>) -> Result<Location> {
    postcard::from_bytes(&checked(id, bytes)?).map_err(AgentError::cache_damaged)
}

/// Over everything that a row of `packs` says.
fn checksum_of(row: u32, (kind, id, object_bytes): &PackEntry) -> [u8; 8] {
    let is_manifest = u8::from(*kind == PackKind::Manifest);
    let mut bytes = id.sha256.0.to_vec();
    bytes.extend_from_slice(&id.epoch.to_le_bytes());
    bytes.extend_from_slice(&object_bytes.to_le_bytes());
    bytes.push(is_manifest);
    checksum::of(&row.to_le_bytes(), &bytes)
}
