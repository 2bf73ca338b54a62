//! What `check` and `restore` found wrong, written down where the next backup reads it.
//!
//! Findings become a `damage` note of this PC, and lie in its state folder. A PC without a place in the repository cannot
//! write one, and none is written at another address than the one it backs up to: that is said. Never: changes what a command answers, or its code.

use super::reading::Reading;
use crate::cli::context::Context;
use scelle_core::error::ExitCode;
use scelle_core::repo::damage::Damage;
use scelle_core::repo::finding::{Finding, FoundBy};
use scelle_core::run::Noted;
use scelle_view::bilingual;

/// Writes down what is damaged and what is whole again, and says so; nothing is said where nothing is new.
pub async fn record(
    context: &Context,
    reading: &Reading,
    found_by: FoundBy,
    findings: &[Finding],
    good: Vec<String>,
) {
    let told = Damage::default().news(findings);
    if told.is_empty() && good.is_empty() && !reading.remembers_damage() {
        return;
    }
    let screen = &context.screen;
    match reading.note(found_by, findings, good).await {
        Ok(Noted::Written) => screen.say(&bilingual!(
            "Constat noté pour la prochaine sauvegarde",
            "Noted for the next backup"
        )),
        Ok(Noted::SoundAgain) => screen.say(&bilingual!(
            "Des objets qui étaient abîmés sont de nouveau intacts : c'est noté",
            "Objects that were damaged are sound again: noted"
        )),
        Ok(Noted::KnownAlready) if told.is_empty() => {}
        Ok(Noted::KnownAlready) => screen.say(&bilingual!(
            "Déjà noté pour la prochaine sauvegarde",
            "Noted already for the next backup"
        )),
        Ok(Noted::KeptForThere) => screen.say(&bilingual!(
            "Noté sur ce poste pour une sauvegarde à cette adresse ; rien n'a été écrit dans cette copie du dépôt",
            "Noted on this computer for a backup at this address; nothing was written into this copy of the repository"
        )),
        Ok(Noted::NoPen) if told.is_empty() => {}
        Ok(Noted::NoPen) => screen.warn(&bilingual!(
            "ce constat n'est pas noté au journal : ce poste ne fait pas partie du dépôt. Lancez « scelle check » sur le poste sauvegardé",
            "this finding is not recorded in the ledger: this computer is no part of the repository. Run \"scelle check\" on the computer that is backed up"
        )),
        Err(error) if error.code == ExitCode::Busy => screen.warn(&bilingual!(
            "ce constat n'est pas noté au journal : une autre opération est en cours. Relancez la commande après",
            "this finding is not recorded in the ledger: another run is going on. Run the command again afterwards"
        )),
        Err(error) => {
            let what = error.what();
            let why = |lang| what.text(lang);
            screen.warn(&scelle_view::words::Message::by(|lang| {
                lang.pick(
                    format!("ce constat n'a pas pu être noté au journal : {}", why(lang)),
                    format!("this finding could not be recorded in the ledger: {}", why(lang)),
                )
            }));
        }
    }
}
