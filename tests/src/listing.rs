//! What lies below a folder, listed in one of two ways.
//!
//! For: tests and fixtures. A folder *at rest* (no run is going on) is listed strictly: an entry that cannot be looked
//! at is a failure. In a folder that *somebody is writing* an entry may come or go between two looks, so one that is gone
//! counts as not there; nothing else is forgiven. Never: asks for size or content of what may vanish.

use std::fs;
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

/// Everything below a folder at rest that is not a folder, sorted.
pub fn at_rest(folder: &Path) -> Vec<PathBuf> {
    walk(folder, |path, error| panic!("{} in a folder at rest: {error}", path.display()))
}

/// The regular files below a folder at rest, sorted.
pub fn files_at_rest(folder: &Path) -> Vec<PathBuf> {
    let is_file = |path: &PathBuf| fs::symlink_metadata(path).unwrap().is_file();
    at_rest(folder).into_iter().filter(is_file).collect()
}

/// Everything below a folder that somebody is writing and that is not a folder, sorted; a folder that is not there
/// holds nothing.
pub fn while_written(folder: &Path) -> Vec<PathBuf> {
    walk(folder, |path, error| assert!(error.kind() == ErrorKind::NotFound, "{}: {error}", path.display()))
}

fn walk(folder: &Path, mut failed: impl FnMut(&Path, io::Error)) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut open = vec![folder.to_owned()];
    while let Some(next) = open.pop() {
        let rows = match fs::read_dir(&next) {
            Ok(rows) => rows,
            Err(error) => {
                failed(&next, error);
                continue;
            }
        };
        for row in rows {
            match row.and_then(|row| Ok((row.path(), row.file_type()?))) {
                Ok((path, kind)) if kind.is_dir() => open.push(path),
                Ok((path, _)) => found.push(path),
                Err(error) => failed(&next, error),
            }
        }
    }
    found.sort();
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_that_somebody_writes_is_listed_while_entries_come_and_go() {
        let folder = tempfile::tempdir().unwrap();
        let stays = folder.path().join("stays");
        fs::write(&stays, b"").unwrap();
        std::thread::scope(|scope| {
            let writer = scope.spawn(|| {
                for _ in 0..2_000 {
                    let inside = folder.path().join("comes and goes");
                    fs::create_dir(&inside).unwrap();
                    fs::write(inside.join("temporary"), b"").unwrap();
                    fs::remove_dir_all(&inside).unwrap();
                }
            });
            while !writer.is_finished() {
                assert!(while_written(folder.path()).contains(&stays));
            }
        });
        assert_eq!(at_rest(folder.path()), [stays]);
    }

    #[test]
    #[should_panic(expected = "in a folder at rest")]
    fn a_folder_at_rest_that_is_gone_is_a_failure() {
        at_rest(&std::env::temp_dir().join("scelle-e2e-nothing-of-this-name"));
    }
}
