//! What a store does not do that backups rest on: as a kind, and its sentence.
//!
//! Kinds are made by the agent's core (`run::site`) from what a probe concluded, one for each of the store's codes: a code
//! without a kind does not compile there. They are not the same type because what shows words is built without a store. Never: a name.

use serde::Serialize;

use super::Message;
use crate::bilingual;

/// What a store was found not to do, or what could not be learned of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Weakness {
    /// A lock is taken, and the version is deleted all the same.
    LockAcceptedButNotKept,
    /// The end of a lock could be brought forward.
    LockMayBeShortened,
    /// `If-None-Match` is ignored.
    NoConditionalPut,
    /// Of several at once more than one was told that it won.
    ConditionalPutNotAtomic,
    /// A body that does not match any of its announced hashes is taken.
    NoChecksum,
    /// No Object Lock at all.
    NoLock,
    /// The bucket locks nothing by itself.
    NoDefaultRetention,
    /// It does, in GOVERNANCE mode, which an administrator can lift.
    DefaultRetentionNotCompliance,
    /// The credential may delete versions, and no lock was seen to hold them.
    AgentMayDeleteVersions,
    /// Whether a lock holds could not be learned.
    LockNotProven,
    /// Whether the bucket locks by itself could not be learned.
    DefaultRetentionUnknown,
    /// Whether `If-None-Match` is honoured could not be learned.
    ConditionalPutUnknown,
    /// The credential may put delete markers on everything.
    AgentMayHide,
    /// The clocks are so far apart that most hosts refuse the local time.
    ClockOffset,
    /// A folder: who can write in it can delete in it.
    NotRansomwareProof,
}

impl Weakness {
    /// What it means, and what to do.
    pub fn said(self) -> Message {
        match self {
            Self::LockAcceptedButNotKept => bilingual!(
                "ce stockage accepte un verrou puis efface quand même : il ne protège pas des rançongiciels ; prenez-en un autre",
                "this store accepts a lock, then deletes all the same: no protection against ransomware; take another one"
            ),
            Self::LockMayBeShortened => bilingual!(
                "ce stockage a laissé raccourcir un verrou : il ne protège pas des rançongiciels ; prenez-en un autre",
                "this store let a lock be shortened: no protection against ransomware; take another one"
            ),
            Self::NoConditionalPut => bilingual!(
                "ce stockage laisse remplacer un objet sans le dire (If-None-Match ignoré) ; Scellé regarde avant d'écrire, \
                 et seuls les versions et le verrou protègent de qui écrirait par-dessus",
                "this store lets an object be replaced in silence (If-None-Match ignored); Scellé looks before it writes, \
                 and only versions and lock protect against somebody who writes over"
            ),
            Self::ConditionalPutNotAtomic => bilingual!(
                "ce stockage a accepté deux écritures simultanées du même objet ; Scellé regarde avant d'écrire",
                "this store accepted two simultaneous writes of one object; Scellé looks before it writes"
            ),
            Self::NoChecksum => bilingual!(
                "ce stockage accepte des octets qui ne sont pas ceux annoncés ; chaque objet envoyé sera relu, ce qui double \
                 les échanges",
                "this store accepts bytes that are not those announced; each object sent will be read back, which doubles \
                 the traffic"
            ),
            Self::NoLock => bilingual!(
                "ce compartiment ne verrouille rien : un identifiant qui a le droit d'effacer peut effacer les sauvegardes ; \
                 demandez à l'hébergeur un compartiment avec Object Lock",
                "this bucket locks nothing: a credential that may delete can delete the backups; ask the host for a bucket with \
                 Object Lock"
            ),
            Self::NotRansomwareProof => bilingual!(
                "ce stockage ne verrouille rien : qui a pris ce poste peut effacer les sauvegardes",
                "this store locks nothing: whoever takes this computer can delete the backups"
            ),
            Self::NoDefaultRetention => bilingual!(
                "ce compartiment ne verrouille rien de lui-même : ce qui est envoyé pourra être effacé ; demandez à l'hébergeur \
                 une rétention par défaut en mode COMPLIANCE",
                "this bucket locks nothing by itself: what is sent can be deleted; ask the host for a default retention in \
                 COMPLIANCE mode"
            ),
            Self::DefaultRetentionNotCompliance => bilingual!(
                "ce compartiment verrouille en mode GOVERNANCE, qu'un administrateur peut lever ; demandez à l'hébergeur le mode \
                 COMPLIANCE",
                "this bucket locks in GOVERNANCE mode, which an administrator can lift; ask the host for COMPLIANCE mode"
            ),
            Self::AgentMayDeleteVersions => bilingual!(
                "l'identifiant de ce poste a le droit d'effacer, et aucun verrou ne l'en empêche ; demandez à l'hébergeur un \
                 identifiant d'écriture seule",
                "this computer's credential may delete, and no lock stands against it; ask the host for a write-only credential"
            ),
            Self::LockNotProven => bilingual!(
                "avec cet identifiant, on n'a pas pu essayer si le verrou tient ; demandez-le par écrit à l'hébergeur, ou essayez \
                 avec un identifiant d'administrateur",
                "with this credential it could not be tried whether the lock holds; have the host say so in writing, or try with \
                 an administrator's credential"
            ),
            Self::DefaultRetentionUnknown => bilingual!(
                "on n'a pas pu savoir si ce compartiment verrouille de lui-même ; demandez à l'hébergeur sa rétention par défaut",
                "it could not be learned whether this bucket locks by itself; ask the host for its default retention"
            ),
            Self::ConditionalPutUnknown => bilingual!(
                "on n'a pas pu savoir si ce stockage refuse de remplacer un objet (pas de réponse nette) ; recommencez plus tard",
                "it could not be learned whether this store refuses to replace an object (no clear answer); try again later"
            ),
            Self::AgentMayHide => bilingual!(
                "l'identifiant de ce poste peut poser des marqueurs de suppression : qui a pris ce poste peut masquer les \
                 sauvegardes (ce qui est verrouillé reste lisible dessous) ; demandez à l'hébergeur un identifiant sans droit \
                 d'effacer (s3:DeleteObject)",
                "this computer's credential may put delete markers: whoever takes this computer can hide the backups (what is \
                 locked stays readable below); ask the host for a credential without the right to delete (s3:DeleteObject)"
            ),
            Self::ClockOffset => bilingual!(
                "l'horloge de ce poste est à plus d'un quart d'heure de celle du stockage ; réglez-la",
                "this computer's clock is more than a quarter of an hour from the store's; set it"
            ),
        }
    }
}
