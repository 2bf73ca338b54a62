//! Small files that share a chunk, and in which order: what a lost shared chunk is made of again.
//!
//! A later snapshot may group the same files in another way, and then names the old chunk no more, while older snapshots
//! still need it. Data comes from the hunks of a run, goes to a run that heals. Never: content, or a path in clear.

use std::collections::{BTreeMap, BTreeSet};

use rusqlite::params;
use scelle_format::id::ChunkId;
use serde::{Deserialize, Serialize};

use super::Catalog;
use crate::error::{AgentError, Result};

/// What the rows are sealed for: each says all of itself, so that they may stand in any order.
const NAME: &[u8] = b"groups";

/// One file of a shared chunk.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Member {
    /// Its path in the snapshot.
    pub path: Vec<u8>,
    /// Where it begins in the chunk.
    pub offset: u32,
    /// Its length.
    pub bytes: u32,
}

/// Members by chunk.
pub type Groups = BTreeMap<ChunkId, Vec<Member>>;

impl Catalog {
    /// Remembers the groups of a hunk that is being made: one row, for a first backup makes many.
    pub fn remember_groups(&self, groups: &Groups) -> Result<()> {
        if groups.is_empty() {
            return Ok(());
        }
        let rows: Vec<(&[u8; 32], &Vec<Member>)> = groups.iter().map(|(id, rows)| (&id.0, rows)).collect();
        let sealed = self.seal.seal_bytes(NAME, &postcard::to_stdvec(&rows).map_err(AgentError::bug)?)?;
        let sql = "INSERT INTO groups (members) VALUES (?1)";
        self.connection.prepare_cached(sql)?.execute(params![sealed])?;
        Ok(())
    }

    /// The files of these chunks, as far as they are known. Reads all rows: only a run that heals asks.
    pub fn groups(&self, wanted: &BTreeSet<ChunkId>) -> Result<Groups> {
        let mut found = Groups::new();
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
pub fn whole(members: &[Member], bytes: u32) -> Option<Vec<&Member>> {
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
    use super::*;

    fn member(name: &str, offset: u32, bytes: u32) -> Member {
        Member { path: format!("data/{name}").into_bytes(), offset, bytes }
    }

    #[test]
    fn a_group_comes_back_whole_or_not_at_all() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("catalog.sqlite");
        let catalog = Catalog::open(&path, &[1; 32]).unwrap();
        let id = ChunkId::of(&[1; 32], b"group");
        let all = [member("Dupont", 0, 10), member("b", 10, 5), member("c", 15, 7)];
        let known = |bytes| {
            let found = catalog.groups(&[id].into()).unwrap().remove(&id).unwrap_or_default();
            whole(&found, bytes).map(|members| members.into_iter().cloned().collect::<Vec<_>>())
        };
        let remember = |members: &[Member]| {
            catalog.remember_groups(&[(id, members.to_vec())].into()).unwrap();
        };
        assert_eq!(known(22), None);
        remember(&all[2..]);
        assert_eq!(known(22), None);
        remember(&all[..2]);
        // Met again with fewer.
        remember(&all[1..2]);
        assert_eq!(known(22).as_deref(), Some(&all[..]));
        assert_eq!(known(23), None);
        assert!(catalog.groups(&[ChunkId::of(&[1; 32], b"other")].into()).unwrap().is_empty());
        drop(catalog);
        let stored = std::fs::read(&path).unwrap();
        assert!(!stored.windows(6).any(|bytes| bytes == b"Dupont"));
    }
}
