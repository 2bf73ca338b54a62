//! What one bilan leaves for the next: counts and times, in the state folder.
//!
//! For: the age of the last good backup, "nothing new for days", "smaller than last time", "since when". Data comes from
//! a run's end ([`super::remember`]) and goes to `bilans.json`. What is lost of it is read again from the ledger ([`super::recall()`]). Never: a
//! name or a path.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::accepted::Accepted;
use super::held::Roots;
use crate::error::Result;
use crate::pipeline::UnreadCount;
use crate::repo::files;
use crate::repo::state::State;
use crate::repo::state::checksum;

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
    /// What its roots held.
    #[serde(default)]
    pub roots: Roots,
    /// Somebody acknowledged that a root is missing; until all are there again.
    #[serde(default)]
    pub missing_accepted: bool,
    /// What lay at places that the last run could not read when they were last read, by the tokens of the places.
    #[serde(default)]
    pub unread: BTreeMap<String, UnreadCount>,
}

/// Warnings about the sources of a set: what `bilan acknowledge` accepts.
pub const SOURCE_ALARMS: [&str; 6] =
    ["few-files-lost", "files-lost", "mass-change", "root-emptied", "root-missing", "sources-shrunk"];

/// The folders of a set are gone altogether: accepted of one that was saved before, so that it is not said for ever of what nobody
/// saves any more. A later run of the same folders says it again.
pub const SET_GONE: &str = "nothing-to-back-up";

/// Damage in the store that no run could mend, in packs and in what is small: `bilan acknowledge` accepts the loss. That of keys
/// cannot be accepted.
pub const DAMAGE_ALARMS: [&str; 2] = ["damage-known", SMALL_DAMAGE_ALARM];
/// The one about what is small, notes among it.
pub const SMALL_DAMAGE_ALARM: &str = "damage-small";
/// What becomes of [`DAMAGE_ALARMS`] then.
pub const LOSS_ACCEPTED: &str = "loss-acknowledged";

/// The store held other bytes than were stored there: `bilan acknowledge` ends the alarm.
pub const ALTERED_ALARM: &str = "objects-altered";

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
        let bytes = state.get(files::BILANS).ok().flatten();
        bytes.and_then(|bytes| checksum::from_json(&bytes)).unwrap_or_default()
    }

    /// Keeps it.
    pub fn save(&self, state: &State) -> Result<()> {
        state.put(files::BILANS, &checksum::to_json(self)?)
    }
}
