//! Stopping early: one token that everything long asks.
//!
//! Set by Ctrl-C or by the service; asked between files and chunks, and awaited by store calls.

use tokio_util::sync::CancellationToken;

use crate::error::{AgentError, Result};

/// Whether to stop.
#[derive(Clone, Debug, Default)]
pub struct Shutdown(CancellationToken);

impl Shutdown {
    /// The token behind, for async code.
    pub fn token(&self) -> &CancellationToken {
        &self.0
    }

    /// Asks everything to stop.
    pub fn stop(&self) {
        self.0.cancel();
    }

    /// Errors when it is time to stop.
    pub fn check(&self) -> Result<()> {
        if self.0.is_cancelled() { Err(AgentError::interrupted()) } else { Ok(()) }
    }
}
