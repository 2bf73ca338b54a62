//! The command line and the configuration. Never: the value that was typed.

use super::config::ConfigFault;
use super::line::{LineAdvice, LineFault};
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
    /// Damage was found after the run that the bilan is about.
    LossNotTried,
    /// The bilan warns of nothing that can be acknowledged.
    NothingToAcknowledge,
    /// The bilan is another computer's, or not in the store yet.
    BilanOfAnother,
    /// The path asked for is not in the snapshot.
    PathNotInSnapshot,
    /// No snapshot holds the path asked for.
    PathInNoSnapshot,
    /// No file of any snapshot has the token asked for.
    TokenUnknown,
    /// The state folder lies on a network file system, where locks and fsync cannot be trusted.
    StateOnNetwork,
    /// No home folder, no variable: no place for state or configuration.
    NoStateFolder,
    /// The configuration given by name does not exist or cannot be read.
    ConfigUnreadable,
    /// The command line cannot be read.
    Line(
        /// What is wrong, and what to type.
        Box<(LineFault, LineAdvice)>,
    ),
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
    /// The configuration is wrong at one line.
    ConfigInvalid {
        /// What is wrong there.
        fault: ConfigFault,
    },
    /// A name to look for that is empty.
    NothingToLookFor,
    /// A restore in place of a snapshot that another system made.
    OtherSystem,
}

