//! What stands in the restore root already: whether it is what the snapshot holds, chunk by chunk, without fetching content.
//!
//! For: `workers` and `pairs`, so that a restore that is run again skips what is done. Data comes from the restore root and from
//! chunk ids of the manifest. Never: changes content.

use scelle_format::id::PackKind;
use scelle_format::manifest::{Content, Entry};

use super::data_map::{DataMap, is_zero, read_existing};
use super::plan::attributes_of;
use super::shared::{Shared, WriteFault};
use super::write::{
    ExistingFile, FIRST_BYTES, Overwrite, RestoreRoot, WriteError, is_database, may_be_database,
};
use crate::error::AgentError;
use crate::reading::ChunkReader;
use crate::reading::tree::ChunkStretches;
use crate::scan::EntryPath;

impl Shared<'_> {
    /// Compares an existing file with the manifest: chunk by chunk, without fetching content.
    pub(super) fn has_same_content(
        &self,
        reader: &mut ChunkReader,
        existing: &ExistingFile,
        entry: &Entry,
    ) -> std::result::Result<bool, WriteFault> {
        if existing.file.is_none() || existing.stat.bytes != entry.bytes {
            return Ok(false);
        }
        let map = DataMap::of(entry);
        if !map.holes().iter().all(|hole| is_zero(existing, *hole)) {
            return Ok(false);
        }
        if let Content::Slice { at, offset, bytes } = &entry.content {
            let Some(ours) = read_existing(existing, &map, 0, u64::from(*bytes)) else { return Ok(false) };
            let chunk = self.handle.block_on(reader.read(self.fetcher, PackKind::Data, at))?;
            let part = chunk.get(*offset as usize..(*offset as usize).saturating_add(*bytes as usize));
            return Ok(part == Some(ours.as_slice()));
        }
        let mut stretches = ChunkStretches::of(&entry.content);
        let mut offset = 0;
        while let Some(chunks) = self.handle.block_on(stretches.next(reader, self.fetcher))? {
            for at in chunks {
                if self.is_stopped() {
                    return Err(AgentError::interrupted().into());
                }
                let there = read_existing(existing, &map, offset, u64::from(at.bytes));
                if there.is_none_or(|there| !self.id_keys.fit(&at.id, &there)) {
                    return Ok(false);
                }
                offset += u64::from(at.bytes);
            }
        }
        Ok(offset == map.data_bytes)
    }

    /// Gives a file that stands there already its attributes, where files may be changed.
    pub(super) fn update_same(
        &self,
        restore_root: &RestoreRoot,
        path: &EntryPath,
        entry: &Entry,
    ) -> std::result::Result<(), WriteError> {
        match self.overwrite {
            Overwrite::Changed | Overwrite::Always => {
                restore_root.update_attributes(path, &attributes_of(entry))
            }
            _ => Ok(()),
        }
    }
}

/// Whether what stands there under this name is a database. Looked at only where its length allows it.
pub(super) fn is_standing_database(existing: &ExistingFile, name: &[u8]) -> bool {
    let mut first = [0; FIRST_BYTES];
    may_be_database(existing.stat.bytes)
        && existing.read_at(&mut first, 0).is_ok_and(|read| is_database(&first[..read], name))
}
