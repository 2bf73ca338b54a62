//! Where a known repository is, and what this computer still knows of it. Never: a path of a source.

use crate::error::{AgentError, ExitCode};
use scelle_view::bilingual;
use scelle_view::words::Message;

/// Whereabouts: exits 1, 14.
impl AgentError {
    /// A repository this computer knows is not at its address. What to do depends on the kind of store. The place is
    /// the address that was tried, and with [`Self::last_seen_at`] the one where it was found last.
    pub fn known_repository_gone(is_folder: bool) -> Self {
        if !is_folder {
            return Self::known_repository_hidden();
        }
        let todo = bilingual!(
            "branchez le disque ou le partage ; s'il est ailleurs aujourd'hui, ajoutez --repo file:///NOUVEAU/CHEMIN ou corrigez « url » dans la configuration",
            "connect the disk or share; if it is elsewhere today, add --repo file:///NEW/PATH or correct \"url\" in the configuration"
        );
        let what = bilingual!(
            "le dépôt connu de ce poste n'est plus là",
            "the repository this computer knows is gone"
        );
        Self::new(ExitCode::Unreachable, what, todo)
    }

    /// A repository this computer knows shows nothing in a bucket that answers.
    pub fn known_repository_hidden() -> Self {
        Self::new(
            ExitCode::Unreachable,
            bilingual!(
                "le dépôt connu de ce poste ne se voit plus dans le compartiment : ses objets ont été masqués par des \
                 marqueurs de suppression, effacés ou déplacés",
                "the repository this computer knows no longer shows in its bucket: its objects were hidden by delete \
                 markers, deleted or moved"
            ),
            bilingual!(
                "n'en créez pas un autre ; prévenez l'hébergeur : qui a l'identifiant du propriétaire ou de restauration \
                 peut lire les versions antérieures et retirer les marqueurs ; si l'adresse a changé, ajoutez --repo \
                 s3://COMPARTIMENT/PREFIXE ou corrigez la configuration",
                "do not create another; tell the host: whoever holds the owner's or the restorer's credential can read \
                 the older versions and remove the markers; if the address has changed, add --repo s3://BUCKET/PREFIX or \
                 correct the configuration"
            ),
        )
    }

    /// Adds to a repository that is gone the address where this computer found it last.
    pub fn last_seen_at(mut self, address: &str) -> Self {
        let what = self.what.clone();
        let seen = bilingual!(
            "n'est pas à l'adresse configurée ; vu en dernier à {address}",
            "is not at the configured address; last seen at {address}"
        );
        self.what = Message::by(|lang| {
            let head = lang.pick("le dépôt connu de ce poste", "the repository this computer knows");
            format!("{head} {}", seen.text(lang))
        });
        self.because(what.text(scelle_view::words::Lang::En))
    }

    /// Another repository lies at the address of the one this computer knows.
    pub fn another_repository() -> Self {
        Self::new(
            ExitCode::Unreachable,
            bilingual!(
                "le dépôt connu de ce poste n'est plus là : à sa place il y a un autre dépôt",
                "the repository this computer knows is gone: another repository is in its place"
            ),
            bilingual!(
                "branchez le bon disque ou indiquez --repo ADRESSE ; si ce nouveau dépôt est voulu, « scelle init --join » avec son kit",
                "connect the right disk or give --repo ADDRESS; if that new repository is wanted, \"scelle init --join\" with its kit"
            ),
        )
    }

    /// The repository there bears the right name, and does not know this computer or its keys: made anew with the same
    /// kit, or its descriptors were removed. Nothing is sealed to keys that nobody holds.
    pub fn not_this_device() -> Self {
        Self::new(
            ExitCode::Damaged,
            bilingual!(
                "ce dépôt ne connaît plus ce poste ni ses clés (dépôt refait, ou descripteur retiré) : rien n'y est écrit",
                "this repository no longer knows this computer or its keys (made anew, or a descriptor was removed): nothing is written to it"
            ),
            bilingual!(
                "lancez « scelle check » ; si le dépôt a été refait, « scelle init --join --kit FICHIER » ; sinon prévenez l'hébergeur",
                "run \"scelle check\"; if the repository was made anew, \"scelle init --join --kit FILE\"; else tell the host"
            ),
        )
    }