impl UsageFailure {
    /// What happened, and what the person can do about it.
    pub(super) fn said(&self) -> (Message, Message) {
        match self {
            Self::NotInThisVersion { command } => (
                bilingual!(
                    "« {command} » n'est pas dans cette version",
                    "\"{command}\" is not in this version"
                ),
                bilingual!("« scelle --help » montre ce qui existe", "\"scelle --help\" shows what exists"),
            ),
            Self::RepositoryNotGiven => (
                bilingual!("aucun dépôt n'est indiqué", "no repository is given"),
                bilingual!(
                    "ajoutez --repo file:///chemin ou --repo s3://compartiment/prefixe",
                    "add --repo file:///path or --repo s3://bucket/prefix"
                ),
            ),
            Self::RepositoryAmbiguous { known } => (
                counted(
                    *known as u64,
                    "ce poste connaît # dépôt[s]",
                    "this computer knows # repositor[y|ies]",
                ),
                bilingual!("choisissez avec --repo", "choose one with --repo"),
            ),
            Self::RepositoryAddressInvalid => (
                bilingual!("adresse de dépôt non comprise", "repository address not understood"),
                bilingual!(
                    "écrivez file:///chemin/absolu ou s3://compartiment/prefixe",
                    "write file:///absolute/path or s3://bucket/prefix"
                ),
            ),
            Self::InsecureEndpoint => (
                bilingual!(
                    "adresse http:// refusée : la liaison ne serait pas protégée",
                    "http:// address refused: the connection would not be protected"
                ),
                bilingual!(
                    "utilisez https:// (http:// n'est admis que vers ce poste)",
                    "use https:// (http:// is accepted towards this computer only)"
                ),
            ),
            Self::EndpointInvalid => (
                bilingual!("adresse S3 non comprise", "S3 endpoint not understood"),
                bilingual!(
                    "écrivez https://hote[:port], sans identifiant ni mot de passe",
                    "write https://host[:port], without user name or password"
                ),
            ),
            Self::NothingToBackUp => (
                bilingual!("rien à sauvegarder n'est indiqué", "nothing to back up is given"),
                bilingual!(
                    "donnez un dossier (scelle backup DOSSIER) ou un plan dans la configuration",
                    "give a folder (scelle backup DIR) or a plan in the configuration"
                ),
            ),
            Self::KeyRequired => (
                bilingual!("cette commande a besoin d'une clé", "this command needs a key"),
                bilingual!(
                    "ajoutez --kit FICHIER ou --phrase-file FICHIER",
                    "add --kit FILE or --phrase-file FILE"
                ),
            ),
            Self::TwoKeys => (
                bilingual!("deux clés sont indiquées", "two keys are given"),
                bilingual!(
                    "gardez --kit ou --phrase-file, pas les deux",
                    "keep --kit or --phrase-file, not both"
                ),
            ),
            Self::KitMissing => (
                bilingual!("le fichier du kit est introuvable", "the kit file does not exist"),
                bilingual!("vérifiez le chemin donné à --kit", "check the path given to --kit"),
            ),
            Self::KitUnreadable => (
                bilingual!("ce fichier n'est pas un kit de secours", "this file is not a recovery kit"),
                bilingual!(
                    "donnez le fichier créé par « scelle kit new »",
                    "give the file made by \"scelle kit new\""
                ),
            ),
            Self::PhraseMissing => (
                bilingual!(
                    "le fichier de la phrase est introuvable ou vide",
                    "the phrase file is missing or empty"
                ),
                bilingual!(
                    "vérifiez le chemin donné à --phrase-file (« - » lit l'entrée standard)",
                    "check the path given to --phrase-file (\"-\" reads standard input)"
                ),
            ),
            Self::NobodyToAsk => (
                bilingual!(
                    "une confirmation est nécessaire et il n'y a pas de terminal",
                    "a confirmation is needed and there is no terminal"
                ),
                bilingual!("ajoutez --yes pour répondre oui", "add --yes to answer yes"),
            ),
            Self::NobodyToType => (
                bilingual!(
                    "une phrase est nécessaire et il n'y a pas de terminal",
                    "a phrase is needed and there is no terminal"
                ),
                bilingual!(
                    "ajoutez --phrase-file FICHIER (« - » lit l'entrée standard)",
                    "add --phrase-file FILE (\"-\" reads standard input)"
                ),
            ),
            Self::SnapshotNotFound => (
                bilingual!("cet instantané n'existe pas", "there is no such snapshot"),
                bilingual!("« scelle snapshots » donne la liste", "\"scelle snapshots\" lists them"),
            ),
            Self::SnapshotAmbiguous => (
                bilingual!("plusieurs instantanés portent ce numéro", "several snapshots have that number"),
                bilingual!("nommez-en un comme indiqué entre crochets", "name one of those in brackets"),
            ),
            Self::BilanAmbiguous => (
                bilingual!("plusieurs bilans portent ce numéro", "several bilans have that number"),
                bilingual!("nommez-en un comme indiqué entre crochets", "name one of those in brackets"),
            ),
            Self::SeveralSets => (
                bilingual!(
                    "plusieurs ensembles de dossiers ou postes ont des instantanés : aucun ne contient tout",
                    "several sets of folders or computers have snapshots: none of them holds everything"
                ),
                bilingual!(
                    "demandez-les par leur numéro, l'un après l'autre : les plus récents sont entre crochets",
                    "ask for them by number, one after the other: the newest of each are in brackets"
                ),
            ),
            Self::BilanNotFound => (
                bilingual!("ce bilan n'existe pas", "there is no such bilan"),
                bilingual!("« scelle bilan list » donne la liste", "\"scelle bilan list\" lists them"),
            ),
            Self::LossNotTried => (
                bilingual!(
                    "des dommages ont été trouvés après ce bilan : la prochaine sauvegarde peut encore les réparer",
                    "damage was found after this bilan: the next backup may still mend it"
                ),
                bilingual!(
                    "lancez une sauvegarde, puis acceptez le bilan qu'elle laisse",
                    "run a backup, then acknowledge the bilan that it leaves"
                ),
            ),
            Self::NothingToAcknowledge => (
                bilingual!(
                    "ce bilan n'avertit de rien qui puisse être accepté",
                    "this bilan warns of nothing that can be acknowledged"
                ),
                bilingual!(
                    "« scelle bilan list » donne la liste ; s'acceptent les pertes et les changements massifs de fichiers, et les dommages qu'aucune sauvegarde n'a pu réparer",
                    "\"scelle bilan list\" lists them; losses and mass changes of files, and damage that no backup could mend, can be acknowledged"
                ),
            ),
            Self::BilanOfAnother => (
                bilingual!(
                    "ce bilan n'est pas au journal de ce poste",
                    "this bilan is not in the ledger of this computer"
                ),
                bilingual!(
                    "acceptez-le depuis le poste qu'il concerne, une fois le stockage accessible",
                    "acknowledge it on the computer it speaks of, once the store answers"
                ),
            ),
            Self::PathNotInSnapshot => (
                bilingual!("l'instantané ne contient pas ce chemin", "the snapshot does not hold that path"),
                bilingual!("« scelle find » cherche un nom", "\"scelle find\" looks for a name"),
            ),
            Self::PathInNoSnapshot => (
                bilingual!("aucun instantané ne contient ce chemin", "no snapshot holds that path"),
                bilingual!(
                    "donnez le chemin entier ; « scelle find » cherche un nom",
                    "give the whole path; \"scelle find\" looks for a name"
                ),
            ),
            Self::TokenUnknown => (
                bilingual!(
                    "aucun fichier des instantanés n'a ce jeton",
                    "no file of the snapshots has this token"
                ),
                bilingual!(
                    "recopiez le jeton entier, tel que « scelle bilan show » ou le message l'écrit",
                    "copy the whole token, as \"scelle bilan show\" or the message writes it"
                ),
            ),
            Self::StateOnNetwork => (
                bilingual!(
                    "le dossier d'état est sur un disque réseau",
                    "the state folder is on a network file system"
                ),
                bilingual!("donnez à SCELLE_HOME un dossier local", "set SCELLE_HOME to a local folder"),
            ),
            Self::NoStateFolder => (
                bilingual!("aucun dossier d'état n'est défini", "no state folder is defined"),
                bilingual!("définissez SCELLE_HOME", "set SCELLE_HOME"),
            ),
            Self::ConfigUnreadable => (
                bilingual!(
                    "le fichier de configuration ne peut pas être lu",
                    "the configuration file cannot be read"
                ),
                bilingual!("vérifiez --config ou SCELLE_CONFIG", "check --config or SCELLE_CONFIG"),
            ),
            Self::Line(line) => (line.0.said(), line.1.said()),
            Self::TargetUnclear => (
                bilingual!("indiquez où restaurer", "say where to restore"),
                bilingual!("donnez --to DOSSIER ou bien --in-place", "give either --to DIR or --in-place"),
            ),
            Self::KitUnclear => (
                bilingual!("indiquez un kit", "name a kit"),
                bilingual!(
                    "donnez --kit FICHIER ou bien --kit-public FICHIER (avec --join, --phrase-file suffit)",
                    "give either --kit FILE or --kit-public FILE (with --join, --phrase-file is enough)"
                ),
            ),
            Self::RecipientInvalid => (
                bilingual!(
                    "le destinataire donné à --recipient n'est pas une clé age1pq…",
                    "the recipient given to --recipient is no age1pq… key"
                ),
                bilingual!("recopiez la clé publique entière", "copy the whole public key"),
            ),
            Self::BilanFileUnreadable => (
                bilingual!("le fichier du bilan n'est pas lisible", "the bilan file cannot be read"),
                bilingual!("vérifiez son chemin", "check its path"),
            ),
            Self::SecretFileUnreadable => (
                bilingual!(
                    "le fichier de s3.secret_key_file ne peut pas être lu",
                    "the file of s3.secret_key_file cannot be read"
                ),
                bilingual!("vérifiez son chemin et ses droits", "check its path and its rights"),
            ),
            Self::SecretFileOpen => (
                bilingual!(
                    "le fichier d'un secret est ouvert à d'autres comptes de ce poste",
                    "the file of a secret is open to other accounts of this computer"
                ),
                bilingual!(
                    "réservez-le à son propriétaire : chmod 600 FICHIER ; si d'autres ont pu le lire, changez le secret",
                    "keep it for its owner: chmod 600 FILE; if others may have read it, change the secret"
                ),
            ),
            Self::ProxyVariableUnclear => (
                bilingual!(
                    "cette variable ne contient pas l'adresse d'un proxy que Scellé sait utiliser",
                    "this variable does not hold the address of a proxy that Scellé can use"
                ),
                bilingual!(
                    "donnez-lui la forme http://hôte:port, ou réglez s3.proxy dans la configuration",
                    "give it the form http://host:port, or set s3.proxy in the configuration"
                ),
            ),
            Self::AuthoritiesVariableUnclear => (
                bilingual!(
                    "cette variable ne mène pas à un fichier lisible de certificats au format PEM",
                    "this variable does not lead to a readable file of certificates in PEM"
                ),
                bilingual!(
                    "corrigez-la, ou réglez s3.ca_file dans la configuration",
                    "correct it, or set s3.ca_file in the configuration"
                ),
            ),
            Self::ConfigInvalid { fault } => (
                Message::by(|lang| {
                    format!(
                        "{} {}",
                        lang.pick("configuration incorrecte :", "wrong configuration:"),
                        fault.said().text(lang)
                    )
                }),
                bilingual!("corrigez cette ligne", "correct that line"),
            ),
            Self::NothingToLookFor => (
                bilingual!(
                    "rien à chercher : le nom est vide (une variable sans valeur dans un script ?)",
                    "nothing to look for: the name is empty (an unset variable in a script?)"
                ),
                bilingual!("donnez une partie d'un nom, ou « * »", "give part of a name, or '*'"),
            ),
            Self::OtherSystem => (
                bilingual!(
                    "cet instantané vient d'un autre système",
                    "this snapshot comes from another system"
                ),
                bilingual!("restaurez-le dans un dossier avec --to", "restore it into a folder with --to"),
            ),
        }
    }
}
