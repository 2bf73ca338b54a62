//! Small files that share a chunk, and in which order: what a lost shared chunk is made of again.
//!
//! The records of the last snapshots tell it of their chunks. A later snapshot may group the same files in another way, and
//! then names the old chunk no more, while older snapshots still need it: so what leaves its chunk is remembered in rows of its
//! own. Data comes from the hunks that a run makes anew, goes to a run that heals. Never: content, or a path in clear.

use std::collections::{BTreeMap, BTreeSet};

use rusqlite::params;
use scelle_format::id::ChunkId;
use scelle_format::manifest::Content;
use scelle_format::path;
use serde::{Deserialize, Serialize};

use super::{Catalog, CatalogEntry};
use crate::error::{AgentError, Result};

/// What the rows are sealed for: each says all of itself, so that they may stand in any order.
const NAME: &[u8] = b"groups";

/// One file of a shared chunk.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Member {
    /// Its path in the snapshot.
    pub path: Vec<u8>,
    /// Where it begins in the chunk.
    pub offset: u32,
    /// Its length.
    pub bytes: u32,
}

impl Member {
    /// What a record says of the chunk that its file shares; `None` where it shares none.
    pub fn of(record: &CatalogEntry) -> Option<(ChunkId, Self)> {
        match record.entry.content {
            Content::Slice { at, offset, bytes } => {
                let path = path::join(&record.directory, &record.entry.name);
                Some((at.id, Self { path, offset, bytes }))
            }
            _ => None,
        }
    }
}

/// Members by chunk.
pub type Groups = BTreeMap<ChunkId, BTreeSet<Member>>;

impl Catalog {
    /// Remembers files that left their shared chunks.
    pub fn remember_groups(&self, left: &Groups) -> Result<()> {
        if left.is_empty() {
            return Ok(());
        }
        let rows: Vec<(&[u8; 32], &BTreeSet<Member>)> = left.iter().map(|(id, rows)| (&id.0, rows)).collect();
        let sealed = self.seal.seal_bytes(NAME, &postcard::to_stdvec(&rows).map_err(AgentError::bug)?)?;
        let sql = "INSERT INTO groups (members) VALUES (?1)";
        self.connection.prepare_cached(sql)?.execute(params![sealed])?;
        Ok(())
    }

    /// The files of these chunks, as far as they are known. Reads all that is remembered: only a run that heals asks.
    pub fn groups(&self, wanted: &BTreeSet<ChunkId>) -> Result<Groups> {
        let mut found = Groups::new();
        for row in self.named_hunks()? {
            let (_, records) = self.hunk(row)?;
            for (id, member) in records.iter().filter_map(Member::of).filter(|(id, _)| wanted.contains(id)) {
                found.entry(id).or_default().insert(member);
            }
        }
        let mut statement = self.connection.prepare("SELECT members FROM groups")?;
        for sealed in statement.query_map([], |row| row.get::<_, Vec<u8>>(0))? {
            let plain = self.seal.open_bytes(NAME, sealed?)?;
            let rows: Vec<([u8; 32], Vec<Member>)> =
                postcard::from_bytes(&plain).map_err(AgentError::cache_damaged)?;
            for (id, members) in rows.into_iter().map(|(id, members)| (ChunkId(id), members)) {
                if wanted.contains(&id) {
                    found.entry(id).or_default().extend(members);
                }
            }
        }
        Ok(found)
    }
}

/// The files that make up a chunk of `bytes`, in order; `None` where one of them is not known.
pub fn whole(members: &BTreeSet<Member>, bytes: u32) -> Option<Vec<&Member>> {
    let mut by_offset: BTreeMap<u32, &Member> =
        members.iter().map(|member| (member.offset, member)).collect();
    let (mut end, mut whole) = (0u32, Vec::new());
    while let Some(member) = by_offset.remove(&end).filter(|member| member.bytes > 0) {
        end = member.offset.checked_add(member.bytes)?;
        whole.push(member);
    }
    (end == bytes).then_some(whole)
}

#[cfg(test)]
mod tests {
    use scelle_format::id::{PackId, Sha256};
    use scelle_format::manifest::{Entry, EntryKind, NodeRef};
    use scelle_format::pack::Location;

    use super::super::SetRow;
    use super::*;

    fn location(id: ChunkId) -> Location {
        let pack = PackId { epoch: 0, sha256: Sha256([1; 32]) };
        let filter = scelle_format::filter::Filter::None;
        Location { id, pack, frame_offset: 0, frame_bytes: 9, offset: 0, bytes: 9, filter }
    }

    fn file(name: &str, chunk: u8, offset: u32, bytes: u32) -> CatalogEntry {
        let mut entry = Entry::bare(name.into(), EntryKind::File);
        entry.content = Content::Slice { at: location(ChunkId([chunk; 32])), offset, bytes };
        CatalogEntry::new(b"data".as_slice().into(), entry)
    }

    /// Makes these files the set's last snapshot, in one hunk.
    fn put(catalog: &Catalog, number: u8, records: &[CatalogEntry]) {
        let id = ChunkId([100 + number; 32]);
        let row = catalog.add_hunk(&id, &[], records).unwrap();
        let node = NodeRef { first: Vec::new(), at: location(id), entries: 1, files: 1, bytes: 1 };
        catalog.place_hunk(row, &node).unwrap();
        let set = SetRow { snapshot: number.into(), hunks: vec![row], level2: Vec::new() };
        catalog.put_set("set", &set).unwrap();
    }

    #[test]
    fn a_group_comes_back_whole_or_not_at_all() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(crate::repo::files::CATALOG);
        let catalog = Catalog::open(&path, &[1; 32], crate::chance::Chance::system()).unwrap();
        let known = |chunk: u8, bytes| {
            let id = ChunkId([chunk; 32]);
            let found = catalog.groups(&[id].into()).unwrap().remove(&id).unwrap_or_default();
            let names = |all: Vec<&Member>| all.iter().map(|row| row.path.clone()).collect::<Vec<_>>();
            whole(&found, bytes).map(names)
        };
        let rows = || -> i64 {
            catalog.connection.query_row("SELECT count(*) FROM groups", [], |row| row.get(0)).unwrap()
        };
        let all = [b"data/Dupont".to_vec(), b"data/b".to_vec(), b"data/c".to_vec()];
        assert_eq!(known(1, 22), None);
        put(&catalog, 1, &[file("Dupont", 1, 0, 10), file("b", 1, 10, 5), file("c", 1, 15, 7)]);
        // Of the last snapshot: no row of its own.
        assert_eq!((known(1, 22), known(1, 23), rows()), (Some(all.to_vec()), None, 0));
        // One stands elsewhere now, the others where they stood.
        let left = Member::of(&file("b", 1, 10, 5)).unwrap();
        catalog.remember_groups(&[(left.0, [left.1].into())].into()).unwrap();
        put(&catalog, 2, &[file("Dupont", 1, 0, 10), file("b", 2, 0, 5), file("c", 1, 15, 7)]);
        assert_eq!((known(1, 22), known(2, 5), rows()), (Some(all.to_vec()), Some(all[1..2].to_vec()), 1));
        // One of them is gone.
        put(&catalog, 3, &[file("Dupont", 1, 0, 10), file("b", 2, 0, 5)]);
        assert_eq!((known(1, 22), known(9, 1)), (None, None));
        drop(catalog);
        let stored = std::fs::read(&path).unwrap();
        assert!(!stored.windows(6).any(|bytes| bytes == b"Dupont"));
    }
}
