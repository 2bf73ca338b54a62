//! What each root of a set held, and which of them lost it: a folder whose disk is away, and the empty place where it was mounted.
//!
//! Counts come from runs, by tokens of the roots; they go to [`super::memory::SetMemory`] and to the fact about the sources. What was
//! lost stays so until half of it is back or somebody acknowledges it, however many files there are elsewhere in the set.
//! Never: a name.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::accepted::LOST_FILES;

/// What is remembered of a root.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RootHeld {
    /// Files in it when it was last in order.
    pub files: u64,
    /// Since when it lacks them, seconds since 1970.
    #[serde(default)]
    pub lost_since: Option<i64>,
}

/// What is remembered of the roots of a set, by their tokens.
pub type Roots = BTreeMap<String, RootHeld>;

/// What a root that held files is now.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum RootLoss {
    /// There, and empty but for a tenth at most.
    Emptied,
    /// Not there.
    Missing,
}

impl RootHeld {
    /// What became of it, by its files now; `None` where it is not there.
    fn became(&self, now: Option<u64>) -> Option<RootLoss> {
        let is_back = now.is_some_and(|files| files.saturating_mul(2) >= self.files);
        let is_emptied = |files: u64| files == 0 || self.files >= LOST_FILES && files * 10 < self.files;
        match now {
            None => Some(RootLoss::Missing),
            Some(files) if is_emptied(files) || self.lost_since.is_some() && !is_back => {
                Some(RootLoss::Emptied)
            }
            Some(_) => None,
        }
    }
}

/// The worst that became of a root that held files.
pub fn worst(roots: &Roots, now: &BTreeMap<String, u64>) -> Option<RootLoss> {
    roots.iter().filter_map(|(root, held)| held.became(now.get(root).copied())).max()
}

/// Whether a root lost what it held since anybody looked.
pub fn is_newly_lost(roots: &Roots, now: &BTreeMap<String, u64>) -> bool {
    roots
        .iter()
        .any(|(root, held)| held.lost_since.is_none() && held.became(now.get(root).copied()).is_some())
}

/// What is to be remembered after a run that ended at `ended`.
pub fn after(roots: &Roots, now: &BTreeMap<String, u64>, ended: i64) -> Roots {
    let lost = roots.iter().filter(|(root, held)| held.became(now.get(*root).copied()).is_some());
    let lost = lost.map(|(root, held)| {
        (root.clone(), RootHeld { lost_since: Some(held.lost_since.unwrap_or(ended)), ..*held })
    });
    let mut all: Roots = lost.collect();
    for (root, files) in now.iter().filter(|(_, files)| **files > 0) {
        all.entry(root.clone()).or_insert(RootHeld { files: *files, lost_since: None });
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counts(rows: &[(&str, u64)]) -> BTreeMap<String, u64> {
        rows.iter().map(|(root, files)| ((*root).to_owned(), *files)).collect()
    }

    #[test]
    fn what_a_root_lost_is_not_made_up_for_by_others() {
        let first = after(&Roots::new(), &counts(&[("src", 300), ("usb", 30)]), 1);
        assert_eq!(worst(&first, &counts(&[("src", 40), ("usb", 4)])), None, "the set's own rule");
        for (now, became) in [
            (counts(&[("src", 300)]), RootLoss::Missing),
            (counts(&[("src", 300), ("usb", 0)]), RootLoss::Emptied),
            // A `desktop.ini`, or a file in the folder's place.
            (counts(&[("src", 400), ("usb", 1)]), RootLoss::Emptied),
        ] {
            assert_eq!(worst(&first, &now), Some(became), "{now:?}");
        }
    }

    #[test]
    fn it_stays_lost_until_half_of_it_is_back() {
        let mut roots = after(&Roots::new(), &counts(&[("src", 300), ("usb", 30)]), 1);
        for now in [counts(&[("src", 300)]), counts(&[("src", 300), ("usb", 0)])] {
            roots = after(&roots, &now, 2);
            assert_eq!(roots["usb"], RootHeld { files: 30, lost_since: Some(2) });
        }
        let some = counts(&[("src", 400), ("usb", 14)]);
        assert_eq!(worst(&roots, &some), Some(RootLoss::Emptied));
        roots = after(&roots, &some, 3);
        let back = counts(&[("src", 400), ("usb", 15)]);
        assert_eq!(worst(&roots, &back), None);
        assert_eq!(after(&roots, &back, 4)["usb"], RootHeld { files: 15, lost_since: None });
    }

    #[test]
    fn what_never_held_anything_loses_nothing() {
        let roots = after(&Roots::new(), &counts(&[("new", 0)]), 1);
        assert_eq!(worst(&roots, &counts(&[])), None);
    }
}
