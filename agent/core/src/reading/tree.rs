//! A snapshot's tree: root → level-2 nodes → hunks, read only where it is needed (FORMAT.md §8).
//!
//! For: `run`, `look` and `verify`. Data comes from the root that a signed note names and from manifest packs, and
//! goes out as entries in the manifest's order. Never: reads content of files, or stops at a damaged hunk: it says
//! what is missing and goes on.

use std::cmp::Ordering;
use std::collections::VecDeque;
use std::sync::Arc;

use scelle_format::chunk_list::ListNode;
use scelle_format::compress::{Expander, strip_padding};
use scelle_format::crypto::{DedupSecret, open_bytes};
use scelle_format::id::PackKind;
use scelle_format::limits::{CHUNK_LIST_MAX_LEVEL, PACK_MAX_BYTES, ROOT_MAX_BYTES};
use scelle_format::manifest::{Content, Hunk, Item, Level2, NodeRef, Root};
use scelle_format::pack::Location;
use scelle_format::{FormatError, layout, path};

use super::fetch::{FetchWindow, Fetcher};
use super::load::damaged;
use super::reader::{ChunkIdKeys, ChunkReader};
use crate::error::{ExitCode, Fault, Result};
use crate::repo::ledger::history::{Snapshot, read_attachment};

/// Nodes whose fetching begins together.
const AHEAD: usize = 64;
/// Level-2 nodes read before the first of their hunks.
const LEVEL2_BATCH: usize = 16;

/// A part of a tree.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TreePart {
    /// The entry at this path.
    Entry(Vec<u8>),
    /// The entries that stand directly in this folder.
    Folder(Vec<u8>),
    /// Everything below this folder, at any depth, without the folder's own entry.
    Below(Vec<u8>),
}

impl TreePart {
    /// The parts that hold a path, what is below it, and the entries of the folders that lead to it.
    pub fn with_ancestors(of: &[u8]) -> Vec<Self> {
        let mut parts = vec![Self::Below(of.to_vec())];
        let mut at = of;
        while !at.is_empty() {
            parts.push(Self::Entry(at.to_vec()));
            at = path::split(at).0;
        }
        parts
    }

    /// Whether an entry belongs to it.
    pub fn holds(&self, directory: &[u8], name: &[u8]) -> bool {
        match self {
            Self::Entry(of) => path::split(of) == (directory, name),
            Self::Folder(of) => directory == of,
            Self::Below(of) => is_within(directory, of),
        }
    }

    /// Whether a node that begins at `first` and ends before `next` may hold some of it.
    fn meets(&self, first: &[u8], next: Option<&[u8]>) -> bool {
        let directory_of = |of: &[u8]| -> Vec<u8> { path::split(of).0.to_vec() };
        match self {
            Self::Entry(of) => {
                path::compare(first, of) != Ordering::Greater
                    && next.is_none_or(|next| path::compare(next, of) == Ordering::Greater)
            }
            Self::Folder(of) | Self::Below(of) => {
                let begins = directory_of(first);
                let is_in =
                    if matches!(self, Self::Folder(_)) { begins == *of } else { is_within(&begins, of) };
                let not_after = is_in || path::compare_directories(&begins, of) != Ordering::Greater;
                let not_before = next
                    .is_none_or(|next| path::compare_directories(&directory_of(next), of) != Ordering::Less);
                not_after && not_before
            }
        }
    }
}

/// Whether a directory is `of` or lies below it.
fn is_within(directory: &[u8], of: &[u8]) -> bool {
    of.is_empty() || directory.strip_prefix(of).is_some_and(|rest| rest.is_empty() || rest[0] == b'/')
}

/// What a walk comes to next.
#[derive(Debug)]
pub enum Step {
    /// Entries of one hunk, those asked for, in order.
    Items(Vec<Item>),
    /// A part of the tree that cannot be read: everything from the node's first path on, `files` files in all.
    Damaged {
        /// Name of the pack.
        object: String,
        /// Files below the node.
        files: u64,
        /// Bytes of files below the node.
        bytes: u64,
    },
}

