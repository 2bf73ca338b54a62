//! Chunk-list nodes of large files as the last snapshots have them: what a database is compared with, page by page.
//!
//! The repository's copies are sealed to keys that this PC does not hold. In a database of its own, one row for a node
//! (some 500 pages, 40 bytes each), named by the node's id, which is a keyed hash: what reads back as another node is not
//! believed. Only changed nodes are written. It holds ids and places, no names. Never: the only copy of any fact.

use std::collections::HashSet;
use std::path::Path;

use parking_lot::Mutex;
use rusqlite::{Connection, OptionalExtension as _, params};
use scelle_format::chunk_list::ListNode;
use scelle_format::id::ChunkId;
use scelle_format::limits::NODE_MAX_BYTES;
use scelle_format::pack::Location;

use crate::error::{AgentError, Result};
use crate::repo::files::forget_database;
use crate::repo::state::checksum;
use crate::repo::state::shape::{Shape, clear_way};

const SCHEMA: &str = "
    CREATE TABLE IF NOT EXISTS nodes (
        row INTEGER PRIMARY KEY,
        id BLOB NOT NULL UNIQUE,
        pack BLOB,               -- SHA-256 of the manifest pack it lies in, once that is committed
        location BLOB,           -- postcard, and a checksum over it and the id
        body BLOB NOT NULL);     -- the node, zstd
    CREATE INDEX IF NOT EXISTS nodes_by_pack ON nodes (pack)";
const LEVEL: i32 = 1;

/// The open database of one repository.
pub struct Lists {
    connection: Mutex<Connection>,
    id_key: [u8; 32],
    /// Manifest packs of the last snapshots: a node elsewhere is no target of dedup.
    live_packs: HashSet<[u8; 32]>,
    /// Nodes that this run compared with, and those that it made or met again.
    read: Mutex<HashSet<ChunkId>>,
    used: Mutex<HashSet<ChunkId>>,
}

impl Lists {
    /// Opens or creates the database; one that SQLite cannot read is removed, which costs asking the index.
    pub fn open(path: &Path, id_key: [u8; 32], live_packs: HashSet<[u8; 32]>) -> Result<Self> {
        clear_way(path, Shape::File)?;
        let connection = open_file(path).or_else(|_| {
            forget_database(path);
            open_file(path)
        })?;
        if live_packs.is_empty() {
            connection.execute("DELETE FROM nodes", [])?;
        }
        let (connection, read, used) = (Mutex::new(connection), Mutex::default(), Mutex::default());
        Ok(Self { connection, id_key, live_packs, read, used })
    }

    /// A node to compare with, if it is there and is what its id says.
    pub fn node(&self, id: &ChunkId) -> Option<ListNode> {
        let sql = "SELECT body FROM nodes WHERE id = ?1";
        let body: Vec<u8> = {
            let connection = self.connection.lock();
            connection.prepare_cached(sql).ok()?.query_row([id.0], |row| row.get(0)).ok()?
        };
        let bytes = zstd::bulk::Decompressor::upper_bound(&body).unwrap_or(NODE_MAX_BYTES);
        let plain = zstd::bulk::decompress(&body, bytes.min(NODE_MAX_BYTES)).ok()?;
        if ChunkId::of(&self.id_key, &plain) != *id {
            return None;
        }
        self.read.lock().insert(*id);
        ListNode::decode(&plain).ok()
    }

    /// Where a node lies that a committed snapshot has.
    pub fn location(&self, id: &ChunkId) -> Result<Option<Location>> {
        let sql = "SELECT location FROM nodes WHERE id = ?1 AND location IS NOT NULL";
        let connection = self.connection.lock();
        let mut statement = connection.prepare_cached(sql)?;
        let found = statement.query_row([id.0], |row| row.get::<_, Vec<u8>>(0)).optional()?;
        let whole = found.and_then(|bytes| checksum::without(&id.0, bytes));
        let location: Option<Location> = whole.and_then(|bytes| postcard::from_bytes(&bytes).ok());
        Ok(location.filter(|at| at.id == *id && self.live_packs.contains(&at.pack.sha256.0)))
    }

    /// A list of this run has the node `plain`.
    pub fn put(&self, id: &ChunkId, plain: &[u8]) -> Result<()> {
        if !self.used.lock().insert(*id) {
            return Ok(());
        }
        let connection = self.connection.lock();
        let mut there = connection.prepare_cached("SELECT 1 FROM nodes WHERE id = ?1")?;
        if there.exists([id.0])? {
            return Ok(());
        }
        let body = zstd::bulk::compress(plain, LEVEL).map_err(AgentError::bug)?;
        let sql = "INSERT INTO nodes (id, body) VALUES (?1, ?2)";
        connection.prepare_cached(sql)?.execute(params![id.0, body])?;
        Ok(())
    }

