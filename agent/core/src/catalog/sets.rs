//! Sets of roots and the hunks of their last snapshot, in order.

use std::collections::HashSet;

use rusqlite::{OptionalExtension as _, params};
use scelle_format::id::ChunkId;
use scelle_format::manifest::NodeRef;

use super::{Catalog, CatalogEntry, checked};
use crate::error::{AgentError, Result};
use crate::repo::state::checksum;

/// The last snapshot of a set.
#[derive(Clone, Debug)]
pub struct SetRow {
    /// Its number.
    pub snapshot: u64,
    /// Rows of its hunks, in order.
    pub hunks: Vec<i64>,
    /// Its level-2 nodes.
    pub level2: Vec<NodeRef>,
}

/// A hunk without its records.
#[derive(Clone, Debug)]
pub struct HunkRow {
    /// Row in the catalog.
    pub row: i64,
    /// Where it lies. Its first path is kept in the sealed records only and is empty here.
    pub node: NodeRef,
    /// Rows of the packs that its entries need, its own not among them.
    pub packs: Vec<u32>,
}

impl Catalog {
    /// The last snapshot of a set.
    pub fn set(&self, set_id: &str) -> Result<Option<SetRow>> {
        let sql = "SELECT snapshot, hunks, level2 FROM sets WHERE set_id = ?1";
        let found = self.connection.query_row(sql, [set_id], |row| {
            Ok((row.get::<_, i64>(0)?, row.get::<_, Vec<u8>>(1)?, row.get::<_, Vec<u8>>(2)?))
        });
        let Some((snapshot, hunks, level2)) = found.optional()? else { return Ok(None) };
        let level2 = self.open_level2(set_id, level2)?;
        let hunks = checked(&set_name(set_id, snapshot), hunks)?;
        let hunks = hunks.as_chunks::<8>().0.iter().map(|row| i64::from_le_bytes(*row)).collect();
        Ok(Some(SetRow { snapshot: snapshot as u64, hunks, level2 }))
    }

    /// A hunk and its records.
    pub fn hunk(&self, row: i64) -> Result<(HunkRow, Vec<CatalogEntry>)> {
        let sql = "SELECT node, packs, records FROM hunks WHERE row = ?1";
        let (node, packs, records) = self.connection.prepare_cached(sql)?.query_row([row], |found| {
            Ok((found.get::<_, Vec<u8>>(0)?, found.get::<_, Vec<u8>>(1)?, found.get::<_, Vec<u8>>(2)?))
        })?;
        let node = node_of(row, node, &packs)?;
        let packs = packs.as_chunks::<4>().0.iter().map(|row| u32::from_le_bytes(*row)).collect();
        let records = self.seal.open(&node.at.id, records)?;
        Ok((HunkRow { row, node, packs }, records))
    }

    /// Adds the records of the hunk `id`; where it lies is said later, once its pack has a name.
    pub fn add_hunk(&self, id: &ChunkId, packs: &[u32], records: &[CatalogEntry]) -> Result<i64> {
        let packs: Vec<u8> = packs.iter().flat_map(|row| row.to_le_bytes()).collect();
        let records = self.seal.seal(id, records)?;
        let sql = "INSERT INTO hunks (node, packs, records) VALUES (x'', ?1, ?2)";
        self.connection.prepare_cached(sql)?.execute(params![packs, records])?;
        Ok(self.connection.last_insert_rowid())
    }

    /// Says where a hunk lies. The path in `node` is not kept in clear.
    pub fn place_hunk(&self, row: i64, node: &NodeRef) -> Result<()> {
        let node = NodeRef { first: Vec::new(), ..node.clone() };
        let node = postcard::to_stdvec(&node).map_err(AgentError::bug)?;
        let sql = "SELECT packs FROM hunks WHERE row = ?1";
        let packs: Vec<u8> = self.connection.prepare_cached(sql)?.query_row([row], |found| found.get(0))?;
        let node = checksum::with(&hunk_name(row, &packs), node);
        self.connection
            .prepare_cached("UPDATE hunks SET node = ?2 WHERE row = ?1")?
            .execute(params![row, node])?;
        Ok(())
    }

    /// Makes `set` the last snapshot of its set and removes hunks that no set needs any more.
    /// Returns the packs that no set needs any more.
    pub fn put_set(&self, set_id: &str, set: &SetRow) -> Result<Vec<[u8; 32]>> {
        let hunks: Vec<u8> = set.hunks.iter().flat_map(|row| row.to_le_bytes()).collect();
        let hunks = checksum::with(&set_name(set_id, set.snapshot as i64), hunks);
        let level2 = self.seal_level2(set_id, &set.level2)?;
        let sql = "INSERT OR REPLACE INTO sets (set_id, snapshot, hunks, level2) VALUES (?1, ?2, ?3, ?4)";
        self.connection.execute(sql, params![set_id, set.snapshot as i64, hunks, level2])?;
        self.remove_orphans()?;
        self.remove_unused_packs()
    }

