//! Words of the closed lists of the format, as people read them: who and why, roles, states, what ran.
//!
//! From a typed value to a word in both languages; documents and records have the list's own word. Never: a word of a later
//! version made up.

use scelle_format::descriptor::{DeviceState, EpochState, RecipientRole};
use scelle_format::ledger::{Author, Because};

use super::{Lang, Message};
use crate::bilingual;

/// Who acknowledged.
pub fn author(author: Author) -> Message {
    match author {
        Author::Secretary => bilingual!("secrétaire", "secretary"),
        Author::Practitioner => bilingual!("praticien", "practitioner"),
        Author::Responsible => bilingual!("responsable", "person responsible"),
        Author::Provider => bilingual!("prestataire", "provider"),
    }
}

/// Why what is gone or changed is as it should be.
pub fn because(because: Because) -> Message {
    match because {
        Because::Moved => bilingual!("déplacé", "moved"),
        Because::DeletedOnPurpose => bilingual!("effacé exprès", "deleted on purpose"),
        Because::Archived => bilingual!("archivé", "archived"),
        Because::Replaced => bilingual!("remplacé", "replaced"),
        Because::Other => bilingual!("autre raison", "another reason"),
    }
}

/// What a recipient is for.
pub fn role(role: RecipientRole) -> Message {
    match role {
        RecipientRole::Recovery => bilingual!("kit de secours", "recovery kit"),
        RecipientRole::Everyday => bilingual!("phrase du quotidien", "everyday phrase"),
        RecipientRole::Escrow => bilingual!("séquestre", "escrow"),
    }
}

/// Whether a holder has opened an epoch yet.
pub fn epoch(state: EpochState) -> Message {
    match state {
        EpochState::Provisional => bilingual!("provisoire", "provisional"),
        EpochState::Confirmed => bilingual!("confirmée", "confirmed"),
    }
}

/// Whether a device's notes count.
pub fn device(state: DeviceState) -> Message {
    match state {
        DeviceState::Enrolled => bilingual!("inscrit", "enrolled"),
        DeviceState::Revoked => bilingual!("révoqué", "revoked"),
    }
}

/// What ran; a code that this version does not know stays.
pub fn run(kind: &str, lang: Lang) -> &str {
    match kind {
        "backup" => lang.pick("sauvegarde", "backup"),
        other => other,
    }
}
