//! What `check` and `restore` found wrong, written down where the next backup reads it.
//!
//! Findings become a `damage` note of this PC, and lie in its state folder. A PC without a place in the repository cannot
//! write one: that is said. Never: changes what a command answers, or its code.

use super::known::Known;
use super::reading::Reading;
use crate::cli::context::Context;
use scelle_core::error::{ExitCode, Result};
use scelle_core::repo::damage::Damage;
use scelle_core::repo::finding::Finding;
use scelle_view::bilingual;

/// Writes down what is damaged and what is whole again, and says so; nothing is said where nothing is new.
pub async fn record(
    context: &Context,
    reading: &Reading,
    found_by: &str,
    findings: &[Finding],
    good: Vec<String>,
) {
    let told = Damage::default().news(findings);
    let folder = |known: &Known| context.settings.home.join(known.repository.as_str());
    // What is remembered may be sound by now: whoever looks at everything says so.
    let is_remembered = reading.known.as_ref().is_some_and(|known| Damage::is_open_in(&folder(known)));
    if told.is_empty() && good.is_empty() && !is_remembered {
        return;
    }
    let screen = &context.screen;
    match write(context, reading, found_by, findings, good).await {
        Ok(Recorded::Written) => screen.say(&bilingual!(
            "Constat noté pour la prochaine sauvegarde",
            "Noted for the next backup"
        )),
        Ok(Recorded::SoundAgain) => screen.say(&bilingual!(
            "Des objets qui étaient abîmés sont de nouveau intacts : c'est noté",
            "Objects that were damaged are sound again: noted"
        )),
        Ok(Recorded::KnownAlready) if told.is_empty() => {}
        Ok(Recorded::KnownAlready) => screen.say(&bilingual!(
            "Déjà noté pour la prochaine sauvegarde",
            "Noted already for the next backup"
        )),
        Ok(Recorded::NoPen) if told.is_empty() => {}
        Ok(Recorded::NoPen) => screen.warn(&bilingual!(
            "ce constat n'est pas noté au registre : ce poste ne fait pas partie du dépôt. Lancez « scelle check » sur le poste sauvegardé",
            "this finding is not recorded in the ledger: this computer is no part of the repository. Run \"scelle check\" on the computer that is backed up"
        )),
        Err(error) if error.code == ExitCode::Busy => screen.warn(&bilingual!(
            "ce constat n'est pas noté au registre : une autre opération est en cours. Relancez la commande après",
            "this finding is not recorded in the ledger: another run is going on. Run the command again afterwards"
        )),
        Err(error) => {
            let why = |lang| error.what.text(lang);
            screen.warn(&scelle_view::words::Message::by(|lang| {
                lang.pick(
                    format!("ce constat n'a pas pu être noté au registre : {}", why(lang)),
                    format!("this finding could not be recorded in the ledger: {}", why(lang)),
                )
            }));
        }
    }
}

enum Recorded {
    Written,
    /// Nothing is worse than was known, and something is better.
    SoundAgain,
    KnownAlready,
    NoPen,
}

async fn write(
    context: &Context,
    reading: &Reading,
    found_by: &str,
    findings: &[Finding],
    good: Vec<String>,
) -> Result<Recorded> {
    if reading.known.is_none() {
        return Ok(Recorded::NoPen);
    }
    let seat = reading.seat(context)?;
    let (state, descriptors) = (&seat.state, &reading.repository.descriptors);
    let mut damage = Damage::look(&seat.objects, state, &seat.device, descriptors).await?;
    let bad = damage.news(findings);
    let mut good: Vec<String> = good.into_iter().filter(|name| damage.is_open(name)).collect();
    if found_by == "check" {
        good.extend(damage.sound_by(findings));
        damage.note_affected(findings);
        damage.save(state)?;
    }
    if bad.is_empty() && good.is_empty() {
        return Ok(Recorded::KnownAlready);
    }
    let mut ledger = seat.pen_at_the_head(descriptors).await?;
    let is_worse = !bad.is_empty();
    damage.record(&mut ledger, state, found_by, bad, good).await?;
    Ok(if is_worse { Recorded::Written } else { Recorded::SoundAgain })
}
