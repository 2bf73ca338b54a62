//! Places that could not be read, and what the last snapshot has there: it is not gone, nobody has seen it.
//!
//! Fed by the scan and by [`Previous`](super::previous::Previous), goes to the bilan under tokens. Never: a name that leaves
//! the run.

use std::collections::{BTreeMap, HashMap};

use scelle_format::path;
use scelle_format::report::file_token;
use serde::{Deserialize, Serialize};

use crate::pipeline::gather::found::RootCounts;

/// Files of the last snapshot that a run could not look at.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct UnreadCount {
    /// The token of the root that they lie in.
    pub root: String,
    /// The tokens of further roots, around that one or in it, that they lie in as well.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub other_roots: Vec<String>,
    /// How many lie below the place; one that is the place itself is not counted.
    pub files: u64,
    /// Their bytes, with those of the place.
    pub bytes: u64,
}

impl UnreadCount {
    /// The tokens of all roots that they lie in.
    pub fn roots(&self) -> impl Iterator<Item = &String> {
        std::iter::once(&self.root).chain(&self.other_roots)
    }

    /// Whether the last snapshot has nothing there.
    pub fn is_nothing(&self) -> bool {
        self.files == 0 && self.bytes == 0
    }
}

/// What lies at a place and below it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct LiesThere {
    /// Files below it.
    files: u64,
    /// Bytes, its own included.
    bytes: u64,
}

/// The places of one run.
#[derive(Debug, Default)]
pub struct Unread {
    places: HashMap<Vec<u8>, LiesThere>,
}

impl Unread {
    /// A file or folder that could not be read.
    pub fn add(&mut self, place: &[u8]) {
        self.places.entry(place.to_vec()).or_default();
    }

    /// Whether a file of the last snapshot lies at such a place or below it, in which case it is counted.
    pub fn holds(&mut self, directory: &[u8], name: &[u8], bytes: u64) -> bool {
        if self.places.is_empty() {
            return false;
        }
        let of = path::join(directory, name);
        let mut above = Some(of.as_slice());
        while let Some(place) = above {
            if let Some(there) = self.places.get_mut(place) {
                there.files += u64::from(place.len() < of.len());
                there.bytes += bytes;
                return true;
            }
            above = (!place.is_empty()).then(|| path::split(place).0);
        }
        false
    }

    /// The counts by the tokens of the places.
    pub fn by_token(&self, roots: &RootCounts, token_key: &[u8; 32]) -> BTreeMap<String, UnreadCount> {
        let row = |(place, &LiesThere { files, bytes }): (&Vec<u8>, &LiesThere)| {
            let mut other_roots = roots.tokens_of(place, token_key);
            let root = other_roots.pop().unwrap_or_default();
            (file_token(token_key, place), UnreadCount { root, other_roots, files, bytes })
        };
        self.places.iter().map(row).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_lies_below_is_counted_and_what_is_beside_is_not() {
        let mut unread = Unread::default();
        assert!(!unread.holds(b"a/b", b"c", 1));
        unread.add(b"a/b");
        unread.add(b"f");
        assert!(
            unread.holds(b"a/b", b"c", 1) && unread.holds(b"a/b/d/e", b"c", 2) && unread.holds(b"", b"f", 4)
        );
        assert!(
            !unread.holds(b"a", b"bc", 8) && !unread.holds(b"a/bc", b"d", 8) && !unread.holds(b"", b"g", 8)
        );
        let there = |place: &[u8]| (unread.places[place].files, unread.places[place].bytes);
        assert_eq!([there(b"a/b"), there(b"f")], [(2, 3), (0, 4)]);
        unread.add(b"");
        assert!(unread.holds(b"x/y", b"z", 1), "the top");
    }
}
