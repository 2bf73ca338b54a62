//! Keys and the repository. Never: a part of a key.

use super::said::Said;
use crate::bilingual;
use crate::words::{Message, counted};

/// Keys and the repository.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RepositoryFailure {
    /// The kit or phrase opens nothing here.
    WrongKey,
    /// The kit names another repository. The place is the id the kit names.
    KitOfAnotherRepository,
    /// One group of characters of the kit does not match its check; groups count from 1.
    KitMistyped {
        /// Which, from 1.
        group: usize,
    },
    /// The phrase is not made of words of the list, or does not open.
    WrongPhrase,
    /// Nothing there. The place is the address.
    NoRepository,
    /// The bucket or root folder is not there.
    NoBucket,
    /// The folder of a repository is not there. The place is its address.
    NoFolder,
    /// [`Self::NoRepository`] in a bucket whose versions this credential may not see.
    NoRepositoryToBeSeen,
    /// `init` where a repository already lives.
    RepositoryExists,
    /// Another run holds the lock.
    Busy,
    /// The repository asks for something this version does not know. The place lists the bits.
    UnknownFeature,
    /// An object that should be there is not.
    ObjectMissing,
    /// An object's bytes are not what its name or signature says.
    ObjectCorrupt,
    /// A signature does not verify or comes from an unknown key.
    SignatureInvalid,
    /// `found` problems were counted and the operation went on to its end.
    DamageFound {
        /// How many.
        found: u64,
    },
    /// What is asked for automatically ("latest", a date) would be older than a snapshot that is known, or may be there,
    /// and cannot be read.
    NewerUnreadable {
        /// Names it, where it is known.
        known: Option<Box<str>>,
        /// Those that can be asked for by number; empty where there is none.
        readable: Box<str>,
    },
}

impl RepositoryFailure {
    /// What happened, and what the person can do about it.
    pub(super) fn said(&self) -> Said {
        match self {
            Self::WrongKey => Said {
                what: bilingual!("cette clé n'ouvre pas ce dépôt", "this key does not open this repository"),
                todo: bilingual!(
                    "prenez le kit ou la phrase de ce dépôt",
                    "take the kit or the phrase of this repository"
                ),
            },
            Self::KitOfAnotherRepository => Said {
                what: bilingual!(
                    "ce kit est celui d'un autre dépôt",
                    "this kit belongs to another repository"
                ),
                todo: bilingual!("prenez le kit de ce dépôt", "take the kit of this repository"),
            },
            Self::KitMistyped { group } => Said {
                what: bilingual!(
                    "le groupe {group} du kit est mal recopié",
                    "group {group} of the kit is mistyped"
                ),
                todo: bilingual!(
                    "relisez ce groupe sur le kit imprimé",
                    "read that group again on the printed kit"
                ),
            },
            Self::WrongPhrase => Said {
                what: bilingual!(
                    "cette phrase n'ouvre pas ce dépôt",
                    "this phrase does not open this repository"
                ),
                todo: bilingual!(
                    "vérifiez chaque mot, ou prenez le kit",
                    "check every word, or take the kit"
                ),
            },
            Self::NoRepository => Said {
                what: bilingual!("aucun dépôt à cet endroit", "no repository at that place"),
                todo: bilingual!(
                    "vérifiez l'adresse, ou créez-le avec « scelle init »",
                    "check the address, or create it with \"scelle init\""
                ),
            },
            Self::NoBucket => Said {
                what: bilingual!(
                    "le compartiment ou le dossier du dépôt n'existe pas",
                    "the bucket or folder does not exist"
                ),
                todo: bilingual!(
                    "vérifiez l'adresse ; « scelle init --create-bucket » crée un compartiment",
                    "check the address; \"scelle init --create-bucket\" creates a bucket"
                ),
            },
            Self::NoFolder => Said {
                what: bilingual!("ce dossier n'existe pas", "that folder does not exist"),
                todo: bilingual!(
                    "vérifiez l'adresse, et que le disque ou le partage est branché ; « scelle init » crée le dossier",
                    "check the address, and that the disk or share is connected; \"scelle init\" creates the folder"
                ),
            },
            Self::NoRepositoryToBeSeen => Said {
                what: bilingual!(
                    "aucun dépôt visible à cet endroit, et cet identifiant n'a pas le droit d'y voir les versions antérieures",
                    "no repository to be seen at that place, and this credential may not see older versions there"
                ),
                todo: bilingual!(
                    "vérifiez l'adresse ; s'il y en avait un, il est peut-être masqué : demandez à l'hébergeur, ou prenez \
                 l'identifiant du propriétaire ou de restauration ; sinon créez-le avec « scelle init »",
                    "check the address; if there was one it may be hidden: ask the host, or take the owner's or the restorer's \
                 credential; else create it with \"scelle init\""
                ),
            },
            Self::RepositoryExists => Said {
                what: bilingual!("un dépôt existe déjà à cet endroit", "a repository already exists there"),
                todo: bilingual!(
                    "pour y joindre ce poste : « scelle init --join » avec le kit ou la phrase",
                    "to join this computer to it: \"scelle init --join\" with the kit or the phrase"
                ),
            },
            Self::Busy => Said {
                what: bilingual!(
                    "un autre travail est en cours sur ce dépôt",
                    "another run is working on this repository"
                ),
                todo: bilingual!("attendez sa fin puis recommencez", "wait for it to end, then try again"),
            },
            Self::UnknownFeature => Said {
                what: bilingual!(
                    "ce dépôt demande une version plus récente de Scellé",
                    "this repository needs a newer Scellé"
                ),
                todo: bilingual!("mettez le programme à jour", "update the program"),
            },
            Self::ObjectMissing => Said {
                what: bilingual!("un objet manque dans le dépôt", "an object is missing from the repository"),
                todo: call_the_host(),
            },
            Self::ObjectCorrupt => Said {
                what: bilingual!("un objet du dépôt est endommagé", "an object of the repository is damaged"),
                todo: call_the_host(),
            },
            Self::SignatureInvalid => Said {
                what: bilingual!(
                    "une signature du dépôt est fausse",
                    "a signature of the repository is wrong"
                ),
                todo: call_the_host(),
            },
            Self::DamageFound { found } => Said {
                what: counted(
                    *found,
                    "# objet[s] manquant[s] ou endommagé[s]",
                    "# object[s] missing or damaged",
                ),
                todo: call_the_host(),
            },
            Self::NewerUnreadable { known, readable } => {
                let (aucun, none) = match &**readable {
                    "" => ("aucun", "none"),
                    readable => (readable, readable),
                };
                let what = match known {
                    Some(known) => bilingual!(
                        "un instantané plus récent existe ({known}) et ne peut pas être lu ; lisibles : {aucun}",
                        "a newer snapshot exists ({known}) and cannot be read; readable: {none}"
                    ),
                    None => bilingual!(
                        "une note plus récente ne peut pas être lue et peut être celle d'un instantané ; lisibles : {aucun}",
                        "a newer note cannot be read and may be a snapshot's; readable: {none}"
                    ),
                };
                Said {
                    what,
                    todo: bilingual!(
                        "demandez un instantané lisible par son numéro si un plus ancien suffit ; lancez « scelle check » et prévenez l'hébergeur, qui peut en avoir une version plus ancienne",
                        "ask for a readable snapshot by its number if an older one will do; run \"scelle check\" and tell the host, who may have an older version of the object"
                    ),
                }
            }
        }
    }
}

fn call_the_host() -> Message {
    bilingual!(
        "lancez « scelle check --read-data all » et prévenez l'hébergeur",
        "run \"scelle check --read-data all\" and tell the host"
    )
}
