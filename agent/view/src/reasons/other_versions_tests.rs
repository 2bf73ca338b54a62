//! What each value of a fact that this version does not make itself is called: records of other versions, and of a console, have
//! them. The others are brought about by the tests of the agent.

use scelle_format::report::UnknownWhy::NotMeasured;
use scelle_format::report::{
    AgentVersion, Altered, Anomaly, BackupAge, Credential, Damage, Databases, Destinations, EpochProof,
    EverydayPhrase, Facts, Files, FullReread, History, HostingFact, Kit, LastRun, Licence, OffSite, Owner,
    PackPresence, PauseState, Planned, Rehearsal, RetentionKept, SecondParty, SmallObjects, Sources, Space,
    TlsCertificate, Verification, status,
};

use super::sentence;
use crate::words::Lang;

fn good() -> Facts {
    Facts::all_good()
}

#[test]
fn a_fact_of_another_version_is_told_as_what_it_is() {
    let told: Vec<(Facts, [&str; 2])> = vec![
        (
            Facts { agent_version: AgentVersion::Outdated, ..good() },
            [
                "a newer version of the program is out → update it",
                "une version plus récente du logiciel existe → mettre à jour",
            ],
        ),
        (
            Facts { agent_version: AgentVersion::Unsupported, ..good() },
            [
                "this version of the program is no longer supported → update it now",
                "cette version du logiciel n'est plus maintenue → mettre à jour sans attendre",
            ],
        ),
        (
            Facts { agent_version: AgentVersion::Unknown(NotMeasured), ..good() },
            [
                "whether the program is up to date is not known → check the access to updates",
                "impossible de savoir si le logiciel est à jour → vérifier l'accès aux mises à jour",
            ],
        ),
        (
            Facts { everyday_phrase: EverydayPhrase::Unknown(NotMeasured), ..good() },
            [
                "whether the everyday phrase was typed on this PC is not known → make a new one when in doubt",
                "impossible de savoir si la phrase du quotidien a été tapée sur ce PC → en créer une nouvelle en cas de doute",
            ],
        ),
        (
            Facts { everyday_phrase: EverydayPhrase::UsedOnPc, ..good() },
            [
                "the everyday phrase was typed on the PC that is backed up → make a new one",
                "la phrase du quotidien a été tapée sur le PC sauvegardé → en créer une nouvelle",
            ],
        ),
        (
            Facts { hosting: HostingFact::Unknown(NotMeasured), ..good() },
            [
                "the situation of the host is not known → check the declaration of the host",
                "la situation de l'hébergeur n'est pas connue → vérifier la déclaration de l'hébergeur",
            ],
        ),
        (
            Facts { licence: Licence::Ended, ..good() },
            [
                "the licence of the program has ended → renew the licence",
                "la licence du logiciel a expiré → renouveler la licence",
            ],
        ),
        (
            Facts { licence: Licence::EndsSoon, ..good() },
            [
                "the licence of the program ends within 30 days → renew the licence",
                "la licence du logiciel se termine dans moins de 30 jours → renouveler la licence",
            ],
        ),
        (
            Facts { licence: Licence::Unknown(NotMeasured), ..good() },
            [
                "the state of the licence is not known → check the licence",
                "l'état de la licence n'est pas connu → vérifier la licence",
            ],
        ),
        (
            Facts { owner: Owner::Unknown(NotMeasured), ..good() },
            [
                "the owner's signature could not be read → run again when the store answers",
                "la signature du responsable n'a pas pu être lue → relancer quand le stockage répond",
            ],
        ),
        (
            Facts { planned: Planned::Unknown(NotMeasured), ..good() },
            [
                "the backup plan could not be read → check the configuration",
                "le plan de sauvegarde n'a pas pu être lu → vérifier la configuration",
            ],
        ),
        (
            Facts { rehearsal: Rehearsal::Unknown(NotMeasured), ..good() },
            [
                "when a restore was last rehearsed is not known → rehearse a restore",
                "la date du dernier essai de restauration n'est pas connue → faire un essai de restauration",
            ],
        ),
        (
            Facts { second_party: SecondParty::Silent, ..good() },
            [
                "the second party has been silent for too long → check the console or the gardener",
                "le second témoin ne s'est pas manifesté depuis trop longtemps → vérifier la console ou le gardien",
            ],
        ),
        (
            Facts { second_party: SecondParty::Unknown(NotMeasured), ..good() },
            [
                "what the second party says is not known → check the console or the gardener",
                "l'avis du second témoin n'est pas connu → vérifier la console ou le gardien",
            ],
        ),
        (
            Facts { altered: Altered::Unknown(NotMeasured), ..good() },
            [
                "it is not known whether the store held other bytes than had been written there → run \"scelle check\"",
                "on ne sait pas si le stockage a contenu d'autres octets que ceux qui y avaient été écrits → lancer « scelle check »",
            ],
        ),
        (
            Facts { anomaly: Anomaly::Unknown(NotMeasured), ..good() },
            [
                "changes could not be compared with earlier backups → look at the next bilan",
                "les changements n'ont pas pu être comparés aux sauvegardes passées → regarder le prochain bilan",
            ],
        ),
        (
            Facts { backup_age: BackupAge::Unknown(NotMeasured), ..good() },
            [
                "the age of the last good backup is not known → start a backup",
                "l'âge de la dernière bonne sauvegarde n'est pas connu → lancer une sauvegarde",
            ],
        ),
        (
            Facts { backup_age: BackupAge::Late, ..good() },
            [
                "the last good backup is older than planned → leave the PC on or start a backup",
                "la dernière bonne sauvegarde est plus ancienne que prévu → laisser le PC allumé ou lancer une sauvegarde",
            ],
        ),
        (
            Facts { backup_age: BackupAge::Overdue, ..good() },
            [
                "the last good backup is far too old → start a backup and look for the cause",
                "la dernière bonne sauvegarde est bien trop ancienne → lancer une sauvegarde et chercher la cause",
            ],
        ),
        (
            Facts { credential: Credential::EndsSoon, ..good() },
            [
                "the store's credentials end within 30 days → renew the credentials",
                "les identifiants du stockage se terminent dans moins de 30 jours → renouveler les identifiants",
            ],
        ),
        (
            Facts { credential: Credential::Unknown(NotMeasured), ..good() },
            [
                "the state of the store's credentials is not known → check the credentials",
                "l'état des identifiants du stockage n'est pas connu → vérifier les identifiants",
            ],
        ),
        (
            Facts { files: Files::CriticalUnreadable, ..good() },
            [
                "a file that must be saved could not be read → close the program that holds it or correct its rights",
                "un fichier indispensable n'a pas pu être lu → fermer le logiciel qui le tient ou corriger les droits",
            ],
        ),
        (
            Facts { small_objects: SmallObjects::Keys, ..good() },
            [
                "key files or descriptors are lost or spoilt in the store, and this PC could not put them back → run \"scelle check\" and call the provider: keep the kit at hand",
                "des fichiers de clés ou des descripteurs sont perdus ou abîmés dans le stockage, et ce poste n'a pas pu les remettre en place → lancer « scelle check » et appeler le prestataire : garder le kit à portée de main",
            ],
        ),
        (
            Facts { small_objects: SmallObjects::Spare, ..good() },
            [
                "objects that no restoration needs are lost or spoilt in the store, and this PC could not put them back → ask the host what happened, check the disk",
                "des objets dont aucune restauration n'a besoin sont perdus ou abîmés dans le stockage, et ce poste n'a pas pu les remettre en place → demander à l'hébergeur ce qui s'est passé, vérifier le disque",
            ],
        ),
        (
            Facts { damage: Damage::Unknown(NotMeasured), ..good() },
            [
                "it is not known whether data in the store is damaged → run \"scelle check\"",
                "on ne sait pas si des données sont abîmées dans le stockage → lancer « scelle check »",
            ],
        ),
        (
            Facts { databases: Databases::CheckFailed, ..good() },
            [
                "the copy of a database is refused by its own check → call the software's maker",
                "la copie d'une base de données est refusée par son propre contrôle → appeler l'éditeur du logiciel",
            ],
        ),
        (
            Facts { databases: Databases::Unknown(NotMeasured), ..good() },
            [
                "how databases were copied is not known → look at the next bilan",
                "la façon dont les bases ont été copiées n'est pas connue → regarder le prochain bilan",
            ],
        ),
        (
            Facts { destinations: Destinations::SomeMissed, ..good() },
            [
                "a destination was not fully written → start the backup again",
                "une destination n'a pas été écrite jusqu'au bout → relancer la sauvegarde",
            ],
        ),
        (
            Facts { destinations: Destinations::Unknown(NotMeasured), ..good() },
            [
                "which destinations were written is not known → start the backup again",
                "les destinations écrites ne sont pas connues → relancer la sauvegarde",
            ],
        ),
        (
            Facts { epoch_proof: EpochProof::Unknown(NotMeasured), ..good() },
            [
                "whether a key has opened these backups is not known → run \"scelle keys check-kit\"",
                "impossible de savoir si une clé a ouvert ces sauvegardes → lancer « scelle keys check-kit »",
            ],
        ),
        (
            Facts { files: Files::Unknown(NotMeasured), ..good() },
            [
                "how many files were not read is not known → start the backup again",
                "le nombre de fichiers non lus n'est pas connu → relancer la sauvegarde",
            ],
        ),
        (
            Facts { full_reread: FullReread::Unknown(NotMeasured), ..good() },
            [
                "when all stored data was last read again is not known → run \"scelle check --read-data all\"",
                "la date de la dernière relecture complète n'est pas connue → lancer « scelle check --read-data all »",
            ],
        ),
        (
            Facts { small_objects: SmallObjects::Hidden, ..good() },
            [
                "objects are hidden in the store behind delete markers, and this PC could not bring them back → change this PC's credential and have the markers removed with the owner's credential",
                "des objets sont masqués dans le stockage par des marqueurs de suppression, et ce poste n'a pas pu les rétablir → changer l'identifiant de ce poste et faire retirer les marqueurs avec l'identifiant du propriétaire",
            ],
        ),
        (
            Facts { small_objects: SmallObjects::Unknown(NotMeasured), ..good() },
            [
                "it is not known whether small objects in the store are damaged → run \"scelle check\"",
                "on ne sait pas si de petits objets sont abîmés dans le stockage → lancer « scelle check »",
            ],
        ),
        (
            Facts { history: History::Unknown(NotMeasured), ..good() },
            [
                "how many snapshots there are is not known → run \"scelle snapshots\"",
                "le nombre d'instantanés n'est pas connu → lancer « scelle snapshots »",
            ],
        ),
        (
            Facts { kit: Kit::Unknown(NotMeasured), ..good() },
            [
                "when the recovery kit was last tried is not known → run \"scelle keys check-kit\"",
                "la date du dernier essai du kit de secours n'est pas connue → lancer « scelle keys check-kit »",
            ],
        ),
        (
            Facts { last_run: LastRun::Never, ..good() },
            [
                "there has never been a backup → start a backup",
                "aucune sauvegarde n'a encore eu lieu → lancer une sauvegarde",
            ],
        ),
        (
            Facts { off_site: OffSite::Unknown(NotMeasured), ..good() },
            [
                "whether a copy is outside the practice is not known → declare where the store is",
                "impossible de savoir si une copie est hors du cabinet → déclarer où se trouve le stockage",
            ],
        ),
        (
            Facts { pack_presence: PackPresence::Unknown(NotMeasured), ..good() },
            [
                "whether all data is in the store was not checked → run \"scelle check\"",
                "la présence des données dans le stockage n'a pas été contrôlée → lancer « scelle check »",
            ],
        ),
        (
            Facts { pause: PauseState::Unknown(NotMeasured), ..good() },
            [
                "whether backups are paused is not known → run \"scelle status\"",
                "impossible de savoir si les sauvegardes sont en pause → lancer « scelle status »",
            ],
        ),
        (
            Facts { retention: RetentionKept::BelowPolicy, ..good() },
            [
                "fewer snapshots are kept than agreed → correct the retention",
                "on garde moins d'instantanés que convenu → corriger la durée de conservation",
            ],
        ),
        (
            Facts { retention: RetentionKept::Unknown(NotMeasured), ..good() },
            [
                "retention could not be checked → check the configuration",
                "la durée de conservation n'a pas pu être contrôlée → vérifier la configuration",
            ],
        ),
        (
            Facts { last_run: LastRun::Missed, ..good() },
            [
                "a backup was due and did not start → leave the PC on at the time planned",
                "une sauvegarde prévue n'a pas eu lieu → laisser le PC allumé à l'heure prévue",
            ],
        ),
        (
            Facts { last_run: LastRun::Unknown(NotMeasured), ..good() },
            [
                "how the backup ended is not known → start the backup again",
                "la fin de la sauvegarde n'est pas connue → relancer la sauvegarde",
            ],
        ),
        (
            Facts { second_party: SecondParty::Contradicts, ..good() },
            [
                "the second party sees something else than this PC → compare both and call support",
                "le second témoin voit autre chose que ce PC → comparer les deux et appeler le support",
            ],
        ),
        (
            Facts { sources: Sources::Unknown(NotMeasured), ..good() },
            [
                "the files that are there could not be compared with the state last accepted → run the backup again when the store answers",
                "les fichiers présents n'ont pas pu être comparés au dernier état accepté → relancer la sauvegarde quand le stockage répond",
            ],
        ),
        (
            Facts { space: Space::Unknown(NotMeasured), ..good() },
            [
                "the room left is not known → check the room in the store",
                "la place restante n'est pas connue → vérifier la place dans le stockage",
            ],
        ),
        (
            Facts { tls_certificate: TlsCertificate::Unknown(NotMeasured), ..good() },
            [
                "the store's certificate was not examined → check it by hand",
                "le certificat du stockage n'a pas été examiné → le vérifier à la main",
            ],
        ),
        (
            Facts { verification: Verification::Unknown(NotMeasured), ..good() },
            [
                "the outcome of the check at the end of the backup is not known → run \"scelle check\"",
                "le résultat du contrôle de fin de sauvegarde n'est pas connu → lancer « scelle check »",
            ],
        ),
    ];
    for (facts, said) in told {
        let reasons = status(&facts).reasons;
        assert_eq!(reasons.len(), 1, "{said:?}");
        let found = sentence(reasons[0].code).unwrap();
        let told = [Lang::En, Lang::Fr].map(|lang| format!("{} → {}", found.what(lang), found.todo(lang)));
        assert_eq!(told, said, "{}", reasons[0].code);
    }
}
