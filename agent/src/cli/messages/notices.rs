//! The sentences of notices, phases, problems and store weaknesses.
//!
//! From the typed values of [`crate::monitor`] to text. Never: a name.

use super::Message;
use crate::bilingual;
use crate::monitor::{Notice, Phase, Problem, Weakness};

/// A notice as one sentence.
pub fn notice(notice: &Notice) -> Message {
    match notice {
        Notice::Problem { root, token, problem: why } => {
            let why = problem(*why);
            Message::by(|lang| format!("{root} [{token}] : {}", why.text(lang)))
        }
        Notice::Retry { operation, attempt, wait_ms } => {
            let seconds = *wait_ms as f64 / 1000.0;
            bilingual!(
                "le stockage ne répond pas ({operation}, essai {attempt}) ; nouvel essai dans {seconds:.1} s",
                "the store does not answer ({operation}, attempt {attempt}); trying again in {seconds:.1} s"
            )
        }
        Notice::ClockOff { seconds } => clock_off(*seconds),
        Notice::ForkAlarm => bilingual!(
            "ALERTE : deux suites différentes du journal de cet appareil existent ; un clone de ce poste \
             sauvegarde peut-être. La sauvegarde continue à part ; prévenez la personne responsable",
            "ALARM: two different continuations of this device's ledger exist; a clone of this computer may \
             be backing up. The backup goes on separately; tell the person in charge"
        ),
        Notice::Rewound { notes } => bilingual!(
            "l'état local était plus ancien que le dépôt (poste restauré ?) ; {notes} notes rattrapées",
            "the local state was older than the repository (computer restored?); {notes} notes caught up"
        ),
        Notice::SnapshotVanished { snapshot } => bilingual!(
            "ALERTE : l'instantané {snapshot}, connu de ce poste, n'est plus dans le dépôt ; \
             lancez « scelle check » et prévenez l'hébergeur",
            "ALARM: snapshot {snapshot}, known to this computer, is no longer in the repository; \
             run \"scelle check\" and tell the host"
        ),
        Notice::Resumed { stored_bytes } => {
            let size = |lang| crate::cli::screen::size(*stored_bytes, lang);
            Message::by(|lang| {
                lang.pick(
                    format!("reprise d'une sauvegarde interrompue ; {} déjà déposés", size(lang)),
                    format!("continuing an interrupted backup; {} already stored", size(lang)),
                )
            })
        }
        Notice::CatalogRebuilt => bilingual!(
            "catalogue local reconstruit depuis le dépôt",
            "local catalog rebuilt from the repository"
        ),
        Notice::SpecialsSkipped { count } => bilingual!(
            "{count} sockets, tubes ou périphériques laissés de côté (rien à sauvegarder)",
            "{count} sockets, pipes or devices left out (nothing to back up)"
        ),
        Notice::Damaged { key } => bilingual!("objet endommagé : {key}", "damaged object: {key}"),
        Notice::StoreWeakness { weakness: found } => weakness(*found),
    }
}

fn clock_off(seconds: i64) -> Message {
    let gap = seconds.unsigned_abs();
    let amount = if gap >= 120 { format!("{} min", gap / 60) } else { format!("{gap} s") };
    if seconds >= 0 {
        bilingual!(
            "l'horloge de ce poste avance de {amount} sur celle du stockage ; réglez-la (la sauvegarde continue)",
            "this computer's clock is {amount} ahead of the store's; set it (the backup goes on)"
        )
    } else {
        bilingual!(
            "l'horloge de ce poste retarde de {amount} sur celle du stockage ; réglez-la (la sauvegarde continue)",
            "this computer's clock is {amount} behind the store's; set it (the backup goes on)"
        )
    }
}

/// A phase in two or three words, for progress lines.
pub fn phase(phase: Phase) -> Message {
    match phase {
        Phase::Open => bilingual!("Ouverture", "Opening"),
        Phase::Probe => bilingual!("Essai du stockage", "Probing the store"),
        Phase::Scan => bilingual!("Parcours", "Scanning"),
        Phase::Backup => bilingual!("Sauvegarde", "Backing up"),
        Phase::Commit => bilingual!("Validation", "Committing"),
        Phase::Verify => bilingual!("Vérification", "Verifying"),
        Phase::ReadData => bilingual!("Relecture", "Reading back"),
        Phase::Restore => bilingual!("Restauration", "Restoring"),
        Phase::Compare => bilingual!("Comparaison", "Comparing"),
        Phase::Rebuild => bilingual!("Reconstruction", "Rebuilding"),
    }
}

