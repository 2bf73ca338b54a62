//! Reasons about compliance.

use super::sentence::sentences;

sentences! {
    "agent-outdated":
        "une version plus récente du logiciel existe" => "mettre à jour",
        "a newer version of the program is out" => "update it";
    "agent-unsupported":
        "cette version du logiciel n'est plus maintenue" => "mettre à jour sans attendre",
        "this version of the program is no longer supported" => "update it now";
    "agent-version-unknown":
        "impossible de savoir si le logiciel est à jour" => "vérifier l'accès aux mises à jour",
        "whether the program is up to date is not known" => "check the access to updates";
    "clock-off":
        "l'horloge de ce PC est fausse d'une minute ou plus" => "régler l'heure automatiquement",
        "this PC's clock is wrong by a minute or more" => "set the time automatically";
    "clock-unknown":
        "l'heure du serveur n'a pas été comparée" => "relancer quand le stockage répond",
        "the server's time was not compared" => "run again when the store answers";
    "everyday-phrase-unknown":
        "impossible de savoir si la phrase du quotidien a été tapée sur ce PC" => "en créer une nouvelle en cas de doute",
        "whether the everyday phrase was typed on this PC is not known" => "make a new one when in doubt";
    "everyday-phrase-used":
        "la phrase du quotidien a été tapée sur le PC sauvegardé" => "en créer une nouvelle",
        "the everyday phrase was typed on the PC that is backed up" => "make a new one";
    "host-certificate-ended":
        "le certificat HDS déclaré pour l'hébergeur a expiré" => "demander à l'hébergeur son certificat en cours",
        "the HDS certificate declared for the host has ended" => "ask the host for its present certificate";
    "host-undeclared":
        "rien n'est déclaré sur l'hébergeur des sauvegardes" => "déclarer l'hébergeur et son certificat HDS",
        "nothing is declared about the host of the backups" => "declare the host and its HDS certificate";
    "host-unknown":
        "la situation de l'hébergeur n'est pas connue" => "vérifier la déclaration de l'hébergeur",
        "the situation of the host is not known" => "check the declaration of the host";
    "licence-ended":
        "la licence du logiciel a expiré" => "renouveler la licence",
        "the licence of the program has ended" => "renew the licence";
    "licence-ends-soon":
        "la licence du logiciel se termine dans moins de 30 jours" => "renouveler la licence",
        "the licence of the program ends within 30 days" => "renew the licence";
    "licence-unknown":
        "l'état de la licence n'est pas connu" => "vérifier la licence",
        "the state of the licence is not known" => "check the licence";
    "no-plan":
        "rien ne dit que cette sauvegarde est planifiée : quelqu'un l'a lancée" => "faire lancer « scelle backup --scheduled » par le planificateur du système",
        "nothing says that this backup was planned: someone started it" => "have the system's scheduler start \"scelle backup --scheduled\"";
    "owner-has-not-signed":
        "le responsable n'a pas encore signé le dépôt avec le kit" => "signer avec le kit de secours",
        "the owner has not signed the repository with the kit yet" => "sign with the recovery kit";
    "owner-unknown":
        "la signature du responsable n'a pas pu être lue" => "relancer quand le stockage répond",
        "the owner's signature could not be read" => "run again when the store answers";
    "plan-unknown":
        "le plan de sauvegarde n'a pas pu être lu" => "vérifier la configuration",
        "the backup plan could not be read" => "check the configuration";
    "rehearsal-overdue":
        "aucun essai de restauration récent" => "faire un essai de restauration",
        "no recent restore rehearsal" => "rehearse a restore";
    "rehearsal-unknown":
        "la date du dernier essai de restauration n'est pas connue" => "faire un essai de restauration",
        "when a restore was last rehearsed is not known" => "rehearse a restore";
    "second-party-silent":
        "le second témoin ne s'est pas manifesté depuis trop longtemps" => "vérifier la console ou le gardien",
        "the second party has been silent for too long" => "check the console or the gardener";
    "second-party-unknown":
        "l'avis du second témoin n'est pas connu" => "vérifier la console ou le gardien",
        "what the second party says is not known" => "check the console or the gardener";
    "self-declared":
        "ce bilan repose sur la seule parole de ce PC" => "rien à faire : dans cette version, rien d'autre que ce PC ne peut le confirmer",
        "this bilan rests on this PC's word alone" => "nothing to do: in this version nothing but this PC can confirm it";
    "state-rewound":
        "ce PC avait été remis dans un état ancien ; il s'est remis à jour" => "s'assurer que ce retour à un état antérieur était voulu",
        "this PC had been set back to an old state; it caught up" => "make sure that this was intended";
}
