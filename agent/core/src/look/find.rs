//! Where a name is: a glob over the entries of one or more snapshots, hunks read once.

use std::collections::{HashMap, HashSet};
use std::path::Path;
use std::sync::Arc;

use globset::{GlobBuilder, GlobMatcher};
use scelle_format::id::ChunkId;
use scelle_format::manifest::Item;
use scelle_format::path;

use super::list::ListedEntry;
use crate::error::{AgentError, Result};
use crate::platform;
use crate::reading::ChunkReader;
use crate::reading::fetch::Fetcher;
use crate::reading::tree::Tree;
use crate::repo::finding::SnapshotId;
use crate::repo::history::Snapshot;
use crate::shutdown::Shutdown;
use scelle_view::bilingual;

/// An entry that matches. Holds a name: for the local screen only.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    /// The entry.
    pub entry: ListedEntry,
    /// The snapshot it was seen in first, of those looked through.
    pub snapshot: SnapshotId,
}

/// A pattern: without `/` it matches names anywhere, with `/` whole paths; case does not matter.
#[derive(Clone, Debug)]
pub struct Pattern {
    glob: GlobMatcher,
    whole: bool,
}

impl Pattern {
    /// Reads a glob.
    pub fn parse(text: &str) -> Result<Self> {
        let whole = text.contains('/');
        let glob = GlobBuilder::new(text.trim_start_matches('/'))
            .literal_separator(true)
            .case_insensitive(true)
            .build();
        let wrong = |error: globset::Error| {
            AgentError::usage(
                bilingual!("motif de recherche non compris", "search pattern not understood"),
                bilingual!("utilisez *, ? et [a-z]", "use *, ? and [a-z]"),
            )
            .because(error.kind())
        };
        Ok(Self { glob: glob.map_err(wrong)?.compile_matcher(), whole })
    }

    fn matches(&self, item: &Item) -> bool {
        let text =
            if self.whole { path::join(&item.directory, &item.entry.name) } else { item.entry.name.clone() };
        platform::bytes_to_os(&text).is_ok_and(|native| self.glob.is_match(Path::new(&native)))
    }
}

/// Entries that match in these snapshots, newest snapshot first as the caller orders them. An entry that is the same
/// in several is told once; hunks that snapshots share are read once. `each` is called as they are found.
pub async fn find(
    fetcher: &Arc<Fetcher>,
    snapshots: &[Snapshot],
    pattern: &Pattern,
    shutdown: &Shutdown,
    each: &mut (dyn FnMut(Found) + Send),
) -> Result<()> {
    let mut hunks_seen: HashSet<ChunkId> = HashSet::new();
    let mut told: HashMap<Vec<u8>, HashSet<(u64, i64)>> = HashMap::new();
    for snapshot in snapshots {
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
                if !pattern.matches(&item) {
                    continue;
                }
                let Some(entry) = ListedEntry::of(&item.directory, &item.entry) else { continue };
                let versions = told.entry(entry.path.as_bytes().to_vec()).or_default();
                if versions.insert((entry.bytes, entry.modified_ns)) {
                    each(Found { entry, snapshot: snapshot.id.clone() });
                }
            }
        }
    }
    Ok(())
}
