//! Something a person may want to know of an operation that is running: as a kind, and its sentence.
//!
//! Kinds are made by the agent's core while it works; terminal and NDJSON are the program's own. Never: a name or a path; a
//! notice carries tokens and counts.

use serde::Serialize;

use super::problem::Problem;
use super::weakness::Weakness;
use super::{Message, counted};
use crate::bilingual;

/// Something a person may want to know, without any name in it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Notice {
    /// One entry could not be handled. `token` stands for its path, `root` is its root's label.
    Problem {
        /// Label of the root folder.
        root: String,
        /// Token of the path: `bilan whois TOKEN` gives the name to someone with a key.
        token: String,
        /// What went wrong.
        problem: Problem,
    },
    /// A call to the store is tried again.
    Retry {
        /// The operation: `put`, `get`, `list`…
        operation: &'static str,
        /// Number of the attempt that failed, from 1.
        attempt: u32,
        /// Pause before the next attempt, in milliseconds.
        wait_ms: u64,
        /// Whether what arrived was not what was sent; else nobody answered, or "try again".
        altered: bool,
        /// Whether it was the proxy that did not answer, or let nothing through.
        of_proxy: bool,
    },
    /// The store gives no sign of life; it is still waited for.
    StoreSilent {
        /// Since when, in seconds.
        seconds: u64,
    },
    /// This computer's clock differs from the store's by so many seconds (positive: ours is ahead).
    ClockOff {
        /// Signed difference, in seconds.
        seconds: i64,
    },
    /// Two different continuations of this device's ledger exist.
    ForkAlarm,
    /// The state folder was older than the store (restored image) and was brought forward by `notes` notes.
    Rewound {
        /// Notes that the state did not know.
        notes: u64,
    },
    /// The newest snapshot this computer remembers is no longer in the store.
    SnapshotVanished {
        /// Its number on this device.
        snapshot: u64,
    },
    /// The local catalog is rebuilt from the repository.
    CatalogRebuilt,
    /// An object in the store is damaged; `key` is its key in the store (a hash, never a name).
    Damaged {
        /// The object's key.
        key: String,
    },
    /// The store does not do what the product relies on.
    StoreWeakness {
        /// What it does not do, or what could not be learned.
        weakness: Weakness,
    },
    /// The store answered wrongly (bytes that are not the object's, "not there") and rightly when asked once more.
    AnsweredWrongly {
        /// How many objects.
        objects: u64,
    },
    /// Objects were hidden behind delete markers or written over; older versions of them were read.
    ReadThrough {
        /// How many a delete marker hides.
        hidden: u64,
        /// How many were written over.
        overwritten: u64,
    },
    /// A bilan is neither in the store nor on this computer.
    BilanLost {
        /// The snapshot that it would have been about, where there is one.
        snapshot: Option<u64>,
    },
    /// A key of the configuration that is accepted and does nothing.
    NoEffect {
        /// Table and key.
        key: String,
        /// File, without its folders, and line.
        place: String,
    },
}

