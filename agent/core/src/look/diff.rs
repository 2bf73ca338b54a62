//! What changed between two snapshots: two ordered walks side by side; hunks with the same id are passed over.

use std::cmp::Ordering;
use std::collections::{HashSet, VecDeque};
use std::sync::Arc;

use scelle_format::id::{ChunkId, PackKind};
use scelle_format::manifest::{Content, Entry, Item, NodeRef};
use scelle_format::pack::Location;
use scelle_format::path;

use super::list::ListedEntry;
use crate::error::Result;
use crate::reading::ChunkReader;
use crate::reading::fetch::Fetcher;
use crate::reading::tree::Tree;
use crate::shutdown::Shutdown;

/// How an entry differs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Change {
    /// It is in the second only.
    Added,
    /// It is in the first only.
    Removed,
    /// Its content, kind or target differs.
    Changed,
    /// Only times, modes, owners or attributes differ.
    Metadata,
}

/// One difference. Holds a name: for the local screen only.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    /// How.
    pub change: Change,
    /// The entry: of the second snapshot, or, where it is gone, of the first.
    pub entry: ListedEntry,
    /// Size in the first snapshot, where it was there.
    pub bytes_before: Option<u64>,
}

/// Sums of a comparison.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize)]
pub struct DiffTotals {
    /// Entries in the second only.
    pub added: u64,
    /// Entries in the first only.
    pub removed: u64,
    /// Entries whose content differs.
    pub changed: u64,
    /// Entries whose metadata alone differs.
    pub metadata: u64,
}

/// Compares two trees and calls `each` in the manifest's order.
pub async fn diff(
    before: &Tree,
    after: &Tree,
    shutdown: &Shutdown,
    each: &mut (dyn FnMut(Difference) + Send),
) -> Result<DiffTotals> {
    let (old, new) = (before.hunks().await?, after.hunks().await?);
    let ids = |hunks: &[NodeRef]| hunks.iter().map(|hunk| hunk.at.id).collect::<HashSet<ChunkId>>();
    // Ids are comparable only under one K.
    let same_secret = before.id_key() == after.id_key();
    let shared: HashSet<ChunkId> =
        if same_secret { ids(&old).intersection(&ids(&new)).copied().collect() } else { HashSet::new() };
    let mut old = Side::new(before, old, &shared);
    let mut new = Side::new(after, new, &shared);
    let mut totals = DiffTotals::default();
    loop {
        shutdown.check()?;
        let order = match (old.peek().await?, new.peek().await?) {
            (None, None) => return Ok(totals),
            (Some(_), None) => Ordering::Less,
            (None, Some(_)) => Ordering::Greater,
            (Some(a), Some(b)) => path::compare(&full(a), &full(b)),
        };
        let (gone, come) = match order {
            Ordering::Less => (old.take(), None),
            Ordering::Greater => (None, new.take()),
            Ordering::Equal => (old.take(), new.take()),
        };
        let change = match (&gone, &come) {
            (Some(a), Some(b)) => match compare(&a.entry, &b.entry, same_secret) {
                Some(change) => change,
                None => continue,
            },
            (Some(_), None) => Change::Removed,
            _ => Change::Added,
        };
        totals.count(change);
        let bytes_before = gone.as_ref().map(|item| item.entry.bytes);
        let shown =
            come.as_ref().or(gone.as_ref()).and_then(|item| ListedEntry::of(&item.directory, &item.entry));
        if let Some(entry) = shown {
            each(Difference { change, entry, bytes_before });
        }
    }
}

impl DiffTotals {
    fn count(&mut self, change: Change) {
        let field = match change {
            Change::Added => &mut self.added,
            Change::Removed => &mut self.removed,
            Change::Changed => &mut self.changed,
            Change::Metadata => &mut self.metadata,
        };
        *field += 1;
    }
}

/// One tree's entries in order, without those in shared hunks.
struct Side<'a> {
    tree: &'a Tree,
    fetcher: Arc<Fetcher>,
    reader: ChunkReader,
    hunks: VecDeque<Location>,
    prepared: usize,
    items: VecDeque<Item>,
}

impl<'a> Side<'a> {
    fn new(tree: &'a Tree, hunks: Vec<NodeRef>, shared: &HashSet<ChunkId>) -> Self {
        Self {
            tree,
            fetcher: Arc::clone(tree.fetcher()),
            reader: ChunkReader::new(tree.id_key()),
            hunks: hunks.into_iter().map(|hunk| hunk.at).filter(|at| !shared.contains(&at.id)).collect(),
            prepared: 0,
            items: VecDeque::new(),
        }
    }

    async fn peek(&mut self) -> Result<Option<&Item>> {
        while self.items.is_empty() {
            if self.prepared == 0 {
                self.fetcher.prepare(PackKind::Manifest, self.hunks.iter().take(64));
                self.prepared = self.hunks.len().min(64);
            }
            let Some(at) = self.hunks.pop_front() else { return Ok(None) };
            self.prepared = self.prepared.saturating_sub(1);
            self.items = self.tree.hunk(&mut self.reader, &at).await?.into();
        }
        Ok(self.items.front())
    }

    fn take(&mut self) -> Option<Item> {
        self.items.pop_front()
    }
}

fn full(item: &Item) -> Vec<u8> {
    path::join(&item.directory, &item.entry.name)
}

/// How two entries at one path differ. Without `same_secret`, ids of the two cannot be compared.
pub(super) fn compare(a: &Entry, b: &Entry, same_secret: bool) -> Option<Change> {
    let same_content = a.kind == b.kind
        && a.bytes == b.bytes
        && a.target == b.target
        && match same_secret {
            true => {
                let same_ids = content_key(&a.content) == content_key(&b.content) && a.extents == b.extents;
                // Nodes and group chunks change with what else they hold: size and time decide then.
                same_ids || (is_indirect(a) || is_indirect(b)) && a.modified_ns == b.modified_ns
            }
            // Without comparable ids, size and time must do.
            false => a.modified_ns == b.modified_ns,
        };
    if !same_content {
        return Some(Change::Changed);
    }
    let metadata = |e: &Entry| (e.modified_ns, e.mode, e.owner, e.group, e.xattrs.clone());
    (metadata(a) != metadata(b)).then_some(Change::Metadata)
}

fn is_indirect(entry: &Entry) -> bool {
    matches!(entry.content, Content::Nodes { .. } | Content::Slice { .. })
}

/// What identifies a content, wherever it lies: the ids, and the part of a shared chunk.
fn content_key(content: &Content) -> (u8, Vec<ChunkId>, u32, u32) {
    let ids = |rows: &[Location]| rows.iter().map(|row| row.id).collect();
    match content {
        Content::Empty => (0, Vec::new(), 0, 0),
        Content::Chunks(rows) => (1, ids(rows), 0, 0),
        Content::Nodes { level, nodes } => (2 + level, ids(nodes), 0, 0),
        Content::Slice { at, offset, bytes } => (255, vec![at.id], *offset, *bytes),
    }
}
