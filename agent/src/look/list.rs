//! The table of snapshots, the choice of one, and the entries of one folder.

use std::time::UNIX_EPOCH;

use scelle_format::manifest::{Entry, EntryKind};
use scelle_format::path;
use scelle_format::timestamp::Timestamp;
use serde::Serialize;

use crate::cli::snapshot_spec::SnapshotSpec;
use crate::error::{AgentError, Result};
use crate::repo::descriptors::Descriptors;
use crate::repo::history::{History, Snapshot};
use crate::restore::tree::{Part, Tree};
use crate::scan::EntryPath;
use scelle_format::descriptor::Standing;

/// One row of `snapshots --json`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct SnapshotRow {
    /// Its number on its device.
    pub snapshot: u64,
    /// When its note was written (UTC).
    pub time: Timestamp,
    /// Files in it.
    pub files: u64,
    /// Bytes of its files, on the Padmé ladder.
    pub source_bytes: u64,
    /// Bytes it added to the store.
    pub stored_bytes: u64,
    /// Whether its device's signature holds and an owner stands behind that device.
    pub signed: bool,
    /// Its device.
    pub device: String,
    /// `complete` or `partial`.
    pub status: String,
    /// Set of roots.
    pub set: String,
}

/// All snapshots, oldest first.
pub fn snapshot_rows(history: &History, descriptors: &Descriptors) -> Vec<SnapshotRow> {
    let vouched = descriptors.standing == Standing::OwnerSigned || descriptors.anchored;
    let row = |snapshot: Snapshot| SnapshotRow {
        snapshot: snapshot.id.number,
        time: snapshot.time,
        files: snapshot.files,
        source_bytes: snapshot.source_bytes,
        stored_bytes: snapshot.stored_bytes,
        signed: vouched,
        device: snapshot.id.device.to_string(),
        status: snapshot.status.to_string(),
        set: snapshot.set,
    };
    history.snapshots().into_iter().map(row).collect()
}

/// The snapshot a person means. `own` is this computer's device and `set` the plan's, where they are known: without
/// a device in the word, the own one is meant, else the only one.
///
/// Errors: exit 2 when there is none, or when several devices have that number.
pub fn select(
    history: &History,
    spec: &SnapshotSpec,
    own: Option<&str>,
    set: Option<&str>,
) -> Result<Snapshot> {
    let all = history.snapshots();
    let in_set = |snapshot: &&Snapshot| set.is_none_or(|set| snapshot.set == set);
    let of = |device: &Option<String>| -> Vec<&Snapshot> {
        let on =
            |name: &str| all.iter().filter(|s| s.id.device.as_str().starts_with(name)).collect::<Vec<_>>();
        match (device, own) {
            (Some(device), _) => on(device),
            (None, Some(own)) if !on(own).is_empty() => on(own),
            _ => all.iter().collect(),
        }
    };
    let chosen = match spec {
        SnapshotSpec::Latest { device } => of(device).into_iter().rfind(in_set),
        SnapshotSpec::Number { device, number } => {
            let mut found = of(device).into_iter().filter(|snapshot| snapshot.id.number == *number);
            let first = found.next();
            // Of two devices neither is meant more than the other.
            if found.next().is_some() { None } else { first }
        }
        SnapshotSpec::AtOrBefore(moment) => {
            let seconds = moment.duration_since(UNIX_EPOCH).map_or(-1, |since| since.as_secs() as i64);
            of(&None).into_iter().filter(in_set).rfind(|snapshot| snapshot.time.0 <= seconds)
        }
    };
    chosen.cloned().ok_or_else(AgentError::snapshot_not_found)
}

/// One line of `ls`. Holds a name: for the local screen only.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListedEntry {
    /// Its path in the snapshot.
    pub path: EntryPath,
    /// What it is.
    pub kind: EntryKind,
    /// Size in bytes; 0 but for files.
    pub bytes: u64,
    /// Modification time, nanoseconds since 1970.
    pub modified_ns: i64,
    /// Permission bits, where the system had them.
    pub mode: Option<u32>,
    /// Where a symlink points.
    pub target: Option<Vec<u8>>,
}

impl ListedEntry {
    pub(super) fn of(directory: &[u8], entry: &Entry) -> Option<Self> {
        Some(Self {
            path: EntryPath::from_bytes(&path::join(directory, &entry.name)).ok()?,
            kind: entry.kind,
            bytes: entry.bytes,
            modified_ns: entry.modified_ns,
            mode: entry.mode,
            target: entry.target.clone(),
        })
    }
}

/// The entries of one folder (empty: the top); for a file or a link, that entry.
///
/// Errors: exit 2 when the path is not in the snapshot.
pub async fn entries(tree: &Tree, of: &[u8]) -> Result<Vec<ListedEntry>> {
    let parts = vec![Part::Folder(of.to_vec()), Part::Entry(of.to_vec())];
    let items = tree.walk_parts(parts).collect().await?;
    let own = |item: &&scelle_format::manifest::Item| {
        !of.is_empty() && path::join(&item.directory, &item.entry.name) == of
    };
    let is_folder =
        of.is_empty() || items.iter().find(own).is_some_and(|item| item.entry.kind == EntryKind::Directory);
    let wanted = items.iter().filter(|item| own(item) != is_folder);
    let rows: Vec<ListedEntry> =
        wanted.filter_map(|item| ListedEntry::of(&item.directory, &item.entry)).collect();
    if rows.is_empty() && !is_folder { Err(AgentError::path_not_in_snapshot()) } else { Ok(rows) }
}