    /// The state folder of a repository cannot be read. The place is the repository's id; `address` is given where it
    /// is known.
    pub fn state_damaged(address: Option<&str>) -> Self {
        let repo = |unknown: &str| address.map_or_else(|| unknown.to_owned(), str::to_owned);
        let (adresse, address) = (repo("ADRESSE"), repo("ADDRESS"));
        Self::new(
            ExitCode::Failed,
            bilingual!(
                "l'état de ce poste pour ce dépôt est endommagé ou incomplet",
                "this computer's state for this repository is damaged or incomplete"
            ),
            Message::new(
                format!(
                    "« scelle init --join --repo {adresse} --kit FICHIER » rend sa place au poste (l'ancien état est gardé à côté) ; lire et restaurer marchent sans, avec --repo {adresse} et le kit"
                ),
                format!(
                    "\"scelle init --join --repo {address} --kit FILE\" gives this computer its place back (the old state is kept aside); reading and restoring work without, with --repo {address} and the kit"
                ),
            ),
        )
    }

    /// The disk of the state folder is full.
    pub fn state_full() -> Self {
        Self::new(
            ExitCode::Failed,
            bilingual!(
                "le disque du dossier d'état de Scellé est plein",
                "the disk of Scellé's state folder is full"
            ),
            bilingual!(
                "libérez de la place sur ce disque (ou changez SCELLE_HOME), puis recommencez : le travail reprendra",
                "free space on that disk (or change SCELLE_HOME), then try again: work resumes"
            ),
        )
    }

    /// `init` with a kit whose repository this computer knows. The place is that repository's address.
    pub fn kit_has_a_repository() -> Self {
        Self::new(
            ExitCode::Failed,
            bilingual!(
                "ce kit a déjà son dépôt sur ce poste : un deuxième l'abîmerait",
                "this kit already has its repository on this computer: a second one would ruin it"
            ),
            bilingual!(
                "une deuxième copie se fera par « scelle destination add » (version à venir) ; pour un dépôt indépendant, faites un autre kit avec « scelle kit new »",
                "a second copy will be made by \"scelle destination add\" (a later version); for an independent repository make another kit with \"scelle kit new\""
            ),
        )
    }

    /// `init --join` where this computer is a device already. The place is the address it was given.
    pub fn already_joined() -> Self {
        Self::new(
            ExitCode::Failed,
            bilingual!(
                "ce poste fait déjà partie de ce dépôt, rien à faire",
                "this computer is already part of this repository, nothing to do"
            ),
            bilingual!(
                "« scelle backup --repo » avec cette adresse sauvegarde ; l'adresse est alors retenue",
                "\"scelle backup --repo\" with this address backs up; the address is then remembered"
            ),
        )
    }

    /// A repository whose making was not finished, begun by this computer. The place is its address.
    pub fn init_unfinished_here() -> Self {
        Self::new(
            ExitCode::Failed,
            bilingual!(
                "la création de ce dépôt a été commencée par ce poste et pas terminée",
                "this computer began to make this repository and did not finish"
            ),
            bilingual!(
                "relancez « scelle init » avec ce kit et cette adresse : la création reprend",
                "run \"scelle init\" again with this kit and this address: it goes on"
            ),
        )
    }

    /// A repository whose making was begun elsewhere, or at the same time, and not finished. The place is its address.
    pub fn init_unfinished_elsewhere() -> Self {
        Self::new(
            ExitCode::Failed,
            bilingual!(
                "la création d'un dépôt a été commencée ici par un autre poste et pas terminée",
                "another computer began to make a repository here and did not finish"
            ),
            bilingual!(
                "terminez-la sur ce poste-là avec « scelle init », ou choisissez un autre dossier, préfixe ou compartiment",
                "finish it on that computer with \"scelle init\", or choose another folder, prefix or bucket"
            ),
        )
    }

    /// `init` goes on with what was begun, and other escrows are asked for now.
    pub fn init_begun_otherwise() -> Self {
        Self::usage(
            bilingual!(
                "la création de ce dépôt a été commencée avec d'autres destinataires (--recipient)",
                "the making of this repository was begun with other recipients (--recipient)"
            ),
            bilingual!(
                "redonnez les mêmes, ou recommencez avec un autre kit et un autre dossier",
                "give the same ones, or begin with another kit and another folder"
            ),
        )
    }
}
