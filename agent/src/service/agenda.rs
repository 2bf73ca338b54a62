//! The plans that the service carries out, as the configuration has them now.
//!
//! From the settings to plans with their timetables; read again when the file has another time or size. A file that is wrong
//! changes nothing: what was in effect stays. Never: writes the file.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::SystemTime;

use scelle_core::error::Result;
use scelle_core::schedule::Timetable;
use tracing::{info, warn};

use crate::config::{Plan, Settings};

/// Reads the configuration again.
pub type Configured = Box<dyn Fn() -> Result<Settings>>;

/// A plan that says when.
#[derive(Clone, Debug)]
pub struct Planned {
    /// As configured.
    pub plan: Plan,
    /// Its slots.
    pub timetable: Timetable,
    /// What the timetable was made from: another one is another timetable.
    pub written: String,
    /// Everything else that is configured.
    pub settings: Arc<Settings>,
}

/// Whether the configuration is another one than before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Changed {
    /// It is.
    Yes,
    /// It is not, or cannot be read.
    No,
}

/// The plans of a configuration.
pub struct Agenda {
    again: Configured,
    settings: Arc<Settings>,
    timed: Vec<Arc<Planned>>,
    seen: Option<(SystemTime, u64)>,
}

impl Agenda {
    /// The plans as they are now; `again` reads them again.
    ///
    /// Errors: those of `again`.
    pub fn of(again: Configured) -> Result<Self> {
        let settings = again()?;
        let seen = stamp(&settings.config_path);
        let mut plans = Self { again, settings: Arc::new(settings), timed: Vec::new(), seen };
        plans.take_in();
        Ok(plans)
    }

    /// Folder of the state.
    pub fn home(&self) -> &Path {
        &self.settings.home
    }

    /// Those that say when.
    pub fn timed(&self) -> impl Iterator<Item = &Arc<Planned>> {
        self.timed.iter()
    }

    /// How long after its slot a run begins at most, in seconds.
    pub fn delay_s(&self) -> u32 {
        self.settings.agent.jitter_s
    }

    /// Reads the configuration again where its file changed.
    pub fn look(&mut self) -> Changed {
        let seen = stamp(&self.settings.config_path);
        if seen == self.seen {
            return Changed::No;
        }
        self.seen = seen;
        match (self.again)() {
            // The state of a running service cannot go elsewhere.
            Ok(settings) if settings.home == self.settings.home => {
                self.settings = Arc::new(settings);
                self.take_in();
                info!(plans = self.timed.len(), "configuration read again");
                Changed::Yes
            }
            Ok(_) => Changed::No,
            Err(error) => {
                warn!(code = error.code.number(), "the configuration is wrong: what was in effect stays");
                Changed::No
            }
        }
    }

    fn take_in(&mut self) {
        let agent = &self.settings.agent;
        let closures: Vec<String> = agent.closures.iter().map(ToString::to_string).collect();
        let planned = |plan: &Plan| {
            let timetable = agent.timetable(plan)?;
            let cron = plan.schedule.as_deref().unwrap_or_default();
            let written = format!("{cron} {} {}", agent.zone.name(), closures.join(" "));
            let (plan, settings) = (plan.clone(), self.settings.clone());
            Some(Arc::new(Planned { plan, timetable, written, settings }))
        };
        self.timed = self.settings.plans.iter().filter_map(planned).collect();
    }
}

/// Time and size of a file; `None` where there is none.
fn stamp(path: &PathBuf) -> Option<(SystemTime, u64)> {
    let meta = fs::metadata(path).ok()?;
    Some((meta.modified().ok()?, meta.len()))
}
