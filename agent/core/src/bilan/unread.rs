//! What could not be read in a run, and how much it was when it was last read: neither gone nor shrunk.
//!
//! From what a run gathered and the memory of the set, both by tokens of the places, to the facts about the sources and to what is
//! remembered. Never: a path.

use std::collections::BTreeMap;

use super::memory::SetMemory;
use super::run::RunReport;
use crate::monitor::Problem;
use crate::pipeline::{Gathered, UnreadCount};

/// What is there of a set as far as anybody knows: what was saved, and what could not be looked at.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct StillThere {
    /// Files.
    pub files: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Files of each root, by its token.
    pub root_files: BTreeMap<String, u64>,
}

/// What lay at each place that a run could not read when it was last read: in the snapshot before or, where that lacks it
/// already, as remembered.
pub fn known(memory: Option<&SetMemory>, gathered: &Gathered) -> BTreeMap<String, UnreadCount> {
    let remembered = |token: &String| memory?.unread.get(token).cloned();
    let known = gathered.unread.iter().filter_map(|(token, now)| {
        let count = if now.is_nothing() { remembered(token)? } else { now.clone() };
        Some((token.clone(), count))
    });
    known.collect()
}

/// What is there of the set.
pub fn still_there(memory: Option<&SetMemory>, gathered: &Gathered) -> StillThere {
    let troubles = gathered.troubles.iter().map(|trouble| (trouble.problem, trouble.is_stored));
    // A journal that ended with its transaction is nothing that the practice has lost.
    let (totals, engines) = (&gathered.totals, &gathered.side_files);
    let mut seen = StillThere {
        files: totals.files.saturating_sub(engines.files) + lost_files(troubles, memory, gathered),
        bytes: totals.bytes.saturating_sub(engines.bytes),
        root_files: gathered.root_files.clone(),
    };
    for count in known(memory, gathered).into_values() {
        seen.bytes += count.bytes;
        for root in count.roots() {
            *seen.root_files.entry(root.clone()).or_default() += count.files;
        }
    }
    seen
}

/// Files that are not in the snapshot. A folder that could not be read counts as what lay in it, or as one.
fn lost_files(
    troubles: impl Iterator<Item = (Problem, bool)>,
    memory: Option<&SetMemory>,
    gathered: &Gathered,
) -> u64 {
    let places = troubles.filter(|(problem, is_stored)| !is_stored && !problem.is_of_a_root()).count();
    let below = known(memory, gathered).into_values().map(|count| count.files).filter(|files| *files > 0);
    places as u64 + below.map(|files| files - 1).sum::<u64>()
}

impl RunReport<'_> {
    fn set_memory(&self) -> Option<&SetMemory> {
        self.memory.sets.get(self.set)
    }

    /// What lay at the places that could not be read.
    pub fn unread(&self) -> BTreeMap<String, UnreadCount> {
        self.saved().map(|outcome| known(self.set_memory(), &outcome.gathered)).unwrap_or_default()
    }

    /// What is there of the set, if the run made a snapshot.
    pub fn seen(&self) -> Option<StillThere> {
        Some(still_there(self.set_memory(), &self.saved()?.gathered))
    }

    /// Files that are not in the snapshot.
    pub fn lost_files(&self) -> u64 {
        let troubles = self.troubles.iter().map(|trouble| (trouble.problem, trouble.is_stored));
        self.saved().map_or(0, |outcome| lost_files(troubles, self.set_memory(), &outcome.gathered))
    }
}