    /// Removes packs that no set's snapshot needs, and the manifest chunks in them: they may be cleared away in the
    /// store and must not be built upon.
    fn remove_unused_packs(&self) -> Result<Vec<[u8; 32]>> {
        let mut rows: HashSet<u32> = HashSet::new();
        let mut names: HashSet<[u8; 32]> = HashSet::new();
        let mut statement = self.connection.prepare("SELECT row, node, packs FROM hunks")?;
        let hunks = statement
            .query_map([], |row| Ok((row.get(0)?, row.get::<_, Vec<u8>>(1)?, row.get::<_, Vec<u8>>(2)?)))?;
        for hunk in hunks {
            let (row, node, packs) = hunk?;
            let node = node_of(row, node, &packs)?;
            names.insert(node.at.pack.sha256.0);
            rows.extend(packs.as_chunks::<4>().0.iter().map(|row| u32::from_le_bytes(*row)));
        }
        let mut statement = self.connection.prepare("SELECT set_id, level2 FROM sets")?;
        let sets =
            statement.query_map([], |row| Ok((row.get::<_, String>(0)?, row.get::<_, Vec<u8>>(1)?)))?;
        for set in sets {
            let (set_id, level2) = set?;
            names.extend(self.open_level2(&set_id, level2)?.iter().map(|node| node.at.pack.sha256.0));
        }
        let mut remove = self.connection.prepare("DELETE FROM packs WHERE row = ?1")?;
        let (mut kept, mut gone) = (HashSet::new(), Vec::new());
        for (row, (_, id, _)) in self.packs()? {
            if rows.contains(&row) || names.contains(&id.sha256.0) {
                kept.insert(id.sha256.0);
            } else {
                remove.execute([row])?;
                gone.push(id.sha256.0);
            }
        }
        self.forget_nodes_outside(&kept)?;
        Ok(gone)
    }

    /// Rows of the hunks that some set names.
    pub(super) fn named_hunks(&self) -> Result<HashSet<i64>> {
        let mut named = HashSet::new();
        let mut statement = self.connection.prepare("SELECT set_id, snapshot, hunks FROM sets")?;
        let sets = statement.query_map([], |row| {
            Ok((row.get::<_, String>(0)?, row.get::<_, i64>(1)?, row.get::<_, Vec<u8>>(2)?))
        })?;
        for set in sets {
            let (set_id, snapshot, hunks) = set?;
            let hunks = checked(&set_name(&set_id, snapshot), hunks)?;
            named.extend(hunks.as_chunks::<8>().0.iter().map(|row| i64::from_le_bytes(*row)));
        }
        Ok(named)
    }

    /// Removes hunks that no set names: of the snapshot before, or of a run that ended early.
    pub fn remove_orphans(&self) -> Result<()> {
        let named = self.named_hunks()?;
        let mut all = self.connection.prepare("SELECT row FROM hunks")?;
        let rows = all.query_map([], |row| row.get::<_, i64>(0))?.collect::<rusqlite::Result<Vec<_>>>()?;
        let mut remove = self.connection.prepare("DELETE FROM hunks WHERE row = ?1")?;
        for row in rows.into_iter().filter(|row| !named.contains(row)) {
            remove.execute([row])?;
        }
        Ok(())
    }

    // Level-2 nodes carry first paths: they are sealed like records.
    fn seal_level2(&self, set_id: &str, level2: &[NodeRef]) -> Result<Vec<u8>> {
        let plain = postcard::to_stdvec(level2).map_err(AgentError::bug)?;
        self.seal.seal_bytes(set_id.as_bytes(), &plain)
    }

    fn open_level2(&self, set_id: &str, sealed: Vec<u8>) -> Result<Vec<NodeRef>> {
        let plain = self.seal.open_bytes(set_id.as_bytes(), sealed)?;
        postcard::from_bytes(&plain).map_err(AgentError::cache_damaged)
    }
}

fn set_name(set_id: &str, snapshot: i64) -> Vec<u8> {
    format!("set {set_id} {snapshot}").into_bytes()
}

fn hunk_name(row: i64, packs: &[u8]) -> Vec<u8> {
    [b"hunk".as_slice(), &row.to_le_bytes(), packs].concat()
}

/// The node of a hunk that was placed; one that was not has none, and no set names it.
fn node_of(row: i64, node: Vec<u8>, packs: &[u8]) -> Result<NodeRef> {
    let node = checked(&hunk_name(row, packs), node)?;
    postcard::from_bytes(&node).map_err(AgentError::cache_damaged)
}