/// An opened tree.
pub struct Tree {
    fetcher: Arc<Fetcher>,
    /// Its top.
    pub root: Root,
    id_keys: ChunkIdKeys,
}

impl Tree {
    /// Fetches and opens the root of a snapshot, and checks that it is that snapshot's.
    pub async fn open(fetcher: &Arc<Fetcher>, snapshot: &Snapshot) -> Result<Self> {
        fetcher.use_index_of(snapshot);
        let name = layout::attachment(&snapshot.root.sha256);
        let sealed =
            read_attachment(fetcher.objects(), &snapshot.root, ROOT_MAX_BYTES as u64 + (1 << 20)).await?;
        let identity = fetcher.keyring().identity(snapshot.epoch)?;
        let padded = open_bytes(&sealed, &[identity], PACK_MAX_BYTES.max(ROOT_MAX_BYTES as u64))
            .map_err(|error| damaged(&name, error))?;
        let read = || -> scelle_format::Result<Root> {
            let mut plain = Vec::new();
            Expander::default().expand_sized(strip_padding(&padded)?, ROOT_MAX_BYTES, &mut plain)?;
            Root::decode(&plain)
        };
        let root = read().map_err(|error| match error {
            FormatError::Unsupported { found, .. } => crate::error::AgentError::unknown_feature().at(found),
            error => damaged(&name, error),
        })?;
        let same = root.repository == *fetcher.objects().repository()
            && root.device == snapshot.id.device
            && root.snapshot == snapshot.id.number
            && root.set == snapshot.set
            && root.generation == snapshot.generation;
        if !same {
            return Err(damaged(&name, "the root of another snapshot"));
        }
        let id_keys = ChunkIdKeys::of(&root);
        Ok(Self { fetcher: Arc::clone(fetcher), root, id_keys })
    }

    /// The keys that chunk ids are recomputed with.
    pub fn id_key(&self) -> ChunkIdKeys {
        self.id_keys.clone()
    }

    /// The key of the tokens that stand for paths outside local screens.
    pub fn token_key(&self) -> [u8; 32] {
        DedupSecret::new(self.root.dedup_secret, self.root.generation).token_key()
    }

    /// What fetches its nodes.
    pub fn fetcher(&self) -> &Arc<Fetcher> {
        &self.fetcher
    }

    /// All entries.
    pub fn walk(&self) -> Walk {
        self.walk_parts(vec![TreePart::Below(Vec::new())])
    }

    /// The entries of some parts, each once, in the manifest's order.
    pub fn walk_parts(&self, parts: Vec<TreePart>) -> Walk {
        let nodes = select(&self.root.level2, None, &parts);
        Walk {
            fetcher: Arc::clone(&self.fetcher),
            reader: ChunkReader::new(self.id_keys.clone()),
            parts,
            level2: nodes.into(),
            level2_ahead: Ahead::default(),
            hunks: VecDeque::new(),
            hunks_ahead: Ahead::default(),
        }
    }

    /// The entries below a folder (at any depth), reading only hunks that can hold them.
    pub fn entries_below(&self, folder: &[u8]) -> Walk {
        self.walk_parts(vec![TreePart::Below(folder.to_vec())])
    }

    /// References to all hunks with where each ends, for comparing two trees by hunk ids.
    pub async fn hunks(&self) -> Result<Vec<NodeRef>> {
        let mut reader = ChunkReader::new(self.id_keys.clone());
        let mut out = Vec::new();
        let _prepared =
            self.fetcher.prepare(PackKind::Manifest, self.root.level2.iter().map(|node| &node.at));
        for node in &self.root.level2 {
            out.extend(read_level2(&mut reader, &self.fetcher, node).await?.hunks);
        }
        Ok(out)
    }

    /// The entries of one hunk.
    pub async fn hunk(&self, reader: &mut ChunkReader, at: &Location) -> Result<Vec<Item>> {
        Ok(read_hunk(reader, &self.fetcher, at).await?.items)
    }
}

/// A walk under way.
pub struct Walk {
    fetcher: Arc<Fetcher>,
    reader: ChunkReader,
    parts: Vec<TreePart>,
    level2: VecDeque<(NodeRef, Option<Vec<u8>>)>,
    level2_ahead: Ahead,
    hunks: VecDeque<(NodeRef, Option<Vec<u8>>)>,
    hunks_ahead: Ahead,
}

