//! Time that only goes forward, and waiting.
//!
//! From the operating system, or from a test that lives through a month. The clock on the wall is [`scelle_core::clock`]'s.

use std::future::Future;
use std::time::{Duration, Instant};

/// How the service's time goes by.
pub trait Pace {
    /// Time since the service began, by a clock that nobody sets.
    fn steady(&self) -> Duration;

    /// Lets time go by: at most so much.
    fn wait(&self, at_most: Duration) -> impl Future<Output = ()>;
}

/// The operating system's.
#[derive(Clone, Copy, Debug)]
pub struct SystemPace(Instant);

impl Default for SystemPace {
    fn default() -> Self {
        Self(Instant::now())
    }
}

impl Pace for SystemPace {
    fn steady(&self) -> Duration {
        self.0.elapsed()
    }

    async fn wait(&self, at_most: Duration) {
        tokio::time::sleep(at_most).await;
    }
}
