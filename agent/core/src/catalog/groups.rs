//! Small files that share a chunk, and in which order: what a lost shared chunk is made of again.
//!
//! A later snapshot may group the same files in another way, and then names the old chunk no more, while older snapshots
//! still need it. Data comes from the hunks of a run, goes to a run that heals. Never: content, or a path in clear.

use std::collections::BTreeMap;

use rusqlite::params;
use scelle_format::id::ChunkId;
use serde::{Deserialize, Serialize};

use super::Catalog;
use crate::error::{AgentError, Result};

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

impl Catalog {
    /// Remembers neighbours that follow one another in the chunk `id`. What is known of that place already is left.
    pub fn remember_group(&self, id: &ChunkId, members: &[Member]) -> Result<()> {
        let Some(first) = members.first() else { return Ok(()) };
        let sealed = self.seal.seal_bytes(&postcard::to_stdvec(members).map_err(AgentError::bug)?)?;
        let sql = "INSERT OR IGNORE INTO groups (id, offset, members) VALUES (?1, ?2, ?3)";
        self.connection.prepare_cached(sql)?.execute(params![id.0, first.offset, sealed])?;
        Ok(())
    }

    /// The files that make up the chunk `id` of `bytes`, in order; `None` where one of them is not known.
    pub fn group(&self, id: &ChunkId, bytes: u32) -> Result<Option<Vec<Member>>> {
        let sql = "SELECT members FROM groups WHERE id = ?1";
        let mut statement = self.connection.prepare_cached(sql)?;
        let mut by_offset = BTreeMap::new();
        for sealed in statement.query_map([id.0], |row| row.get::<_, Vec<u8>>(0))? {
            let plain = self.seal.open_bytes(sealed?)?;
            let members: Vec<Member> = postcard::from_bytes(&plain).map_err(AgentError::cache_damaged)?;
            by_offset.extend(members.into_iter().map(|member| (member.offset, member)));
        }
        let (mut end, mut members) = (0, Vec::new());
        while let Some(member) = by_offset.remove(&end).filter(|member| member.bytes > 0) {
            let Some(next) = member.offset.checked_add(member.bytes) else { break };
            end = next;
            members.push(member);
        }
        Ok((end == bytes).then_some(members))
    }
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
        catalog.remember_group(&id, &all[2..]).unwrap();
        assert_eq!(catalog.group(&id, 22).unwrap(), None);
        catalog.remember_group(&id, &all[..2]).unwrap();
        // Met again with fewer: what was known stays.
        catalog.remember_group(&id, &all[..1]).unwrap();
        catalog.remember_group(&id, &all[1..2]).unwrap();
        assert_eq!(catalog.group(&id, 22).unwrap().as_deref(), Some(&all[..]));
        assert_eq!(catalog.group(&id, 23).unwrap(), None);
        assert_eq!(catalog.group(&ChunkId::of(&[1; 32], b"other"), 22).unwrap(), None);
        drop(catalog);
        let stored = std::fs::read(&path).unwrap();
        assert!(!stored.windows(6).any(|bytes| bytes == b"Dupont"));
    }
}