/// Nodes at the front of a queue whose fetching has begun.
#[derive(Default)]
struct Ahead {
    left: usize,
    prepared: Option<FetchWindow>,
}

impl Walk {
    /// The next hunk's entries. Damage is a step; errors are the store's or the caller's.
    pub async fn next(&mut self) -> Result<Option<Step>> {
        loop {
            if let Some((node, _)) = self.next_hunk() {
                let read = read_hunk(&mut self.reader, &self.fetcher, &node.at).await;
                let mut items = match or_damage(read, &node) {
                    Ok(hunk) => hunk.items,
                    Err(fault) => return fault.here().map(Some),
                };
                items.retain(|item| {
                    self.parts.iter().any(|part| part.holds(&item.directory, &item.entry.name))
                });
                if items.is_empty() {
                    continue;
                }
                return Ok(Some(Step::Items(items)));
            }
            // Several at a time, so that the hunks of scattered paths are fetched together.
            for _ in 0..LEVEL2_BATCH {
                let Some((node, next)) = self.next_level2() else { break };
                let read = read_level2(&mut self.reader, &self.fetcher, &node).await;
                match or_damage(read, &node) {
                    Ok(level2) => self.hunks.extend(select(&level2.hunks, next, &self.parts)),
                    Err(fault) => return fault.here().map(Some),
                }
            }
            self.hunks_ahead.left = 0;
            if self.hunks.is_empty() && self.level2.is_empty() {
                return Ok(None);
            }
        }
    }

    /// All remaining entries; `Err` at the first damage. For small parts.
    pub async fn collect(mut self) -> Result<Vec<Item>> {
        let mut out = Vec::new();
        while let Some(step) = self.next().await? {
            match step {
                Step::Items(items) => out.extend(items),
                Step::Damaged { object, .. } => return Err(damaged(&object, "a part of the tree")),
            }
        }
        Ok(out)
    }

    fn next_hunk(&mut self) -> Option<(NodeRef, Option<Vec<u8>>)> {
        self.hunks_ahead.step(&self.fetcher, &self.hunks);
        self.hunks.pop_front()
    }

    fn next_level2(&mut self) -> Option<(NodeRef, Option<Vec<u8>>)> {
        self.level2_ahead.step(&self.fetcher, &self.level2);
        self.level2.pop_front()
    }
}

impl Ahead {
    /// Takes one node from the front; begins to fetch the next batch when the last one is used up.
    fn step(&mut self, fetcher: &Arc<Fetcher>, queue: &VecDeque<(NodeRef, Option<Vec<u8>>)>) {
        if self.left == 0 && !queue.is_empty() {
            let batch = queue.iter().take(AHEAD).map(|(node, _)| &node.at);
            self.prepared = Some(fetcher.prepare(PackKind::Manifest, batch));
            self.left = queue.len().min(AHEAD);
        }
        self.left = self.left.saturating_sub(1);
    }
}

/// The nodes that may hold some of the parts, each with the first path after it.
fn select(nodes: &[NodeRef], end: Option<Vec<u8>>, parts: &[TreePart]) -> Vec<(NodeRef, Option<Vec<u8>>)> {
    let next_of = |at: usize| nodes.get(at + 1).map(|next| next.first.clone()).or_else(|| end.clone());
    let with_next = nodes.iter().enumerate().map(|(at, node)| (node.clone(), next_of(at)));
    with_next
        .filter(|(node, next)| parts.iter().any(|part| part.meets(&node.first, next.as_deref())))
        .collect()
}

/// Damage is a step; what else went wrong ends the walk.
fn or_damage<T>(read: Result<T>, node: &NodeRef) -> Result<T, Fault<Step>> {
    read.map_err(|error| match error.code {
        ExitCode::Damaged => {
            let object = layout::pack(PackKind::Manifest, &node.at.pack);
            Fault::Here(Step::Damaged { object, files: node.files, bytes: node.bytes })
        }
        _ => Fault::Run(error),
    })
}

