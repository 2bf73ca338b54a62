//! Snapshots followed with a key: every location of a tree must be a row of its pack's trailer.
//!
//! For: `check` with a key. Proves, without reading content, that what the tree names is what the packs hold. Data
//! comes from manifest packs and trailers and leaves as findings. Never: keeps a name.

use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;

use scelle_format::crypto::DedupSecret;
use scelle_format::id::{PackId, PackKind};
use scelle_format::layout::{self, PackName};
use scelle_format::manifest::{Content, EntryKind};
use scelle_format::pack::{Location, Trailer};

use super::data::IdKeys;
use crate::error::{ExitCode, Result};
use crate::reading::ChunkReader;
use crate::reading::fetch::Fetcher;
use crate::reading::tree::{ChunkStretches, Step, Tree};
use crate::repo::finding::{Finding, FindingKind, SnapshotId};
use crate::repo::ledger::history::Snapshot;
use crate::shutdown::Shutdown;

/// Trailers reduced to eight bytes a chunk: ten million chunks are 80 MB.
pub(super) struct Trailers<'a> {
    fetcher: Arc<Fetcher>,
    listed: &'a HashMap<String, u64>,
    rows: HashMap<PackName, Option<Vec<u64>>>,
}

impl<'a> Trailers<'a> {
    pub(super) fn new(fetcher: Arc<Fetcher>, listed: &'a HashMap<String, u64>) -> Self {
        Self { fetcher, listed, rows: HashMap::new() }
    }

    /// Whether the chunk is in the place named, by its pack's trailer.
    async fn holds(&mut self, kind: PackKind, at: &Location) -> Result<bool> {
        if !self.rows.contains_key(&(kind, at.pack)) {
            let rows = self.load(kind, at.pack).await?;
            self.rows.insert((kind, at.pack), rows);
        }
        let rows = self.rows.get(&(kind, at.pack)).and_then(Option::as_ref);
        Ok(rows.is_some_and(|rows| rows.binary_search(&digest(at)).is_ok()))
    }

    async fn load(&self, kind: PackKind, pack: PackId) -> Result<Option<Vec<u64>>> {
        let Some(bytes) = self.listed.get(&layout::pack(kind, &pack)) else { return Ok(None) };
        match self.fetcher.trailer(kind, pack, *bytes).await {
            Ok(trailer) => Ok(Some(digests(&trailer, pack))),
            Err(error) if error.code == ExitCode::Damaged => Ok(None),
            Err(error) => Err(error),
        }
    }
}

fn digests(trailer: &Trailer, pack: PackId) -> Vec<u64> {
    let mut rows = Vec::with_capacity(trailer.chunks.len());
    for (frame_offset, frame, chunks) in trailer.walk() {
        let mut offset = 0;
        for chunk in chunks {
            rows.push(digest(&Location {
                id: chunk.id,
                pack,
                frame_offset: u32::try_from(frame_offset).unwrap_or(u32::MAX),
                frame_bytes: frame.stored_bytes,
                offset,
                bytes: chunk.plain_bytes,
                filter: frame.filter,
            }));
            offset = offset.saturating_add(chunk.plain_bytes);
        }
    }
    rows.sort_unstable();
    rows
}

/// A comparison within one process, of data whose trailers are authenticated: no cryptographic hash is needed.
fn digest(at: &Location) -> u64 {
    let mut hasher = DefaultHasher::new();
    at.hash(&mut hasher);
    hasher.finish()
}

/// Follows one snapshot; remembers its K for reading packs.
pub(super) async fn follow(
    trailers: &mut Trailers<'_>,
    snapshot: &Snapshot,
    id_keys: &mut IdKeys,
    shutdown: &Shutdown,
) -> Result<Vec<Finding>> {
    let mut found: Vec<Finding> = Vec::new();
    let fetcher = Arc::clone(&trailers.fetcher);
    let tree = match Tree::open(&fetcher, snapshot).await {
        Ok(tree) => tree,
        Err(error) if error.code == ExitCode::Damaged => {
            let object = error.place.unwrap_or_else(|| layout::attachment(&snapshot.root.sha256));
            return Ok(vec![Finding::new(FindingKind::TreeBroken, object).affecting(snapshot.id.clone())]);
        }
        Err(error) => return Err(error),
    };
    let older = tree.root.older_secrets.iter().map(|(generation, secret)| (*generation, *secret));
    for (generation, secret) in older.chain([(tree.root.generation, tree.root.dedup_secret)]) {
        let key = DedupSecret::new(secret, generation).chunk_id_key();
        id_keys.insert((snapshot.id.device.clone(), generation), key);
    }
    let mut reader = ChunkReader::new(tree.id_key());
    let mut walk = tree.walk();
    while let Some(step) = walk.next().await? {
        shutdown.check()?;
        let items = match step {
            Step::Items(items) => items,
            Step::Damaged { object, .. } => {
                note(&mut found, FindingKind::TreeBroken, object, &snapshot.id);
                continue;
            }
        };
        for item in items.iter().filter(|item| item.entry.kind == EntryKind::File) {
            file(trailers, &mut reader, &item.entry.content, &snapshot.id, &mut found).await?;
        }
    }
    Ok(found)
}

/// Follows the content of one file: its chunk lists, and every chunk.
async fn file(
    trailers: &mut Trailers<'_>,
    reader: &mut ChunkReader,
    content: &Content,
    id: &SnapshotId,
    found: &mut Vec<Finding>,
) -> Result<()> {
    if let Content::Nodes { nodes, .. } = content {
        for node in nodes {
            expect(trailers, PackKind::Manifest, node, id, found).await?;
        }
    }
    let fetcher = Arc::clone(&trailers.fetcher);
    let mut stretches = ChunkStretches::of(content);
    loop {
        let stretch = match stretches.next(reader, &fetcher).await {
            Ok(Some(stretch)) => stretch,
            Ok(None) => return Ok(()),
            Err(error) if error.code == ExitCode::Damaged => {
                note(found, FindingKind::TreeBroken, error.place.unwrap_or_default(), id);
                return Ok(());
            }
            Err(error) => return Err(error),
        };
        for at in &stretch {
            expect(trailers, PackKind::Data, at, id, found).await?;
        }
    }
}

async fn expect(
    trailers: &mut Trailers<'_>,
    kind: PackKind,
    at: &Location,
    snapshot: &SnapshotId,
    found: &mut Vec<Finding>,
) -> Result<()> {
    if !trailers.holds(kind, at).await? {
        let fetcher = Arc::clone(&trailers.fetcher);
        let elsewhere = fetcher.other_places(kind, at).await?;
        if elsewhere.is_empty() {
            note(found, FindingKind::ChunkMissing, layout::pack(kind, &at.pack), snapshot);
        }
    }
    Ok(())
}

fn note(found: &mut Vec<Finding>, kind: FindingKind, object: String, snapshot: &SnapshotId) {
    let finding = Finding::new(kind, object).affecting(snapshot.clone());
    if !found.contains(&finding) {
        found.push(finding);
    }
}
