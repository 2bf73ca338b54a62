//! The work of the service: one plan's backup, as `scelle backup --scheduled` makes it.
//!
//! From a plan and its occasion to [`Run::begin`] and [`Run::backup`]. Never: a key, or a bilan more for a slot that has one because
//! the store is still away.

use scelle_core::around::Around;
use scelle_core::bilan::Declared;
use scelle_core::error::Result;
use scelle_core::run::{Missed, NotBegun, Run};
use scelle_format::timestamp::Timestamp;

use super::agenda::Planned;
use super::{Attended, Occasion, Work};
use crate::config::Errand;

/// Backups to the repository that is configured.
pub struct Backups {
    /// Time, who watches, whether to stop.
    pub around: Around,
}

/// What a plan asks for, and what its bilan says should it not begin.
fn errand(plan: &Planned, occasion: Occasion) -> Result<(Errand<'_>, Missed)> {
    let errand = plan.settings.errand(&plan.plan, &[])?;
    let mut missed = errand.missed(&plan.settings, true);
    let (expected, is_late) = match occasion {
        Occasion::Slot { slot, is_late } => (Some(slot), is_late),
        Occasion::Again => (None, true),
    };
    missed.declared = Declared { expected, is_late, ..missed.declared };
    Ok((errand, missed))
}

impl Backups {
    async fn attempt(&self, plan: &Planned, occasion: Occasion) -> Result<Attended, NotBegun> {
        plan.settings.tell_what_has_no_effect(&*self.around.monitor);
        let (errand, missed) = errand(plan, occasion)?;
        let declared = missed.declared.clone();
        let asked = match occasion {
            Occasion::Slot { .. } => vec![missed],
            Occasion::Again => Vec::new(),
        };
        let run = Run::begin(&plan.settings.finder(&self.around), &asked).await?;
        let mut pen = run.pen(&asked).await?;
        let request = errand.request.beside(&plan.settings.home, Some(&run.seat.device.place));
        let ended = run.backup(&mut pen, request, declared).await;
        Ok(Attended { is_recorded: true, error: ended.err() })
    }
}

impl Work for Backups {
    async fn run(&self, plan: &Planned, occasion: Occasion) -> Attended {
        let attempt: std::pin::Pin<Box<dyn Future<Output = Result<Attended, NotBegun>> + '_>> =
            Box::pin(self.attempt(plan, occasion));
        let not_begun = |NotBegun { error, kept }| Attended { is_recorded: kept > 0, error: Some(error) };
        attempt.await.unwrap_or_else(not_begun)
    }

    fn miss(&self, plan: &Planned, slots: &[Timestamp]) -> (usize, Result<()>) {
        let first = slots.first().copied().unwrap_or_default();
        match errand(plan, Occasion::Slot { slot: first, is_late: false }) {
            Ok((_, missed)) => plan.settings.finder(&self.around).keep_missed_slots(&missed, slots),
            Err(error) => (0, Err(error)),
        }
    }
}
