//! Packs the committed snapshots name, with their sizes, and where manifest chunks lie.

use std::collections::HashMap;

use rusqlite::params;
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

    /// Where manifest chunks of committed snapshots lie.
    pub fn nodes(&self) -> Result<HashMap<ChunkId, Location>> {
        let mut statement = self.connection.prepare("SELECT id, location FROM nodes")?;
        let rows = statement.query_map([], |row| Ok((ChunkId(row.get(0)?), row.get::<_, Vec<u8>>(1)?)))?;
        let mut nodes = HashMap::new();
        for row in rows {
            let (id, bytes) = row?;
            nodes.insert(id, postcard::from_bytes(&bytes).map_err(AgentError::local_state)?);
        }
        Ok(nodes)
    }

    /// Remembers where a manifest chunk lies.
    pub fn remember_node(&self, location: &Location) -> Result<()> {
        let bytes = postcard::to_stdvec(location).map_err(AgentError::bug)?;
        let sql = "INSERT OR REPLACE INTO nodes (id, location) VALUES (?1, ?2)";
        self.connection.prepare_cached(sql)?.execute(params![location.id.0, bytes])?;
        Ok(())
    }
}
