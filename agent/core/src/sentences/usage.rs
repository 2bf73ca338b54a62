//! The command line and the configuration. Never: the value that was typed.

use crate::error::{AgentError, ExitCode};
use scelle_view::bilingual;
use scelle_view::words::Message;

/// The command line and the configuration: exit 2.
impl AgentError {
    /// The command line is wrong; `what` says how and `todo` what to type.
    pub fn usage(what: Message, todo: Message) -> Self {
        Self::new(ExitCode::Usage, what, todo)
    }

    /// The command or option exists in the contract and comes with a later version.
    pub fn not_in_this_version(command: &str) -> Self {
        Self::usage(
            bilingual!("« {command} » n'est pas dans cette version", "\"{command}\" is not in this version"),
            bilingual!("« scelle --help » montre ce qui existe", "\"scelle --help\" shows what exists"),
        )
    }

    /// Neither option, variable, configuration nor state names a repository.
    pub fn repository_not_given() -> Self {
        Self::usage(
            bilingual!("aucun dépôt n'est indiqué", "no repository is given"),
            bilingual!(
                "ajoutez --repo file:///chemin ou --repo s3://compartiment/prefixe",
                "add --repo file:///path or --repo s3://bucket/prefix"
            ),
        )
    }

    /// The state knows several repositories.
    pub fn repository_ambiguous(known: usize) -> Self {
        Self::usage(
            bilingual!("ce poste connaît {known} dépôts", "this computer knows {known} repositories"),
            bilingual!("choisissez avec --repo", "choose one with --repo"),
        )
    }

    /// The address is neither `file:///…` nor `s3://…`.
    pub fn repository_address_invalid() -> Self {
        Self::usage(
            bilingual!("adresse de dépôt non comprise", "repository address not understood"),
            bilingual!(
                "écrivez file:///chemin/absolu ou s3://compartiment/prefixe",
                "write file:///absolute/path or s3://bucket/prefix"
            ),
        )
    }

    /// `http://` to something else than this computer. The place is the endpoint.
    pub fn insecure_endpoint() -> Self {
        Self::usage(
            bilingual!(
                "adresse http:// refusée : la liaison ne serait pas protégée",
                "http:// address refused: the connection would not be protected"
            ),
            bilingual!(
                "utilisez https:// (http:// n'est admis que vers ce poste)",
                "use https:// (http:// is accepted towards this computer only)"
            ),
        )
    }

    /// The S3 endpoint is not an address, or holds a user name or password.
    pub fn endpoint_invalid() -> Self {
        Self::usage(
            bilingual!("adresse S3 non comprise", "S3 endpoint not understood"),
            bilingual!(
                "écrivez https://hote[:port], sans identifiant ni mot de passe",
                "write https://host[:port], without user name or password"
            ),
        )
    }

    /// `backup` with neither paths nor plans.
    pub fn nothing_to_back_up() -> Self {
        Self::usage(
            bilingual!("rien à sauvegarder n'est indiqué", "nothing to back up is given"),
            bilingual!(
                "donnez un dossier (scelle backup DOSSIER) ou un plan dans la configuration",
                "give a folder (scelle backup DIR) or a plan in the configuration"
            ),
        )
    }

    /// A command that shows or writes names was given no key.
    pub fn key_required() -> Self {
        Self::usage(
            bilingual!("cette commande a besoin d'une clé", "this command needs a key"),
            bilingual!(
                "ajoutez --kit FICHIER ou --phrase-file FICHIER",
                "add --kit FILE or --phrase-file FILE"
            ),
        )
    }

    /// Both `--kit` and `--phrase-file` where one is enough.
    pub fn two_keys() -> Self {
        Self::usage(
            bilingual!("deux clés sont indiquées", "two keys are given"),
            bilingual!(
                "gardez --kit ou --phrase-file, pas les deux",
                "keep --kit or --phrase-file, not both"
            ),
        )
    }

    /// The kit file does not exist.
    pub fn kit_missing() -> Self {
        Self::usage(
            bilingual!("le fichier du kit est introuvable", "the kit file does not exist"),
            bilingual!("vérifiez le chemin donné à --kit", "check the path given to --kit"),
        )
    }

    /// The file is not a kit at all.
    pub fn kit_unreadable() -> Self {
        Self::usage(
            bilingual!("ce fichier n'est pas un kit de récupération", "this file is not a recovery kit"),
            bilingual!(
                "donnez le fichier créé par « scelle kit new »",
                "give the file made by \"scelle kit new\""
            ),
        )
    }

    /// The phrase file does not exist or is empty.
    pub fn phrase_missing() -> Self {
        Self::usage(
            bilingual!(
                "le fichier de la phrase est introuvable ou vide",
                "the phrase file is missing or empty"
            ),
            bilingual!(
                "vérifiez le chemin donné à --phrase-file (« - » lit l'entrée standard)",
                "check the path given to --phrase-file (\"-\" reads standard input)"
            ),
        )
    }

    /// A question would have to be asked and nobody is there to answer.
    pub fn nobody_to_ask() -> Self {
        Self::usage(
            bilingual!(
                "une confirmation est nécessaire et il n'y a pas de terminal",
                "a confirmation is needed and there is no terminal"
            ),
            bilingual!("ajoutez --yes pour répondre oui", "add --yes to answer yes"),
        )
    }

