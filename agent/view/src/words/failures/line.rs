//! What is wrong with a command line as it was typed, and what helps. Never: a value that was typed.

use super::said::Said;
use crate::bilingual;
use crate::words::Message;

/// A command line that cannot be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LineUnclear {
    /// What is wrong.
    pub fault: LineFault,
    /// What to type.
    pub advice: LineAdvice,
}

impl LineUnclear {
    pub(super) fn said(&self) -> Said {
        Said { what: self.fault.said(), todo: self.advice.said() }
    }
}

/// What is wrong with a command line. Words in it are names of options and commands, never values.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LineFault {
    /// No command of that name; `None` where the word cannot be repeated.
    UnknownCommand(Option<String>),
    /// No command.
    NoCommand,
    /// No option of that name; `None` where it is a word too many.
    UnknownOption(Option<String>),
    /// Something is missing.
    Missing(String),
    /// A value cannot be read.
    ValueUnclear(String),
    /// Given once too often.
    OnceTooOften(String),
    /// Anything else.
    Unclear,
}

impl LineFault {
    fn said(&self) -> Message {
        match self {
            Self::UnknownCommand(Some(word)) => {
                bilingual!("commande inconnue : {word}", "unknown command: {word}")
            }
            Self::UnknownCommand(None) => bilingual!("commande inconnue", "unknown command"),
            Self::NoCommand => bilingual!("aucune commande n'est donnée", "no command is given"),
            Self::UnknownOption(Some(word)) => {
                bilingual!("option inconnue : {word}", "unknown option: {word}")
            }
            Self::UnknownOption(None) => {
                bilingual!("il y a un argument de trop", "there is one argument too many")
            }
            Self::Missing(word) => bilingual!("il manque {word}", "{word} is missing"),
            Self::ValueUnclear(word) => {
                bilingual!("valeur de {word} non comprise", "value of {word} not understood")
            }
            Self::OnceTooOften(word) => {
                bilingual!("{word} est donné une fois de trop", "{word} is given once too often")
            }
            Self::Unclear => bilingual!("ligne de commande non comprise", "command line not understood"),
        }
    }
}

/// What helps with a command line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LineAdvice {
    /// A word that is close.
    DidYouMean(String),
    /// What is expected there.
    Expected(ExpectedValue),
    /// All that may stand there.
    Possible(Vec<String>),
    /// The help.
    Help,
}

impl LineAdvice {
    fn said(&self) -> Message {
        match self {
            Self::DidYouMean(close) => {
                bilingual!("vouliez-vous dire « {close} » ?", "did you mean \"{close}\"?")
            }
            Self::Expected(value) => value.said(),
            Self::Possible(values) => {
                let values = values.join(", ");
                bilingual!("valeurs possibles : {values}", "possible values: {values}")
            }
            Self::Help => bilingual!("« scelle --help » montre tout", "\"scelle --help\" shows everything"),
        }
    }
}

/// What an option takes, where a list of values does not say it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ExpectedValue {
    /// A snapshot.
    Snapshot,
    /// One version of one path.
    Version,
    /// The owner's fingerprint.
    Fingerprint,
    /// A bucket.
    Bucket,
    /// A file of patterns.
    Patterns,
    /// One role, where each has a document of its own.
    OneRole,
    /// How much is read back.
    ReadData,
    /// Bytes per second.
    Rate,
    /// A post-quantum recipient.
    Recipient,
    /// Days.
    Days,
    /// A computer.
    Computer,
    /// Who acknowledges.
    Author,
    /// Why.
    Reason,
    /// A folder to write to.
    Folder,
}

impl ExpectedValue {
    fn said(self) -> Message {
        match self {
            Self::Snapshot => bilingual!(
                "donnez un numéro (7), POSTE/7, latest (le dernier) ou une date (2026-11-21, « 21/11/2026 14:05 »)",
                "give a number (7), DEV/7, latest or a date (2026-11-21, \"2026-11-21 14:05\")"
            ),
            Self::Version => bilingual!(
                "CHEMIN@7 est un seul fichier ; pour plusieurs chemins : scelle restore 7 CHEMIN CHEMIN",
                "PATH@7 is one file; for several paths: scelle restore 7 PATH PATH"
            ),
            Self::Fingerprint => bilingual!(
                "donnez les six mots de l'empreinte du responsable, imprimés sur le kit (entre guillemets), ou 64 chiffres hexadécimaux",
                "give the six words of the owner fingerprint, printed on the kit (in quotes), or 64 hexadecimal digits"
            ),
            Self::Bucket => bilingual!(
                "donnez un compartiment : --repo s3://compartiment/prefixe",
                "give a bucket: --repo s3://bucket/prefix"
            ),
            Self::Patterns => bilingual!(
                "donnez un fichier de texte lisible, un motif par ligne",
                "give a text file that can be read, one pattern a line"
            ),
            Self::OneRole => bilingual!(
                "ce moteur a un document par utilisateur : demandez les rôles l'un après l'autre",
                "this engine has one document for each user: ask for the roles one after the other"
            ),
            Self::ReadData => {
                bilingual!(
                    "donnez un pourcentage de 1 à 100, ou all",
                    "give a percentage from 1 to 100, or all"
                )
            }
            Self::Rate => bilingual!(
                "donnez des octets par seconde : 500000, 500K ou 2M",
                "give bytes per second: 500000, 500K or 2M"
            ),
            Self::Recipient => bilingual!(
                "donnez un destinataire post-quantique, qui commence par age1pq1",
                "give a post-quantum recipient, which begins with age1pq1"
            ),
            Self::Days => {
                bilingual!("donnez un nombre de jours, 0 ou plus", "give a number of days, 0 or more")
            }
            Self::Computer => bilingual!(
                "donnez le nom du poste, 16 chiffres hexadécimaux en minuscules, comme le montre « scelle keys list »",
                "give the computer's name, 16 lowercase hexadecimal digits, as \"scelle keys list\" shows it"
            ),
            Self::Author => bilingual!(
                "donnez secretary (secrétaire), practitioner (praticien), responsible (responsable) ou provider (prestataire)",
                "give secretary, practitioner, responsible or provider"
            ),
            Self::Reason => bilingual!(
                "donnez moved (déplacé), deleted-on-purpose (effacé exprès), archived (archivé), replaced (remplacé) ou other \
                 (autre)",
                "give moved, deleted-on-purpose, archived, replaced or other"
            ),
            Self::Folder => bilingual!("donnez un dossier", "give a folder"),
        }
    }
}
