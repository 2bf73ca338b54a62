//! The store. Never: a credential.

use crate::error::{AgentError, ExitCode};
use scelle_view::bilingual;

/// The store: exits 1, 2, 14.
impl AgentError {
    /// No answer after every attempt.
    pub fn store_unreachable() -> Self {
        Self::new(
            ExitCode::Unreachable,
            bilingual!("le stockage ne répond pas", "the store does not answer"),
            bilingual!(
                "vérifiez la liaison et l'adresse, puis recommencez : le travail reprendra où il s'est arrêté",
                "check the connection and the address, then try again: work resumes where it stopped"
            ),
        )
    }

    /// The store answers and refuses the credential.
    pub fn store_denied() -> Self {
        Self::new(
            ExitCode::Unreachable,
            bilingual!(
                "le stockage refuse l'identifiant de ce poste",
                "the store refuses this computer's credential"
            ),
            bilingual!(
                "vérifiez la clé d'accès S3 et ses droits chez l'hébergeur",
                "check the S3 access key and its rights with the host"
            ),
        )
    }

    /// A folder store: the system does not let this program read or write there.
    pub fn folder_denied() -> Self {
        Self::new(
            ExitCode::Unreachable,
            bilingual!(
                "le système n'autorise pas l'accès à un fichier ou à un dossier de la destination",
                "the system does not permit access to a file or folder of the destination"
            ),
            bilingual!(
                "vérifiez les autorisations de la destination pour le compte qui lance Scellé, et qu'elle n'est pas en lecture seule",
                "check the permissions of the destination for the account that runs Scellé, and that it is not read-only"
            ),
        )
    }

    /// What was sent arrived as something else, at every attempt.
    pub fn sent_altered() -> Self {
        Self::new(
            ExitCode::Unreachable,
            bilingual!(
                "ce que ce poste envoie arrive altéré au stockage, à chaque essai",
                "what this computer sends arrives altered at the store, at every attempt"
            ),
            bilingual!(
                "faites vérifier la liaison, le proxy et le stockage (disque, NAS, hébergeur) ; rien d'altéré ne compte \
                 comme sauvegardé",
                "have the connection, the proxy and the store (disk, NAS, host) checked; nothing altered counts as backed up"
            ),
        )
    }

    /// No credential for S3 anywhere.
    pub fn no_credential() -> Self {
        Self::new(
            ExitCode::Unreachable,
            bilingual!("aucun identifiant S3 n'est défini", "no S3 credential is defined"),
            bilingual!(
                "définissez AWS_ACCESS_KEY_ID et AWS_SECRET_ACCESS_KEY, ou s3.secret_key_file",
                "set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or s3.secret_key_file"
            ),
        )
    }

    /// No room left.
    pub fn destination_full() -> Self {
        Self::new(
            ExitCode::Failed,
            bilingual!("la destination est pleine", "the destination is full"),
            bilingual!(
                "libérez ou agrandissez l'espace, puis recommencez : le travail reprendra",
                "free or add space, then try again: work resumes"
            ),
        )
    }

    /// The object is under retention.
    pub fn object_locked() -> Self {
        Self::new(
            ExitCode::Failed,
            bilingual!("le stockage protège encore cet objet", "the store still protects that object"),
            bilingual!("attendez la fin du verrou", "wait for the lock to end"),
        )
    }

    /// The store cannot do what was asked.
    pub fn store_unsupported() -> Self {
        Self::new(
            ExitCode::Failed,
            bilingual!(
                "ce stockage ne sait pas faire ce qui est demandé",
                "this store cannot do what was asked"
            ),
            bilingual!(
                "choisissez un compartiment avec versions et verrou",
                "choose a bucket with versioning and lock"
            ),
        )
    }

    /// Settings of the store that can never work.
    pub fn store_settings_invalid() -> Self {
        Self::usage(
            bilingual!("les réglages du stockage sont incorrects", "the settings of the store are wrong"),
            bilingual!(
                "vérifiez --repo, --s3-endpoint et --s3-region",
                "check --repo, --s3-endpoint and --s3-region"
            ),
        )
    }

    /// A combination the probe found unsafe and that is not accepted.
    pub fn store_unsafe() -> Self {
        Self::new(
            ExitCode::Failed,
            bilingual!(
                "ce stockage ne protège pas assez les sauvegardes",
                "this store does not protect backups enough"
            ),
            bilingual!("voyez les points signalés ci-dessus", "see the points reported above"),
        )
    }

    /// The store failed in some other way.
    pub fn store_failed() -> Self {
        Self::new(
            ExitCode::Failed,
            bilingual!("le stockage a échoué", "the store failed"),
            bilingual!("recommencez ; -v montre la cause", "try again; -v shows the cause"),
        )
    }
}