    /// A secret would have to be typed and nobody is there to type it.
    pub fn nobody_to_type() -> Self {
        Self::usage(
            bilingual!(
                "une phrase est nécessaire et il n'y a pas de terminal",
                "a phrase is needed and there is no terminal"
            ),
            bilingual!(
                "ajoutez --phrase-file FICHIER (« - » lit l'entrée standard)",
                "add --phrase-file FILE (\"-\" reads standard input)"
            ),
        )
    }

    /// No snapshot of that number, date or device.
    pub fn snapshot_not_found() -> Self {
        Self::usage(
            bilingual!("cet instantané n'existe pas", "there is no such snapshot"),
            bilingual!("« scelle snapshots » donne la liste", "\"scelle snapshots\" lists them"),
        )
    }

    /// Several snapshots have the number asked for. The place names them.
    pub fn snapshot_ambiguous() -> Self {
        Self::usage(
            bilingual!("plusieurs instantanés portent ce numéro", "several snapshots have that number"),
            bilingual!("nommez-en un comme indiqué entre crochets", "name one of those in brackets"),
        )
    }

    /// "latest" or a date where several plans, sets of folders or computers have snapshots. The place names the newest of
    /// each.
    pub fn several_sets() -> Self {
        Self::usage(
            bilingual!(
                "plusieurs ensembles de dossiers ou postes ont des instantanés : aucun ne contient tout",
                "several sets of folders or computers have snapshots: none of them holds everything"
            ),
            bilingual!(
                "demandez-les par leur numéro, l'un après l'autre : les plus récents sont entre crochets",
                "ask for them by number, one after the other: the newest of each are in brackets"
            ),
        )
    }

    /// No bilan of that id.
    pub fn bilan_not_found() -> Self {
        Self::usage(
            bilingual!("ce bilan n'existe pas", "there is no such bilan"),
            bilingual!("« scelle bilan list » donne la liste", "\"scelle bilan list\" lists them"),
        )
    }

    /// Damage was found after the run that the bilan is about.
    pub fn loss_not_tried() -> Self {
        Self::usage(
            bilingual!(
                "des dommages ont été trouvés après ce bilan : la prochaine sauvegarde peut encore les réparer",
                "damage was found after this bilan: the next backup may still mend it"
            ),
            bilingual!(
                "lancez une sauvegarde, puis acceptez le bilan qu'elle laisse",
                "run a backup, then acknowledge the bilan that it leaves"
            ),
        )
    }

    /// The bilan warns of nothing that can be acknowledged.
    pub fn nothing_to_acknowledge() -> Self {
        Self::usage(
            bilingual!(
                "ce bilan n'avertit de rien qui puisse être accepté",
                "this bilan warns of nothing that can be acknowledged"
            ),
            bilingual!(
                "« scelle bilan list » donne la liste ; s'acceptent les pertes et les changements massifs de fichiers, et les dommages qu'aucune sauvegarde n'a pu réparer",
                "\"scelle bilan list\" lists them; losses and mass changes of files, and damage that no backup could mend, can be acknowledged"
            ),
        )
    }

    /// The bilan is another computer's, or not in the store yet.
    pub fn bilan_of_another() -> Self {
        Self::usage(
            bilingual!(
                "ce bilan n'est pas au journal de ce poste",
                "this bilan is not in the ledger of this computer"
            ),
            bilingual!(
                "acceptez-le depuis le poste qu'il concerne, une fois le stockage accessible",
                "acknowledge it on the computer it speaks of, once the store answers"
            ),
        )
    }

    /// The path asked for is not in the snapshot.
    pub fn path_not_in_snapshot() -> Self {
        Self::usage(
            bilingual!("l'instantané ne contient pas ce chemin", "the snapshot does not hold that path"),
            bilingual!("« scelle find » cherche un nom", "\"scelle find\" looks for a name"),
        )
    }

    /// The state folder lies on a network file system, where locks and fsync cannot be trusted.
    pub fn state_on_network() -> Self {
        Self::usage(
            bilingual!(
                "le dossier d'état est sur un disque réseau",
                "the state folder is on a network file system"
            ),
            bilingual!("donnez à SCELLE_HOME un dossier local", "set SCELLE_HOME to a local folder"),
        )
    }

    /// No home folder, no variable: no place for state or configuration.
    pub fn no_state_folder() -> Self {
        Self::usage(
            bilingual!("aucun dossier d'état n'est défini", "no state folder is defined"),
            bilingual!("définissez SCELLE_HOME", "set SCELLE_HOME"),
        )
    }

    /// The configuration given by name does not exist or cannot be read.
    pub fn config_unreadable() -> Self {
        Self::usage(
            bilingual!(
                "le fichier de configuration ne peut pas être lu",
                "the configuration file cannot be read"
            ),
            bilingual!("vérifiez --config ou SCELLE_CONFIG", "check --config or SCELLE_CONFIG"),
        )
    }

    /// The configuration is wrong at one line; `problem` names the key. The place is `file:line`.
    pub fn config_invalid(problem: Message) -> Self {
        Self::usage(
            Message::by(|lang| {
                format!(
                    "{} {}",
                    lang.pick("configuration incorrecte :", "wrong configuration:"),
                    problem.text(lang)
                )
            }),
            bilingual!("corrigez cette ligne", "correct that line"),
        )
    }
}
