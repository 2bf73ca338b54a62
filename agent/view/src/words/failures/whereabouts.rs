//! Where a known repository is, and what this computer still knows of it. Never: a path of a source.

use super::said::Said;
use crate::bilingual;
use crate::words::Message;

/// Where a known repository is, and what this computer still knows of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum WhereaboutsFailure {
    /// A repository this computer knows shows nothing in a bucket that answers.
    KnownRepositoryHidden,
    /// The repository at another address than the one this computer backs up to: its ledger is not written there. The place is that
    /// address.
    CopyElsewhere,
    /// Another repository lies at the address of the one this computer knows.
    AnotherRepository,
    /// The repository there bears the right name, and does not know this computer or its keys: made anew with the same
    /// kit, or its descriptors were removed. Nothing is sealed to keys that nobody holds.
    NotThisDevice,
    /// The descriptor that enrolled a device is lost, or not to be believed. The place is its object, or the folder of that device's
    /// notes.
    DescriptorLost,
    /// The next descriptor cannot be written: what is none bears its name. The place is that name.
    DescriptorNameTaken,
    /// The disk of the state folder is full.
    StateFull,
    /// `init` with a kit whose repository this computer knows. The place is that repository's address.
    KitHasARepository,
    /// `init --join` where this computer is a device already. The place is the address it was given.
    AlreadyJoined,
    /// A repository whose making was not finished, begun by this computer. The place is its address.
    InitUnfinishedHere,
    /// A repository whose making was begun elsewhere, or at the same time, and not finished. The place is its address.
    InitUnfinishedElsewhere,
    /// `init` goes on with what was begun, and other escrows are asked for now.
    InitBegunOtherwise,
    /// A repository in a folder that this computer knows is not at its address.
    KnownRepositoryGone,
    /// The state folder of a repository cannot be read.
    StateDamaged {
        /// Where it is, where that is known.
        address: Option<String>,
    },
}

