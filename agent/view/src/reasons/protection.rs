//! Reasons about protection.

use super::sentence::sentences;

sentences! {
    "altered-unknown":
        "on ne sait pas si le stockage a contenu d'autres octets que ceux qui y avaient été écrits" => "lancer « scelle check »",
        "it is not known whether the store held other bytes than had been written there" => "run \"scelle check\"";
    "objects-altered":
        "le stockage contenait, sous des noms de cette sauvegarde, d'autres octets que ceux qui y avaient été écrits : un disque ou une ligne qui défaille, ou une main étrangère"
            => "demander à l'hébergeur ce qui a écrit là et vérifier le disque ; dans le doute, changer l'identifiant de ce poste ; ensuite « scelle bilan acknowledge »",
        "the store held, under names of this backup, other bytes than had been written there: a failing disk or line, or somebody else's hand"
            => "ask the host what wrote there and check the disk; in doubt, change this PC's credential; then \"scelle bilan acknowledge\"";
    "anomaly-unknown":
        "les changements n'ont pas pu être comparés aux sauvegardes passées" => "regarder le prochain bilan",
        "changes could not be compared with earlier backups" => "look at the next bilan";
    "backup-age-unknown":
        "l'âge de la dernière bonne sauvegarde n'est pas connu" => "lancer une sauvegarde",
        "the age of the last good backup is not known" => "start a backup";
    "backup-late":
        "la dernière bonne sauvegarde est plus ancienne que prévu" => "laisser le PC allumé ou lancer une sauvegarde",
        "the last good backup is older than planned" => "leave the PC on or start a backup";
    "backup-overdue":
        "la dernière bonne sauvegarde est bien trop ancienne" => "lancer une sauvegarde et chercher la cause",
        "the last good backup is far too old" => "start a backup and look for the cause";
    "chain-broken":
        "une entrée du journal manque ou a été changée dans le stockage" => "demander à l'hébergeur, puis lancer « scelle check » ; si rien n'y fait, « scelle bilan acknowledge »",
        "an entry of the ledger is missing or was changed in the store"
            => "ask the host, then run \"scelle check\"; where nothing helps, \"scelle bilan acknowledge\"";
    "chain-fork":
        "un autre ordinateur écrit sous l'identité de ce PC" => "trouver la copie de ce PC et l'arrêter, puis lever l'alerte avec « scelle bilan acknowledge »",
        "another computer writes as this PC" => "find the copy of this PC and stop it, then end the alarm with \"scelle bilan acknowledge\"";
    "chain-gap":
        "des entrées du journal sont perdues ou n'y ont pas leur place, et quelqu'un en a pris acte"
            => "demander à l'hébergeur ce qui s'est passé ; « scelle check » dit lesquelles",
        "entries of the ledger are lost or out of place, and somebody acknowledged it"
            => "ask the host what happened; \"scelle check\" says which";
    "chain-unknown":
        "le journal n'a pas pu être comparé à celui du stockage" => "relancer quand le stockage répond",
        "the ledger could not be compared with the store's" => "run again when the store answers";
    "credential-ended":
        "le stockage refuse les identifiants de ce PC" => "donner de nouveaux identifiants",
        "the store refuses this PC's credentials" => "provide new credentials";
    "credential-ends-soon":
        "les identifiants du stockage se terminent dans moins de 30 jours" => "renouveler les identifiants",
        "the store's credentials end within 30 days" => "renew the credentials";
    "credential-unknown":
        "l'état des identifiants du stockage n'est pas connu" => "vérifier les identifiants",
        "the state of the store's credentials is not known" => "check the credentials";
    "critical-file-unreadable":
        "un fichier indispensable n'a pas pu être lu" => "fermer le logiciel qui le tient ou corriger les droits",
        "a file that must be saved could not be read" => "close the program that holds it or correct its rights";
    "damage-healed":
        "le stockage avait perdu ou abîmé des données de sauvegarde ; leur contenu vient d'être enregistré à nouveau"
            => "demander à l'hébergeur ce qui s'est passé, vérifier le disque",
        "the store had lost or spoiled backup data; its content has just been stored again"
            => "ask the host what happened, check the disk";
    "damage-keys":
        "des fichiers de clés ou des descripteurs sont perdus ou abîmés dans le stockage, et ce poste n'a pas pu les remettre en place"
            => "lancer « scelle check » et appeler le prestataire : garder le kit à portée de main",
        "key files or descriptors are lost or spoilt in the store, and this PC could not put them back"
            => "run \"scelle check\" and call the provider: keep the kit at hand";
    "damage-small":
        "des notes ou des racines d'instantanés sont perdues ou abîmées dans le stockage, et ce poste n'a pas pu les remettre en place"
            => "lancer « scelle check » pour savoir quels instantanés sont touchés, et demander à l'hébergeur une version antérieure",
        "notes or roots of snapshots are lost or spoilt in the store, and this PC could not put them back"
            => "run \"scelle check\" to learn which snapshots are affected, and ask the host for an older version";
    "damage-spare":
        "des objets dont aucune restauration n'a besoin sont perdus ou abîmés dans le stockage, et ce poste n'a pas pu les remettre en place"
            => "demander à l'hébergeur ce qui s'est passé, vérifier le disque",
        "objects that no restoration needs are lost or spoilt in the store, and this PC could not put them back"
            => "ask the host what happened, check the disk";
    "damage-known":
        "des données de sauvegarde sont perdues ou abîmées dans le stockage, et leur contenu n'a pas encore été retrouvé en entier sur ce PC"
            => "lancer « scelle check » pour savoir quels instantanés sont touchés, et prévenir l'hébergeur ; si plus aucun poste n'a ce contenu, « scelle bilan acknowledge »",
        "backup data is lost or spoiled in the store, and its content has not yet been found whole on this PC"
            => "run \"scelle check\" to learn which snapshots are affected, and tell the host; where no computer has the content any more, \"scelle bilan acknowledge\"";
    "damage-unknown":
        "on ne sait pas si des données sont abîmées dans le stockage" => "lancer « scelle check »",
        "it is not known whether data in the store is damaged" => "run \"scelle check\"";
    "database-check-failed":
        "la copie d'une base de données est refusée par son propre contrôle" => "appeler l'éditeur du logiciel",
        "the copy of a database is refused by its own check" => "call the software's maker";
    "database-crash-consistent":
        "une base a été copiée avec son journal, comme après une coupure de courant : elle se répare à son ouverture"
        => "fermer le logiciel à l'heure de la sauvegarde, ou prévoir un export",
        "a database was copied with its journal, as after a power cut: it recovers when it is opened"
        => "close the software at the hour of the backup, or set up a dump";
    "database-live-copy":
        "une base de données a changé pendant sa copie : cette copie peut ne pas s'ouvrir" => "fermer le logiciel pendant la sauvegarde ou prévoir un export",
        "a database changed while it was copied: the copy may not open" => "close the software during the backup or set up a dump";
    "database-tied":
        "une base a été copiée au milieu d'une transaction commune à plusieurs bases : elle ne se répare qu'à sa place, avec les autres" => "ouvrir une fois le logiciel de ces bases, le fermer, et relancer la sauvegarde",
        "a database was copied in the middle of a transaction over several databases: it recovers in its old place only, with the others" => "open the program of these databases once, close it, and back up again";
    "database-held-open":
        "une base est restée ouverte dans un logiciel pendant la sauvegarde ({moment}), sans changer pendant sa copie"
        => "fermer ce logiciel à l'heure de la sauvegarde, ou prévoir un export",
        "a database was held open by a program during the backup ({moment}), and did not change while it was copied"
        => "close that software at the hour of the backup, or set up a dump";
    "database-use-unknown":
        "une base n'a pas changé pendant sa copie ({moment}) ; l'agent n'a pas le droit de savoir si un logiciel l'avait ouverte"
        => "donner à l'agent les droits d'administrateur, ou fermer le logiciel à l'heure de la sauvegarde",
        "a database did not change while it was copied ({moment}); the agent may not know whether a program had it open"
        => "give the agent administrator rights, or close the software at the hour of the backup";
    "databases-unknown":
        "la façon dont les bases ont été copiées n'est pas connue" => "regarder le prochain bilan",
        "how databases were copied is not known" => "look at the next bilan";
    "destination-missed":
        "une destination n'a pas été écrite jusqu'au bout" => "relancer la sauvegarde",
        "a destination was not fully written" => "start the backup again";
    "destinations-unknown":
        "les destinations écrites ne sont pas connues" => "relancer la sauvegarde",
        "which destinations were written is not known" => "start the backup again";
    "epoch-never-opened":
        "personne n'a encore montré qu'une clé ouvre ces sauvegardes" => "lancer « scelle keys check-kit »",
        "nobody has shown yet that a key opens these backups" => "run \"scelle keys check-kit\"";
    "epoch-unknown":
        "impossible de savoir si une clé a ouvert ces sauvegardes" => "lancer « scelle keys check-kit »",
        "whether a key has opened these backups is not known" => "run \"scelle keys check-kit\"";
    "few-files-lost":
        "la moitié au moins des quelques fichiers de l'ensemble ont disparu" => "vérifier les dossiers ; si c'est voulu, « scelle bilan acknowledge »",
        "at least half of the few files of the set are gone" => "check the folders; if it is meant to be so, \"scelle bilan acknowledge\"";
    "files-lost":
        "la moitié des fichiers ou plus ont disparu" => "vérifier les dossiers ; si c'est voulu, « scelle bilan acknowledge »",
        "half of the files or more are gone" => "check the folders; if it is meant to be so, \"scelle bilan acknowledge\"";
    "files-unknown":
        "le nombre de fichiers non lus n'est pas connu" => "relancer la sauvegarde",
        "how many files were not read is not known" => "start the backup again";
    "files-unreadable":
        "quelques fichiers n'ont pas pu être lus" => "fermer les logiciels qui les tiennent ou corriger leurs droits",
        "some files could not be read" => "close the programs that hold them or correct their rights";
    "first-backup":
        "c'est la première sauvegarde : il n'y a pas encore d'état plus ancien" => "rien à faire : continuez les sauvegardes",
        "this is the first backup: there is nothing older to go back to yet" => "nothing to do: go on backing up";
    "full-reread-overdue":
        "les données stockées n'ont pas été relues depuis trop longtemps" => "lancer « scelle check --read-data all »",
        "stored data was not read again for too long" => "run \"scelle check --read-data all\"";
    "full-reread-unknown":
        "la date de la dernière relecture complète n'est pas connue" => "lancer « scelle check --read-data all »",
        "when all stored data was last read again is not known" => "run \"scelle check --read-data all\"";
    "objects-hidden":
        "des objets sont masqués dans le stockage par des marqueurs de suppression, et ce poste n'a pas pu les rétablir"
            => "changer l'identifiant de ce poste et faire retirer les marqueurs avec l'identifiant du propriétaire",
        "objects are hidden in the store behind delete markers, and this PC could not bring them back"
            => "change this PC's credential and have the markers removed with the owner's credential";
    "small-objects-unknown":
        "on ne sait pas si de petits objets sont abîmés dans le stockage" => "lancer « scelle check »",
        "it is not known whether small objects in the store are damaged" => "run \"scelle check\"";
    "history-short":
        "il y a encore peu d'instantanés" => "continuer les sauvegardes",
        "there are few snapshots yet" => "go on backing up";
    "history-unknown":
        "le nombre d'instantanés n'est pas connu" => "lancer « scelle snapshots »",
        "how many snapshots there are is not known" => "run \"scelle snapshots\"";
    "key-copies-missing":
        "il y a trop peu de copies des clés chiffrées" => "lancer « scelle check » et appeler le support",
        "there are too few copies of the wrapped keys" => "run \"scelle check\" and call support";
    "key-copies-unknown":
        "le nombre de copies des clés chiffrées n'est pas connu" => "lancer « scelle check »",
        "how many copies of the wrapped keys there are is not known" => "run \"scelle check\"";
    "kit-not-checked-off-pc":
        "le kit de secours n'a été essayé que sur ce PC" => "l'essayer sur un autre ordinateur",
        "the recovery kit was tried on this PC only" => "try it on another computer";
    "kit-on-disk":
        "un fichier du kit de secours est resté sur un disque de ce PC" => "l'imprimer, le mettre en lieu sûr, puis l'effacer",
        "a file of the recovery kit is still on a disk of this PC" => "print it, put it in a safe place, then erase it";
    "kit-unchecked":
        "le kit de secours n'a pas été essayé depuis un an" => "lancer « scelle keys check-kit » sur un autre ordinateur",
        "the recovery kit was not tried for a year" => "run \"scelle keys check-kit\" on another computer";
    "kit-unknown":
        "la date du dernier essai du kit de secours n'est pas connue" => "lancer « scelle keys check-kit »",
        "when the recovery kit was last tried is not known" => "run \"scelle keys check-kit\"";
    "lock-broken":
        "le stockage annonce un verrou qu'il ne tient pas" => "ne plus compter sur ce stockage et prévenir l'hébergeur",
        "the store announces a lock that it does not keep" => "no longer rely on this store and tell the host";
    "lock-can-be-lifted":
        "le verrou du stockage peut être levé par un administrateur" => "demander le mode COMPLIANCE à l'hébergeur",
        "the store's lock can be lifted by an administrator" => "ask the host for COMPLIANCE mode";
    "lock-declared":
        "la protection du stockage contre l'effacement est déclarée, ce PC ne l'a pas mesurée" => "garder l'attestation de celui qui gère le stockage",
        "that the store is protected against erasure is declared, this PC has not measured it" => "keep the statement of whoever runs the store";
    "lock-unproven":
        "ce que l'identifiant de ce PC peut voir ne montre pas que le stockage verrouille les sauvegardes" => "faire donner à cet identifiant le droit de lire le verrou (s3:GetObjectRetention, s3:GetBucketObjectLockConfiguration), sans droit de suppression",
        "what this PC's credential may see does not show that the store locks the backups" => "have this credential given the right to read the lock (s3:GetObjectRetention, s3:GetBucketObjectLockConfiguration), and none to delete";
    "lock-ends-soon":
        "le verrou du stockage dure trop peu" => "allonger la durée du verrou",
        "the store's lock is too short" => "lengthen the lock";
    "lock-unknown":
        "impossible de savoir si le verrou du stockage tient" => "faire examiner le stockage avec d'autres droits",
        "whether the store's lock holds is not known" => "have the store examined with other rights";
    "loss-acknowledged":
        "des données perdues dans le stockage ne reviendront pas, accepté le {since} ; instantanés touchés : {snapshots}"
            => "« scelle check » nomme les instantanés touchés ; restaurer depuis un autre ce qui manque",
        "data lost in the store will not come back, accepted on {since}; snapshots affected: {snapshots}"
            => "\"scelle check\" names the snapshots affected; restore what is missing from another one";
    "many-files-unreadable":
        "beaucoup de fichiers, ou un dossier entier, n'ont pas pu être lus" => "corriger les droits ou le disque, puis relancer",
        "many files, or a whole folder, could not be read" => "correct rights or disk, then run again";
    "mass-change":
        "presque tout a changé d'un coup : peut-être un rançongiciel" => "débrancher le PC du réseau et appeler le prestataire ; si c'est voulu, « scelle bilan acknowledge »",
        "almost everything changed at once: maybe ransomware" => "unplug the PC from the network and call the provider; if it is meant to be so, \"scelle bilan acknowledge\"";
    "never-backed-up":
        "aucune sauvegarde n'a encore eu lieu" => "lancer une sauvegarde",
        "there has never been a backup" => "start a backup";
    "no-destination-written":
        "cette sauvegarde n'a rien laissé dans la destination" => "regarder pourquoi elle a échoué (dossiers absents, stockage injoignable), puis relancer",
        "this run left nothing in the destination" => "see why it failed (folders missing, store out of reach), then run again";
    "no-new-data":
        "rien de nouveau depuis plusieurs jours" => "vérifier que les bons dossiers sont sauvegardés",
        "nothing new for several days" => "check that the right folders are backed up";
    "no-off-site-copy":
        "aucune copie n'est déclarée hors du cabinet" => "placer le dépôt hors du cabinet ; s'il y est, le déclarer ([repository] off_site, ou [host])",
        "no copy is declared to be outside the practice" => "keep the repository outside the practice; if it is, declare it ([repository] off_site, or [host])";
    "not-ransomware-proof":
        "qui prend la main sur ce PC peut effacer les sauvegardes" => "utiliser un stockage avec verrou (Object Lock), ou un NAS dont ce PC ne peut pas effacer les instantanés, et le déclarer ([repository] immutable_days)",
        "whoever takes over this PC can erase the backups" => "use a store with Object Lock, or a NAS whose snapshots this PC cannot erase, and declare it ([repository] immutable_days)";
    "nothing-to-back-up":
        "il n'y avait rien à lire dans les dossiers à sauvegarder" => "vérifier les dossiers et les lecteurs branchés ; ce qui n'existe plus sort du plan, et « scelle bilan acknowledge » lève l'alerte",
        "there was nothing to read in the folders to back up" => "check the folders and that drives are plugged in; what is no more leaves the plan, and \"scelle bilan acknowledge\" ends the alarm";
    "off-site-unknown":
        "impossible de savoir si une copie est hors du cabinet" => "déclarer où se trouve le stockage",
        "whether a copy is outside the practice is not known" => "declare where the store is";
    "packs-missing":
        "des données manquent dans le stockage" => "prévenir l'hébergeur, puis lancer « scelle check »",
        "data is missing in the store" => "tell the host, then run \"scelle check\"";
    "packs-unknown":
        "la présence des données dans le stockage n'a pas été contrôlée" => "lancer « scelle check »",
        "whether all data is in the store was not checked" => "run \"scelle check\"";
    "pause-unknown":
        "impossible de savoir si les sauvegardes sont en pause" => "lancer « scelle status »",
        "whether backups are paused is not known" => "run \"scelle status\"";
    "paused":
        "les sauvegardes sont en pause" => "les reprendre",
        "backups are paused" => "resume them";
    "recipients-changed":
        "la liste de ceux qui peuvent ouvrir les sauvegardes a changé" => "vérifier cette liste et la confirmer",
        "the list of those who can open the backups has changed" => "check this list and confirm it";
    "recipients-unknown":
        "la liste de ceux qui peuvent ouvrir les sauvegardes n'a pas pu être lue" => "relancer quand le stockage répond",
        "the list of those who can open the backups could not be read" => "run again when the store answers";
    "rehearsal-failed":
        "le dernier essai de restauration a échoué" => "en chercher la cause et recommencer l'essai",
        "the last restore rehearsal failed" => "look for the cause and rehearse again";
    "reread-mismatch":
        "des données relues ne sont pas celles qui avaient été stockées" => "lancer « scelle check » et prévenir l'hébergeur",
        "data that was read again is not what had been stored" => "run \"scelle check\" and tell the host";
    "retention-below-policy":
        "on garde moins d'instantanés que convenu" => "corriger la durée de conservation",
        "fewer snapshots are kept than agreed" => "correct the retention";
    "retention-unknown":
        "la durée de conservation n'a pas pu être contrôlée" => "vérifier la configuration",
        "retention could not be checked" => "check the configuration";
    "root-emptied":
        "un dossier à sauvegarder a perdu tous ses fichiers ou presque : il est vide, ou autre chose a pris sa place"
            => "vérifier le dossier ou le lecteur ; si c'est voulu, « scelle bilan acknowledge »",
        "a folder to back up has lost all of its files, or nearly: it is empty, or something else took its place"
            => "check the folder or the drive; if it is meant to be so, \"scelle bilan acknowledge\"";
    "root-missing":
        "un dossier à sauvegarder n'existe plus" => "rebrancher le lecteur ou corriger la liste ; si c'est voulu, « scelle bilan acknowledge »",
        "a folder to back up no longer exists" => "plug the drive in or correct the list; if it is meant to be so, \"scelle bilan acknowledge\"";
    "run-failed":
        "la sauvegarde a échoué : il n'y a pas de nouvel instantané" => "corriger la cause et relancer",
        "the backup failed: there is no new snapshot" => "correct the cause and run again";
    "run-interrupted":
        "la sauvegarde a été interrompue" => "la relancer : elle reprend où elle en était",
        "the backup was interrupted" => "start it again: it goes on where it was";
    "run-missed":
        "une sauvegarde prévue n'a pas eu lieu" => "laisser le PC allumé à l'heure prévue",
        "a backup was due and did not start" => "leave the PC on at the time planned";
    "run-partial":
        "tout n'a pas pu être sauvegardé comme il faut" => "regarder les fichiers à problème ci-dessous",
        "not everything could be saved as it should" => "look at the files with a problem below";
    "run-unknown":
        "la fin de la sauvegarde n'est pas connue" => "relancer la sauvegarde",
        "how the backup ended is not known" => "start the backup again";
    "second-party-contradicts":
        "le second témoin voit autre chose que ce PC" => "comparer les deux et appeler le support",
        "the second party sees something else than this PC" => "compare both and call support";
    "sources-shrunk":
        "les dossiers ont perdu plus de 30 % de leur contenu" => "vérifier que rien n'a été effacé par erreur, puis « scelle bilan acknowledge »",
        "the folders lost more than 30 % of their content" => "check that nothing was deleted by mistake, then \"scelle bilan acknowledge\"";
    "sources-unknown":
        "les fichiers présents n'ont pas pu être comparés au dernier état accepté" => "relancer la sauvegarde quand le stockage répond",
        "the files that are there could not be compared with the state last accepted" => "run the backup again when the store answers";
    "space-exhausted":
        "le stockage est plein" => "ajouter de la place",
        "the store is full" => "add space";
    "space-low":
        "le stockage sera bientôt plein" => "prévoir de la place",
        "the store will soon be full" => "plan for more space";
    "space-unknown":
        "la place restante n'est pas connue" => "vérifier la place dans le stockage",
        "the room left is not known" => "check the room in the store";
    "state-rewound-again":
        "l'état de ce PC était plus ancien que le dépôt pour la seconde fois en 30 jours : restauré deux fois, ou un autre ordinateur travaille sous son identité"
            => "chercher une copie de ce PC et l'arrêter, puis lever l'alerte avec « scelle bilan acknowledge »",
        "this PC's state was older than the repository for the second time in 30 days: restored twice, or another computer works as this PC"
            => "look for a copy of this PC and stop it, then end the alarm with \"scelle bilan acknowledge\"";
    "store-rolled-back":
        "le stockage montre un état plus ancien que celui déjà vu" => "demander à l'hébergeur ce qui s'est passé, puis lever l'alerte avec « scelle bilan acknowledge »",
        "the store shows an older state than one already seen" => "ask the host what happened, then end the alarm with \"scelle bilan acknowledge\"";
    "tls-certificate-end-not-seen":
        "le certificat du stockage a été vérifié par les connexions de cette sauvegarde ; sa date de fin n'a pas été regardée" => "rien, l'hébergeur le renouvelle",
        "the store's certificate was verified by the connections of this run; when it ends was not looked at" => "nothing, the host renews it";
    "tls-certificate-ended":
        "le certificat du stockage a expiré ou est refusé" => "le renouveler",
        "the store's certificate has ended or is refused" => "renew it";
    "tls-certificate-ends-soon":
        "le certificat du stockage se termine dans moins de 30 jours" => "le renouveler",
        "the store's certificate ends within 30 days" => "renew it";
    "tls-certificate-unknown":
        "le certificat du stockage n'a pas été examiné" => "le vérifier à la main",
        "the store's certificate was not examined" => "check it by hand";
    "verification-failed":
        "le contrôle de fin de sauvegarde a trouvé des écarts" => "lancer « scelle check »",
        "the check at the end of the backup found mismatches" => "run \"scelle check\"";
    "verification-skipped":
        "rien n'a été contrôlé à la fin de la sauvegarde" => "lancer « scelle check »",
        "nothing was checked at the end of the backup" => "run \"scelle check\"";
    "verification-unknown":
        "le résultat du contrôle de fin de sauvegarde n'est pas connu" => "lancer « scelle check »",
        "the outcome of the check at the end of the backup is not known" => "run \"scelle check\"";
}
