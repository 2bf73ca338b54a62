//! What a reader finds wrong with a repository.
//!
//! For: `history`, `verify` and the commands that show their results. Data comes from checks and goes to screens,
//! bilans and exit codes. Never: a patient's path or name; objects are called by their keys.

use std::fmt;

use scelle_format::id::DeviceId;
use serde::Serialize;

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

macro_rules! finding_kinds {
    ($($(#[$doc:meta])* $name:ident = $code:literal,)*) => {
        /// What is wrong.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum FindingKind {
            $($(#[$doc])* $name,)*
        }

        impl FindingKind {
            /// Stable code for JSON and records.
            pub fn code(self) -> &'static str {
                match self { $(Self::$name => $code,)* }
            }
        }
    };
}

finding_kinds! {
    /// FORMAT.txt is absent.
    FormatMissing = "format-missing",
    /// FORMAT.txt differs from the descriptor or cannot be read.
    FormatDiffers = "format-differs",
    /// A descriptor is absent from its chain.
    DescriptorMissing = "descriptor-missing",
    /// A descriptor that must not be believed.
    DescriptorInvalid = "descriptor-invalid",
    /// A note has seen a higher descriptor, or another text, than the store shows.
    DescriptorRollback = "descriptor-rollback",
    /// A name in the ledger that is no note's name, or bytes that are no note.
    NoteMalformed = "note-malformed",
    /// A note whose bytes do not hash to its name.
    NoteHash = "note-hash",
    /// A note without a valid signature of its device.
    NoteSignature = "note-signature",
    /// A note signed after its device was revoked, or by a device nobody enrolled.
    NoteDevice = "note-device",
    /// A note is absent from the chain.
    NoteMissing = "note-missing",
    /// A note does not stand on the one before it.
    NoteChain = "note-chain",
    /// Two notes have one sequence number.
    Fork = "fork",
    /// The store shows less than local state has seen.
    Rollback = "rollback",
    /// An attachment is absent.
    AttachmentMissing = "attachment-missing",
    /// An attachment's bytes do not hash to its name.
    AttachmentHash = "attachment-hash",
    /// A chain of refs that cannot be followed.
    RefsBroken = "refs-broken",
    /// A pack is absent.
    PackMissing = "pack-missing",
    /// A pack has another size than refs say.
    PackTruncated = "pack-truncated",
    /// A pack's bytes do not hash to its name.
    PackHash = "pack-hash",
    /// A pack does not open, or its frames and chunks are not what its trailer says.
    PackContent = "pack-content",
    /// A chunk that a snapshot needs is not where it is said to be.
    ChunkMissing = "chunk-missing",
    /// A root, level-2 node, hunk or chunk list cannot be read.
    TreeBroken = "tree-broken",
    /// A delete marker hides the object; an older version of it is there.
    Hidden = "object-hidden",
    /// Other bytes lie over the object; an older version of it is there.
    Overwritten = "object-overwritten",
    /// An index segment is absent.
    IndexMissing = "index-missing",
    /// An index segment's bytes do not hash to its name, or it has another size.
    IndexHash = "index-hash",
    /// An epoch has no key file, in its place or in refs.
    KeyMissing = "key-missing",
    /// A key file that does not open with the key given.
    KeyUnreadable = "key-unreadable",
    /// A key file that holds another identity than the descriptor names.
    KeyForged = "key-forged",
    /// Fewer than three copies of something without which all is lost.
    KeyCopies = "key-copies",
}

impl FindingKind {
    /// Whether it is damage or tampering (exit 13). Too few copies is a warning: everything can still be read.
    pub fn is_damage(self) -> bool {
        self != Self::KeyCopies
    }

    /// Whether it says that one object is gone, hidden or wrong: something that can be remembered until it is mended. The
    /// others are of a chain, of a tree, or of who signed.
    pub fn is_of_an_object(self) -> bool {
        use FindingKind::{
            DescriptorRollback, Fork, KeyCopies, NoteChain, NoteDevice, NoteMalformed, NoteSignature,
            Rollback,
        };
        !matches!(
            self,
            DescriptorRollback
                | Fork
                | KeyCopies
                | NoteChain
                | NoteDevice
                | NoteMalformed
                | NoteSignature
                | Rollback
        )
    }

    /// Whether readers read an older version instead: no snapshot is affected.
    pub fn is_read_through(self) -> bool {
        matches!(self, Self::Hidden | Self::Overwritten)
    }

    /// Whether it says that a note is gone, or is not what belongs in its place. Two of one number are said of another way: each
    /// may be right.
    pub fn is_of_a_note(self) -> bool {
        self.is_lost_note() || matches!(self, Self::NoteDevice | Self::NoteChain)
    }

    /// Whether a note is gone, or cannot be believed in its place.
    pub fn is_lost_note(self) -> bool {
        matches!(self, Self::NoteMissing | Self::NoteHash | Self::NoteSignature | Self::NoteMalformed)
    }
}

/// Whether a word that a run or a note has for what is wrong says that other bytes lay under the object's name: not that it
/// was gone, hidden, or unreadable for another reason.
pub fn is_of_other_bytes(why: &str) -> bool {
    use FindingKind::{
        AttachmentHash, DescriptorInvalid, FormatDiffers, IndexHash, KeyForged, NoteHash, NoteMalformed,
        Overwritten, PackContent, PackHash, PackTruncated,
    };
    let kinds = [
        AttachmentHash,
        DescriptorInvalid,
        FormatDiffers,
        IndexHash,
        KeyForged,
        NoteHash,
        NoteMalformed,
        Overwritten,
        PackContent,
        PackHash,
        PackTruncated,
    ];
    kinds.iter().any(|kind| kind.code() == why)
}

impl fmt::Display for FindingKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}

impl Serialize for FindingKind {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.code())
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
