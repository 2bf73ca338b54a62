//! The name of an object inside a store.
//!
//! For: making it impossible to hand a store a name that leaves its root. Names come from
//! `scelle-format::layout` or from a listing; they never carry anything a person typed.

use std::fmt;

/// Relative name of an object: ASCII, `/`-separated, no empty, `.` or `..` component, 1–512 bytes.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Key(String);

impl Key {
    /// Checks `name` and wraps it. Returns `None` when the name is not canonical.
    pub fn new(name: impl Into<String>) -> Option<Self> {
        let name = name.into();
        let allowed = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-' | b'_');
        let sound = !name.is_empty()
            && name.len() <= 512
            && name
                .split('/')
                .all(|part| !part.is_empty() && part != "." && part != ".." && part.bytes().all(allowed));
        sound.then_some(Self(name))
    }

    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Key({})", self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::Key;

    #[test]
    fn names_that_leave_the_root_are_refused() {
        for bad in ["", "/a", "a/", "a//b", "../a", "a/..", "a/./b", "a\\b", "a b", "é", "a:b"] {
            assert!(Key::new(bad).is_none(), "{bad:?}");
        }
        assert!(Key::new("p/e0/ab/cd.age").is_some());
    }
}
