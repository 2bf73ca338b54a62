//! Why an entry could not be handled, or is to be told of: as a kind, its code in records, and its sentence.
//!
//! Kinds are made by the agent's core; records hold codes, of which sentences are made where they are shown. Never: a name.

use serde::Serialize;

use super::Message;
use crate::bilingual;

/// Why an entry could not be handled.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Problem {
    /// The operating system refused to open or read it.
    Unreadable,
    /// It was there during the walk and gone when it was to be read.
    Vanished,
    /// A root that is to be saved does not exist.
    RootMissing,
    /// A root lies in the backup's own folders.
    RootExcluded,
    /// It changed while it was read, at every attempt.
    Changed,
    /// It gave fewer bytes than the system says it has, and did not change meanwhile.
    Shorter,
    /// The disk reported an error.
    DiskError,
    /// Some of its metadata could not be read.
    MetadataUnreadable,
    /// It could not be written back.
    NotWritten,
    /// Its content was written back, some of its metadata was not.
    MetadataNotSet,
    /// What was written or read does not match the snapshot.
    Mismatch,
    /// Its name cannot exist here, or leads out of the target folder.
    RefusedName,
    /// A program has the database open that it would replace.
    InUse,
    /// It exists already and was left alone.
    Kept,
    /// A folder that an earlier restore has made and not finished, and of which this one does not know the rights.
    FolderUnfinished,
    /// A folder that the operating system refused to read: nothing below it was seen.
    FolderUnreadable,
    /// Its stored content is missing or damaged.
    Damaged,
    /// A database saved together with its journal or log, as they lay there.
    SavedWithSideFiles,
    /// The same, of a transaction over several databases: its journal names them by where they lie.
    TiedToOthers,
    /// A database that did not change while it was read, but that a program has open.
    HeldOpen,
    /// The same, where it is not known whether a program has it open.
    UseUnknown,
}

impl Problem {
    /// Every one.
    pub const ALL: [Self; 21] = [
        Self::Unreadable,
        Self::Vanished,
        Self::RootMissing,
        Self::RootExcluded,
        Self::Changed,
        Self::Shorter,
        Self::DiskError,
        Self::MetadataUnreadable,
        Self::NotWritten,
        Self::MetadataNotSet,
        Self::Mismatch,
        Self::RefusedName,
        Self::InUse,
        Self::Kept,
        Self::FolderUnfinished,
        Self::FolderUnreadable,
        Self::Damaged,
        Self::SavedWithSideFiles,
        Self::TiedToOthers,
        Self::HeldOpen,
        Self::UseUnknown,
    ];

    /// Stable code, as written in roots and records.
    pub fn code(self) -> &'static str {
        match self {
            Self::Unreadable => "unreadable",
            Self::Vanished => "vanished",
            Self::RootMissing => "root-missing",
            Self::RootExcluded => "root-excluded",
            Self::Changed => "changed-while-read",
            Self::Shorter => "shorter-than-listed",
            Self::DiskError => "disk-error",
            Self::MetadataUnreadable => "attributes-unreadable",
            Self::NotWritten => "not-written",
            Self::MetadataNotSet => "attributes-not-set",
            Self::Mismatch => "mismatch",
            Self::RefusedName => "refused-name",
            Self::InUse => "in-use",
            Self::Kept => "kept",
            Self::FolderUnfinished => "folder-unfinished",
            Self::FolderUnreadable => "folder-unreadable",
            Self::Damaged => "damaged",
            Self::SavedWithSideFiles => "saved-with-side-files",
            Self::TiedToOthers => "tied-to-others",
            Self::HeldOpen => "held-open",
            Self::UseUnknown => "use-unknown",
        }
    }

    /// The problem of a code; `None` for one of a later version.
    pub fn of_code(code: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|problem| problem.code() == code)
    }

    /// What it is, in words.
    pub fn said(self) -> Message {
        match self {
            Self::Unreadable => bilingual!("lecture refusée par le système", "the system refused to read it"),
            Self::Vanished => {
                bilingual!("disparu pendant la sauvegarde", "vanished during the backup")
            }
            Self::RootMissing => bilingual!(
                "à sauvegarder d'après la liste, et n'existe pas",
                "to be backed up by the list, and does not exist"
            ),
            Self::RootExcluded => bilingual!(
                "dossier de Scellé lui-même : il n'est pas sauvegardé",
                "a folder of Scellé's own: it is not backed up"
            ),
            Self::Changed => bilingual!("modifié pendant sa lecture", "changed while it was read"),
            Self::Shorter => bilingual!(
                "moins d'octets lus que sa taille annoncée",
                "fewer bytes could be read than its size says"
            ),
            Self::DiskError => bilingual!("erreur du disque", "disk error"),
            Self::MetadataUnreadable => {
                bilingual!("certaines métadonnées illisibles", "some metadata could not be read")
            }
            Self::NotWritten => bilingual!("écriture impossible", "could not be written"),
            Self::MetadataNotSet => {
                bilingual!("contenu écrit, certaines métadonnées non", "content written, some metadata not")
            }
            Self::Mismatch => {
                bilingual!("différent de l'instantané", "different from the snapshot")
            }
            Self::InUse => bilingual!(
                "base tenue ouverte par un logiciel ; fermez-le et relancez la restauration",
                "a program has this database open; close it and restore again"
            ),
            Self::RefusedName => bilingual!("nom refusé ici", "name refused here"),
            Self::Kept => bilingual!(
                "un autre contenu est déjà là, laissé tel quel",
                "other content stands there already, left alone"
            ),
            Self::FolderUnfinished => bilingual!(
                "dossier d'une restauration interrompue : ses droits et sa date restent à rendre",
                "folder of an interrupted restore: its rights and time are still to be given back"
            ),
            Self::FolderUnreadable => bilingual!(
                "dossier que le système refuse de lire : rien de ce qu'il contient n'a été vu",
                "folder that the system refuses to read: nothing in it was seen"
            ),
            Self::Damaged => {
                bilingual!("contenu stocké manquant ou endommagé", "stored content missing or damaged")
            }
            Self::SavedWithSideFiles => bilingual!(
                "base enregistrée avec son journal, telle quelle : elle se répare à son ouverture",
                "database saved with its journal, as it lay there: it recovers when it is opened"
            ),
            Self::TiedToOthers => bilingual!(
                "base enregistrée au milieu d'une transaction commune à plusieurs bases : elle ne se répare qu'à sa place, avec les autres",
                "database saved in the middle of a transaction over several databases: it recovers in its old place only, with the others"
            ),
            Self::HeldOpen => bilingual!(
                "base ouverte par un logiciel pendant sa copie, sans avoir changé",
                "database held open by a program while it was copied; it did not change"
            ),
            Self::UseUnknown => bilingual!(
                "base inchangée pendant sa copie ; on ne sait pas si un logiciel l'avait ouverte",
                "database unchanged while it was copied; whether a program had it open is not known"
            ),
        }
    }

    /// Whether it is about a folder or file of the list itself, of whose content nothing was seen.
    pub fn is_of_a_root(self) -> bool {
        matches!(self, Self::RootMissing | Self::RootExcluded)
    }

    /// Whether a run that has it ended with problems. What was saved whole and only calls for a word does not.
    pub fn spoils_run(self) -> bool {
        !matches!(self, Self::SavedWithSideFiles | Self::HeldOpen | Self::UseUnknown)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_is_of_one_problem() {
        for problem in Problem::ALL {
            assert_eq!(Problem::of_code(problem.code()), Some(problem));
        }
        assert_eq!(Problem::of_code("of-a-later-version"), None);
    }
}
