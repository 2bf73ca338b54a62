//! What surrounds all work and is no part of it: time, who watches, whether to stop, chance.
//!
//! Made once, by the program or a test, and handed to everything long; clones are the same surroundings. Never: where a
//! repository lies, or which.

use std::future::Future;
use std::sync::Arc;

use tracing::{Instrument as _, Span, error_span};

use crate::chance::Chance;
use crate::clock::{Clock, SystemClock};
use crate::error::AgentError;
use crate::monitor::{Monitor, Phase, Silent};
use crate::shutdown::Shutdown;

/// What surrounds all work.
#[derive(Clone)]
pub struct Around {
    /// Time.
    pub clock: Arc<dyn Clock>,
    /// Who watches.
    pub monitor: Arc<dyn Monitor>,
    /// Whether to stop.
    pub shutdown: Shutdown,
    /// Keys, nonces, instances and names of trial objects.
    pub chance: Chance,
}

impl Around {
    /// This system's clock and its chance, watched by `monitor`, stopped by nobody yet.
    pub fn watched_by(monitor: Arc<dyn Monitor>) -> Self {
        let (clock, shutdown) = (Arc::new(SystemClock), Shutdown::default());
        Self { clock, monitor, shutdown, chance: Chance::system() }
    }

    /// The same with nobody who watches.
    pub fn unwatched(&self) -> Self {
        Self { monitor: Arc::new(Silent), ..self.clone() }
    }

    /// A source of random bytes for one work.
    pub fn random(&self) -> Chance {
        self.chance.clone()
    }

    /// Why something failed: whatever failed because it was to stop was stopped.
    pub fn cause_of(&self, error: AgentError) -> AgentError {
        match self.shutdown.token().is_cancelled() {
            true => AgentError::interrupted(),
            false => error,
        }
    }

    /// Begins the stage `phase`, of which so many files and bytes are to be done where that is known: the monitor is told, and the
    /// log's events inside the span bear its name. For work on threads; other work is a [`Self::stage`].
    pub fn begin(&self, phase: Phase, files: Option<u64>, bytes: Option<u64>) -> Span {
        self.monitor.start(phase, files, bytes);
        // A span of the highest level: events of every level bear it.
        error_span!("stage", phase = phase.code())
    }

    /// Does `work` as the stage `phase`.
    pub async fn stage<T>(&self, phase: Phase, work: impl Future<Output = T>) -> T {
        let span = self.begin(phase, None, None);
        work.instrument(span).await
    }
}
