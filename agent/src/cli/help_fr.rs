//! The French help of every command and option.
//!
//! Goes to [`super::usage::build`]; the English help is the doc comments of [`super::args`]. A test holds the
//! two complete: a command or option without French text, or a text of nothing, fails. Never: a text of its
//! own meaning, each says what the English one says.

/// Commands by their words; the empty one is the program.
const COMMANDS: &[(&str, &str)] = &[
    ("", "Sauvegarde chiffrée que ce poste peut écrire et ne peut pas relire"),
    ("demo", "Découvrir une sauvegarde complète en une commande, sur des données inventées, sans réglage"),
    ("kit", "Kit de secours"),
    ("kit new", "Créer un kit de secours, sur n'importe quel poste sain"),
    ("init", "Créer un dépôt, ou en rejoindre un avec --join"),
    ("backup", "Sauvegarder maintenant"),
    ("snapshots", "Lister les instantanés"),
    ("ls", "Lister un dossier d'un instantané"),
    ("find", "Chercher un nom dans les instantanés"),
    ("versions", "Lister toutes les versions d'un fichier, sur tous les instantanés"),
    ("diff", "Comparer deux instantanés"),
    ("restore", "Restaurer un instantané ou une partie"),
    ("check", "Vérifier le dépôt"),
    ("bilan", "Bilans des travaux"),
    ("bilan list", "Lister les bilans"),
    ("bilan show", "Montrer un bilan"),
    ("bilan verify", "Vérifier un bilan exporté, sans réseau"),
    ("bilan export", "Exporter un bilan"),
    ("bilan whois", "Dire quel fichier se cache derrière un jeton d'un bilan"),
    (
        "bilan acknowledge",
        "Accepter ce dont un bilan avertit : pertes dans les dossiers, ou perte irréparable dans le stockage",
    ),
    ("keys", "Clés et appareils"),
    ("keys check-kit", "Prouver que le kit ou la phrase ouvre le dépôt"),
    ("keys list", "Lister destinataires, appareils et époques"),
    ("keys add", "Ajouter un destinataire (version ultérieure)"),
    ("keys remove", "Retirer un destinataire (version ultérieure)"),
    ("keys new-epoch", "Commencer une nouvelle époque (version ultérieure)"),
    ("keys enrol", "Inscrire un poste (version ultérieure)"),
    ("keys revoke", "Révoquer un poste (version ultérieure)"),
    ("store", "Le stockage qui garde les sauvegardes"),
    (
        "store policy",
        "Écrire ce qu'une clé d'accès peut faire dans le compartiment, pour le moteur qui le garde",
    ),
    (
        "completions",
        "Écrire ce qu'il faut à un interpréteur de commandes pour compléter commandes et options",
    ),
    ("prune", "Appliquer les règles de conservation (version ultérieure)"),
    ("forget", "Oublier un instantané (version ultérieure)"),
    ("config", "Vérifier ou montrer la configuration"),
    ("config check", "Nommer tout ce qui ne va pas dans la configuration, en une fois"),
    ("config show", "Montrer ce qui vaut, et d'où vient chaque valeur"),
    ("agent", "Travailler tout seul"),
    ("agent run", "Sauvegarder chaque plan à ses heures, jusqu'à l'arrêt"),
    ("service", "Faire lancer l'agent par le système, ou le piloter"),
    ("service install", "Faire lancer l'agent au démarrage de ce poste, et le lancer maintenant"),
    ("service uninstall", "Arrêter l'agent et le retirer de ce que le système lance"),
    ("service start", "Lancer l'agent"),
    ("service stop", "Arrêter l'agent, jusqu'à ce qu'on le lance ou que ce poste démarre"),
    ("service status", "Dire si l'agent tourne : code 0 oui, 1 non"),
    ("status", "Dire si le cabinet est protégé : code 0 oui, 1 à surveiller, 2 non, 3 inconnu"),
    ("pause", "Suspendre les sauvegardes (version ultérieure)"),
];

