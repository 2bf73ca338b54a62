//! What a set held when nothing was wrong with it: what losses are counted from.
//!
//! Every run whose counts are in order is accepted by itself; one that lost files is not, until somebody acknowledges it
//! (`scelle bilan acknowledge`). So a warning does not end because one more run went by. Counts come from runs or, where
//! the state was lost, from the notes of the ledger. Never: a name, a clock of its own.

use serde::{Deserialize, Serialize};

/// So many lost files are red, where they are half of all.
pub const LOST_FILES: u64 = 20;
/// Fewer lost files than this mean nothing, whatever they are a part of; from here on half of a small set is amber.
pub const FEW_LOST_FILES: u64 = 3;
/// Losses are counted from the fullest state accepted within so many days, so that many small ones add up; always from the
/// last one accepted, however old.
pub const REFERENCE_DAYS: i64 = 30;

/// Counts of one snapshot.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counted {
    /// Its number.
    pub snapshot: u64,
    /// When it was made, seconds since 1970.
    pub time: i64,
    /// Files in it.
    pub files: u64,
    /// Their bytes.
    pub bytes: u64,
}

/// The states accepted of one set.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Accepted {
    /// Oldest first; none that a later one outdoes in files and bytes.
    states: Vec<Counted>,
}

impl Accepted {
    /// One state alone: what was acknowledged.
    pub fn only(state: Counted) -> Self {
        Self { states: vec![state] }
    }

    /// Whether nothing was accepted yet.
    pub fn is_empty(&self) -> bool {
        self.states.is_empty()
    }

    /// Takes a state as it is.
    pub fn accept(&mut self, now: Counted) {
        let recent = |old: &Counted| now.time.saturating_sub(old.time) <= REFERENCE_DAYS * 86_400;
        self.states.retain(|old| recent(old) && (old.files > now.files || old.bytes > now.bytes));
        self.states.push(now);
    }

    /// Most files of a state accepted; 0 without one.
    pub fn most_files(&self) -> u64 {
        self.states.iter().map(|state| state.files).max().unwrap_or(0)
    }

    /// Most bytes of a state accepted; 0 without one.
    pub fn most_bytes(&self) -> u64 {
        self.states.iter().map(|state| state.bytes).max().unwrap_or(0)
    }

    /// Whether half of the files or more are gone.
    pub fn has_lost(&self, files: u64) -> bool {
        let then = self.most_files();
        then >= files.saturating_add(LOST_FILES) && files <= then / 2
    }

    /// Whether half of the files or more are gone of a set so small that it has few to lose.
    pub fn has_lost_few(&self, files: u64) -> bool {
        let then = self.most_files();
        !self.has_lost(files) && then >= files.saturating_add(FEW_LOST_FILES) && files <= then / 2
    }

    /// Whether more than 30 % of the bytes are gone.
    pub fn has_shrunk(&self, bytes: u64) -> bool {
        u128::from(bytes) * 10 < u128::from(self.most_bytes()) * 7
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn state(day: i64, files: u64) -> Counted {
        Counted { snapshot: 1, time: day * 86_400, files, bytes: files * 1000 }
    }

    #[test]
    fn half_of_the_files_and_twenty_of_them() {
        let accepted = Accepted::only(state(0, 201));
        assert!(accepted.has_lost(1) && accepted.has_lost(100) && !accepted.has_lost(101));
        assert!(Accepted::only(state(0, 20)).has_lost(0) && !Accepted::only(state(0, 19)).has_lost(0));
        assert!(!Accepted::default().has_lost(0) && !Accepted::default().has_shrunk(0));
    }

    #[test]
    fn a_practice_with_five_files_that_loses_three_is_told() {
        let accepted = Accepted::only(state(0, 5));
        assert!(accepted.has_lost_few(2) && accepted.has_lost_few(0) && !accepted.has_lost(0));
        assert!(!accepted.has_lost_few(3), "two of five");
        assert!(!Accepted::only(state(0, 2)).has_lost_few(0), "two files come and go");
        // Twenty and more are another matter.
        assert!(
            Accepted::only(state(0, 38)).has_lost_few(19) && !Accepted::only(state(0, 40)).has_lost_few(20)
        );
    }

    #[test]
    fn many_small_losses_add_up_for_a_month() {
        let mut accepted = Accepted::only(state(0, 1000));
        for (day, files) in [(1, 800), (2, 700), (3, 600)] {
            assert!(!accepted.has_lost(files));
            accepted.accept(state(day, files));
        }
        assert!(accepted.has_lost(500), "from the first, not from the day before");
        accepted.accept(state(40, 600));
        assert!(!accepted.has_lost(500) && accepted.has_lost(300));
        // The last one counts however old it is.
        assert_eq!(accepted.most_files(), 600);
    }

    #[test]
    fn states_that_are_outdone_are_forgotten() {
        let mut accepted = Accepted::default();
        (0..1000).for_each(|n| accepted.accept(state(n / 100, 10 + n as u64)));
        assert_eq!(accepted.states.len(), 1);
    }
}
