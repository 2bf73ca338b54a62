//! Errors that only a backup can meet.

use crate::error::{AgentError, ExitCode};
use scelle_view::bilingual;

impl AgentError {
    /// A sealed pack did not open again in memory: this computer's memory or processor is not reliable.
    pub fn verification_failed(cause: impl ToString) -> Self {
        Self::new(
            ExitCode::Failed,
            bilingual!(
                "un paquet chiffré ne se relit pas à l'identique en mémoire ; rien de faux n'a été envoyé",
                "a sealed pack does not read back identically in memory; nothing wrong was sent"
            ),
            bilingual!(
                "relancez ; si cela se répète, faites contrôler la mémoire de cet ordinateur",
                "run again; if it happens twice, have this computer's memory checked"
            ),
        )
        .because(cause)
    }

    /// A pack that was sent is not in the store with its size.
    pub fn not_confirmed() -> Self {
        Self::new(
            ExitCode::Damaged,
            bilingual!(
                "le stockage ne montre pas un objet qu'il a accepté ; l'instantané n'est pas validé",
                "the store does not show an object it accepted; the snapshot was not committed"
            ),
            bilingual!(
                "relancez la sauvegarde ; si cela se répète, prévenez l'hébergeur",
                "run the backup again; if it happens twice, tell the host"
            ),
        )
    }
}

impl AgentError {
    /// Everything in the roots was left out or could not be read: there is nothing to make a snapshot of.
    pub fn nothing_saved() -> Self {
        Self::new(
            ExitCode::Partial,
            bilingual!(
                "rien n'a été sauvegardé : tout le contenu des dossiers a été exclu ou n'a pas pu être lu ; \
                 aucun instantané n'a été fait",
                "nothing was saved: everything in the folders was left out or could not be read; \
                 no snapshot was made"
            ),
            bilingual!(
                "vérifiez les exclusions, les droits d'accès et les lecteurs branchés",
                "check the exclusions, the access rights and that drives are plugged in"
            ),
        )
    }

    /// A glob that names nothing.
    pub fn empty_glob() -> Self {
        Self::usage(
            bilingual!(
                "un motif --include ou --exclude est vide (une variable sans valeur dans un script ?)",
                "an --include or --exclude pattern is empty (an unset variable in a script?)"
            ),
            bilingual!(
                "donnez-lui une valeur ou retirez l'option",
                "give it a value or leave the option out"
            ),
        )
    }

    /// A glob that cannot be read.
    pub fn bad_glob(cause: impl ToString) -> Self {
        Self::usage(
            bilingual!("un motif d'exclusion n'est pas compris", "an exclusion pattern is not understood"),
            bilingual!("écrivez par exemple --exclude '*.tmp'", "write for example --exclude '*.tmp'"),
        )
        .because(cause)
    }

    /// There is a repository, but this PC is no device of it.
    pub fn not_a_member() -> Self {
        Self::usage(
            bilingual!(
                "ce poste ne fait pas partie de ce dépôt",
                "this computer is not part of this repository"
            ),
            bilingual!(
                "rejoignez-le avec « scelle init --join --kit FICHIER »",
                "join it with \"scelle init --join --kit FILE\""
            ),
        )
    }
}
