//! Keys and the repository. Never: a part of a key.

use crate::error::{AgentError, ExitCode};
use scelle_view::bilingual;
use scelle_view::words::Message;

/// Keys: exit 12.
impl AgentError {
    /// The kit or phrase opens nothing here.
    pub fn wrong_key() -> Self {
        Self::new(
            ExitCode::WrongKey,
            bilingual!("cette clé n'ouvre pas ce dépôt", "this key does not open this repository"),
            bilingual!(
                "prenez le kit ou la phrase de ce dépôt",
                "take the kit or the phrase of this repository"
            ),
        )
    }

    /// The kit names another repository. The place is the id the kit names.
    pub fn kit_of_another_repository() -> Self {
        Self::new(
            ExitCode::WrongKey,
            bilingual!("ce kit est celui d'un autre dépôt", "this kit belongs to another repository"),
            bilingual!("prenez le kit de ce dépôt", "take the kit of this repository"),
        )
    }

    /// One group of characters of the kit does not match its check; groups count from 1.
    pub fn kit_mistyped(group: usize) -> Self {
        Self::new(
            ExitCode::WrongKey,
            bilingual!("le groupe {group} du kit est mal recopié", "group {group} of the kit is mistyped"),
            bilingual!("relisez ce groupe sur le kit imprimé", "read that group again on the printed kit"),
        )
    }

    /// The phrase is not made of words of the list, or does not open.
    pub fn wrong_phrase() -> Self {
        Self::new(
            ExitCode::WrongKey,
            bilingual!("cette phrase n'ouvre pas ce dépôt", "this phrase does not open this repository"),
            bilingual!("vérifiez chaque mot, ou prenez le kit", "check every word, or take the kit"),
        )
    }
}

/// The repository: exits 1, 10, 11, 13.
impl AgentError {
    /// Nothing there. The place is the address.
    pub fn no_repository() -> Self {
        Self::new(
            ExitCode::NoRepository,
            bilingual!("aucun dépôt à cet endroit", "no repository at that place"),
            bilingual!(
                "vérifiez l'adresse, ou créez-le avec « scelle init »",
                "check the address, or create it with \"scelle init\""
            ),
        )
    }

    /// The bucket or root folder is not there.
    pub fn no_bucket() -> Self {
        Self::new(
            ExitCode::NoRepository,
            bilingual!(
                "le compartiment ou le dossier du dépôt n'existe pas",
                "the bucket or folder does not exist"
            ),
            bilingual!(
                "vérifiez l'adresse ; « scelle init --create-bucket » crée un compartiment",
                "check the address; \"scelle init --create-bucket\" creates a bucket"
            ),
        )
    }

    /// The folder of a repository is not there. The place is its address.
    pub fn no_folder() -> Self {
        Self::new(
            ExitCode::NoRepository,
            bilingual!("ce dossier n'existe pas", "that folder does not exist"),
            bilingual!(
                "vérifiez l'adresse, et que le disque ou le partage est branché ; « scelle init » crée le dossier",
                "check the address, and that the disk or share is connected; \"scelle init\" creates the folder"
            ),
        )
    }

    /// [`Self::no_repository`] in a bucket whose versions this credential may not see.
    pub fn no_repository_to_be_seen() -> Self {
        Self::new(
            ExitCode::NoRepository,
            bilingual!(
                "aucun dépôt visible à cet endroit, et cet identifiant n'a pas le droit d'y voir les versions antérieures",
                "no repository to be seen at that place, and this credential may not see older versions there"
            ),
            bilingual!(
                "vérifiez l'adresse ; s'il y en avait un, il est peut-être masqué : demandez à l'hébergeur, ou prenez \
                 l'identifiant du propriétaire ou de restauration ; sinon créez-le avec « scelle init »",
                "check the address; if there was one it may be hidden: ask the host, or take the owner's or the restorer's \
                 credential; else create it with \"scelle init\""
            ),
        )
    }

    /// Says that an older version, which this credential may not see, may still hold the object.
    pub fn older_version_may_exist(mut self) -> Self {
        self.todo = bilingual!(
            "une version antérieure existe peut-être, que cet identifiant n'a pas le droit de lire : recommencez avec \
             l'identifiant du propriétaire ou de restauration, ou prévenez l'hébergeur",
            "an older version may exist that this credential may not read: try again with the owner's or the restorer's \
             credential, or tell the host"
        );
        self
    }

    /// `init` where a repository already lives.
    pub fn repository_exists() -> Self {
        Self::new(
            ExitCode::Failed,
            bilingual!("un dépôt existe déjà à cet endroit", "a repository already exists there"),
            bilingual!(
                "pour y joindre ce poste : « scelle init --join » avec le kit ou la phrase",
                "to join this computer to it: \"scelle init --join\" with the kit or the phrase"
            ),
        )
    }

    /// Another run holds the lock.
    pub fn busy() -> Self {
        Self::new(
            ExitCode::Busy,
            bilingual!(
                "un autre travail est en cours sur ce dépôt",
                "another run is working on this repository"
            ),
            bilingual!("attendez sa fin puis recommencez", "wait for it to end, then try again"),
        )
    }

    /// The repository asks for something this version does not know. The place lists the bits.
    pub fn unknown_feature() -> Self {
        Self::new(
            ExitCode::Failed,
            bilingual!(
                "ce dépôt demande une version plus récente de Scellé",
                "this repository needs a newer Scellé"
            ),
            bilingual!("mettez le programme à jour", "update the program"),
        )
    }

    /// Something is wrong with what is stored. The place is the object's key, `what` names the damage.
    pub fn damaged(what: Message) -> Self {
        Self::new(
            ExitCode::Damaged,
            what,
            bilingual!(
                "lancez « scelle check --read-data all » et prévenez l'hébergeur",
                "run \"scelle check --read-data all\" and tell the host"
            ),
        )
    }

    /// An object that should be there is not.
    pub fn object_missing() -> Self {
        Self::damaged(bilingual!("un objet manque dans le dépôt", "an object is missing from the repository"))
    }

    /// An object's bytes are not what its name or signature says.
    pub fn object_corrupt() -> Self {
        Self::damaged(bilingual!("un objet du dépôt est endommagé", "an object of the repository is damaged"))
    }

    /// What is asked for automatically ("latest", a date) would be older than a snapshot that is known, or may be there,
    /// and cannot be read. `known` names it, `readable` those that can be asked for by number. The place is its note's.
    pub fn newer_unreadable(known: Option<&str>, readable: &str) -> Self {
        let (aucun, none) = if readable.is_empty() { ("aucun", "none") } else { (readable, readable) };
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
        Self::new(
            ExitCode::Damaged,
            what,
            bilingual!(
                "demandez un instantané lisible par son numéro si un plus ancien suffit ; lancez « scelle check » et prévenez l'hébergeur, qui peut en avoir une version plus ancienne",
                "ask for a readable snapshot by its number if an older one will do; run \"scelle check\" and tell the host, who may have an older version of the object"
            ),
        )
    }

    /// A signature does not verify or comes from an unknown key.
    pub fn signature_invalid() -> Self {
        Self::damaged(bilingual!(
            "une signature du dépôt est fausse",
            "a signature of the repository is wrong"
        ))
    }

    /// `found` problems were counted and the operation went on to its end.
    pub fn damage_found(found: u64) -> Self {
        Self::damaged(bilingual!(
            "{found} objets manquants ou endommagés",
            "{found} objects missing or damaged"
        ))
    }
}
