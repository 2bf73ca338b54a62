//! Pages that are new and wait to be sealed until a database is let go.
//!
//! Some stay in memory; the rest goes to a file without a name in the state folder, under a key that is forgotten with the
//! run: nothing of a patient is ever on this disk in clear. Never: outlives the pass it was made for.

use std::fs::File;
use std::io::{self, Read as _, Seek as _, SeekFrom, Write as _};

use scelle_format::id::ChunkId;
use scelle_format::random::Random as _;

use crate::catalog::RecordSeal;
use crate::chance::Chance;
use crate::repo::state::State;

/// Pages are put away in blocks of about this size …
const BLOCK_BYTES: usize = 1 << 20;
/// … of which so many stay in memory …
const BLOCKS_IN_MEMORY: usize = 16;
/// … and so many go to the disk at most.
const BLOCKS_ON_DISK: usize = 2048;

/// A page and its id.
type Page = (ChunkId, Vec<u8>);

/// Pages that wait.
pub struct Spill<'a> {
    state: &'a State,
    seal: RecordSeal,
    open: Vec<Page>,
    open_bytes: usize,
    memory: Vec<Vec<Page>>,
    file: Option<File>,
    /// Sealed lengths of the blocks in the file.
    blocks: Vec<u64>,
}

impl<'a> Spill<'a> {
    /// Empty; `state` is asked for a file only when it is needed, whose key comes from `chance`.
    pub fn new(state: &'a State, mut chance: Chance) -> Self {
        let mut key = [0; 32];
        chance.fill(&mut key);
        Self {
            state,
            seal: RecordSeal::new(&key, chance),
            open: Vec::new(),
            open_bytes: 0,
            memory: Vec::new(),
            file: None,
            blocks: Vec::new(),
        }
    }

    /// Adds a page. False when there is no room for more, here or on the disk.
    pub fn push(&mut self, id: ChunkId, page: &[u8]) -> bool {
        self.open.push((id, page.to_vec()));
        self.open_bytes += page.len();
        if self.open_bytes < BLOCK_BYTES {
            return true;
        }
        self.open_bytes = 0;
        let block = std::mem::take(&mut self.open);
        if self.memory.len() < BLOCKS_IN_MEMORY {
            self.memory.push(block);
            return true;
        }
        self.blocks.len() < BLOCKS_ON_DISK && self.write(&block).is_ok()
    }

    fn write(&mut self, block: &[Page]) -> io::Result<()> {
        let plain: Vec<([u8; 32], &[u8])> = block.iter().map(|(id, page)| (id.0, &page[..])).collect();
        let plain = postcard::to_stdvec(&plain).map_err(io::Error::other)?;
        let sealed =
            self.seal.seal_bytes(&name_of(self.blocks.len()), &plain).map_err(|_| io::ErrorKind::Other)?;
        if self.file.is_none() {
            self.file = Some(self.state.nameless_file()?);
        }
        let Some(file) = &mut self.file else { return Err(io::ErrorKind::NotFound.into()) };
        file.write_all(&sealed)?;
        self.blocks.push(sealed.len() as u64);
        Ok(())
    }

    /// Gives all pages back, block by block.
    pub fn drain(
        mut self,
        mut take: impl FnMut(Vec<Page>) -> crate::error::Result<()>,
    ) -> crate::error::Result<()> {
        for block in std::mem::take(&mut self.memory) {
            take(block)?;
        }
        if let Some(file) = &mut self.file {
            file.seek(SeekFrom::Start(0))?;
            for (at, bytes) in self.blocks.iter().enumerate() {
                let mut sealed = vec![0; usize::try_from(*bytes).unwrap_or(0)];
                file.read_exact(&mut sealed)?;
                let plain = self.seal.open_bytes(&name_of(at), sealed)?;
                let pages: Vec<([u8; 32], Vec<u8>)> =
                    postcard::from_bytes(&plain).map_err(crate::error::AgentError::local_state)?;
                take(pages.into_iter().map(|(id, page)| (ChunkId(id), page)).collect())?;
            }
        }
        take(self.open)
    }
}

/// What a block is sealed for: its place.
fn name_of(block: usize) -> [u8; 8] {
    (block as u64).to_le_bytes()
}

#[cfg(test)]
mod tests {
    use scelle_format::id::RepositoryId;

    use super::*;

    #[test]
    fn pages_come_back_and_are_nowhere_in_clear() {
        let folder = tempfile::tempdir().unwrap();
        let repository = RepositoryId::parse(&"a".repeat(26)).unwrap();
        let state = State::open(folder.path(), &repository).unwrap();
        let files = || state.names_in("").len();
        let before = files();
        let mut spill = Spill::new(&state, Chance::system());
        let page = |n: u32| [&n.to_le_bytes()[..], &[7; 8188]].concat();
        let count = (BLOCK_BYTES / 8192 * (BLOCKS_IN_MEMORY + 3)) as u32 + 5;
        assert!((0..count).all(|n| spill.push(ChunkId([n as u8; 32]), &page(n))));
        assert_eq!(spill.blocks.len(), 3);
        assert_eq!(files(), before, "the file has no name");
        let mut next = 0;
        spill
            .drain(|pages| {
                for (id, found) in pages {
                    assert!(id == ChunkId([next as u8; 32]) && found == page(next));
                    next += 1;
                }
                Ok(())
            })
            .unwrap();
        assert_eq!(next, count);
    }
}
