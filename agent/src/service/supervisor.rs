//! Telling systemd that the service is ready, alive, or about to stop.
//!
//! From the variables that it sets for its services to datagrams. Where nothing supervises, nothing is told. Never: a word about
//! what is saved.

use std::path::PathBuf;
use std::time::Duration;

use scelle_core::platform::tell_supervisor;

use crate::config::Env;

/// Who supervises this process.
#[derive(Clone, Debug, Default)]
pub struct Supervisor {
    socket: Option<PathBuf>,
    /// Half of the time after which a silent service is taken for dead.
    beat: Option<Duration>,
}

impl Supervisor {
    /// As systemd says it (`NOTIFY_SOCKET`, `WATCHDOG_USEC`).
    pub fn of(env: &Env) -> Self {
        let watchdog =
            env.text("WATCHDOG_USEC").and_then(|text| text.parse().ok()).map(Duration::from_micros);
        Self { socket: env.path("NOTIFY_SOCKET"), beat: watchdog.map(|time| time / 2) }
    }

    /// Tells it.
    pub fn tell(&self, words: &str) {
        if let Some(socket) = &self.socket {
            tell_supervisor(socket.as_os_str(), words);
        }
    }

    /// Says again and again that the service is alive, while something else goes on. Never ends.
    pub async fn keep_alive(&self) {
        let Some(beat) = self.beat else { return std::future::pending().await };
        loop {
            self.tell("WATCHDOG=1");
            tokio::time::sleep(beat).await;
        }
    }
}