    /// The run is committed: says where its new nodes lie, and forgets those that it has replaced and those in packs that
    /// no snapshot needs any more.
    pub fn settle(&self, new: &[Location], gone_packs: &[[u8; 32]]) -> Result<()> {
        let connection = self.connection.lock();
        connection.execute_batch("BEGIN")?;
        let settled = (|| {
            let mut place = connection.prepare("UPDATE nodes SET pack = ?2, location = ?3 WHERE id = ?1")?;
            for at in new {
                let location = checksum::with(&at.id.0, postcard::to_stdvec(at).map_err(AgentError::bug)?);
                place.execute(params![at.id.0, at.pack.sha256.0, location])?;
            }
            let used = self.used.lock();
            let mut forget = connection.prepare("DELETE FROM nodes WHERE id = ?1")?;
            for id in self.read.lock().iter().filter(|id| !used.contains(*id)) {
                forget.execute([id.0])?;
            }
            let mut forget = connection.prepare("DELETE FROM nodes WHERE pack = ?1")?;
            for pack in gone_packs {
                forget.execute([pack])?;
            }
            Ok(())
        })();
        connection.execute_batch(if settled.is_ok() { "COMMIT" } else { "ROLLBACK" })?;
        settled
    }
}

fn open_file(path: &Path) -> rusqlite::Result<Connection> {
    let connection = Connection::open(path)?;
    connection.pragma_update(None, "journal_mode", "WAL")?;
    connection.pragma_update(None, "synchronous", "NORMAL")?;
    connection.pragma_update(None, "cache_size", -2048)?;
    connection.execute_batch(SCHEMA)?;
    connection.query_row("SELECT count(*) FROM (SELECT 1 FROM nodes LIMIT 1)", [], |_| Ok(()))?;
    Ok(connection)
}

#[cfg(test)]
mod tests {
    use super::*;
    use scelle_format::chunk_list::ListRow;
    use scelle_format::filter::Filter;
    use scelle_format::id::{PackId, Sha256};

    const KEY: [u8; 32] = [9; 32];

    fn at(n: u32, pack: u8) -> Location {
        let pack = PackId { epoch: 0, sha256: Sha256([pack; 32]) };
        let id = ChunkId::of(&KEY, &n.to_le_bytes());
        Location { id, pack, frame_offset: 0, frame_bytes: 9, offset: 0, bytes: 8192, filter: Filter::None }
    }

    fn node(n: u32) -> (ChunkId, Vec<u8>) {
        let rows: Vec<ListRow> = (n..n + 70).map(|n| ListRow { at: at(n, 1), covered: 8192 }).collect();
        let plain = ListNode::encode(0, &rows);
        (ChunkId::of(&KEY, &plain), plain)
    }

    fn open(path: &Path, live: u8) -> Lists {
        Lists::open(path, KEY, [[live; 32]].into()).unwrap()
    }

    #[test]
    fn nodes_live_as_long_as_a_run_uses_them() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(crate::repo::files::LISTS);
        let [(kept, kept_plain), (replaced, replaced_plain)] = [node(0), node(1000)];
        let placed = |id, pack| Location { id, ..at(0, pack) };
        let lists = open(&path, 7);
        lists.put(&kept, &kept_plain).unwrap();
        lists.put(&replaced, &replaced_plain).unwrap();
        assert_eq!(lists.location(&kept).unwrap(), None);
        lists.settle(&[placed(kept, 7), placed(replaced, 7)], &[]).unwrap();

        let lists = open(&path, 7);
        assert_eq!(lists.node(&kept).unwrap(), ListNode::decode(&kept_plain).unwrap());
        assert!(lists.node(&replaced).is_some());
        assert_eq!(lists.location(&kept).unwrap(), Some(placed(kept, 7)));
        lists.put(&kept, &kept_plain).unwrap();
        lists.settle(&[], &[]).unwrap();
        assert!(lists.node(&kept).is_some() && lists.node(&replaced).is_none());

        assert_eq!(open(&path, 8).location(&kept).unwrap(), None, "its pack may be cleared away");
        open(&path, 7).settle(&[], &[[7; 32]]).unwrap();
        assert!(open(&path, 7).node(&kept).is_none());
    }

    #[test]
    fn another_body_under_a_nodes_name_is_not_believed() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(crate::repo::files::LISTS);
        let lists = open(&path, 7);
        let ((id, _), (_, other)) = (node(0), node(1));
        lists.put(&id, &other).unwrap();
        assert!(lists.node(&id).is_none());
        drop(lists);
        std::fs::write(&path, [7; 5000]).unwrap();
        assert!(open(&path, 7).node(&id).is_none());
    }
}
