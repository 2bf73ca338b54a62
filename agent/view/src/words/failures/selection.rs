//! What was asked for by number, date, name or token: there is none such, there are several, or it is not for this computer.

use super::said::Said;
use crate::bilingual;

/// What was asked for by number, date, name or token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SelectionFailure {
    /// No snapshot of that number, date or device.
    SnapshotNotFound,
    /// Several snapshots have the number asked for. The place names them.
    SnapshotAmbiguous,
    /// Several bilans have the number asked for.
    BilanAmbiguous,
    /// "latest" or a date where several plans, sets of folders or computers have snapshots. The place names the newest of
    /// each.
    SeveralSets,
    /// No bilan of that id.
    BilanNotFound,
    /// The bilan is kept on this computer and not in the store yet: nothing proves it.
    BilanUnsent,
    /// Damage was found after the run that the bilan is about.
    LossNotTried,
    /// The bilan warns of nothing that can be acknowledged.
    NothingToAcknowledge,
    /// What the bilan warns of was acknowledged already, or is mended.
    NothingLeftToAcknowledge,
    /// The bilan is another computer's, or not in the store yet.
    BilanOfAnother,
    /// The path asked for is not in the snapshot.
    PathNotInSnapshot,
    /// No snapshot holds the path asked for.
    PathInNoSnapshot,
    /// No file of any snapshot has the token asked for.
    TokenUnknown,
    /// A name to look for that is empty.
    NothingToLookFor,
    /// A restore in place of a snapshot that another system made.
    OtherSystem,
    /// A restore into the folder of the store, or into that of this computer's state.
    TargetIsOwn,
}

