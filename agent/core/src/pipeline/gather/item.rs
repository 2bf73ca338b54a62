//! One entry of a hunk being made, and the packs that it needs.
//!
//! Made by the scan, waits in [`crate::pipeline::gather::hunks`] until its content has a place. Never: read or written.

use std::collections::BTreeMap;
use std::sync::Arc;

use scelle_format::id::{PackId, PackKind, Sha256};
use scelle_format::manifest::Content;
use scelle_format::path;

use crate::catalog::{CatalogEntry, Groups, Member, NeededPack};
use crate::pipeline::chunks::earlier::EarlierSlice;
use crate::pipeline::chunks::list::{ChunkList, PartChunks};
use crate::pipeline::chunks::packs::Place;
use crate::pipeline::gather::alike::Before;
use crate::pipeline::jobs::job::FileJob;

/// One entry of a hunk being made.
pub struct HunkEntry {
    /// What is known of it so far.
    pub record: CatalogEntry,
    /// Where its content comes from.
    pub source: ItemSource,
    /// What it was in the last snapshot, where the file looks different and is read again.
    pub before: Option<Box<Before>>,
    /// Where it lay in a chunk with others, where it was read again and may hold what it held.
    pub left: Option<Box<EarlierSlice>>,
}

impl HunkEntry {
    /// One that is not compared with anything.
    pub fn new(record: CatalogEntry, source: ItemSource) -> Self {
        Self { record, source, before: None, left: None }
    }
}

/// Where an entry's content comes from.
pub enum ItemSource {
    /// Unchanged: entry `index` of the earlier hunk `row`.
    Kept { row: i64, index: usize },
    /// A directory or symlink, or an empty file: nothing to wait for.
    Ready,
    /// A file that is being read; `now_ns` is when it was seen.
    Job { job: Arc<FileJob>, now_ns: i64 },
    /// Chunks that wait for the names of their packs.
    Chunks(PartChunks),
    /// A large file's chunks.
    List(Arc<ChunkList>),
    /// Slice of a group chunk that waits for the name of its pack.
    Slice { place: Place, offset: u32, bytes: u32 },
    /// It could not be read: it is left out.
    Lost,
}

/// Packs that an entry needs.
pub(in crate::pipeline) fn packs_of(record: &CatalogEntry, packs: &mut BTreeMap<PackId, PackKind>) {
    for &NeededPack { is_data, epoch, sha256 } in &record.needs {
        let kind = if is_data { PackKind::Data } else { PackKind::Manifest };
        packs.insert(PackId { epoch, sha256: Sha256(sha256) }, kind);
    }
    match &record.entry.content {
        Content::Empty => {}
        Content::Slice { at, .. } => {
            packs.insert(at.pack, PackKind::Data);
        }
        Content::Chunks(rows) => rows.iter().for_each(|at| {
            packs.insert(at.pack, PackKind::Data);
        }),
        Content::Nodes { nodes, .. } => nodes.iter().for_each(|at| {
            packs.insert(at.pack, PackKind::Manifest);
        }),
    }
}

/// Files that have left the chunks they shared in the last snapshot, and may hold what they held.
pub(in crate::pipeline) fn groups_left(items: &[HunkEntry]) -> Groups {
    let mut groups = Groups::new();
    for HunkEntry { record, left, .. } in items {
        let Some(EarlierSlice { at: then, offset, bytes, .. }) = left.as_deref().copied() else { continue };
        let stays = matches!(&record.entry.content, Content::Slice { at, offset: now, .. } if at.id == then.id && *now == offset);
        if !stays {
            let path = path::join(&record.directory, &record.entry.name);
            groups.entry(then.id).or_default().insert(Member { path, offset, bytes });
        }
    }
    groups
}