/// Options and arguments by the words of their command (`*` is any command) and their identifier.
const ARGUMENTS: &[(&str, &str, &str)] = &[
    ("*", "config", "Fichier de configuration"),
    ("*", "repo", "Dépôt : file:///chemin ou s3://compartiment/prefixe"),
    ("*", "s3_endpoint", "Adresse du service S3, https://hote[:port]"),
    ("*", "s3_region", "Région du service S3"),
    ("*", "json", "Écrire exactement un document JSON sur la sortie standard"),
    (
        "*",
        "log_level",
        "Journal : off (aucun), error, warn, info, debug ou trace ; sur la sortie d'erreur sans fichier donné",
    ),
    ("*", "log_format", "Lignes du journal : text ou json"),
    ("*", "log_file", "Tenir le journal dans ce fichier, un par jour (le jour s'ajoute au nom)"),
    ("*", "progress", "Avancement sur la sortie d'erreur : json (un objet par ligne) ou none"),
    ("*", "quiet", "N'écrire que les résultats"),
    ("*", "verbose", "Montrer les causes (-v) et les étapes (-vv)"),
    ("*", "lang", "Langue : fr ou en"),
    ("*", "yes", "Répondre oui à toutes les questions"),
    ("*", "exclude", "Laisser de côté ce qui correspond (répétable)"),
    (
        "*",
        "snapshot",
        "Instantané : numéro, POSTE/7, latest (le dernier) ou une date (le plus récent à la fin de ce jour, ou de cette minute : « 02/12/2026 12:30 »)",
    ),
    ("*", "phrase_file", "Phrase du quotidien, dans un fichier (- lit l'entrée standard)"),
    ("*", "kit", "Kit de secours"),
    ("demo", "keep", "Tout laisser dans ce nouveau dossier, pour regarder"),
    ("kit new", "out", "Fichier du kit ; la page à imprimer et la moitié publique vont à côté"),
    ("init", "kit", "Kit de secours ; créé là si le fichier n'existe pas"),
    ("init", "kit_public", "Moitié publique d'un kit créé ailleurs"),
    ("init", "phrase_file", "Créer aussi la phrase du quotidien et l'écrire là (avec --join : la lire)"),
    ("init", "recipient", "Autre destinataire qui pourra ouvrir les sauvegardes (répétable)"),
    ("init", "join", "Joindre ce poste à un dépôt existant"),
    (
        "init",
        "disown",
        "Avec --join : les notes de ce poste ne sont pas à nous, elles n'empêchent rien (répétable)",
    ),
    ("init", "create_bucket", "Créer le compartiment S3, avec versions, verrou et conservation par défaut"),
    ("init", "drill_days", "Jours dont ce poste peut tester la restauration (0 : aucun)"),
    ("init", "label", "Nom de ce poste dans les bilans"),
    ("backup", "paths", "Fichiers et dossiers ; sans aucun, les plans de la configuration"),
    (
        "backup",
        "scheduled",
        "Lancée par le planificateur du système (cron, systemd, Planificateur de tâches) : le bilan le dit",
    ),
    (
        "backup",
        "exclude_file",
        "Laisser de côté ce qui correspond à une ligne de ce fichier (répétable) ; # commence un commentaire",
    ),
    ("backup", "dry_run", "Compter ce qui serait parcouru, ne rien sauvegarder"),
    ("backup", "limit_upload", "Envoyer au plus tant d'octets par seconde (500K, 2M)"),
    ("ls", "path", "Dossier dans l'instantané"),
    ("find", "pattern", "Partie d'un nom, ou motif avec * et ?"),
    ("versions", "path", "Fichier, par son chemin entier"),
    ("diff", "a", "Instantané le plus ancien"),
    ("diff", "b", "Instantané le plus récent"),
    (
        "restore",
        "snapshot",
        "Instantané : numéro, POSTE/7, latest (le dernier) ou une date (le plus récent à la fin de ce jour, ou de cette minute : « 02/12/2026 12:30 ») ; ou CHEMIN@7, un fichier tel qu'il y est",
    ),
    ("restore", "paths", "Chemins dans l'instantané ; sans aucun, tout"),
    ("restore", "to", "Restaurer sous ce dossier"),
    (
        "restore",
        "in_place",
        "Restaurer à leur place ; si un fichier est gardé, la version restaurée est placée à côté",
    ),
    ("restore", "include", "Seulement ce qui correspond (répétable)"),
    ("restore", "dry_run", "Montrer ce qui serait écrit, ne rien écrire"),
    (
        "restore",
        "overwrite",
        "Remplacer les fichiers déjà là : never (jamais, par défaut : un autre contenu est signalé, code 3 ; en place il reste et le nôtre va à côté), changed (si différents) ou always (toujours)",
    ),
    ("check", "read_data", "Relire cette part des données : un pourcentage, ou all"),
    ("bilan show", "id", "Bilan, ou latest"),
    ("bilan verify", "file", "Bilan exporté"),
    ("bilan verify", "owner", "Empreinte du responsable, imprimée sur le kit"),
    ("bilan export", "id", "Bilan, ou latest"),
    ("bilan export", "format", "Format : json (html, pdf et csv viendront)"),
    ("bilan export", "out", "Fichier à écrire"),
    ("bilan whois", "token", "Jeton montré par un bilan ou une erreur"),
    ("bilan acknowledge", "id", "Bilan, ou latest"),
    (
        "bilan acknowledge",
        "author",
        "Qui : secretary (secrétaire), practitioner (praticien), responsible (responsable) ou provider (prestataire)",
    ),
    (
        "bilan acknowledge",
        "reason",
        "Pourquoi : moved (déplacé), deleted-on-purpose (effacé exprès), archived (archivé), replaced (remplacé) ou \
         other (autre)",
    ),
    (
        "store policy",
        "roles",
        "Qui : agent (un poste sauvegardé), restorer (qui restaure) ou owner (responsable) ; plusieurs si le moteur les prend ensemble",
    ),
    (
        "store policy",
        "engine",
        "Moteur : aws (et ceux qui ont ses politiques IAM), ceph, seaweedfs ou vault (coffre Scellé)",
    ),
    ("service install", "dry_run", "Montrer le fichier qui serait écrit, ne rien écrire"),
    ("completions", "shell", "Interpréteur : bash, zsh, fish ou powershell"),
    ("keys check-kit", "confirm", "Confirmer aussi les époques que cette clé ouvre"),
    (
        "keys check-kit",
        "disown",
        "Les notes de ce poste ne sont pas à nous, elles n'empêchent rien (répétable)",
    ),
];

