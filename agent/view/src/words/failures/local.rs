//! This computer: sources, files, local state. Never: a name or a path.

use super::said::Said;
use crate::bilingual;
use crate::words::counted;

/// This computer: sources, files, local state.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LocalFailure {
    /// None of the folders to back up exists. The place is a root's label.
    SourceMissing,
    /// The run ended with `problems` entries left out.
    FinishedWithProblems {
        /// How many.
        problems: u64,
    },
    /// A file would be replaced that must never be (kit, printable page, export).
    FileExists,
    /// The local state (catalog, journal, keys) cannot be read or written.
    LocalState,
    /// What this computer remembers of the last backup (catalog, journal, chunk lists) is damaged: a run begins again
    /// without it.
    CacheDamaged,
    /// The result could not be written to standard output.
    OutputLost,
    /// Stopped by the user.
    Interrupted,
    /// Something that cannot happen did.
    Bug,
    /// The operating system denies access.
    SystemDenies,
    /// The operating system reported an error of a file.
    FileError,
    /// The system has no service manager that this version knows.
    NoServiceManager,
    /// The service manager refused.
    ServiceRefused,
    /// The agent is not installed as a service.
    ServiceNotInstalled,
}

impl LocalFailure {
    /// What happened, and what the person can do about it.
    pub(super) fn said(&self) -> Said {
        match self {
            Self::SourceMissing => Said {
                what: bilingual!(
                    "le dossier à sauvegarder est introuvable, ou c'est un dossier de Scellé",
                    "the folder to back up does not exist, or is one of Scellé's own"
                ),
                todo: bilingual!(
                    "branchez le disque ou corrigez le plan",
                    "plug the disk in or correct the plan"
                ),
            },
            Self::FinishedWithProblems { problems } => Said {
                what: counted(*problems, "terminé, # problème[s]", "finished, # problem[s]"),
                todo: counted(
                    *problems,
                    "« scelle bilan show latest » [le|les] montre",
                    "\"scelle bilan show latest\" shows [it|them]",
                ),
            },
            Self::FileExists => Said {
                what: bilingual!(
                    "ce fichier existe déjà et n'est jamais remplacé",
                    "this file exists and is never replaced"
                ),
                todo: bilingual!("choisissez un autre nom", "choose another name"),
            },
            Self::LocalState => Said {
                what: bilingual!(
                    "l'état local ne peut pas être lu ou écrit",
                    "the local state cannot be read or written"
                ),
                todo: bilingual!(
                    "vérifiez le dossier SCELLE_HOME (droits, place) ; le catalogue se reconstruit",
                    "check the SCELLE_HOME folder (rights, space); the catalog can be rebuilt"
                ),
            },
            Self::CacheDamaged => Said {
                what: bilingual!(
                    "ce que ce poste a retenu de la dernière sauvegarde est endommagé",
                    "what this computer remembers of the last backup is damaged"
                ),
                todo: bilingual!(
                    "relancez la sauvegarde : elle relira tous les fichiers ; faites contrôler le disque de ce poste",
                    "back up again: all files will be read; have this computer's disk checked"
                ),
            },
            Self::OutputLost => Said {
                what: bilingual!("le résultat n'a pas pu être écrit", "the result could not be written"),
                todo: bilingual!(
                    "vérifiez où va la sortie (disque plein ?)",
                    "check where the output goes (disk full?)"
                ),
            },
            Self::Interrupted => Said {
                what: bilingual!("interrompu", "interrupted"),
                todo: bilingual!(
                    "relancez la même commande : une sauvegarde ou une restauration reprend où elle s'est arrêtée",
                    "run the same command again: a backup or a restore goes on where it stopped"
                ),
            },
            Self::Bug => Said {
                what: bilingual!("erreur interne de Scellé", "internal error of Scellé"),
                todo: bilingual!("signalez-la avec la sortie de -v", "report it with the output of -v"),
            },
            Self::NoServiceManager => Said {
                what: bilingual!(
                    "aucun gestionnaire de services que cette version connaisse ne tourne sur ce système",
                    "no service manager that this version knows runs on this system"
                ),
                todo: bilingual!(
                    "faites lancer « scelle agent run » par ce qui démarre les programmes de ce poste",
                    "have \"scelle agent run\" started by whatever starts this computer's programs"
                ),
            },
            Self::ServiceRefused => Said {
                what: bilingual!(
                    "le gestionnaire de services du système a refusé",
                    "the system's service manager refused"
                ),
                todo: bilingual!(
                    "-v montre la cause ; son journal en dit plus (Linux : journalctl -u scelle)",
                    "-v shows the cause; its journal says more (Linux: journalctl -u scelle)"
                ),
            },
            Self::ServiceNotInstalled => Said {
                what: bilingual!(
                    "le service n'est pas installé sur ce poste",
                    "the service is not installed on this computer"
                ),
                todo: bilingual!("lancez « scelle service install »", "run \"scelle service install\""),
            },
            Self::SystemDenies => Said {
                what: bilingual!("le système refuse l'accès", "the system denies access"),
                todo: bilingual!("vérifiez les droits du dossier", "check the rights of the folder"),
            },
            Self::FileError => Said {
                what: bilingual!(
                    "le système a signalé une erreur de fichier",
                    "the system reported a file error"
                ),
                todo: bilingual!(
                    "vérifiez le disque ; -v montre la cause",
                    "check the disk; -v shows the cause"
                ),
            },
        }
    }
}
