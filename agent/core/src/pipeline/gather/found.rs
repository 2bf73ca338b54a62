//! What a run found of its roots: how they are named in the snapshot, whether anything was there to save, and whether a
//! root that held files is empty or gone.
//!
//! Counted by the scan, without a look more than it takes; goes to the root object and to the bilan. Never: a name.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use scelle_format::manifest::{SourceRoot, Totals};
use scelle_format::report::file_token;

use crate::pipeline::gather::hunks::Trouble;
use crate::scan::{EntryPath, Walker};

/// What became of the roots.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sources {
    /// Roots that do not exist, or are the backup's own folder.
    pub missing_roots: u64,
    /// Roots without a file.
    pub empty_roots: u64,
    /// Of these, roots that held files in the last snapshot.
    pub emptied_roots: u64,
    /// Names that were left out by a pattern or as the backup's own; a folder counts once.
    pub left_out: u64,
}

impl Sources {
    /// Whether nothing was saved although something was there. Roots that are truly empty are saved as they are.
    pub fn is_nothing(&self, totals: &Totals, troubles: &[Trouble]) -> bool {
        let lost = troubles.iter().filter(|trouble| !trouble.is_stored).count() as u64;
        totals.files + totals.symlinks == 0 && self.left_out + totals.skipped + lost > 0
    }
}

/// Counts files by root while the scan goes on: a file in a root within another root is a file of both.
pub struct RootCounts {
    roots: Vec<RootCount>,
    /// Whether a root lies within another.
    are_nested: bool,
    /// The root of the last path: the next one is most likely in it too.
    last: usize,
    left_out: Arc<AtomicU64>,
}

struct RootCount {
    path: EntryPath,
    files: u64,
    removed: u64,
}

impl RootCounts {
    /// Of the roots that are walked.
    pub fn new(walker: &Walker) -> Self {
        let found = walker.roots().iter().filter_map(|root| root.path.clone());
        let roots: Vec<_> = found.map(|path| RootCount { path, files: 0, removed: 0 }).collect();
        let is_in_another = |(at, root): (usize, &RootCount)| {
            let mut others = roots.iter().enumerate().filter(|(other, _)| *other != at);
            others.any(|(_, other)| root.path.is_within(&other.path))
        };
        let are_nested = roots.iter().enumerate().any(is_in_another);
        Self { roots, are_nested, last: 0, left_out: walker.left_out() }
    }

    /// A file that is there.
    pub fn file(&mut self, path: &[u8]) {
        self.each_that_holds(path, |root| root.files += 1);
    }

    /// A file of the last snapshot that is gone.
    pub fn removed(&mut self, path: &[u8]) {
        self.each_that_holds(path, |root| root.removed += 1);
    }

    fn each_that_holds(&mut self, path: &[u8], count: impl Fn(&mut RootCount)) {
        let holds = |root: &RootCount| is_within(path, root.path.as_bytes());
        if self.are_nested {
            return self.roots.iter_mut().filter(|root| holds(root)).for_each(count);
        }
        if !self.roots.get(self.last).is_some_and(holds) {
            let Some(at) = self.roots.iter().position(holds) else { return };
            self.last = at;
        }
        self.roots.get_mut(self.last).map(count).unwrap_or_default();
    }

    /// Files of each root, by its token.
    pub fn by_token(&self, token_key: &[u8; 32]) -> BTreeMap<String, u64> {
        self.roots.iter().map(|root| (file_token(token_key, root.path.as_bytes()), root.files)).collect()
    }

    /// The tokens of the roots that a path lies in; that of the path where none is known to hold it.
    pub fn tokens_of(&self, path: &[u8], token_key: &[u8; 32]) -> Vec<String> {
        let roots = self.roots.iter().map(|root| root.path.as_bytes());
        let tokens = roots.filter(|root| is_within(path, root)).map(|root| file_token(token_key, root));
        let tokens: BTreeSet<String> = tokens.collect();
        match tokens.is_empty() {
            true => vec![file_token(token_key, path)],
            false => tokens.into_iter().collect(),
        }
    }

    /// The sums.
    pub fn sources(&self, missing_roots: u64) -> Sources {
        let empty = self.roots.iter().filter(|root| root.files == 0);
        Sources {
            missing_roots,
            empty_roots: empty.clone().count() as u64,
            emptied_roots: empty.filter(|root| root.removed > 0).count() as u64,
            left_out: self.left_out.load(Ordering::Relaxed),
        }
    }
}

fn is_within(path: &[u8], root: &[u8]) -> bool {
    path.strip_prefix(root).is_some_and(|rest| root.is_empty() || rest.is_empty() || rest[0] == b'/')
}

/// What could not be saved, for the sealed root.
pub(in crate::pipeline) fn problems_of(
    troubles: &[Trouble],
) -> Vec<scelle_format::manifest::RecordedProblem> {
    let problem = |trouble: &Trouble| scelle_format::manifest::RecordedProblem {
        path: trouble.path.clone(),
        code: trouble.problem.code().to_owned(),
    };
    // A root has room for many, not for all of a disk that fails.
    troubles.iter().take(10_000).map(problem).collect()
}

/// The roots as the snapshot names them.
pub(in crate::pipeline) fn source_roots(walker: &Walker) -> Vec<SourceRoot> {
    let found = walker.roots().iter().enumerate().filter_map(|(i, root)| {
        let path = root.path.as_ref().map(EntryPath::as_bytes)?;
        Some(SourceRoot { path: path.to_vec(), label: format!("racine {}", i + 1) })
    });
    found.collect()
}
