//! The command line and the configuration. Never: the value that was typed.

use super::config::ConfigFault;
use super::line::LineUnclear;
use super::said::Said;
use crate::bilingual;
use crate::words::{Message, counted};

/// The command line and the configuration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum UsageFailure {
    /// The command or option exists in the contract and comes with a later version.
    NotInThisVersion {
        /// What was typed.
        command: String,
    },
    /// Neither option, variable, configuration nor state names a repository.
    RepositoryNotGiven,
    /// The state knows several repositories.
    RepositoryAmbiguous {
        /// How many.
        known: usize,
    },
    /// The address is neither `file:///…` nor `s3://…`.
    RepositoryAddressInvalid,
    /// `http://` to something else than this computer. The place is the endpoint.
    InsecureEndpoint,
    /// The S3 endpoint is not an address, or holds a user name or password.
    EndpointInvalid,
    /// `backup` with neither paths nor plans.
    NothingToBackUp,
    /// A command that shows or writes names was given no key.
    KeyRequired,
    /// Both `--kit` and `--phrase-file` where one is enough.
    TwoKeys,
    /// The kit file does not exist.
    KitMissing,
    /// The file is not a kit at all.
    KitUnreadable,
    /// The phrase file does not exist or is empty.
    PhraseMissing,
    /// A question would have to be asked and nobody is there to answer.
    NobodyToAsk,
    /// A secret would have to be typed and nobody is there to type it.
    NobodyToType,
    /// The state folder lies on a network file system, where locks and fsync cannot be trusted.
    StateOnNetwork,
    /// No home folder, no variable: no place for state or configuration.
    NoStateFolder,
    /// The configuration given by name does not exist or cannot be read.
    ConfigUnreadable,
    /// The command line cannot be read.
    Line(Box<LineUnclear>),
    /// `restore` with neither or both of its targets.
    TargetUnclear,
    /// `init` with no kit, or two.
    KitUnclear,
    /// A recipient that is none.
    RecipientInvalid,
    /// The file of a bilan does not exist or cannot be read.
    BilanFileUnreadable,
    /// The file of the S3 secret does not exist, or cannot be read.
    SecretFileUnreadable,
    /// The file of a secret can be read or changed by others.
    SecretFileOpen,
    /// A variable that names a proxy holds no address of one.
    ProxyVariableUnclear,
    /// The variable that names a file of authorities leads to none.
    AuthoritiesVariableUnclear,
    /// A path that a file of the service manager cannot hold.
    PathNotForService,
    /// The configuration is wrong at one line.
    ConfigInvalid {
        /// What is wrong there.
        fault: ConfigFault,
    },
}

