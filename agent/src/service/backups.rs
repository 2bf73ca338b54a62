//! The work of the service: one plan's backup, as `scelle backup --scheduled` makes it.
//!
//! From a plan and its occasion to [`Run::only`]. Never: a key, or a bilan more for a slot that has one because the store is still
//! away.

use scelle_core::around::Around;
use scelle_core::error::Result;
use scelle_core::run::{BackupRequest, NotBegun, Run};
use scelle_format::timestamp::Timestamp;

use super::agenda::Planned;
use super::{Attended, Occasion, Work};

/// Backups to the repository that is configured.
pub struct Backups {
    /// Time, who watches, whether to stop.
    pub around: Around,
}

/// What a plan asks for.
fn request(plan: &Planned, occasion: Occasion) -> Result<BackupRequest> {
    let mut request = plan.settings.errand(&plan.plan, &[], true)?.request;
    (request.declared.expected, request.declared.is_late) = match occasion {
        Occasion::Slot { slot, is_late } => (Some(slot), is_late),
        Occasion::Again => (None, true),
    };
    request.is_again = occasion == Occasion::Again;
    Ok(request)
}

impl Backups {
    async fn attempt(&self, plan: &Planned, occasion: Occasion) -> Result<Attended, NotBegun> {
        plan.settings.tell_what_has_no_effect(&*self.around.monitor);
        let ended = Run::only(&plan.settings.finder(&self.around), request(plan, occasion)?).await?;
        Ok(Attended { is_recorded: ended.is_recorded(), error: ended.whole().err() })
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
        match request(plan, Occasion::Slot { slot: first, is_late: false }) {
            Ok(request) => plan.settings.finder(&self.around).keep_missed_slots(&request, slots),
            Err(error) => (0, Err(error)),
        }
    }
}
