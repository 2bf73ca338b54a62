//! The store. Never: a credential.

use super::said::Said;
use crate::bilingual;

/// The store.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StoreFailure {
    /// No answer after every attempt.
    StoreUnreachable,
    /// The store answers and refuses the credential.
    StoreDenied,
    /// A folder store: the system does not let this program read or write there.
    FolderDenied,
    /// What was sent arrived as something else, at every attempt.
    SentAltered,
    /// No credential for S3 anywhere.
    NoCredential,
    /// No room left.
    DestinationFull,
    /// The object is under retention.
    ObjectLocked,
    /// The store cannot do what was asked.
    StoreUnsupported,
    /// Settings of the store that can never work.
    StoreSettingsInvalid,
    /// A combination the probe found unsafe and that is not accepted.
    StoreUnsafe,
    /// The store failed in some other way.
    StoreFailed,
}

impl StoreFailure {
    /// What happened, and what the person can do about it.
    pub(super) fn said(&self) -> Said {
        match self {
            Self::StoreUnreachable => Said {
                what: bilingual!("le stockage ne répond pas", "the store does not answer"),
                todo: bilingual!(
                    "vérifiez la liaison et l'adresse, puis recommencez : le travail reprendra où il s'est arrêté",
                    "check the connection and the address, then try again: work resumes where it stopped"
                ),
            },
            Self::StoreDenied => Said {
                what: bilingual!(
                    "le stockage refuse l'identifiant de ce poste",
                    "the store refuses this computer's credential"
                ),
                todo: bilingual!(
                    "vérifiez la clé d'accès S3 et ses droits chez l'hébergeur",
                    "check the S3 access key and its rights with the host"
                ),
            },
            Self::FolderDenied => Said {
                what: bilingual!(
                    "le système n'autorise pas l'accès à un fichier ou à un dossier de la destination",
                    "the system does not permit access to a file or folder of the destination"
                ),
                todo: bilingual!(
                    "vérifiez les autorisations de la destination pour le compte qui lance Scellé, et qu'elle n'est pas en lecture seule",
                    "check the permissions of the destination for the account that runs Scellé, and that it is not read-only"
                ),
            },
            Self::SentAltered => Said {
                what: bilingual!(
                    "ce que ce poste envoie arrive altéré au stockage, à chaque essai",
                    "what this computer sends arrives altered at the store, at every attempt"
                ),
                todo: bilingual!(
                    "faites vérifier la liaison, le proxy et le stockage (disque, NAS, hébergeur) ; rien d'altéré ne compte \
                 comme sauvegardé",
                    "have the connection, the proxy and the store (disk, NAS, host) checked; nothing altered counts as backed up"
                ),
            },
            Self::NoCredential => Said {
                what: bilingual!("aucun identifiant S3 n'est défini", "no S3 credential is defined"),
                todo: bilingual!(
                    "définissez AWS_ACCESS_KEY_ID et AWS_SECRET_ACCESS_KEY, ou s3.secret_key_file",
                    "set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or s3.secret_key_file"
                ),
            },
            Self::DestinationFull => Said {
                what: bilingual!("la destination est pleine", "the destination is full"),
                todo: bilingual!(
                    "libérez ou agrandissez l'espace, puis recommencez : le travail reprendra",
                    "free or add space, then try again: work resumes"
                ),
            },
            Self::ObjectLocked => Said {
                what: bilingual!(
                    "le stockage protège encore cet objet",
                    "the store still protects that object"
                ),
                todo: bilingual!("attendez la fin du verrou", "wait for the lock to end"),
            },
            Self::StoreUnsupported => Said {
                what: bilingual!(
                    "ce stockage ne sait pas faire ce qui est demandé",
                    "this store cannot do what was asked"
                ),
                todo: bilingual!(
                    "choisissez un compartiment avec versions et verrou",
                    "choose a bucket with versioning and lock"
                ),
            },
            Self::StoreSettingsInvalid => Said {
                what: bilingual!(
                    "les réglages du stockage sont incorrects",
                    "the settings of the store are wrong"
                ),
                todo: bilingual!(
                    "vérifiez --repo, --s3-endpoint et --s3-region",
                    "check --repo, --s3-endpoint and --s3-region"
                ),
            },
            Self::StoreUnsafe => Said {
                what: bilingual!(
                    "ce stockage ne protège pas assez les sauvegardes",
                    "this store does not protect backups enough"
                ),
                todo: bilingual!("voyez les points signalés ci-dessus", "see the points reported above"),
            },
            Self::StoreFailed => Said {
                what: bilingual!("le stockage a échoué", "the store failed"),
                todo: bilingual!("recommencez ; -v montre la cause", "try again; -v shows the cause"),
            },
        }
    }
}
