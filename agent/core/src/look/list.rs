//! The table of snapshots, and the entries of one folder.

use scelle_format::id::Sha256;
use scelle_format::manifest::{Entry, EntryKind};
use scelle_format::path;
use scelle_format::timestamp::Timestamp;
use serde::Serialize;

use crate::error::{AgentError, Result};
use crate::look::spec::NOTE_CHARS;
use crate::reading::tree::{Tree, TreePart};
use crate::repo::keys::descriptors::Descriptors;
use crate::repo::ledger::history::{History, Snapshot};
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
    /// Label of the plan with these folders; set by whoever knows the configuration.
    pub plan: Option<String>,
    /// First characters of the hash of its note's text: `7@<these>` names it where a fork gave two one number.
    pub note: String,
}

impl SnapshotRow {
    /// The word that names it on its device: its number, with its note where `all` holds another of that number.
    pub fn word(&self, all: &[Self]) -> String {
        let same = |row: &&Self| row.snapshot == self.snapshot && row.device == self.device;
        match all.iter().filter(same).count() {
            0 | 1 => self.snapshot.to_string(),
            _ => format!("{}@{}", self.snapshot, self.note),
        }
    }
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
        plan: None,
        note: note_of(&snapshot.note_sha256),
    };
    history.snapshots().into_iter().map(row).collect()
}

pub(super) fn note_of(sha256: &Sha256) -> String {
    sha256.to_string().chars().take(NOTE_CHARS).collect()
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
    let parts = vec![TreePart::Folder(of.to_vec()), TreePart::Entry(of.to_vec())];
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
