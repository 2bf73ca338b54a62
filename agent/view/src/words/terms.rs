//! Words of the closed lists of the format, as people read them: who and why, roles, states, what ran.
//!
//! From a typed value to a word in both languages; documents and records have the list's own word. Never: a word of a later
//! version made up.

use scelle_format::descriptor::{DeviceState, EpochState, RecipientRole};
use scelle_format::ledger::{Author, Because};
use scelle_format::report::ExtensionClass;

use super::codes::ExitCode;
use super::failures::{Failure, LocalFailure, RunFailure, StoreFailure};
use super::{Lang, Message, Problem};
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

/// A class of files.
pub fn class(class: ExtensionClass) -> Message {
    match class {
        ExtensionClass::Document => bilingual!("document", "document"),
        ExtensionClass::Image => bilingual!("image", "image"),
        ExtensionClass::Database => bilingual!("base", "database"),
        ExtensionClass::Imaging => bilingual!("imagerie", "imaging"),
        ExtensionClass::Message => bilingual!("message", "message"),
        ExtensionClass::Archive => bilingual!("archive", "archive"),
        ExtensionClass::Other => bilingual!("autre", "other"),
    }
}

/// Why a run failed, or what it met, by the code in its record; a code that this version does not know stays.
pub fn run_code(code: &str) -> Message {
    let of = |failure: Failure| failure.what(None);
    match code {
        "destination-full" => of(StoreFailure::DestinationFull.into()),
        "store-denied" => bilingual!("le stockage a refusé l'accès", "the store denied access"),
        "source-missing" => of(LocalFailure::SourceMissing.into()),
        "nothing-saved" => of(RunFailure::NothingSaved.into()),
        "interrupted" => ExitCode::Interrupted.meaning(),
        "store-unreachable" => ExitCode::Unreachable.meaning(),
        "store-damaged" => ExitCode::Damaged.meaning(),
        "no-repository" => ExitCode::NoRepository.meaning(),
        "busy" => ExitCode::Busy.meaning(),
        "wrong-key" => ExitCode::WrongKey.meaning(),
        "usage" => ExitCode::Usage.meaning(),
        "failed" => ExitCode::Failed.meaning(),
        other => Problem::of_code(other).map_or_else(|| Message::new(other, other), Problem::said),
    }
}

/// What ran; a code that this version does not know stays.
pub fn run(kind: &str, lang: Lang) -> &str {
    match kind {
        "backup" => lang.pick("sauvegarde", "backup"),
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_record_may_say_of_a_run_has_words() {
        let of_runs = [
            "destination-full",
            "store-denied",
            "source-missing",
            "nothing-saved",
            "interrupted",
            "store-unreachable",
            "store-damaged",
            "no-repository",
            "busy",
            "wrong-key",
            "usage",
            "failed",
        ];
        for code in of_runs.into_iter().chain(Problem::ALL.map(Problem::code)) {
            let said = run_code(code);
            assert!(said.text(Lang::Fr) != code && said.text(Lang::Fr) != said.text(Lang::En), "{code}");
        }
        assert_eq!(run_code("of-a-later-version").text(Lang::Fr), "of-a-later-version");
    }
}
