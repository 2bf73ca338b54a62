//! Shared chunks of small files that only older snapshots need, made again when their pack is damaged.
//!
//! What the last snapshot needs is read again by the scan. A chunk that small files shared in an older one, and that they
//! share in another way now, is put together here from its members, where the source still has each of them as it was.
//! Data comes from the local index, the catalog and the source; goes to the open packs, and to [`crate::pipeline::landing::heal`] as places.
//! Never: stores what does not make a pack whole, believes a member without the hash of the chunk, or leaves the roots.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use scelle_format::id::{ChunkId, PackId};
use scelle_format::manifest::SourceRoot;

use crate::catalog::{Catalog, Member, whole};
use crate::error::{AgentError, Result};
use crate::pipeline::chunks::packs::{Lane, Place};
use crate::pipeline::workers::worker::Worker;
use crate::scan::{EntryPath, Folders, SourceFile};

/// Stores again what `open` packs held, pack by pack: all of what is lost of one, or nothing. Returns where.
pub(in crate::pipeline) fn regroup(
    worker: &mut Worker<'_>,
    catalog: &Catalog,
    open: &BTreeSet<PackId>,
    roots: &[SourceRoot],
) -> Result<Vec<Place>> {
    // The usual case, in which no index is opened.
    if open.is_empty() {
        return Ok(Vec::new());
    }
    let lost = worker.shared.known.lost(open);
    if lost.is_empty() {
        return Ok(Vec::new());
    }
    let wanted = lost.values().flat_map(|chunks| chunks.keys().copied()).collect();
    let known = catalog.groups(&wanted)?;
    let mut stored = BTreeMap::new();
    let source = Source { folders: Arc::default(), roots };
    for chunks in lost.into_values() {
        let mut groups = Vec::new();
        for (id, bytes) in &chunks {
            worker.shared.shutdown.check()?;
            let Some(members) = known.get(id).and_then(|found| whole(found, *bytes)) else { break };
            if source.chunk(worker, id, &members).is_none() {
                break;
            }
            groups.push((*id, members));
        }
        if groups.len() < chunks.len() {
            continue;
        }
        for (id, members) in groups {
            worker.shared.shutdown.check()?;
            // Read a second time rather than held: a pack may be larger than what memory should hold.
            let Some(plain) = source.chunk(worker, &id, &members) else { break };
            let places = worker.store_frame(Lane::Cold, &plain, &[(id, plain.len() as u32)], None)?;
            let place =
                places.into_iter().next().ok_or_else(|| AgentError::bug("a frame without a place"))?;
            stored.insert(id, place);
        }
    }
    Ok(stored.into_values().collect())
}

struct Source<'a> {
    folders: Arc<Folders>,
    roots: &'a [SourceRoot],
}

impl Source<'_> {
    /// The content of a shared chunk, if its members still make it up.
    fn chunk(&self, worker: &Worker<'_>, id: &ChunkId, members: &[&Member]) -> Option<Vec<u8>> {
        let mut plain = Vec::new();
        for member in members {
            self.append(member, &mut plain)?;
        }
        (ChunkId::of(&worker.shared.pool.sealing().id_key, &plain) == *id).then_some(plain)
    }

    fn append(&self, member: &Member, plain: &mut Vec<u8>) -> Option<()> {
        let path = EntryPath::from_bytes(&member.path).ok()?;
        let is_inside =
            |root: &SourceRoot| EntryPath::from_bytes(&root.path).is_ok_and(|root| path.is_within(&root));
        if !self.roots.iter().any(is_inside) {
            return None;
        }
        let file = SourceFile::open_in(&self.folders, &path, &path.to_os().ok()?).ok()?;
        if file.stat().bytes != u64::from(member.bytes) {
            return None;
        }
        let (from, end) = (plain.len(), plain.len() + member.bytes as usize);
        plain.resize(end, 0);
        let mut at = from;
        while at < end {
            match file.read_at(&mut plain[at..end], (at - from) as u64).ok()? {
                0 => return None,
                n => at += n,
            }
        }
        Some(())
    }
}
