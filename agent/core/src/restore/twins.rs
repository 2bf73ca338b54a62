//! Names of one folder that some file systems take for the same: `Note` and `note`, `é` in one sign or two, `a` and `a.`.
//!
//! For: `produce`, which gives the second of two such entries another name (`Note (2).txt`) where the restore root cannot tell
//! them apart, and `plan`, which counts them. Data comes from the manifest's order, in which the entries of a folder follow
//! each other, so that the same snapshot always gives the same names. Never: believes a rule; the restore root is asked.

use std::collections::HashMap;
use std::hash::{BuildHasher, Hasher as _, RandomState};

use unicode_normalization::UnicodeNormalization as _;

use super::write::{NameProbe, base_of, numbered_name};

/// The names of the folder that is being walked.
#[derive(Default)]
pub(super) struct Twins {
    directory: Vec<u8>,
    hasher: RandomState,
    /// First name of each key, by the key's hash. A wrong match costs a question to the restore root, no more.
    firsts: HashMap<u64, Name>,
    names: Vec<u8>,
    room: Vec<u8>,
    probe: Option<NameProbe>,
    /// New names of entries of this folder.
    renamed: HashMap<Vec<u8>, Vec<u8>>,
}

#[derive(Clone, Copy)]
struct Name {
    start: usize,
    bytes: usize,
    is_probed: bool,
}

impl Twins {
    /// Takes the next name; whether it is like an earlier one of the same folder.
    pub(super) fn is_like_another(&mut self, directory: &[u8], name: &[u8]) -> bool {
        if self.directory != directory {
            self.directory.clear();
            self.names.clear();
            self.firsts.clear();
            self.renamed.clear();
            self.directory.extend_from_slice(directory);
            self.probe = None;
        }
        !self.insert(name)
    }

    /// Whether a name like this one has been taken in the folder that is being walked.
    pub(super) fn has_like(&mut self, name: &[u8]) -> bool {
        let key = self.key(name);
        self.firsts.contains_key(&key)
    }

    /// The name that an entry like an earlier one gets in the restore root, if it cannot keep its own. `probe` begins a
    /// probe in the restore root.
    pub(super) fn other_name(
        &mut self,
        name: &[u8],
        probe: impl FnOnce() -> Option<NameProbe>,
    ) -> Option<Vec<u8>> {
        let key = self.key(name);
        if self.probe.is_none() {
            self.probe = probe();
        }
        let probe = self.probe.as_mut()?;
        let first = self.firsts.get_mut(&key)?;
        if !std::mem::replace(&mut first.is_probed, true) {
            probe.add(&self.names[first.start..first.start + first.bytes]);
        }
        if probe.add(name) {
            return None;
        }
        // A side file follows its database, whose name it must bear.
        let follows = self.name_beside(name);
        let mut number = 1;
        let other = follows.unwrap_or_else(|| {
            loop {
                number += 1;
                let other = numbered_name(name, number);
                let key = self.key(&other);
                if !self.firsts.contains_key(&key)
                    && self.probe.as_mut().is_none_or(|probe| probe.add(&other))
                {
                    break other;
                }
            }
        });
        self.insert(&other);
        self.renamed.insert(name.to_vec(), other.clone());
        Some(other)
    }

    /// The name that a side file gets because its database got another.
    pub(super) fn name_beside(&self, name: &[u8]) -> Option<Vec<u8>> {
        if self.renamed.is_empty() {
            return None;
        }
        let base = base_of(name)?;
        let other = self.renamed.get(base)?;
        Some([other.as_slice(), &name[base.len()..]].concat())
    }

    fn insert(&mut self, name: &[u8]) -> bool {
        let key = self.key(name);
        let added = Name { start: self.names.len(), bytes: name.len(), is_probed: false };
        if self.firsts.contains_key(&key) {
            return false;
        }
        self.firsts.insert(key, added);
        self.names.extend_from_slice(name);
        true
    }

    /// Equal for all names that any file system may take for the same, and for a few more.
    fn key(&mut self, name: &[u8]) -> u64 {
        self.room.clear();
        fold(name, &mut self.room);
        let mut hasher = self.hasher.build_hasher();
        hasher.write(&self.room);
        hasher.finish()
    }
}

/// Letters in one case, accents apart, dots and blanks at the end away.
fn fold(name: &[u8], into: &mut Vec<u8>) {
    match std::str::from_utf8(name) {
        _ if name.is_ascii() => into.extend(name.iter().map(u8::to_ascii_lowercase)),
        Ok(text) => {
            let lower = text.nfkd().flat_map(char::to_lowercase).flat_map(char::to_uppercase);
            let folded: String = lower.flat_map(char::to_lowercase).nfkd().collect();
            into.extend_from_slice(folded.as_bytes());
        }
        Err(_) => into.extend_from_slice(name),
    }
    while into.len() > 1 && matches!(into.last(), Some(b'.' | b' ')) {
        into.pop();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_like(a: &str, b: &str) -> bool {
        let mut twins = Twins::default();
        assert!(!twins.is_like_another(b"d", a.as_bytes()));
        twins.is_like_another(b"d", b.as_bytes())
    }

    #[test]
    fn names_that_a_file_system_may_take_for_the_same() {
        let alike = [
            ("Note.txt", "nOTE.TXT"),
            ("é", "e\u{301}"),
            ("É", "e\u{301}"),
            ("a", "a."),
            ("a", "a. ."),
            ("Straße", "STRASSE"),
            ("ﬁn", "FIN"),
            ("Σ", "ς"),
            ("\u{212a}", "k"),
            ("ẞ", "ss"),
        ];
        for (a, b) in alike {
            assert!(is_like(a, b) && is_like(b, a), "{a} {b}");
        }
        for (a, b) in [("a", "b"), ("é", "e"), ("a b", "ab"), ("note.txt", "note.txt2")] {
            assert!(!is_like(a, b), "{a} {b}");
        }
        let mut twins = Twins::default();
        assert!(!twins.is_like_another(b"d", b"a") && !twins.is_like_another(b"e", b"A"));
        assert!(twins.has_like(b"A") && !twins.has_like(b"b"));
    }

    #[test]
    fn a_folder_that_tells_names_apart_renames_nothing_and_keeps_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let to = super::super::write::RestoreRoot::create(folder.path(), "mis de côté").unwrap();
        let mut twins = Twins::default();
        twins.is_like_another(b"", b"Note");
        assert!(twins.is_like_another(b"", b"note"));
        let other = twins.other_name(b"note", || to.probe_names(&crate::scan::EntryPath::top()).ok());
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1, "the probe");
        // The very same name again, as a restore root that folds would see it.
        let again = twins.other_name(b"note", || None);
        drop(twins);
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
        if other.is_none() {
            assert_eq!(again, Some(b"note (2)".to_vec()));
        }
    }
}
