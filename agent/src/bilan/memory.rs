//! What one bilan leaves for the next: counts and times, in the state folder.
//!
//! For: the age of the last good backup, "nothing new for days", "smaller than last time", "since when". Data comes from
//! [`RunReport`] and goes to `bilans.json`. What is lost of it is read again from the ledger ([`super::recall()`]). Never: a
//! name or a path.

use std::collections::BTreeMap;

use scelle_format::report::{Assessment, Light};
use serde::{Deserialize, Serialize};

use super::accepted::{Accepted, Counted};
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

/// What is remembered of a set.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SetMemory {
    /// When something was last new, changed or gone, seconds since 1970.
    pub last_change: i64,
    /// What losses are counted from.
    #[serde(default)]
    pub accepted: Accepted,
    /// Warnings of what happened once and stays so until someone acknowledges it, and since when.
    #[serde(default)]
    pub alarms: BTreeMap<String, i64>,
    /// Somebody acknowledged that a root is missing; until all are there again.
    #[serde(default)]
    pub missing_accepted: bool,
}

/// Warnings about the sources of a set: what `bilan acknowledge` accepts.
pub const SOURCE_ALARMS: [&str; 6] =
    ["few-files-lost", "files-lost", "mass-change", "root-emptied", "root-missing", "sources-shrunk"];

/// Damage in the store that no run could mend: `bilan acknowledge` accepts the loss.
pub const DAMAGE_ALARM: &str = "damage-known";
/// What becomes of [`DAMAGE_ALARM`] then.
pub const LOSS_ACCEPTED: &str = "loss-acknowledged";

/// Whether a warning is of an event that the next run no longer sees.
pub fn stays_open(code: &str) -> bool {
    matches!(code, "mass-change" | "root-emptied")
}

impl Memory {
    /// Forgets a set: the next run reads it from the ledger.
    pub fn forget(&mut self, set: &str) {
        self.sets.remove(set);
    }

    /// Whether the set is to be read from the ledger before anything is said of it.
    pub fn lacks(&self, set: &str) -> bool {
        self.sets.get(set).is_none_or(|set| set.accepted.is_empty())
    }

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
            if !report.is_set_known {
                return memory;
            }
            let has = |code: &str| assessment.reasons.iter().any(|reason| reason.code == code);
            let changes = outcome.changes;
            let set = memory.sets.entry(report.set.to_owned()).or_default();
            let since = |code: &str| set.alarms.get(code).copied().unwrap_or(report.ended.0);
            let open = SOURCE_ALARMS.into_iter().filter(|code| stays_open(code) && has(code));
            set.alarms = open.map(|code| (code.to_owned(), since(code))).collect();
            set.missing_accepted &= outcome.sources.missing_roots > 0;
            let in_order =
                !["few-files-lost", "files-lost", "root-emptied", "root-missing", "sources-shrunk"]
                    .into_iter()
                    .any(has);
            if in_order {
                let (files, bytes) = (outcome.totals.files, outcome.totals.bytes);
                let snapshot = outcome.committed.snapshot;
                set.accepted.accept(Counted { snapshot, time: report.ended.0, files, bytes });
            }
            if changes.new + changes.changed + changes.removed > 0 || set.last_change == 0 {
                set.last_change = report.ended.0;
            }
        }
        memory
    }
}
