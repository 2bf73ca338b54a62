//! What a reader finds wrong with a repository.
//!
//! For: `history`, `verify` and the commands that show their results. Data comes from checks and goes to screens,
//! bilans and exit codes. Never: a patient's path or name; objects are called by their keys.

use std::fmt;

use scelle_format::id::DeviceId;
use serde::Serialize;

/// What is wrong.
pub use scelle_view::words::FindingKind;

/// A snapshot's name across devices.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub struct SnapshotId {
    /// The device that made it.
    #[serde(serialize_with = "as_text")]
    pub device: DeviceId,
    /// Its number on that device, from 1.
    pub number: u64,
}

impl fmt::Display for SnapshotId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.device, self.number)
    }
}

fn as_text<S: serde::Serializer>(device: &DeviceId, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(device.as_str())
}

/// Whether a word that a run or a note has for what is wrong says that other bytes lay under the object's name: not that it
/// was gone, hidden, or unreadable for another reason.
pub fn is_of_other_bytes(why: &str) -> bool {
    use FindingKind::{
        AttachmentHash, DescriptorInvalid, FormatDiffers, IndexHash, KeyForged, NoteHash, Overwritten,
        PackContent, PackHash, PackTruncated,
    };
    let kinds = [
        AttachmentHash,
        DescriptorInvalid,
        FormatDiffers,
        IndexHash,
        KeyForged,
        NoteHash,
        Overwritten,
        PackContent,
        PackHash,
        PackTruncated,
    ];
    kinds.iter().any(|kind| kind.code() == why)
}

/// Whether it says of a note that it is none that belongs there, though its bytes are what its name says: nothing can be put in its
/// place.
pub fn is_out_of_place(why: &str) -> bool {
    [FindingKind::NoteMalformed, FindingKind::NoteSignature].iter().any(|kind| kind.code() == why)
}

/// Who found something wrong, as its note says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FoundBy {
    /// A backup.
    Backup,
    /// A check, which looks at all that is small.
    Check,
    /// A restore, which looks at what it needs.
    Restore,
}

impl FoundBy {
    /// The word of a note.
    pub fn word(self) -> &'static str {
        match self {
            Self::Backup => "backup",
            Self::Check => "check",
            Self::Restore => "restore",
        }
    }
}

/// One thing found wrong.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// What.
    pub kind: FindingKind,
    /// Key of the object, relative to the repository.
    pub object: String,
    /// Snapshots that need it, ascending; empty where that is not known or none does.
    pub affects: Vec<SnapshotId>,
}

impl Finding {
    /// A finding that says nothing about snapshots yet.
    pub fn new(kind: FindingKind, object: impl Into<String>) -> Self {
        Self { kind, object: object.into(), affects: Vec::new() }
    }

    /// Says which snapshot needs the object.
    pub fn affecting(mut self, snapshot: SnapshotId) -> Self {
        if !self.affects.contains(&snapshot) {
            self.affects.push(snapshot);
        }
        self
    }
}
