//! Alarms about the ledger itself: another computer writes as this one, or the store or this computer's state was set back.
//!
//! Whoever sees it notes it before anything is put right, in `alarms.json` in the state folder: a run that then fails, a
//! restore or a check leaves nothing to be seen by the next. A lost file is read again from the bilans. Goes to the bilan,
//! which is red as long as one is open. Never: ends one because it is no longer seen.

use std::collections::{BTreeMap, BTreeSet};

use scelle_format::timestamp::Timestamp;
use serde::{Deserialize, Serialize};

use crate::error::Result;
use crate::repo::files;
use crate::repo::state::State;
use crate::repo::state::checksum;

/// Their codes in bilans, the worst first.
pub const CHAIN_ALARMS: [&str; 3] = [FORK, REWOUND_AGAIN, ROLLED_BACK];
/// Two notes bear one number.
pub const FORK: &str = "chain-fork";
/// The state was older than the store for the second time within 30 days.
pub const REWOUND_AGAIN: &str = "state-rewound-again";
/// The store showed less than before.
pub const ROLLED_BACK: &str = "store-rolled-back";
/// A note is lost, or is not what belongs in its place: what is known of damage remembers it.
pub const BROKEN: &str = "chain-broken";
/// A copy of this computer that has written nothing for so many days is switched off. What a store lost is not answered by time.
const COPY_GONE_DAYS: i64 = 30;

/// When an alarm was last seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct AlarmSeen {
    /// Seconds since 1970.
    time: i64,
    /// The number that the next note of this device would have borne then.
    next: u64,
}

/// Those that nobody has acknowledged.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChainAlarms {
    seen: BTreeMap<String, AlarmSeen>,
    /// Whether what the bilans say was read.
    #[serde(default)]
    is_known: bool,
    /// Names of the notes of other branches that were there when a fork was acknowledged.
    #[serde(default)]
    forks_known: Option<BTreeSet<String>>,
}

impl ChainAlarms {
    /// What the state folder knows.
    pub fn load(state: &State) -> Self {
        let bytes = state.get(files::ALARMS).ok().flatten();
        bytes.and_then(|bytes| checksum::from_json(&bytes)).unwrap_or_default()
    }

    fn save(&self, state: &State) -> Result<()> {
        state.put(files::ALARMS, &checksum::to_json(self)?)
    }

    /// The alarm that is open at `time`.
    pub fn open_at(&self, time: Timestamp) -> Option<&'static str> {
        let is_over = |code: &str, seen: &AlarmSeen| {
            code != ROLLED_BACK && time.0.saturating_sub(seen.time) >= COPY_GONE_DAYS * 86_400
        };
        let is_open = |code: &&str| self.seen.get(*code).is_some_and(|seen| !is_over(code, seen));
        CHAIN_ALARMS.into_iter().find(is_open)
    }

    /// Whether what the bilans say was read.
    pub fn is_known(&self) -> bool {
        self.is_known
    }

    /// Names of the notes of other branches that were there when a fork was last acknowledged here; `None` where that never was,
    /// or is not known any more.
    pub fn forks_known(&self) -> Option<&BTreeSet<String>> {
        self.forks_known.as_ref()
    }

    /// Takes in what the newest bilan says: which are open, since when, and its number.
    pub fn recall(
        mut self,
        state: &State,
        open: impl IntoIterator<Item = (String, Timestamp)>,
        bilan: u64,
    ) -> Result<()> {
        self.is_known = true;
        for (code, since) in open {
            self.seen.entry(code).or_insert(AlarmSeen { time: since.0, next: bilan });
        }
        self.save(state)
    }

    /// Somebody has acknowledged, with the note of number `note`, what the bilan with this number, and those before it, said. A
    /// fork is seen once more by the pen that writes the note, and all that was written until then is acknowledged.
    /// `others` are the names of all notes of other branches then.
    pub fn acknowledge(state: &State, bilan: u64, note: u64, others: BTreeSet<String>) -> Result<()> {
        let mut alarms = Self::load(state);
        alarms.forks_known = Some(others);
        alarms.seen.retain(|code, seen| seen.next > if code == FORK { note } else { bilan });
        alarms.save(state)
    }
}

/// Notes that an alarm was seen; `next` is the number that the next note of this device will bear.
pub fn note(state: &State, code: &str, time: Timestamp, next: u64) -> Result<()> {
    let mut alarms = ChainAlarms::load(state);
    alarms.seen.insert(code.to_owned(), AlarmSeen { time: time.0, next });
    alarms.save(state)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_copy_that_is_silent_for_a_month_is_gone_and_a_store_that_lost_notes_is_not_forgiven() {
        let at = |days: i64| Timestamp(days * 86_400);
        let with = |code: &str| ChainAlarms {
            seen: [(code.to_owned(), AlarmSeen { time: 0, next: 4 })].into(),
            is_known: true,
            forks_known: None,
        };
        for code in CHAIN_ALARMS {
            assert_eq!(with(code).open_at(at(29)), Some(code));
        }
        assert_eq!(with(FORK).open_at(at(30)), None);
        assert_eq!(with(ROLLED_BACK).open_at(at(400)), Some(ROLLED_BACK));
    }
}
