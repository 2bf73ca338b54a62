//! What is wrong with an object of the store: as a kind, its code in records, and its sentence.
//!
//! Kinds are made by the agent's core; documents and records have the code. Never: a name.

use std::fmt;

use serde::Serialize;

use super::Message;
use crate::bilingual;

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
    /// What is wrong, in words; the object's key stands behind them.
    pub fn said(self) -> Message {
        match self {
            Self::FormatMissing => bilingual!("fichier absent", "file missing"),
            Self::FormatDiffers => bilingual!(
                "fichier qui ne dit pas ce que dit le descripteur signé",
                "file that does not say what the signed descriptor says"
            ),
            Self::DescriptorMissing => bilingual!("descripteur absent", "descriptor missing"),
            Self::DescriptorInvalid => bilingual!("descripteur non valable", "descriptor not valid"),
            Self::DescriptorRollback => bilingual!(
                "descripteur plus ancien que celui déjà vu, ou d'un autre texte",
                "descriptor older than the one already seen, or of another text"
            ),
            Self::NoteMalformed => bilingual!("ce n'est pas une note du journal", "no note of the ledger"),
            Self::NoteHash => bilingual!("note altérée", "note altered"),
            Self::NoteSignature => {
                bilingual!("note sans signature valable", "note without a valid signature")
            }
            Self::NoteDevice => bilingual!(
                "note d'un poste révoqué ou jamais inscrit",
                "note of a computer that was revoked or never enrolled"
            ),
            Self::NoteMissing => bilingual!("note absente", "note missing"),
            Self::NoteChain => {
                bilingual!(
                    "note qui ne suit pas la précédente",
                    "note that does not follow the one before it"
                )
            }
            Self::Fork => bilingual!("deux notes de même numéro", "two notes of one number"),
            Self::Rollback => bilingual!(
                "le stockage montre moins que ce qui a déjà été vu",
                "the store shows less than was already seen"
            ),
            Self::AttachmentMissing => bilingual!("pièce jointe absente", "attachment missing"),
            Self::AttachmentHash => bilingual!("pièce jointe altérée", "attachment altered"),
            Self::RefsBroken => {
                bilingual!("liste de paquets interrompue", "list of packs that cannot be followed")
            }
            Self::PackMissing => bilingual!("paquet absent", "pack missing"),
            Self::PackTruncated => {
                bilingual!("paquet d'une autre taille que prévu", "pack of another size than expected")
            }
            Self::PackHash => bilingual!("paquet altéré", "pack altered"),
            Self::PackContent => {
                bilingual!("paquet au contenu illisible", "pack whose content cannot be read")
            }
            Self::ChunkMissing => bilingual!("morceau de fichier introuvable", "part of a file not found"),
            Self::TreeBroken => bilingual!("liste de fichiers illisible", "list of files cannot be read"),
            Self::Hidden => {
                bilingual!("objet masqué par un marqueur de suppression", "object hidden by a delete marker")
            }
            Self::Overwritten => {
                bilingual!("objet recouvert par d'autres octets", "object overwritten with other bytes")
            }
            Self::IndexMissing => bilingual!("index absent", "index missing"),
            Self::IndexHash => bilingual!("index altéré", "index altered"),
            Self::KeyMissing => bilingual!("fichier de clé absent", "key file missing"),
            Self::KeyUnreadable => bilingual!(
                "fichier de clé que la clé donnée n'ouvre pas",
                "key file that the key given does not open"
            ),
            Self::KeyForged => {
                bilingual!("fichier de clé qui contient une autre clé", "key file that holds another key")
            }
            Self::KeyCopies => bilingual!("moins de trois copies", "fewer than three copies"),
        }
    }

    /// Whether it is damage or tampering (exit 13). Too few copies is a warning: everything can still be read.
    pub fn is_damage(self) -> bool {
        self != Self::KeyCopies
    }

    /// Whether it says that one object is gone, hidden or wrong: something that can be remembered until it is mended. The
    /// others are of a chain, of a tree, or of who signed.
    pub fn is_of_an_object(self) -> bool {
        use FindingKind::{DescriptorRollback, Fork, KeyCopies, NoteChain, NoteDevice, Rollback};
        !matches!(self, DescriptorRollback | Fork | KeyCopies | NoteChain | NoteDevice | Rollback)
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
