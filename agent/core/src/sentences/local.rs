//! This computer: sources, files, local state. Never: a name or a path.

use std::io;

use crate::error::{AgentError, ExitCode};
use scelle_view::bilingual;

/// This computer: exits 1, 3, 130.
impl AgentError {
    /// None of the folders to back up exists. The place is a root's label.
    pub fn source_missing() -> Self {
        Self::new(
            ExitCode::Failed,
            bilingual!("le dossier à sauvegarder est introuvable", "the folder to back up does not exist"),
            bilingual!("branchez le disque ou corrigez le plan", "plug the disk in or correct the plan"),
        )
    }

    /// The run ended with `problems` entries left out.
    pub fn finished_with_problems(problems: u64) -> Self {
        Self::new(
            ExitCode::Partial,
            bilingual!("terminé, {problems} problèmes", "finished, {problems} problems"),
            bilingual!("« scelle bilan show latest » les montre", "\"scelle bilan show latest\" shows them"),
        )
    }

    /// A file would be replaced that must never be (kit, printable page, export).
    pub fn file_exists() -> Self {
        Self::new(
            ExitCode::Failed,
            bilingual!(
                "ce fichier existe déjà et n'est jamais remplacé",
                "this file exists and is never replaced"
            ),
            bilingual!("choisissez un autre nom", "choose another name"),
        )
    }

    /// The local state (catalog, journal, keys) cannot be read or written.
    pub fn local_state(cause: impl ToString) -> Self {
        Self::new(
            ExitCode::Failed,
            bilingual!(
                "l'état local ne peut pas être lu ou écrit",
                "the local state cannot be read or written"
            ),
            bilingual!(
                "vérifiez le dossier SCELLE_HOME (droits, place) ; le catalogue se reconstruit",
                "check the SCELLE_HOME folder (rights, space); the catalog can be rebuilt"
            ),
        )
        .because(cause)
    }

    /// What this computer remembers of the last backup (catalog, journal, chunk lists) is damaged: a run begins again
    /// without it.
    pub fn cache_damaged(cause: impl ToString) -> Self {
        Self::new(
            ExitCode::Failed,
            bilingual!(
                "ce que ce poste a retenu de la dernière sauvegarde est endommagé",
                "what this computer remembers of the last backup is damaged"
            ),
            bilingual!(
                "relancez la sauvegarde : elle relira tous les fichiers ; faites contrôler le disque de ce poste",
                "back up again: all files will be read; have this computer's disk checked"
            ),
        )
        .because(cause)
    }

    /// Whether this is [`Self::cache_damaged`].
    pub fn is_of_the_cache(&self) -> bool {
        self.what == Self::cache_damaged("").what
    }

    /// The operating system refused something. Add the place, never a patient's path.
    pub fn io(error: &io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => Self::destination_full(),
            io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => Self::new(
                ExitCode::Failed,
                bilingual!("le système refuse l'accès", "the system denies access"),
                bilingual!("vérifiez les droits du dossier", "check the rights of the folder"),
            ),
            _ => Self::new(
                ExitCode::Failed,
                bilingual!("le système a signalé une erreur de fichier", "the system reported a file error"),
                bilingual!("vérifiez le disque ; -v montre la cause", "check the disk; -v shows the cause"),
            ),
        }
        .because(error)
    }

    /// The result could not be written to standard output.
    pub fn output_lost() -> Self {
        Self::new(
            ExitCode::Failed,
            bilingual!("le résultat n'a pas pu être écrit", "the result could not be written"),
            bilingual!(
                "vérifiez où va la sortie (disque plein ?)",
                "check where the output goes (disk full?)"
            ),
        )
    }

    /// Stopped by the user.
    pub fn interrupted() -> Self {
        Self::new(
            ExitCode::Interrupted,
            bilingual!("interrompu", "interrupted"),
            bilingual!(
                "relancez la même commande : elle reprendra",
                "run the same command again: it resumes"
            ),
        )
    }

    /// Something that cannot happen did.
    pub fn bug(cause: impl ToString) -> Self {
        Self::new(
            ExitCode::Failed,
            bilingual!("erreur interne de Scellé", "internal error of Scellé"),
            bilingual!("signalez-la avec la sortie de -v", "report it with the output of -v"),
        )
        .because(cause)
    }
}
