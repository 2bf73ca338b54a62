//! The way to the roots, and the files that are walked with a database because they belong to it.
//!
//! A log or a journal beside a database may hold what was committed, or how to undo what was not: the database is not whole
//! without it. So the walk takes it along where only the database was named, or where a glob leaves it out; whether the
//! database needs it, and whether it is one at all, the pipeline decides. Pure decisions on names, and looks at two names
//! beside each root. Never: opens a file.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::Path;

use super::problem::{WalkProblem, fault_code};
use super::{EntryPath, PathFilter, ProblemCode};
use crate::platform::{Kind, Names, SourceFolder};

/// What SQLite puts behind a database's name for the files without which it is not whole.
const ENDINGS: [&[u8]; 2] = [b"-journal", b"-wal"];

/// Where a root lies, with every link on the way followed.
pub(super) fn resolve(given: &Path, filter: &PathFilter) -> Result<EntryPath, WalkProblem> {
    let as_given = || {
        let absolute = std::path::absolute(given).ok();
        absolute.and_then(|path| EntryPath::from_os(&path).ok()).unwrap_or_default()
    };
    let real = given.canonicalize().map_err(|error| {
        let code = match error.kind() {
            io::ErrorKind::PermissionDenied => ProblemCode::Unreadable,
            _ => ProblemCode::RootMissing,
        };
        WalkProblem { path: as_given(), code }
    })?;
    let path = EntryPath::from_os(&real)
        .map_err(|fault| WalkProblem { path: as_given(), code: fault_code(fault) })?;
    if filter.is_own(&path) {
        return Err(WalkProblem { path, code: ProblemCode::RootExcluded });
    }
    Ok(path)
}

/// The directories that lead to the roots.
#[derive(Default)]
pub(super) struct Steps {
    /// Whether this is one.
    pub(super) is_root: bool,
    /// Names in it that lead to roots.
    pub(super) below: BTreeMap<Vec<u8>, Steps>,
}

impl Steps {
    /// Adds a root below this step.
    pub(super) fn add_root(&mut self, path: &EntryPath) {
        let mut step = self;
        for component in path.components() {
            step = step.below.entry(component.to_vec()).or_default();
        }
        step.is_root = true;
    }

    /// Names in `folder` that stand beside one of the roots in it as its log or journal would.
    pub(super) fn sides_in(&self, folder: &SourceFolder) -> BTreeSet<Vec<u8>> {
        let roots = self.below.iter().filter(|(_, steps)| steps.is_root).map(|(name, _)| name);
        let sides = roots.flat_map(|name| ENDINGS.map(|ending| [name, ending].concat()));
        let is_file = |name: &Vec<u8>| folder.stat(name).is_ok_and(|stat| stat.kind == Kind::File);
        sides.filter(|name| !self.below.contains_key(name)).filter(is_file).collect()
    }
}

/// The name of the database whose log or journal a file of this name would be.
pub(super) fn base_of(name: &[u8]) -> Option<&[u8]> {
    let base = ENDINGS.iter().find_map(|ending| name.strip_suffix(*ending))?;
    (!base.is_empty()).then_some(base)
}

/// Which of these names have one beside them that sounds like their log or journal: their places, in order.
pub(super) fn accompanied(names: &Names) -> Vec<usize> {
    let all = (0..names.len()).map(|at| names.name(at));
    let mut found: Vec<usize> = all.filter_map(base_of).filter_map(|base| place_of(names, base)).collect();
    found.sort_unstable();
    found
}

/// Where a name stands among these.
pub(super) fn place_of(names: &Names, name: &[u8]) -> Option<usize> {
    let (mut low, mut high) = (0, names.len());
    while low < high {
        let middle = low.midpoint(high);
        match names.name(middle).cmp(name) {
            std::cmp::Ordering::Less => low = middle + 1,
            _ => high = middle,
        }
    }
    (low < names.len() && names.name(low) == name).then_some(low)
}
