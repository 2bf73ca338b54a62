//! What a check or a restore found wrong, written down where the next backup reads it.
//!
//! Findings become a `damage` note of this PC, and lie in its state folder. At another address than its own they are only kept, for
//! a backup made there. Never: changes what a command answers, or writes into a copy that is looked at.

use super::reading::Reading;
use crate::error::Result;
use crate::repo::damage::Damage;
use crate::repo::damage::elsewhere::FoundElsewhere;
use crate::repo::finding::{Finding, FoundBy};
use crate::repo::state::State;

/// What became of findings.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Noted {
    /// They are in the ledger.
    Written,
    /// Nothing is worse than was known, and something is better.
    SoundAgain,
    /// The ledger said so already.
    KnownAlready,
    /// They wait here for a backup at that address, which is not the one this PC backs up to.
    KeptForThere,
    /// This PC has no place in the repository.
    NoPen,
}

impl Reading {
    /// Whether something is remembered as damaged. It may be sound by now: whoever looks at everything says so.
    pub fn remembers_damage(&self) -> bool {
        self.folder().is_some_and(|folder| Damage::is_open_in(&folder))
    }

    /// Writes down what is damaged, and what of the objects in `good` was known to be and is whole again.
    pub async fn note(&self, found_by: FoundBy, findings: &[Finding], good: Vec<String>) -> Result<Noted> {
        let Some(known) = &self.known else { return Ok(Noted::NoPen) };
        if self.is_elsewhere {
            let state = State::open(&self.home, &known.repository)?;
            let is_new = FoundElsewhere::keep(&state, &known.device.place, findings)?;
            return Ok(if is_new { Noted::KeptForThere } else { Noted::KnownAlready });
        }
        let seat = self.seat()?;
        let (state, descriptors) = (&seat.state, &self.repository.descriptors);
        let mut damage = Damage::look(seat.objects(), state, &seat.device, descriptors).await?;
        damage.forget_strangers(seat.objects(), state, descriptors)?;
        let bad = damage.news(findings);
        let mut good: Vec<String> = good.into_iter().filter(|name| damage.is_open(name)).collect();
        if found_by == FoundBy::Check {
            good.extend(damage.sound_by(findings, self.repository.keyring.is_some()));
            damage.note_affected(findings);
            damage.save(state)?;
        }
        if bad.is_empty() && good.is_empty() {
            return Ok(Noted::KnownAlready);
        }
        let mut ledger = seat.pen_at_the_head(descriptors).await?;
        let is_worse = !bad.is_empty();
        damage.record(&mut ledger, state, found_by, bad, good).await?;
        Ok(if is_worse { Noted::Written } else { Noted::SoundAgain })
    }
}
