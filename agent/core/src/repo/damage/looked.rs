//! How far the comparison of what is known with what is listed has come, and what it need not miss.
//!
//! For: [`crate::repo::damage::known`]. Lies with the damage in `damage.json`; a lost file begins anew. Never: what is damaged.

use std::collections::{BTreeMap, BTreeSet};

use scelle_format::ledger::NoteNumbers;
use serde::{Deserialize, Serialize};

/// Copies that no note names are remembered up to so many.
const UNNAMED_MAX: usize = 1000;

/// Where the next run goes on, and what it need not miss.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(in crate::repo) struct Looked {
    /// By beginning of the name: the last name that was compared, where more follow.
    #[serde(default)]
    up_to: BTreeMap<String, String>,
    /// This device's notes that `gap` notes say are lost.
    #[serde(default)]
    declared: Vec<DeclaredLost>,
    /// Copies of objects that the store does not list and no note names: sent by runs that came to nothing.
    #[serde(default)]
    unnamed: BTreeSet<String>,
    /// Names of notes whose number a fork gave twice, once the whole ledger was asked whether somebody knows: they stay, and
    /// are no news.
    #[serde(default)]
    forked: BTreeSet<String>,
}

/// Numbers of lost notes, first and last; two numbers in the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "(u64, u64)", into = "(u64, u64)")]
struct DeclaredLost {
    from: u64,
    to: u64,
}

impl From<(u64, u64)> for DeclaredLost {
    fn from((from, to): (u64, u64)) -> Self {
        Self { from, to }
    }
}

impl From<DeclaredLost> for (u64, u64) {
    fn from(lost: DeclaredLost) -> Self {
        (lost.from, lost.to)
    }
}

impl Looked {
    /// Up to which name the last run compared; `None`: all of them.
    pub(in crate::repo) fn up_to(&self, prefix: &str) -> Option<String> {
        self.up_to.get(prefix).cloned()
    }

    /// The next run goes on after this name, or begins anew.
    pub(in crate::repo) fn go_on_from(&mut self, prefix: &str, name: Option<String>) {
        match name {
            Some(name) => drop(self.up_to.insert(prefix.to_owned(), name)),
            None => drop(self.up_to.remove(prefix)),
        }
    }

    /// Whether the ledger says that the note with this number is lost.
    pub(in crate::repo) fn is_declared(&self, number: u64) -> bool {
        self.declared.iter().any(|lost| (lost.from..=lost.to).contains(&number))
    }

    /// Takes over what the ledger says is lost.
    pub(in crate::repo) fn declare(&mut self, lost: impl Iterator<Item = NoteNumbers>) {
        self.declared = lost.map(|NoteNumbers { from, to }| DeclaredLost { from, to }).collect();
    }

    /// Whether a note is known to be one of a fork.
    pub(in crate::repo) fn is_forked(&self, name: &str) -> bool {
        self.forked.contains(name)
    }

    /// These notes are all that are of a fork.
    pub(in crate::repo) fn know_forked(&mut self, names: impl Iterator<Item = String>) {
        self.forked = names.collect();
    }

    /// Leaves out of what is `wanted` that of which it is known that no note names it; what is not wanted any more is
    /// forgotten, so that it is looked at anew when it is missed again.
    pub(in crate::repo) fn pass_over<'a>(
        &mut self,
        wanted: Vec<(&'a String, u64)>,
    ) -> Vec<(&'a String, u64)> {
        self.unnamed.retain(|name| wanted.iter().any(|(other, _)| *other == name));
        wanted.into_iter().filter(|(name, _)| !self.unnamed.contains(*name)).collect()
    }

    /// No note names it.
    pub(in crate::repo) fn is_unnamed(&mut self, name: &str) {
        if self.unnamed.len() < UNNAMED_MAX {
            self.unnamed.insert(name.to_owned());
        }
    }
}
