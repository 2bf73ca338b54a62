//! Every version of one path: in which snapshots it stood as it was, and where it stands no more.
//!
//! For: `versions`. Data comes from the trees of all snapshots, a few reads each, and goes to the local screen. What follows what is
//! known among snapshots of one device and one set of folders only: a snapshot of other folders says nothing of a path. Never: takes
//! a part of a tree that cannot be read for a file that was not there.

use std::collections::BTreeMap;
use std::sync::Arc;

use scelle_format::id::DeviceId;
use scelle_format::manifest::{Entry, Item};

use super::choose::words;
use super::diff::{Change, compare};
use super::list::ListedEntry;
use crate::error::{AgentError, ExitCode, Fault, Result};
use crate::reading::ChunkIdKeys;
use crate::reading::fetch::Fetcher;
use crate::reading::tree::{Tree, TreePart};
use crate::repo::ledger::history::Snapshot;
use crate::restore::request::snapshot_path;
use crate::shutdown::Shutdown;

/// A snapshot that a version was seen in, or missed in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sighting {
    /// The snapshot.
    pub snapshot: Snapshot,
    /// What it is called on the command line.
    pub word: String,
}

/// A version: one content of the path, as long as it stood there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Version {
    /// The entry, as the last snapshot that holds it has it. Holds a name.
    pub entry: ListedEntry,
    /// The first snapshot that holds it.
    pub first: Sighting,
    /// The last one before something else: what to restore it from.
    pub last: Sighting,
    /// What the next snapshot of the same folders has there.
    pub then: Then,
}

/// What became of a version.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Then {
    /// The newest snapshot of its folders holds it.
    Newest,
    /// Another version, from this snapshot on.
    Replaced(Sighting),
    /// Nothing: the path is not in this snapshot.
    Absent(Sighting),
}

/// What is known of a path.
#[derive(Debug, Default)]
pub struct Versions {
    /// Its versions, in the order in which they were first seen.
    pub versions: Vec<Version>,
    /// Snapshots that cannot be read where the path would stand, and why.
    pub unread: Vec<(Sighting, AgentError)>,
}

impl Versions {
    /// How the look ends, where the search through the repository's snapshots ends with `searched`.
    pub fn code(&self, searched: ExitCode) -> ExitCode {
        if self.unread.is_empty() { searched } else { ExitCode::Damaged }
    }
}

/// A version that later snapshots may still hold.
struct OpenVersion {
    version: Version,
    /// Its newest entry, to compare the next one with.
    entry: Entry,
    keys: ChunkIdKeys,
}

/// The versions of a path as a person types it, in `snapshots`, which are all there are, oldest first.
///
/// Errors: exit 2 where no snapshot holds the path, unless there are some that cannot be read.
pub async fn versions(
    fetcher: &Arc<Fetcher>,
    snapshots: &[Snapshot],
    typed: &[u8],
    shutdown: &Shutdown,
) -> Result<Versions> {
    let mut found = Versions::default();
    let mut open: BTreeMap<(&DeviceId, &str), OpenVersion> = BTreeMap::new();
    for (snapshot, word) in snapshots.iter().zip(words(snapshots)) {
        shutdown.check()?;
        let seen = Sighting { snapshot: snapshot.clone(), word };
        let (item, keys) = match or_unread(entry_in(fetcher, snapshot, typed).await) {
            Ok(read) => read,
            Err(fault) => {
                found.unread.push((seen, fault.here()?));
                continue;
            }
        };
        let chain = (&snapshot.id.device, snapshot.set.as_str());
        let before = open.remove(&chain);
        let shown = item.as_ref().and_then(|item| ListedEntry::of(&item.directory, &item.entry));
        let now = shown.zip(item.map(|item| item.entry));
        match (before, now) {
            (Some(before), Some((shown, entry))) if is_same(&before, &entry, &keys) => {
                let version = Version { entry: shown, last: seen, ..before.version };
                open.insert(chain, OpenVersion { version, entry, keys });
            }
            (before, Some((shown, entry))) => {
                let ended =
                    before.map(|before| Version { then: Then::Replaced(seen.clone()), ..before.version });
                found.versions.extend(ended);
                let version = Version { entry: shown, first: seen.clone(), last: seen, then: Then::Newest };
                open.insert(chain, OpenVersion { version, entry, keys });
            }
            (before, None) => {
                let ended = before.map(|before| Version { then: Then::Absent(seen), ..before.version });
                found.versions.extend(ended);
            }
        }
    }
    found.versions.extend(open.into_values().map(|open| open.version));
    let order =
        |seen: &Sighting| snapshots.iter().position(|one| one.note_sha256 == seen.snapshot.note_sha256);
    found.versions.sort_by_key(|version| order(&version.first));
    match found.versions.is_empty() && found.unread.is_empty() {
        true => Err(AgentError::path_in_no_snapshot()),
        false => Ok(found),
    }
}

/// Whether what stands there now is the version from before; times and rights make no version.
fn is_same(before: &OpenVersion, entry: &Entry, keys: &ChunkIdKeys) -> bool {
    compare(&before.entry, entry, before.keys == *keys) != Some(Change::Changed)
}

/// The entry at a path, where the snapshot has one.
async fn entry_in(
    fetcher: &Arc<Fetcher>,
    snapshot: &Snapshot,
    typed: &[u8],
) -> Result<(Option<Item>, ChunkIdKeys)> {
    let tree = Tree::open(fetcher, snapshot).await?;
    let path = snapshot_path(typed, &tree.root.os)?;
    let items = tree.walk_parts(vec![TreePart::Entry(path)]).collect().await?;
    Ok((items.into_iter().next(), tree.id_key()))
}

/// Damage is one snapshot's; what else went wrong ends the search.
fn or_unread<T>(read: Result<T>) -> Result<T, Fault<AgentError>> {
    read.map_err(|error| match error.code {
        ExitCode::Damaged => Fault::Here(error),
        _ => Fault::Run(error),
    })
}
