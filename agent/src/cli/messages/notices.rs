//! The sentences of notices, phases and store weaknesses.
//!
//! From the typed values of [`scelle_core::monitor`] to text. Never: a name.

use scelle_core::monitor::{Notice, Phase, Weakness};
use scelle_view::bilingual;
use scelle_view::words::figures::size;
use scelle_view::words::{Message, counted};

/// A notice as one sentence.
pub fn notice(notice: &Notice) -> Message {
    match notice {
        Notice::Problem { root, token, problem: why } => {
            let root = match root.as_str() {
                "" => bilingual!("fichier", "file"),
                label => bilingual!("{label}", "{label}"),
            };
            bilingual!("{root} [{token}] : {why}", "{root} [{token}]: {why}", root = root, why = why.said())
        }
        Notice::Retry { operation, attempt, wait_ms, of_proxy: true, .. } => {
            let seconds = *wait_ms as f64 / 1000.0;
            bilingual!(
                "le proxy ne répond pas ou ne laisse rien passer ({doing}, essai {attempt}) ; nouvel essai dans {seconds:.1} s",
                "the proxy does not answer or lets nothing through ({doing}, attempt {attempt}); trying again in {seconds:.1} s",
                doing = request(operation)
            )
        }
        Notice::Retry { operation, attempt, wait_ms, altered: true, .. } => {
            let seconds = *wait_ms as f64 / 1000.0;
            bilingual!(
                "ce qui est arrivé n'est pas ce qui a été envoyé ({doing}, essai {attempt}) ; nouvel essai dans {seconds:.1} s",
                "what arrived is not what was sent ({doing}, attempt {attempt}); trying again in {seconds:.1} s",
                doing = request(operation)
            )
        }
        Notice::Retry { operation, attempt, wait_ms, altered: false, .. } => {
            let seconds = *wait_ms as f64 / 1000.0;
            bilingual!(
                "le stockage ne répond pas ({doing}, essai {attempt}) ; nouvel essai dans {seconds:.1} s",
                "the store does not answer ({doing}, attempt {attempt}); trying again in {seconds:.1} s",
                doing = request(operation)
            )
        }
        Notice::StoreSilent { seconds } => bilingual!(
            "aucun signe du stockage depuis {seconds} s : la connexion est lente ou coupée ; l'attente continue",
            "no sign of the store for {seconds} s: the line is slow or cut; still waiting"
        ),
        Notice::ClockOff { seconds } => clock_off(*seconds),
        Notice::ForkAlarm => bilingual!(
            "ALERTE : deux suites différentes du journal de cet appareil existent ; un clone de ce poste \
             sauvegarde peut-être. La sauvegarde continue à part ; prévenez la personne responsable",
            "ALARM: two different continuations of this device's ledger exist; a clone of this computer may \
             be backing up. The backup goes on separately; tell the person in charge"
        ),
        Notice::Rewound { notes } => bilingual!(
            "l'état local était plus ancien que le dépôt (poste restauré ?) ; {caught_up}",
            "the local state was older than the repository (computer restored?); {caught_up}",
            caught_up = counted(*notes, "# note[s] rattrapée[s]", "# note[s] caught up"),
        ),
        Notice::SnapshotVanished { snapshot } => bilingual!(
            "ALERTE : l'instantané {snapshot}, connu de ce poste, n'est plus dans le dépôt ; \
             lancez « scelle check » et prévenez l'hébergeur",
            "ALARM: snapshot {snapshot}, known to this computer, is no longer in the repository; \
             run \"scelle check\" and tell the host"
        ),
        Notice::Resumed { stored_bytes } => {
            let stored = Message::by(|lang| size(*stored_bytes, lang));
            bilingual!(
                "reprise d'une sauvegarde interrompue ; déjà déposé : {stored}",
                "continuing an interrupted backup; already stored: {stored}",
                stored = stored
            )
        }
        Notice::CatalogRebuilt => bilingual!(
            "catalogue local reconstruit depuis le dépôt",
            "local catalog rebuilt from the repository"
        ),
        Notice::SpecialsSkipped { count } => counted(
            *count,
            "# socket[s], tube[s] ou périphérique[s] laissé[s] de côté (rien à sauvegarder)",
            "# socket[s], pipe[s] or device[s] left out (nothing to back up)",
        ),
        Notice::Damaged { key } => bilingual!("objet endommagé : {key}", "damaged object: {key}"),
        Notice::StoreWeakness { weakness: found } => weakness(*found),
        Notice::AnsweredWrongly { objects } => counted(
            *objects,
            "le stockage a d'abord mal répondu pour # objet[s] (octets altérés, ou « absent ») et bien à la seconde \
             demande ; rien n'est perdu, faites vérifier la liaison, le cache du NAS ou le disque",
            "the store first answered wrongly for # object[s] (altered bytes, or \"not there\") and rightly when \
             asked again; nothing is lost, have the connection, the NAS's cache or the disk checked",
        ),
        Notice::ReadThrough { hidden, overwritten } => bilingual!(
            "ALERTE : quelqu'un a masqué {hid} (marqueurs de suppression) et en a recouvert {overwritten} ; {read}",
            "ALARM: somebody hid {hid} (delete markers) and wrote over {overwritten}; {read}",
            hid = counted(*hidden, "# objet[s]", "# object[s]"),
            read = counted(
                hidden + overwritten,
                "[sa version antérieure, intacte, a été lue|leurs versions antérieures, intactes, ont été lues]. Prévenez \
                 l'hébergeur ; « scelle check » [le|les] nomme",
                "[its older version, sound, was|their older versions, sound, were] read. Tell the host; \"scelle check\" names \
                 [it|them]",
            ),
        ),
    }
}

