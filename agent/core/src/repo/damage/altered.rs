//! Objects in whose place the store held other bytes: remembered from before they are put right until somebody acknowledges it.
//!
//! Data comes from whoever finds an object bad (by way of [`crate::repo::damage::damaged`]) and lies with the damage in `damage.json`; it goes to the bilan, which is red as long as there is one. A lost file is read again
//! from the ledger: the newest bilan says whether the alarm is open. Never: says who did it; a failing disk and a hand look the
//! same from here.

use std::collections::BTreeMap;

use scelle_format::ledger::FoundBad;
use serde::{Deserialize, Serialize};

use crate::repo::finding::is_of_other_bytes;

/// Names of objects, each with the number that the next note of this device would have borne when it was found.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(in crate::repo) struct Altered {
    #[serde(default)]
    found: BTreeMap<String, u64>,
    /// Whether what the ledger says was read.
    #[serde(default)]
    is_known: bool,
}

/// Stands for all objects of an alarm that was read from the ledger, which names none.
const SOME: &str = "";

impl Altered {
    /// Takes note of those among `bad` that say that other bytes lay there. Returns whether anything is
    /// new.
    pub(in crate::repo) fn note<'a>(
        &mut self,
        bad: impl IntoIterator<Item = FoundBad<&'a str>>,
        next: u64,
    ) -> bool {
        let other = bad.into_iter().filter(|bad| is_of_other_bytes(bad.why));
        let before = self.found.clone();
        self.found.extend(other.map(|bad| (bad.name.to_owned(), next)));
        self.found != before
    }

    /// Whether what the ledger says was read.
    pub(in crate::repo) fn is_known(&self) -> bool {
        self.is_known
    }

    /// Takes in what the ledger says: the bilan that still had the alarm open, if it is.
    pub(in crate::repo) fn recall(&mut self, open_in: Option<u64>) {
        self.is_known = true;
        if let Some(bilan) = open_in {
            self.found.entry(SOME.to_owned()).or_insert(bilan);
        }
    }

    /// How many objects were found so, and not acknowledged.
    pub(in crate::repo) fn count(&self) -> u64 {
        self.found.len() as u64
    }

    /// It was about what is not the repository's.
    pub(in crate::repo) fn forget(&mut self, name: &str) {
        self.found.remove(name);
    }

    /// Somebody has acknowledged what the bilan with this number, and those before it, said.
    pub(in crate::repo) fn acknowledge(&mut self, bilan: u64) {
        self.found.retain(|_, found| *found > bilan);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bad<'a>(why: &'a str, name: &'a str) -> FoundBad<&'a str> {
        FoundBad { name, why }
    }

    #[test]
    fn the_alarm_stays_until_a_bilan_that_knew_it_is_acknowledged() {
        let mut altered = Altered::default();
        assert!(!altered.is_known());
        altered.recall(None);
        assert!(!altered.note([bad("note-missing", "c/a"), bad("object-hidden", "a/b")], 4));
        assert!(altered.note([bad("attachment-hash", "a/b"), bad("pack-missing", "p/c")], 4));
        assert_eq!(altered.count(), 1);
        // Found again after the bilan that somebody has read.
        assert!(altered.note([bad("key-forged", "keys/d")], 8));
        altered.acknowledge(6);
        assert_eq!(altered.count(), 1);
        let back: Altered = serde_json::from_slice(&serde_json::to_vec(&altered).unwrap()).unwrap();
        assert_eq!(back, altered);
        altered.acknowledge(8);
        assert_eq!(altered.count(), 0);
    }

    #[test]
    fn what_an_earlier_version_wrote_is_asked_of_the_ledger() {
        let mut altered: Altered = serde_json::from_str("{}").unwrap();
        assert!(!altered.is_known());
        altered.recall(Some(9));
        assert_eq!(altered.count(), 1);
        altered.acknowledge(9);
        assert!(altered.count() == 0 && altered.is_known());
    }
}