async fn read_level2(reader: &mut ChunkReader, fetcher: &Fetcher, node: &NodeRef) -> Result<Level2> {
    let name = layout::pack(PackKind::Manifest, &node.at.pack);
    let plain = reader.read(fetcher, PackKind::Manifest, &node.at).await?;
    Level2::decode(plain).map_err(|error| damaged(&name, error))
}

async fn read_hunk(reader: &mut ChunkReader, fetcher: &Fetcher, at: &Location) -> Result<Hunk> {
    let name = layout::pack(PackKind::Manifest, &at.pack);
    let plain = reader.read(fetcher, PackKind::Manifest, at).await?;
    Hunk::decode(plain).map_err(|error| damaged(&name, error))
}

/// The chunks of a content in order, in stretches of one chunk-list node, so that a huge file never stands in memory.
pub struct ChunkStretches {
    /// Nodes still to read, the next one last: level and place.
    open: Vec<(u8, Location)>,
    /// Chunks that need no node.
    direct: Option<Vec<Location>>,
}

impl ChunkStretches {
    /// The stretches of `content`. A slice is its shared chunk.
    pub fn of(content: &Content) -> Self {
        match content {
            Content::Empty => Self { open: Vec::new(), direct: None },
            Content::Chunks(rows) => Self { open: Vec::new(), direct: Some(rows.clone()) },
            Content::Slice { at, .. } => Self { open: Vec::new(), direct: Some(vec![*at]) },
            Content::Nodes { level, nodes } => {
                Self { open: nodes.iter().rev().map(|node| (*level, *node)).collect(), direct: None }
            }
        }
    }

    /// The next stretch, or `None` at the end.
    pub async fn next(
        &mut self,
        reader: &mut ChunkReader,
        fetcher: &Fetcher,
    ) -> Result<Option<Vec<Location>>> {
        if let Some(direct) = self.direct.take() {
            return Ok(Some(direct));
        }
        while let Some((level, at)) = self.open.pop() {
            let name = layout::pack(PackKind::Manifest, &at.pack);
            let plain = reader.read(fetcher, PackKind::Manifest, &at).await?;
            let node = ListNode::decode(plain).map_err(|error| damaged(&name, error))?;
            if node.level != level || level >= CHUNK_LIST_MAX_LEVEL {
                return Err(damaged(&name, "a chunk list of another level"));
            }
            if level == 0 {
                return Ok(Some(node.rows.iter().map(|row| row.at).collect()));
            }
            self.open.extend(node.rows.iter().rev().map(|row| (level - 1, row.at)));
        }
        Ok(None)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_is_found_in_the_nodes_that_hold_it_only() {
        // Order: a, b | a/x, a/y | a/x/1, a-b/1
        let nodes: [(&[u8], Option<&[u8]>); 3] =
            [(b"a", Some(b"a/x")), (b"a/x", Some(b"a/x/1")), (b"a/x/1", None)];
        let met = |part: TreePart| nodes.map(|(first, next)| part.meets(first, next));
        assert_eq!(met(TreePart::Entry(b"b".to_vec())), [true, false, false]);
        assert_eq!(met(TreePart::Entry(b"a/y".to_vec())), [false, true, false]);
        assert_eq!(met(TreePart::Folder(b"a".to_vec())), [true, true, false]);
        assert_eq!(met(TreePart::Below(b"a".to_vec())), [true, true, true]);
        assert_eq!(met(TreePart::Folder(b"a/x".to_vec())), [false, true, true]);
        assert_eq!(met(TreePart::Folder(b"zz".to_vec())), [false, false, true]);
        assert_eq!(met(TreePart::Below(Vec::new())), [true, true, true]);
    }

    #[test]
    fn a_path_brings_the_folders_that_lead_to_it() {
        let parts = TreePart::with_ancestors(b"a/x");
        let holds = |directory: &[u8], name: &[u8]| parts.iter().any(|part| part.holds(directory, name));
        assert!(holds(b"", b"a") && holds(b"a", b"x") && holds(b"a/x", b"1") && holds(b"a/x/1", b"2"));
        assert!(!holds(b"a", b"xx") && !holds(b"a/xx", b"1") && !holds(b"", b"b"));
    }
}
