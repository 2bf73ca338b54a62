//! What the service is told: the zone and the days of its timetables, the delay of its runs.
//!
//! From `[agent]` and the plans to [`AgentSettings`] and timetables. Never: a clock.

use scelle_core::schedule::{Cadence, Closure, Timetable, Zone};

use super::file::{AgentTable, Plan};

/// The delay of runs where nobody said, in minutes.
pub const JITTER_MINUTES: u32 = 5;

/// What the service is told beside its plans.
#[derive(Clone, Debug)]
pub struct AgentSettings {
    /// The zone in which schedules and closures are written.
    pub zone: Zone,
    /// A run begins at most so many seconds after its time.
    pub jitter_s: u32,
    /// Days without a backup.
    pub closures: Vec<Closure>,
}

impl AgentSettings {
    /// From a table that breaks no rule.
    pub(super) fn of(table: &AgentTable) -> Self {
        Self {
            zone: table.time_zone.as_deref().and_then(Zone::named).unwrap_or_default(),
            jitter_s: table.jitter_minutes.unwrap_or(JITTER_MINUTES).saturating_mul(60),
            closures: table.closures.iter().filter_map(|days| Closure::parse(days)).collect(),
        }
    }

    /// When a plan's backups are to begin; `None` where it does not say.
    pub fn timetable(&self, plan: &Plan) -> Option<Timetable> {
        let cadence = Cadence::parse(plan.schedule.as_deref()?)?;
        Some(Timetable::new(cadence, self.zone.clone(), self.closures.clone()))
    }
}
