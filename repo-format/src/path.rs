//! Paths as the manifest holds them: components of bytes joined by `/` (FORMAT.md §8.2).
//!
//! For: order and safety. A path that would leave the restore folder never gets past [`check`].

use std::cmp::Ordering;

use crate::error::{FormatError, Result};
use crate::limits::{NAME_MAX_BYTES, PATH_MAX_BYTES, PATH_MAX_DEPTH};

/// Accepts one component: 1–1 024 bytes, neither `.` nor `..`, without NUL and `/`.
pub fn check_name(name: &[u8]) -> Result<()> {
    let sound = !name.is_empty()
        && name.len() <= NAME_MAX_BYTES
        && name != b"."
        && name != b".."
        && !name.iter().any(|b| matches!(b, 0 | b'/'));
    if sound { Ok(()) } else { Err(FormatError::HostilePath) }
}

/// Accepts a joined path; the empty path is the top.
pub fn check(path: &[u8]) -> Result<()> {
    if path.is_empty() {
        return Ok(());
    }
    if path.len() > PATH_MAX_BYTES {
        return Err(FormatError::HostilePath);
    }
    let mut depth = 0;
    for name in path.split(|b| *b == b'/') {
        check_name(name)?;
        depth += 1;
    }
    if depth > PATH_MAX_DEPTH { Err(FormatError::HostilePath) } else { Ok(()) }
}

/// Accepts the name of an entry in a directory that [`check`] has accepted: both together are a path.
pub fn check_child(directory: &[u8], name: &[u8]) -> Result<()> {
    check_name(name)?;
    if directory.is_empty() {
        return Ok(());
    }
    let depth = directory.iter().filter(|b| **b == b'/').count() + 2;
    let fits = depth <= PATH_MAX_DEPTH && directory.len() + 1 + name.len() <= PATH_MAX_BYTES;
    if fits { Ok(()) } else { Err(FormatError::HostilePath) }
}

/// Joins a directory and a name.
pub fn join(directory: &[u8], name: &[u8]) -> Vec<u8> {
    let mut path = Vec::with_capacity(directory.len() + 1 + name.len());
    if !directory.is_empty() {
        path.extend_from_slice(directory);
        path.push(b'/');
    }
    path.extend_from_slice(name);
    path
}

/// Splits a path into its directory and its name; the top has the empty name.
pub fn split(path: &[u8]) -> (&[u8], &[u8]) {
    match path.iter().rposition(|b| *b == b'/') {
        Some(at) => (&path[..at], &path[at + 1..]),
        None => (&[], path),
    }
}

/// Component-wise order of directories.
pub fn compare_directories(a: &[u8], b: &[u8]) -> Ordering {
    // '/' must sort below every other byte so that "a/b" stands before "a-b".
    let low = |byte: &u8| if *byte == b'/' { 0u16 } else { u16::from(*byte) + 1 };
    a.iter().map(low).cmp(b.iter().map(low))
}

/// The manifest's order: by directory, then by name.
pub fn compare(a: &[u8], b: &[u8]) -> Ordering {
    let ((dir_a, name_a), (dir_b, name_b)) = (split(a), split(b));
    compare_directories(dir_a, dir_b).then_with(|| name_a.cmp(name_b))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hostile_paths_are_refused() {
        for bad in ["/a", "a/", "a//b", "..", "a/../b", ".", "a/./b", "a\0b"] {
            assert_eq!(check(bad.as_bytes()), Err(FormatError::HostilePath), "{bad:?}");
        }
        assert!(check(&[b'x'; NAME_MAX_BYTES]).is_ok() && check(&[b'x'; NAME_MAX_BYTES + 1]).is_err());
        let deep = |depth: usize| vec!["x"; depth].join("/");
        assert!(check(deep(PATH_MAX_DEPTH).as_bytes()).is_ok());
        assert!(check(deep(PATH_MAX_DEPTH + 1).as_bytes()).is_err());
        let long = vec!["x".repeat(NAME_MAX_BYTES - 1); PATH_MAX_BYTES / NAME_MAX_BYTES].join("/");
        assert!(check(long.as_bytes()).is_ok() && check(format!("{long}/xx").as_bytes()).is_err());
        assert!(check("Éric/œ".as_bytes()).is_ok() && check(b"").is_ok());
    }

    #[test]
    fn a_folder_is_followed_by_what_it_holds() {
        let mut paths = ["b/a", "a-b/x", "a", "a/z", "a/b/c", "a-b", "b", "a/b", "a/b/c/d"];
        paths.sort_by(|x, y| compare(x.as_bytes(), y.as_bytes()));
        assert_eq!(paths, ["a", "a-b", "b", "a/b", "a/z", "a/b/c", "a/b/c/d", "a-b/x", "b/a"]);
    }
}