/// The French help of a command.
pub fn command(path: &str) -> Option<&'static str> {
    COMMANDS.iter().find(|(words, _)| *words == path).map(|(_, text)| *text)
}

/// The French help of an option or argument: its command's own text first, then the common one.
pub fn argument(path: &str, id: &str) -> Option<&'static str> {
    let of =
        |words: &str| ARGUMENTS.iter().find(|(w, i, _)| *w == words && *i == id).map(|(_, _, text)| *text);
    of(path).or_else(|| of("*"))
}

/// The French word for the placeholder of a value.
pub fn value_name(name: &str) -> &str {
    match name {
        "FILE" => "FICHIER",
        "DIR" => "DOSSIER",
        "REGION" => "RÉGION",
        "LANG" => "LANGUE",
        "LEVEL" => "NIVEAU",
        "DAYS" => "JOURS",
        "NAME" => "NOM",
        "SNAP" => "INSTANTANÉ",
        "PATH" => "CHEMIN",
        "GLOB" | "PATTERN" => "MOTIF",
        "BYTES" => "OCTETS",
        "PERCENT" => "POURCENT",
        "WHEN" => "QUAND",
        "ROLE" => "RÔLE",
        "WORD" => "MOT",
        "ENGINE" => "MOTEUR",
        "SHELL" => "INTERPRÉTEUR",
        "FINGERPRINT" => "EMPREINTE",
        "TOKEN" => "JETON",
        other => other,
    }
}

/// Every text's key, for the test of completeness: `words`, or `words .identifier`.
#[cfg(test)]
pub fn keys() -> Vec<String> {
    let commands = COMMANDS.iter().map(|(words, _)| (*words).to_owned());
    commands.chain(ARGUMENTS.iter().map(|(words, id, _)| format!("{words} .{id}"))).collect()
}

/// Whether the text `key` serves what is `used` on the command line.
#[cfg(test)]
pub fn covers(key: &str, used: &str) -> bool {
    match key.strip_prefix("* ") {
        Some(id) => used.ends_with(&format!(" {id}")),
        None => key == used,
    }
}
