//! The part of an operation that is running: as a kind, its code in logs, and its words.
//!
//! Kinds are told by the agent's core; progress lines show the words. Never: a name.

use serde::Serialize;

use super::Message;
use crate::bilingual;

/// The part of an operation that is running.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Phase {
    /// Opening the repository: descriptor, ledger, index.
    Open,
    /// Learning what the store really does.
    Probe,
    /// Reading, sealing and sending what changed.
    Backup,
    /// Writing index, references and the snapshot's note.
    Commit,
    /// Checking what the store holds.
    Verify,
    /// Reading packs back.
    ReadData,
    /// Writing files of a snapshot.
    Restore,
}

impl Phase {
    /// Stable code, for logs.
    pub fn code(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Probe => "probe",
            Self::Backup => "backup",
            Self::Commit => "commit",
            Self::Verify => "verify",
            Self::ReadData => "read_data",
            Self::Restore => "restore",
        }
    }
    /// In two or three words, for progress lines.
    pub fn said(self) -> Message {
        match self {
            Self::Open => bilingual!("Ouverture", "Opening"),
            Self::Probe => bilingual!("Essai du stockage", "Probing the store"),
            Self::Backup => bilingual!("Sauvegarde", "Backing up"),
            Self::Commit => bilingual!("Validation", "Committing"),
            Self::Verify => bilingual!("Vérification", "Verifying"),
            Self::ReadData => bilingual!("Relecture", "Reading back"),
            Self::Restore => bilingual!("Restauration", "Restoring"),
        }
    }
}
