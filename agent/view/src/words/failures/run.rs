//! What only a backup can meet.

use super::said::Said;
use crate::bilingual;

/// What only a backup can meet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RunFailure {
    /// A sealed pack did not open again in memory: this computer's memory or processor is not reliable.
    VerificationFailed,
    /// A pack that was sent is not in the store with its size.
    NotConfirmed,
    /// Everything in the roots was left out or could not be read: there is nothing to make a snapshot of.
    NothingSaved,
    /// A glob that names nothing.
    EmptyGlob,
    /// A glob that cannot be read.
    BadGlob,
    /// `agent run` with no plan that says when.
    NothingScheduled,
    /// There is a repository, but this PC is no device of it.
    NotAMember,
}

impl RunFailure {
    /// What happened, and what the person can do about it.
    pub(super) fn said(&self) -> Said {
        match self {
            Self::VerificationFailed => Said {
                what: bilingual!(
                    "un paquet chiffré ne se relit pas à l'identique en mémoire ; rien de faux n'a été envoyé",
                    "a sealed pack does not read back identically in memory; nothing wrong was sent"
                ),
                todo: bilingual!(
                    "relancez ; si cela se répète, faites contrôler la mémoire de cet ordinateur",
                    "run again; if it happens twice, have this computer's memory checked"
                ),
            },
            Self::NotConfirmed => Said {
                what: bilingual!(
                    "le stockage ne montre pas un objet qu'il a accepté ; l'instantané n'est pas validé",
                    "the store does not show an object it accepted; the snapshot was not committed"
                ),
                todo: bilingual!(
                    "relancez la sauvegarde ; si cela se répète, prévenez l'hébergeur",
                    "run the backup again; if it happens twice, tell the host"
                ),
            },
            Self::NothingSaved => Said {
                what: bilingual!(
                    "rien n'a été sauvegardé : tout le contenu des dossiers a été exclu ou n'a pas pu être lu ; \
                 aucun instantané n'a été fait",
                    "nothing was saved: everything in the folders was left out or could not be read; \
                 no snapshot was made"
                ),
                todo: bilingual!(
                    "vérifiez les exclusions, les droits d'accès et les lecteurs branchés",
                    "check the exclusions, the access rights and that drives are plugged in"
                ),
            },
            Self::EmptyGlob => Said {
                what: bilingual!(
                    "un motif --include ou --exclude est vide (une variable sans valeur dans un script ?)",
                    "an --include or --exclude pattern is empty (an unset variable in a script?)"
                ),
                todo: bilingual!(
                    "donnez-lui une valeur ou retirez l'option",
                    "give it a value or leave the option out"
                ),
            },
            Self::BadGlob => Said {
                what: bilingual!(
                    "un motif d'exclusion n'est pas compris",
                    "an exclusion pattern is not understood"
                ),
                todo: bilingual!(
                    "écrivez par exemple --exclude '*.tmp'",
                    "write for example --exclude '*.tmp'"
                ),
            },
            Self::NothingScheduled => Said {
                what: bilingual!("aucun plan ne dit quand sauvegarder", "no plan says when to back up"),
                todo: bilingual!(
                    "donnez à un [[plan]] de la configuration une clé « schedule » (30 12,19 * * Mon-Sat)",
                    "give a [[plan]] of the configuration a key \"schedule\" (30 12,19 * * Mon-Sat)"
                ),
            },
            Self::NotAMember => Said {
                what: bilingual!(
                    "ce poste ne fait pas partie de ce dépôt",
                    "this computer is not part of this repository"
                ),
                todo: bilingual!(
                    "rejoignez-le avec « scelle init --join --kit FICHIER »",
                    "join it with \"scelle init --join --kit FILE\""
                ),
            },
        }
    }
}