impl WhereaboutsFailure {
    /// What happened, and what the person can do about it.
    pub(super) fn said(&self) -> Said {
        match self {
            Self::KnownRepositoryHidden => Said {
                what: bilingual!(
                    "le dépôt connu de ce poste ne se voit plus dans le compartiment : ses objets ont été masqués par des \
                 marqueurs de suppression, effacés ou déplacés",
                    "the repository this computer knows no longer shows in its bucket: its objects were hidden by delete \
                 markers, deleted or moved"
                ),
                todo: bilingual!(
                    "n'en créez pas un autre ; prévenez l'hébergeur : qui a l'identifiant du propriétaire ou de restauration \
                 peut lire les versions antérieures et retirer les marqueurs ; si l'adresse a changé, ajoutez --repo \
                 s3://COMPARTIMENT/PREFIXE ou corrigez la configuration",
                    "do not create another; tell the host: whoever holds the owner's or the restorer's credential can read \
                 the older versions and remove the markers; if the address has changed, add --repo s3://BUCKET/PREFIX or \
                 correct the configuration"
                ),
            },
            Self::CopyElsewhere => Said {
                what: bilingual!(
                    "ce dépôt se trouve à une autre adresse que celle où ce poste sauvegarde : rien n'est inscrit dans ce qui n'est peut-être qu'une copie",
                    "this repository lies at another address than the one this computer backs up to: nothing is recorded in what may be a copy"
                ),
                todo: bilingual!(
                    "lancez la commande sans --repo ; si le dépôt a déménagé pour de bon, sauvegardez-y d'abord avec « scelle backup --repo ADRESSE »",
                    "run the command without --repo; if the repository has moved for good, first back up there with \"scelle backup --repo ADDRESS\""
                ),
            },
            Self::AnotherRepository => Said {
                what: bilingual!(
                    "le dépôt connu de ce poste n'est plus là : à sa place il y a un autre dépôt",
                    "the repository this computer knows is gone: another repository is in its place"
                ),
                todo: bilingual!(
                    "branchez le bon disque ou indiquez --repo ADRESSE ; si ce nouveau dépôt est voulu, « scelle init --join » avec son kit",
                    "connect the right disk or give --repo ADDRESS; if that new repository is wanted, \"scelle init --join\" with its kit"
                ),
            },
            Self::NotThisDevice => Said {
                what: bilingual!(
                    "ce dépôt ne connaît plus ce poste ni ses clés (dépôt refait, ou descripteur retiré) : rien n'y est écrit",
                    "this repository no longer knows this computer or its keys (made anew, or a descriptor was removed): nothing is written to it"
                ),
                todo: bilingual!(
                    "lancez « scelle check » ; si le dépôt a été refait, « scelle init --join --kit FICHIER » ; sinon prévenez l'hébergeur",
                    "run \"scelle check\"; if the repository was made anew, \"scelle init --join --kit FILE\"; else tell the host"
                ),
            },
            Self::DescriptorLost => Said {
                what: bilingual!(
                    "il manque au dépôt un descripteur, celui qui a inscrit un poste : ce qui est à ce poste ne peut pas être lu, et rien n'est écrit à sa place",
                    "the repository lacks a descriptor, the one that enrolled a computer: what is that computer's cannot be read, and nothing is written in its place"
                ),
                todo: bilingual!(
                    "lancez « scelle backup » sur les postes déjà inscrits : celui qui en a une copie le remet ; recommencez ensuite. S'il n'y en a pas, quelqu'un a peut-être mis là les notes d'un poste inconnu : prévenez l'hébergeur, et si aucun de vos postes ne porte ce nom, ajoutez « --disown NOM »",
                    "run \"scelle backup\" on the computers already enrolled: the one that has a copy puts it back; then try again. If there is none, somebody may have put notes of an unknown computer there: tell the host, and where none of your computers bears that name, add \"--disown NAME\""
                ),
            },
            Self::DescriptorNameTaken => Said {
                what: bilingual!(
                    "un fichier qui n'est pas du dépôt porte le nom du prochain descripteur, celui qui doit être écrit : rien n'est écrit à sa place",
                    "a file that is not the repository's bears the name of the next descriptor, the one to be written: nothing is written in its place"
                ),
                todo: bilingual!(
                    "aucune sauvegarde n'en dépend : demandez à l'hébergeur d'enlever cet objet (dans un compartiment verrouillé, un marqueur de suppression suffit), puis recommencez",
                    "no backup depends on it: ask the host to take this object away (in a locked bucket a delete marker is enough), then try again"
                ),
            },
            Self::StateFull => Said {
                what: bilingual!(
                    "le disque du dossier d'état de Scellé est plein",
                    "the disk of Scellé's state folder is full"
                ),
                todo: bilingual!(
                    "libérez de la place sur ce disque (ou changez SCELLE_HOME), puis recommencez : le travail reprendra",
                    "free space on that disk (or change SCELLE_HOME), then try again: work resumes"
                ),
            },
            Self::KitHasARepository => Said {
                what: bilingual!(
                    "ce kit a déjà son dépôt sur ce poste : un deuxième l'abîmerait",
                    "this kit already has its repository on this computer: a second one would ruin it"
                ),
                todo: bilingual!(
                    "une deuxième copie se fera par « scelle destination add » (version à venir) ; pour un dépôt indépendant, créez un autre kit avec « scelle kit new »",
                    "a second copy will be made by \"scelle destination add\" (a later version); for an independent repository make another kit with \"scelle kit new\""
                ),
            },
            Self::AlreadyJoined => Said {
                what: bilingual!(
                    "ce poste fait déjà partie de ce dépôt, rien à faire",
                    "this computer is already part of this repository, nothing to do"
                ),
                todo: bilingual!(
                    "« scelle backup --repo » avec cette adresse sauvegarde ; l'adresse est alors retenue",
                    "\"scelle backup --repo\" with this address backs up; the address is then remembered"
                ),
            },
            Self::InitUnfinishedHere => Said {
                what: bilingual!(
                    "la création de ce dépôt a été commencée par ce poste et pas terminée",
                    "this computer began to make this repository and did not finish"
                ),
                todo: bilingual!(
                    "relancez « scelle init » avec ce kit et cette adresse : la création reprend",
                    "run \"scelle init\" again with this kit and this address: it goes on"
                ),
            },
            Self::InitUnfinishedElsewhere => Said {
                what: bilingual!(
                    "la création d'un dépôt a été commencée ici par un autre poste et pas terminée",
                    "another computer began to make a repository here and did not finish"
                ),
                todo: bilingual!(
                    "terminez-la sur ce poste-là avec « scelle init », ou choisissez un autre dossier, préfixe ou compartiment",
                    "finish it on that computer with \"scelle init\", or choose another folder, prefix or bucket"
                ),
            },
            Self::InitBegunOtherwise => Said {
                what: bilingual!(
                    "la création de ce dépôt a été commencée avec d'autres destinataires (--recipient)",
                    "the making of this repository was begun with other recipients (--recipient)"
                ),
                todo: bilingual!(
                    "redonnez les mêmes, ou recommencez avec un autre kit et un autre dossier",
                    "give the same ones, or begin with another kit and another folder"
                ),
            },
            Self::KnownRepositoryGone => Said {
                what: bilingual!(
                    "le dépôt connu de ce poste n'est plus là",
                    "the repository this computer knows is gone"
                ),
                todo: bilingual!(
                    "branchez le disque ou le partage ; s'il est ailleurs aujourd'hui, ajoutez --repo file:///NOUVEAU/CHEMIN ou corrigez « url » dans la configuration",
                    "connect the disk or share; if it is elsewhere today, add --repo file:///NEW/PATH or correct \"url\" in the configuration"
                ),
            },
            Self::StateDamaged { address } => {
                let repo = |unknown: &str| address.clone().unwrap_or_else(|| unknown.to_owned());
                let (adresse, address) = (repo("ADRESSE"), repo("ADDRESS"));
                Said {
                    what: bilingual!(
                        "l'état de ce poste pour ce dépôt est endommagé ou incomplet",
                        "this computer's state for this repository is damaged or incomplete"
                    ),
                    todo: Message::new(
                        format!(
                            "« scelle init --join --repo {adresse} --kit FICHIER » rend sa place au poste (l'ancien état est gardé à côté) ; lire et restaurer marchent sans, avec --repo {adresse} et le kit"
                        ),
                        format!(
                            "\"scelle init --join --repo {address} --kit FILE\" gives this computer its place back (the old state is kept aside); reading and restoring work without, with --repo {address} and the kit"
                        ),
                    ),
                }
            }
        }
    }
}
