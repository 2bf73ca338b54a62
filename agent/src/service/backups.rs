//! The work of the service: one plan's backup, as `scelle backup --scheduled` makes it.
//!
//! From a plan and its reason to [`Run::backup`], and to the bilan of a run that could not begin. Never: a key, or a bilan more for
//! a slot that has one because the store is still away.

use scelle_core::around::Around;
use scelle_core::bilan::Declared;
use scelle_core::connect::own_folders;
use scelle_core::error::{AgentError, Result};
use scelle_core::run::{BackupRequest, Finder, Missed, Run};
use scelle_format::timestamp::Timestamp;
use tracing::info;

use super::agenda::Planned;
use super::{Attended, Reason, Work};

/// Backups to the repository that is configured.
pub struct Backups {
    /// Time, who watches, whether to stop.
    pub around: Around,
    /// Whether the repository was typed, and is not what the configuration says.
    pub is_typed: bool,
}

impl Backups {
    fn finder<'a>(&'a self, plan: &'a Planned) -> Finder<'a> {
        let settings = &plan.settings;
        Finder {
            home: &settings.home,
            address: settings.repo.as_ref(),
            is_typed: self.is_typed,
            s3: &settings.s3,
            upload_bytes_per_second: settings.limits.upload_bytes_per_second,
            around: &self.around,
        }
    }

    fn declared(plan: &Planned, reason: Reason) -> Declared {
        let (expected, is_late) = match reason {
            Reason::Slot { slot, is_late } => (Some(slot), is_late),
            Reason::Again => (None, true),
        };
        Declared { expected, is_late, ..plan.settings.declared(Some(&plan.plan), true) }
    }

    async fn begin(&self, plan: &Planned) -> Result<Run> {
        let found = Box::pin(self.finder(plan).find(None)).await?;
        let seat = found.seat().await?;
        let mut run = Run::open(&found, seat).await?;
        if let (Some(known), Some(from)) = (&found.known, found.moved_from.as_deref()) {
            info!("the repository is at another address than before");
            known.settle(&mut run.seat, from)?;
        }
        Ok(run)
    }

    /// Runs, once there is a repository to write to. `Err`: nothing was written anywhere.
    async fn attempt(&self, plan: &Planned, reason: Reason) -> Result<Attended> {
        let run = self.begin(plan).await?;
        let mut pen = run.pen().await?;
        let own_folders = own_folders(&plan.settings.home, Some(&run.seat.device.place));
        let threads = plan.settings.limits.threads.unwrap_or(0);
        let request = BackupRequest { own_folders, threads, ..request(plan)? };
        let ended = run.backup(&mut pen, request, Self::declared(plan, reason)).await;
        Ok(Attended { is_recorded: true, error: ended.err() })
    }
}

fn request(plan: &Planned) -> Result<BackupRequest> {
    BackupRequest::new(&plan.plan.paths, plan.plan.exclude.clone())
}

impl Work for Backups {
    async fn run(&self, plan: &Planned, reason: Reason) -> Attended {
        let attempt: std::pin::Pin<Box<dyn Future<Output = Result<Attended>> + '_>> =
            Box::pin(self.attempt(plan, reason));
        let error = match attempt.await {
            Ok(ended) => return ended,
            // Whatever failed because it was to stop was stopped.
            Err(_) if self.around.shutdown.token().is_cancelled() => AgentError::interrupted(),
            Err(error) => error,
        };
        let missed = request(plan).map(|request| Missed::new(request, Self::declared(plan, reason)));
        let kept = match (reason, missed) {
            (Reason::Slot { .. }, Ok(missed)) => self.finder(plan).keep_missed(vec![missed], &error),
            _ => 0,
        };
        Attended { is_recorded: kept > 0, error: Some(error) }
    }

    fn miss(&self, plan: &Planned, slots: &[Timestamp]) -> (usize, Result<()>) {
        let first = slots.first().copied().unwrap_or_default();
        let reason = Reason::Slot { slot: first, is_late: false };
        match request(plan) {
            Ok(request) => {
                let missed = Missed::new(request, Self::declared(plan, reason));
                self.finder(plan).keep_missed_slots(&missed, slots)
            }
            Err(error) => (0, Err(error)),
        }
    }
}