/// Whether a notice begins with a word of alarm of its own.
pub fn is_alarm(notice: &Notice) -> bool {
    matches!(notice, Notice::ForkAlarm | Notice::SnapshotVanished { .. } | Notice::ReadThrough { .. })
}

/// A request to the store, in a word.
fn request(operation: &'static str) -> Message {
    match operation {
        "open" => bilingual!("ouverture", "open"),
        "put" => bilingual!("envoi", "put"),
        "get" => bilingual!("lecture", "get"),
        "head" => bilingual!("recherche", "head"),
        "list" => bilingual!("liste", "list"),
        "delete" => bilingual!("suppression", "delete"),
        "time" => bilingual!("heure", "time"),
        "versions" => bilingual!("versions", "versions"),
        other => bilingual!("{other}", "{other}"),
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

/// What the probe concluded of a store: what it means, and what to do.
pub fn weakness(weakness: Weakness) -> Message {
    match weakness {
        Weakness::LockAcceptedButNotKept => bilingual!(
            "ce stockage accepte un verrou puis efface quand même : il ne protège pas des rançongiciels ; prenez-en un autre",
            "this store accepts a lock, then deletes all the same: no protection against ransomware; take another one"
        ),
        Weakness::LockMayBeShortened => bilingual!(
            "ce stockage a laissé raccourcir un verrou : il ne protège pas des rançongiciels ; prenez-en un autre",
            "this store let a lock be shortened: no protection against ransomware; take another one"
        ),
        Weakness::NoConditionalPut => bilingual!(
            "ce stockage laisse remplacer un objet sans le dire (If-None-Match ignoré) ; Scellé regarde avant d'écrire, \
             et seuls les versions et le verrou protègent de qui écrirait par-dessus",
            "this store lets an object be replaced in silence (If-None-Match ignored); Scellé looks before it writes, \
             and only versions and lock protect against somebody who writes over"
        ),
        Weakness::ConditionalPutNotAtomic => bilingual!(
            "ce stockage a accepté deux écritures simultanées du même objet ; Scellé regarde avant d'écrire",
            "this store accepted two simultaneous writes of one object; Scellé looks before it writes"
        ),
        Weakness::NoChecksum => bilingual!(
            "ce stockage accepte des octets qui ne sont pas ceux annoncés ; chaque objet envoyé sera relu, ce qui double \
             les échanges",
            "this store accepts bytes that are not those announced; each object sent will be read back, which doubles \
             the traffic"
        ),
        Weakness::NoLock => bilingual!(
            "ce compartiment ne verrouille rien : un identifiant qui a le droit d'effacer peut effacer les sauvegardes ; \
             demandez à l'hébergeur un compartiment avec Object Lock",
            "this bucket locks nothing: a credential that may delete can delete the backups; ask the host for a bucket with \
             Object Lock"
        ),
        Weakness::NotRansomwareProof => bilingual!(
            "ce stockage ne verrouille rien : qui a pris ce poste peut effacer les sauvegardes",
            "this store locks nothing: whoever takes this computer can delete the backups"
        ),
        Weakness::NoDefaultRetention => bilingual!(
            "ce compartiment ne verrouille rien de lui-même : ce qui est envoyé pourra être effacé ; demandez à l'hébergeur \
             une rétention par défaut en mode COMPLIANCE",
            "this bucket locks nothing by itself: what is sent can be deleted; ask the host for a default retention in \
             COMPLIANCE mode"
        ),
        Weakness::DefaultRetentionNotCompliance => bilingual!(
            "ce compartiment verrouille en mode GOVERNANCE, qu'un administrateur peut lever ; demandez à l'hébergeur le mode \
             COMPLIANCE",
            "this bucket locks in GOVERNANCE mode, which an administrator can lift; ask the host for COMPLIANCE mode"
        ),
        Weakness::AgentMayDeleteVersions => bilingual!(
            "l'identifiant de ce poste a le droit d'effacer, et aucun verrou ne l'en empêche ; demandez à l'hébergeur un \
             identifiant d'écriture seule",
            "this computer's credential may delete, and no lock stands against it; ask the host for a write-only credential"
        ),
        Weakness::LockNotProven => bilingual!(
            "avec cet identifiant, on n'a pas pu essayer si le verrou tient ; demandez-le par écrit à l'hébergeur, ou essayez \
             avec un identifiant d'administrateur",
            "with this credential it could not be tried whether the lock holds; have the host say so in writing, or try with \
             an administrator's credential"
        ),
        Weakness::DefaultRetentionUnknown => bilingual!(
            "on n'a pas pu savoir si ce compartiment verrouille de lui-même ; demandez à l'hébergeur sa rétention par défaut",
            "it could not be learned whether this bucket locks by itself; ask the host for its default retention"
        ),
        Weakness::ConditionalPutUnknown => bilingual!(
            "on n'a pas pu savoir si ce stockage refuse de remplacer un objet (pas de réponse nette) ; recommencez plus tard",
            "it could not be learned whether this store refuses to replace an object (no clear answer); try again later"
        ),
        Weakness::AgentMayHide => bilingual!(
            "l'identifiant de ce poste peut poser des marqueurs de suppression : qui a pris ce poste peut masquer les \
             sauvegardes (ce qui est verrouillé reste lisible dessous) ; demandez à l'hébergeur un identifiant sans droit \
             d'effacer (s3:DeleteObject)",
            "this computer's credential may put delete markers: whoever takes this computer can hide the backups (what is \
             locked stays readable below); ask the host for a credential without the right to delete (s3:DeleteObject)"
        ),
        Weakness::ClockOffset => bilingual!(
            "l'horloge de ce poste est à plus d'un quart d'heure de celle du stockage ; réglez-la",
            "this computer's clock is more than a quarter of an hour from the store's; set it"
        ),
    }
}