impl UsageFailure {
    /// What happened, and what the person can do about it.
    pub(super) fn said(&self) -> Said {
        match self {
            Self::NotInThisVersion { command } => Said {
                what: bilingual!(
                    "« {command} » n'est pas dans cette version",
                    "\"{command}\" is not in this version"
                ),
                todo: bilingual!(
                    "« scelle --help » montre ce qui existe",
                    "\"scelle --help\" shows what exists"
                ),
            },
            Self::RepositoryNotGiven => Said {
                what: bilingual!("aucun dépôt n'est indiqué", "no repository is given"),
                todo: bilingual!(
                    "ajoutez --repo file:///chemin ou --repo s3://compartiment/prefixe",
                    "add --repo file:///path or --repo s3://bucket/prefix"
                ),
            },
            Self::RepositoryAmbiguous { known } => Said {
                what: counted(
                    *known as u64,
                    "ce poste connaît # dépôt[s]",
                    "this computer knows # repositor[y|ies]",
                ),
                todo: bilingual!("choisissez avec --repo", "choose one with --repo"),
            },
            Self::RepositoryAddressInvalid => Said {
                what: bilingual!("adresse de dépôt non comprise", "repository address not understood"),
                todo: bilingual!(
                    "écrivez file:///chemin/absolu ou s3://compartiment/prefixe",
                    "write file:///absolute/path or s3://bucket/prefix"
                ),
            },
            Self::InsecureEndpoint => Said {
                what: bilingual!(
                    "adresse http:// refusée : la liaison ne serait pas protégée",
                    "http:// address refused: the connection would not be protected"
                ),
                todo: bilingual!(
                    "utilisez https:// (http:// n'est admis que vers ce poste)",
                    "use https:// (http:// is accepted towards this computer only)"
                ),
            },
            Self::EndpointInvalid => Said {
                what: bilingual!("adresse S3 non comprise", "S3 endpoint not understood"),
                todo: bilingual!(
                    "écrivez https://hote[:port], sans identifiant ni mot de passe",
                    "write https://host[:port], without user name or password"
                ),
            },
            Self::NothingToBackUp => Said {
                what: bilingual!("rien à sauvegarder n'est indiqué", "nothing to back up is given"),
                todo: bilingual!(
                    "donnez un dossier (scelle backup DOSSIER) ou un plan dans la configuration",
                    "give a folder (scelle backup DIR) or a plan in the configuration"
                ),
            },
            Self::KeyRequired => Said {
                what: bilingual!("cette commande a besoin d'une clé", "this command needs a key"),
                todo: bilingual!(
                    "ajoutez --kit FICHIER ou --phrase-file FICHIER",
                    "add --kit FILE or --phrase-file FILE"
                ),
            },
            Self::TwoKeys => Said {
                what: bilingual!("deux clés sont indiquées", "two keys are given"),
                todo: bilingual!(
                    "gardez --kit ou --phrase-file, pas les deux",
                    "keep --kit or --phrase-file, not both"
                ),
            },
            Self::KitMissing => Said {
                what: bilingual!("le fichier du kit est introuvable", "the kit file does not exist"),
                todo: bilingual!("vérifiez le chemin donné à --kit", "check the path given to --kit"),
            },
            Self::KitUnreadable => Said {
                what: bilingual!("ce fichier n'est pas un kit de secours", "this file is not a recovery kit"),
                todo: bilingual!(
                    "donnez le fichier créé par « scelle kit new »",
                    "give the file made by \"scelle kit new\""
                ),
            },
            Self::PhraseMissing => Said {
                what: bilingual!(
                    "le fichier de la phrase est introuvable ou vide",
                    "the phrase file is missing or empty"
                ),
                todo: bilingual!(
                    "vérifiez le chemin donné à --phrase-file (« - » lit l'entrée standard)",
                    "check the path given to --phrase-file (\"-\" reads standard input)"
                ),
            },
            Self::NobodyToAsk => Said {
                what: bilingual!(
                    "une confirmation est nécessaire et il n'y a pas de terminal",
                    "a confirmation is needed and there is no terminal"
                ),
                todo: bilingual!("ajoutez --yes pour répondre oui", "add --yes to answer yes"),
            },
            Self::NobodyToType => Said {
                what: bilingual!(
                    "une phrase est nécessaire et il n'y a pas de terminal",
                    "a phrase is needed and there is no terminal"
                ),
                todo: bilingual!(
                    "ajoutez --phrase-file FICHIER (« - » lit l'entrée standard)",
                    "add --phrase-file FILE (\"-\" reads standard input)"
                ),
            },
            Self::StateOnNetwork => Said {
                what: bilingual!(
                    "le dossier d'état est sur un disque réseau",
                    "the state folder is on a network file system"
                ),
                todo: bilingual!(
                    "donnez à SCELLE_HOME un dossier local",
                    "set SCELLE_HOME to a local folder"
                ),
            },
            Self::NoStateFolder => Said {
                what: bilingual!("aucun dossier d'état n'est défini", "no state folder is defined"),
                todo: bilingual!("définissez SCELLE_HOME", "set SCELLE_HOME"),
            },
            Self::ConfigUnreadable => Said {
                what: bilingual!(
                    "le fichier de configuration ne peut pas être lu",
                    "the configuration file cannot be read"
                ),
                todo: bilingual!("vérifiez --config ou SCELLE_CONFIG", "check --config or SCELLE_CONFIG"),
            },
            Self::Line(line) => line.said(),
            Self::TargetUnclear => Said {
                what: bilingual!("indiquez où restaurer", "say where to restore"),
                todo: bilingual!(
                    "donnez --to DOSSIER ou bien --in-place",
                    "give either --to DIR or --in-place"
                ),
            },
            Self::KitUnclear => Said {
                what: bilingual!("indiquez un kit", "name a kit"),
                todo: bilingual!(
                    "donnez --kit FICHIER, ou --kit-public FICHIER pour un nouveau dépôt, ou --phrase-file FICHIER avec --join",
                    "give --kit FILE, or --kit-public FILE for a new repository, or --phrase-file FILE with --join"
                ),
            },
            Self::RecipientInvalid => Said {
                what: bilingual!(
                    "le destinataire donné à --recipient n'est pas une clé age1pq…",
                    "the recipient given to --recipient is no age1pq… key"
                ),
                todo: bilingual!("recopiez la clé publique entière", "copy the whole public key"),
            },
            Self::BilanFileUnreadable => Said {
                what: bilingual!("le fichier du bilan n'est pas lisible", "the bilan file cannot be read"),
                todo: bilingual!("vérifiez son chemin", "check its path"),
            },
            Self::SecretFileUnreadable => Said {
                what: bilingual!(
                    "le fichier de s3.secret_key_file ne peut pas être lu",
                    "the file of s3.secret_key_file cannot be read"
                ),
                todo: bilingual!("vérifiez son chemin et ses droits", "check its path and its rights"),
            },
            Self::SecretFileOpen => Said {
                what: bilingual!(
                    "le fichier d'un secret est ouvert à d'autres comptes de ce poste",
                    "the file of a secret is open to other accounts of this computer"
                ),
                todo: bilingual!(
                    "réservez-le à son propriétaire : chmod 600 FICHIER ; si d'autres ont pu le lire, changez le secret",
                    "keep it for its owner: chmod 600 FILE; if others may have read it, change the secret"
                ),
            },
            Self::ProxyVariableUnclear => Said {
                what: bilingual!(
                    "cette variable ne contient pas l'adresse d'un proxy que Scellé sait utiliser",
                    "this variable does not hold the address of a proxy that Scellé can use"
                ),
                todo: bilingual!(
                    "donnez-lui la forme http://hôte:port, ou réglez s3.proxy dans la configuration",
                    "give it the form http://host:port, or set s3.proxy in the configuration"
                ),
            },
            Self::AuthoritiesVariableUnclear => Said {
                what: bilingual!(
                    "cette variable ne mène pas à un fichier lisible de certificats au format PEM",
                    "this variable does not lead to a readable file of certificates in PEM"
                ),
                todo: bilingual!(
                    "corrigez-la, ou réglez s3.ca_file dans la configuration",
                    "correct it, or set s3.ca_file in the configuration"
                ),
            },
            Self::PathNotForService => Said {
                what: bilingual!(
                    "un chemin contient ce que le fichier du service ne peut pas contenir (saut de ligne, nom qui n'est pas de l'UTF-8, ou guillemet dans celui du programme)",
                    "a path holds what the service's file cannot hold (a line break, a name that is no UTF-8, or a quotation mark in the program's)"
                ),
                todo: bilingual!(
                    "mettez le programme, la configuration ou l'état ailleurs",
                    "put the program, the configuration or the state elsewhere"
                ),
            },
            Self::ConfigInvalid { fault } => Said {
                what: Message::by(|lang| {
                    format!(
                        "{} {}",
                        lang.pick("configuration incorrecte :", "wrong configuration:"),
                        fault.said().text(lang)
                    )
                }),
                todo: bilingual!("corrigez cette ligne", "correct that line"),
            },
        }
    }
}
