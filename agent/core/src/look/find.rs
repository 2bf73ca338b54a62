//! Where a name is: the entries of one or more snapshots that a pattern matches, hunks read once.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use scelle_format::id::ChunkId;

use super::choose::words;
use super::list::ListedEntry;
use super::pattern::Pattern;
use crate::error::Result;
use crate::reading::ChunkReader;
use crate::reading::fetch::Fetcher;
use crate::reading::tree::Tree;
use crate::repo::finding::SnapshotId;
use crate::repo::ledger::history::Snapshot;
use crate::shutdown::Shutdown;

/// An entry that matches. Holds a name: for the local screen only.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FoundEntry {
    /// The entry.
    pub entry: ListedEntry,
    /// The snapshot it was seen in first, of those looked through.
    pub snapshot: SnapshotId,
    /// What that snapshot is called on the command line.
    pub word: String,
}

/// Entries that match in these snapshots, all there are, newest snapshot first as the caller orders them. An entry that is the same
/// in several is told once; hunks that snapshots share are read once. `each` is called as they are found.
pub async fn find(
    fetcher: &Arc<Fetcher>,
    snapshots: &[Snapshot],
    pattern: &Pattern,
    shutdown: &Shutdown,
    each: &mut (dyn FnMut(FoundEntry) + Send),
) -> Result<()> {
    let mut hunks_seen: HashSet<ChunkId> = HashSet::new();
    let mut told: HashMap<Vec<u8>, HashSet<(u64, i64)>> = HashMap::new();
    for (snapshot, word) in snapshots.iter().zip(words(snapshots)) {
        let tree = Tree::open(fetcher, snapshot).await?;
        let mut reader = ChunkReader::new(tree.id_key());
        let hunks = tree.hunks().await?;
        let new: Vec<_> = hunks.into_iter().filter(|hunk| hunks_seen.insert(hunk.at.id)).collect();
        for (at, hunk) in new.iter().enumerate() {
            shutdown.check()?;
            if at % 64 == 0 {
                let ahead = new[at..].iter().take(64).map(|hunk| &hunk.at);
                fetcher.prepare(scelle_format::id::PackKind::Manifest, ahead);
            }
            for item in tree.hunk(&mut reader, &hunk.at).await? {
                if !pattern.matches(&item.directory, &item.entry.name) {
                    continue;
                }
                let Some(entry) = ListedEntry::of(&item.directory, &item.entry) else { continue };
                let versions = told.entry(entry.path.as_bytes().to_vec()).or_default();
                if versions.insert((entry.bytes, entry.modified_ns)) {
                    each(FoundEntry { entry, snapshot: snapshot.id.clone(), word: word.clone() });
                }
            }
        }
    }
    Ok(())
}
