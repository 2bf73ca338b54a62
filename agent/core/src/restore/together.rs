//! Files of a snapshot that are of use only together: a database, and the log or the journal that was saved with it.
//!
//! For: `plan` and `produce`. Where one database is asked for, or a glob chooses it, what it needs to recover comes with it. Data
//! comes from the snapshot's list of what is to be said of its entries. Never: decides by a name alone.

use scelle_format::manifest::Root;

use super::write::base_of;
use crate::monitor::Problem;

/// What is said of a database that was saved as it lay there.
const SAID: [Problem; 3] = [Problem::SavedWithSideFiles, Problem::TiedToOthers, Problem::Changed];
const ENDINGS: [&[u8]; 2] = [b"-journal", b"-wal"];

/// The database of the snapshot that needs the file at this path.
pub(super) fn database_of<'a>(path: &'a [u8], root: &Root) -> Option<&'a [u8]> {
    base_of(path).filter(|base| !path.ends_with(b"-shm") && is_said(base, root))
}

/// This path, and those of the files that it may need.
pub(super) fn with_side_files(path: &[u8], root: &Root) -> Vec<Vec<u8>> {
    let mut paths = vec![path.to_vec()];
    if is_said(path, root) {
        paths.extend(ENDINGS.iter().map(|ending| [path, ending].concat()));
    }
    paths
}

fn is_said(path: &[u8], root: &Root) -> bool {
    let codes = SAID.map(Problem::code);
    root.problems.iter().any(|problem| problem.path == path && codes.contains(&problem.code.as_str()))
}
