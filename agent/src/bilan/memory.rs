//! What one bilan leaves for the next: counts and times, in the state folder.
//!
//! For: the age of the last good backup, "nothing new for days", "smaller than last time", "since when". Data comes from
//! [`RunReport`] and goes to `bilans.json`. Losing it costs comparisons, nothing else. Never: a name or a path.

use std::collections::BTreeMap;

use scelle_format::report::{Assessment, Light};
use serde::{Deserialize, Serialize};

use super::run::{RunEnd, RunReport};
use crate::error::{AgentError, Result};
use crate::repo::state::State;

const FILE: &str = "bilans.json";

/// What the last bilans saw.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Memory {
    /// When the last run that made a snapshot ended, seconds since 1970.
    pub last_good: Option<i64>,
    /// Red reasons that are open, and since when.
    pub open: BTreeMap<String, i64>,
    /// Per set.
    pub sets: BTreeMap<String, SetMemory>,
}

/// What the last run of a set saw.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SetMemory {
    /// Bytes of its files.
    pub source_bytes: u64,
    /// When something was last new, changed or gone, seconds since 1970.
    pub last_change: i64,
}

impl Memory {
    /// Reads it; what cannot be read is forgotten.
    pub fn load(state: &State) -> Self {
        let bytes = state.get(FILE).ok().flatten();
        bytes.and_then(|bytes| serde_json::from_slice(&bytes).ok()).unwrap_or_default()
    }

    /// Keeps it.
    pub fn save(&self, state: &State) -> Result<()> {
        state.put(FILE, &serde_json::to_vec_pretty(self).map_err(AgentError::bug)?)
    }

    /// What the next bilan is to know after this one.
    pub fn after(report: &RunReport<'_>, assessment: &Assessment) -> Self {
        let mut memory = report.memory.clone();
        let red = assessment.reasons.iter().filter(|reason| reason.light == Light::Red);
        let since = |code: &str| report.memory.open.get(code).copied().unwrap_or(report.ended.0);
        memory.open = red.map(|reason| (reason.code.to_owned(), since(reason.code))).collect();
        if let RunEnd::Committed(outcome) = report.end {
            memory.last_good = Some(report.ended.0);
            let changes = outcome.changes;
            let set = memory.sets.entry(report.set.to_owned()).or_default();
            set.source_bytes = outcome.totals.bytes;
            if changes.new + changes.changed + changes.removed > 0 || set.last_change == 0 {
                set.last_change = report.ended.0;
            }
        }
        memory
    }
}