impl Notice {
    /// As one sentence.
    pub fn said(&self) -> Message {
        match self {
            Self::Problem { root, token, problem: why } => {
                let root = match root.as_str() {
                    "" if why.is_of_a_root() => bilingual!("source", "source"),
                    "" => bilingual!("fichier", "file"),
                    label => bilingual!("{label}", "{label}"),
                };
                bilingual!(
                    "{root} [{token}] : {why}",
                    "{root} [{token}]: {why}",
                    root = root,
                    why = why.said()
                )
            }
            Self::Retry { operation, attempt, wait_ms, of_proxy: true, .. } => {
                let seconds = *wait_ms as f64 / 1000.0;
                bilingual!(
                    "le proxy ne répond pas ou ne laisse rien passer ({doing}, essai {attempt}) ; nouvel essai dans {seconds:.1} s",
                    "the proxy does not answer or lets nothing through ({doing}, attempt {attempt}); trying again in {seconds:.1} s",
                    doing = request(operation)
                )
            }
            Self::Retry { operation, attempt, wait_ms, altered: true, .. } => {
                let seconds = *wait_ms as f64 / 1000.0;
                bilingual!(
                    "ce qui est arrivé n'est pas ce qui a été envoyé ({doing}, essai {attempt}) ; nouvel essai dans {seconds:.1} s",
                    "what arrived is not what was sent ({doing}, attempt {attempt}); trying again in {seconds:.1} s",
                    doing = request(operation)
                )
            }
            Self::Retry { operation, attempt, wait_ms, altered: false, .. } => {
                let seconds = *wait_ms as f64 / 1000.0;
                bilingual!(
                    "le stockage ne répond pas ({doing}, essai {attempt}) ; nouvel essai dans {seconds:.1} s",
                    "the store does not answer ({doing}, attempt {attempt}); trying again in {seconds:.1} s",
                    doing = request(operation)
                )
            }
            Self::StoreSilent { seconds } => bilingual!(
                "aucun signe du stockage depuis {seconds} s : la connexion est lente ou coupée ; l'attente continue",
                "no sign of the store for {seconds} s: the line is slow or cut; still waiting"
            ),
            Self::ClockOff { seconds } => clock_off(*seconds),
            Self::ForkAlarm => bilingual!(
                "ALERTE : deux suites différentes du journal de cet appareil existent ; un clone de ce poste \
                 sauvegarde peut-être. La sauvegarde continue à part ; prévenez la personne responsable",
                "ALARM: two different continuations of this device's ledger exist; a clone of this computer may \
                 be backing up. The backup goes on separately; tell the person in charge"
            ),
            Self::Rewound { notes } => bilingual!(
                "l'état local était plus ancien que le dépôt (poste restauré ?) ; {caught_up}",
                "the local state was older than the repository (computer restored?); {caught_up}",
                caught_up = counted(*notes, "# note[s] rattrapée[s]", "# note[s] caught up"),
            ),
            Self::SnapshotVanished { snapshot } => bilingual!(
                "ALERTE : l'instantané {snapshot}, connu de ce poste, n'est plus dans le dépôt ; \
                 lancez « scelle check » et prévenez l'hébergeur",
                "ALARM: snapshot {snapshot}, known to this computer, is no longer in the repository; \
                 run \"scelle check\" and tell the host"
            ),
            Self::CatalogRebuilt => bilingual!(
                "catalogue local reconstruit depuis le dépôt",
                "local catalog rebuilt from the repository"
            ),
            Self::Damaged { key } => bilingual!("objet endommagé : {key}", "damaged object: {key}"),
            Self::StoreWeakness { weakness } => weakness.said(),
            Self::AnsweredWrongly { objects } => counted(
                *objects,
                "le stockage a d'abord mal répondu pour # objet[s] (octets altérés, ou « absent ») et bien à la seconde \
                 demande ; rien n'est perdu, faites vérifier la liaison, le cache du NAS ou le disque",
                "the store first answered wrongly for # object[s] (altered bytes, or \"not there\") and rightly when \
                 asked again; nothing is lost, have the connection, the NAS's cache or the disk checked",
            ),
            Self::ReadThrough { hidden, overwritten } => bilingual!(
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
            Self::BilanLost { snapshot: Some(snapshot) } => bilingual!(
                "l'instantané {snapshot} est enregistré, mais son bilan n'a pu être ni envoyé ni gardé sur ce poste",
                "snapshot {snapshot} is stored, but its bilan could be neither sent nor kept on this computer"
            ),
            Self::BilanLost { snapshot: None } => bilingual!(
                "le bilan de cette sauvegarde n'a pu être ni envoyé ni gardé sur ce poste",
                "the bilan of this backup could be neither sent nor kept on this computer"
            ),
            Self::NoEffect { key, place } => bilingual!(
                "la clé « {key} » ({place}) n'a pas d'effet dans cette version",
                "the key \"{key}\" ({place}) has no effect in this version"
            ),
        }
    }

    /// Whether the sentence begins with a word of alarm of its own.
    pub fn is_alarm(&self) -> bool {
        match self {
            Self::ForkAlarm | Self::SnapshotVanished { .. } | Self::ReadThrough { .. } => true,
            Self::Problem { .. }
            | Self::Retry { .. }
            | Self::StoreSilent { .. }
            | Self::ClockOff { .. }
            | Self::Rewound { .. }
            | Self::CatalogRebuilt
            | Self::Damaged { .. }
            | Self::StoreWeakness { .. }
            | Self::AnsweredWrongly { .. }
            | Self::BilanLost { .. }
            | Self::NoEffect { .. } => false,
        }
    }

    /// Whether it is no step of the work but holds for the whole command: a warning, shown whatever the options.
    pub fn is_warning(&self) -> bool {
        match self {
            Self::AnsweredWrongly { .. }
            | Self::ReadThrough { .. }
            | Self::BilanLost { .. }
            | Self::NoEffect { .. } => true,
            Self::Problem { .. }
            | Self::Retry { .. }
            | Self::StoreSilent { .. }
            | Self::ClockOff { .. }
            | Self::ForkAlarm
            | Self::Rewound { .. }
            | Self::SnapshotVanished { .. }
            | Self::CatalogRebuilt
            | Self::Damaged { .. }
            | Self::StoreWeakness { .. } => false,
        }
    }
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

#[cfg(test)]
#[path = "notice_tests.rs"]
mod tests;