impl SelectionFailure {
    /// What happened, and what the person can do about it.
    pub(super) fn said(&self) -> Said {
        match self {
            Self::SnapshotNotFound => Said {
                what: bilingual!("cet instantané n'existe pas", "there is no such snapshot"),
                todo: bilingual!("« scelle snapshots » donne la liste", "\"scelle snapshots\" lists them"),
            },
            Self::SnapshotAmbiguous => Said {
                what: bilingual!(
                    "plusieurs instantanés portent ce numéro",
                    "several snapshots have that number"
                ),
                todo: bilingual!(
                    "nommez-en un comme indiqué entre crochets",
                    "name one of those in brackets"
                ),
            },
            Self::BilanAmbiguous => Said {
                what: bilingual!("plusieurs bilans portent ce numéro", "several bilans have that number"),
                todo: bilingual!(
                    "nommez-en un comme indiqué entre crochets",
                    "name one of those in brackets"
                ),
            },
            Self::SeveralSets => Said {
                what: bilingual!(
                    "plusieurs ensembles de dossiers ou postes ont des instantanés : aucun ne contient tout",
                    "several sets of folders or computers have snapshots: none of them holds everything"
                ),
                todo: bilingual!(
                    "demandez-les par leur numéro, l'un après l'autre : les plus récents sont entre crochets",
                    "ask for them by number, one after the other: the newest of each are in brackets"
                ),
            },
            Self::BilanNotFound => Said {
                what: bilingual!("ce bilan n'existe pas", "there is no such bilan"),
                todo: bilingual!("« scelle bilan list » donne la liste", "\"scelle bilan list\" lists them"),
            },
            Self::BilanUnsent => Said {
                what: bilingual!(
                    "ce bilan est gardé sur ce poste et n'est pas encore dans le dépôt : rien ne le prouve",
                    "this bilan is kept on this computer and not in the repository yet: nothing proves it"
                ),
                todo: bilingual!(
                    "la prochaine sauvegarde qui joint le dépôt l'envoie ; « scelle bilan show » le montre d'ici là",
                    "the next backup that reaches the repository sends it; until then \"scelle bilan show\" shows it"
                ),
            },
            Self::LossNotTried => Said {
                what: bilingual!(
                    "des dommages ont été trouvés après ce bilan : la prochaine sauvegarde peut encore les réparer",
                    "damage was found after this bilan: the next backup may still mend it"
                ),
                todo: bilingual!(
                    "lancez une sauvegarde, puis acceptez le bilan qu'elle laisse",
                    "run a backup, then acknowledge the bilan that it leaves"
                ),
            },
            Self::NothingToAcknowledge => Said {
                what: bilingual!(
                    "ce bilan n'avertit de rien qui puisse être accepté",
                    "this bilan warns of nothing that can be acknowledged"
                ),
                todo: bilingual!(
                    "« scelle bilan list » donne la liste ; s'acceptent les pertes et les changements massifs de fichiers, et les dommages qu'aucune sauvegarde n'a pu réparer",
                    "\"scelle bilan list\" lists them; losses and mass changes of files, and damage that no backup could mend, can be acknowledged"
                ),
            },
            Self::NothingLeftToAcknowledge => Said {
                what: bilingual!(
                    "de ce dont ce bilan avertit, il ne reste rien à accepter : quelqu'un l'a déjà accepté, ou c'est réparé",
                    "of what this bilan warns of, nothing is left to be acknowledged: somebody acknowledged it already, or it is mended"
                ),
                todo: bilingual!(
                    "lancez une sauvegarde : son bilan dit ce qui reste ouvert",
                    "run a backup: its bilan says what is still open"
                ),
            },
            Self::BilanOfAnother => Said {
                what: bilingual!(
                    "ce bilan n'est pas au journal de ce poste",
                    "this bilan is not in the ledger of this computer"
                ),
                todo: bilingual!(
                    "acceptez-le depuis le poste qu'il concerne, une fois le stockage accessible",
                    "acknowledge it on the computer it speaks of, once the store answers"
                ),
            },
            Self::PathNotInSnapshot => Said {
                what: bilingual!(
                    "l'instantané ne contient pas ce chemin",
                    "the snapshot does not hold that path"
                ),
                todo: bilingual!("« scelle find » cherche un nom", "\"scelle find\" looks for a name"),
            },
            Self::PathInNoSnapshot => Said {
                what: bilingual!("aucun instantané ne contient ce chemin", "no snapshot holds that path"),
                todo: bilingual!(
                    "donnez le chemin entier ; « scelle find » cherche un nom",
                    "give the whole path; \"scelle find\" looks for a name"
                ),
            },
            Self::TokenUnknown => Said {
                what: bilingual!(
                    "aucun fichier des instantanés n'a ce jeton",
                    "no file of the snapshots has this token"
                ),
                todo: bilingual!(
                    "recopiez le jeton entier, tel que « scelle bilan show » ou le message l'écrit",
                    "copy the whole token, as \"scelle bilan show\" or the message writes it"
                ),
            },
            Self::NothingToLookFor => Said {
                what: bilingual!(
                    "rien à chercher : le nom est vide (une variable sans valeur dans un script ?)",
                    "nothing to look for: the name is empty (an unset variable in a script?)"
                ),
                todo: bilingual!("donnez une partie d'un nom, ou « * »", "give part of a name, or '*'"),
            },
            Self::OtherSystem => Said {
                what: bilingual!(
                    "cet instantané vient d'un autre système",
                    "this snapshot comes from another system"
                ),
                todo: bilingual!(
                    "restaurez-le dans un dossier avec --to",
                    "restore it into a folder with --to"
                ),
            },
            Self::TargetIsOwn => Said {
                what: bilingual!(
                    "cette destination se trouve dans le dossier des sauvegardes, ou dans celui où Scellé tient son état",
                    "that destination lies in the folder of the backups, or in the one where Scellé keeps its state"
                ),
                todo: bilingual!(
                    "rien n'a été écrit ; choisissez un autre dossier avec --to",
                    "nothing was written; choose another folder with --to"
                ),
            },
        }
    }
}