/// Why an entry could not be handled.
pub fn problem(problem: Problem) -> Message {
    match problem {
        Problem::Unreadable => bilingual!("lecture refusée par le système", "the system refused to read it"),
        Problem::Vanished => {
            bilingual!("disparu pendant la sauvegarde", "vanished during the backup")
        }
        Problem::Changed => bilingual!("modifié pendant sa lecture", "changed while it was read"),
        Problem::DiskError => bilingual!("erreur du disque", "disk error"),
        Problem::MetadataUnreadable => {
            bilingual!("certaines métadonnées illisibles", "some metadata could not be read")
        }
        Problem::NotWritten => bilingual!("écriture impossible", "could not be written"),
        Problem::MetadataNotSet => {
            bilingual!("contenu écrit, certaines métadonnées non", "content written, some metadata not")
        }
        Problem::Mismatch => {
            bilingual!("différent de l'instantané", "different from the snapshot")
        }
        Problem::RefusedName => bilingual!("nom refusé ici", "name refused here"),
        Problem::Kept => bilingual!("existe déjà, laissé tel quel", "already exists, left alone"),
        Problem::Damaged => {
            bilingual!("contenu stocké manquant ou endommagé", "stored content missing or damaged")
        }
        Problem::SavedWithSideFiles => bilingual!(
            "base enregistrée avec son journal, telle quelle : elle se répare à son ouverture",
            "database saved with its journal, as it lay there: it recovers when it is opened"
        ),
        Problem::HeldOpen => bilingual!(
            "base ouverte par un logiciel pendant sa copie, sans avoir changé",
            "database held open by a program while it was copied; it did not change"
        ),
        Problem::UseUnknown => bilingual!(
            "base inchangée pendant sa copie ; on ne sait pas si un logiciel l'avait ouverte",
            "database unchanged while it was copied; whether a program had it open is not known"
        ),
    }
}

/// What a store does not do, and what that means for the user.
pub fn weakness(weakness: Weakness) -> Message {
    match weakness {
        Weakness::ConditionalPutIgnored => bilingual!(
            "ce stockage laisse remplacer un objet sans le dire (If-None-Match ignoré) ; \
             Scellé ne s'y fie pas et le verrou doit protéger les objets",
            "this store lets an object be replaced in silence (If-None-Match ignored); \
             Scellé does not rely on it and the lock must protect the objects"
        ),
        Weakness::ConditionalPutRaced => bilingual!(
            "ce stockage a accepté deux écritures simultanées du même objet",
            "this store accepted two simultaneous writes of one object"
        ),
        Weakness::ChecksumIgnored => bilingual!(
            "ce stockage accepte une somme de contrôle fausse ; chaque objet sera relu",
            "this store accepts a wrong checksum; each object will be read back"
        ),
        Weakness::NoLock => bilingual!(
            "ce stockage ne verrouille rien : qui a pris ce poste peut effacer les sauvegardes",
            "this store locks nothing: whoever takes this computer can delete the backups"
        ),
        Weakness::LockIgnored => bilingual!(
            "ce stockage accepte un verrou puis efface quand même : il ne protège pas des rançongiciels",
            "this store accepts a lock, then deletes all the same: no protection against ransomware"
        ),
        Weakness::LockShortened => bilingual!(
            "ce stockage a laissé raccourcir un verrou : il ne protège pas des rançongiciels",
            "this store let a lock be shortened: no protection against ransomware"
        ),
        Weakness::NoDefaultRetention => bilingual!(
            "ce compartiment ne verrouille rien par défaut ; Scellé posera chaque verrou lui-même",
            "this bucket locks nothing by default; Scellé will set each lock itself"
        ),
        Weakness::MayDelete => bilingual!(
            "l'identifiant de ce poste a le droit d'effacer ; demandez à l'hébergeur un identifiant d'écriture seule",
            "this computer's credential may delete; ask the host for a write-only credential"
        ),
    }
}
