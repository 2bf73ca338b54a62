//! The path of an entry as FORMAT.md §8.2 defines it: components of bytes joined by `/`, without a leading `/`.
//!
//! Made from paths of the system (walk) or from bytes of a manifest (restore: hostile until checked here). A value of
//! this type has always been checked. Its `Debug` shows no name.

use crate::platform;
use std::cmp::Ordering;
use std::fmt;
use std::path::{Path, PathBuf};

pub use scelle_format::limits::{
    NAME_MAX_BYTES as COMPONENT_BYTES, PATH_MAX_BYTES as PATH_BYTES, PATH_MAX_DEPTH as COMPONENTS,
};

/// Why bytes are not the path of an entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PathFault {
    #[error("the path is not absolute")]
    NotAbsolute,
    #[error("a component is empty, '.' or '..', or has a forbidden byte")]
    Component,
    #[error("a name is too long")]
    NameTooLong,
    #[error("the path is too long or too deep")]
    TooDeep,
    #[error("this system cannot have such a name")]
    Foreign,
}

/// A checked path. The empty path is the top, in which the topmost directories stand.
///
/// The order is the format's: by parent directory, component by component, then by name, all bytewise.
#[derive(Clone, PartialEq, Eq, Hash, Default)]
pub struct EntryPath {
    bytes: Box<[u8]>,
}

impl EntryPath {
    /// The empty path.
    pub fn top() -> EntryPath {
        EntryPath::default()
    }

    /// Checks components joined by `/`, as in a directory line of a hunk; empty is the top.
    pub fn from_bytes(bytes: &[u8]) -> Result<EntryPath, PathFault> {
        if bytes.len() > PATH_BYTES {
            return Err(PathFault::TooDeep);
        }
        if bytes.is_empty() {
            return Ok(EntryPath::top());
        }
        let mut components = 0;
        for component in bytes.split(|byte| *byte == b'/') {
            check_component(component)?;
            components += 1;
        }
        if components > COMPONENTS {
            return Err(PathFault::TooDeep);
        }
        Ok(EntryPath { bytes: bytes.into() })
    }

    /// `/data/x` → `data/x`; on Windows `C:\Dossiers` → `C/Dossiers` and `\\srv\share\x` → `UNC/srv/share/x`. The path
    /// must be absolute and have no `..`; it is not looked up.
    pub fn from_os(path: &Path) -> Result<EntryPath, PathFault> {
        let components = platform::split_absolute(path).ok_or(PathFault::NotAbsolute)?;
        if let Some(fault) = components.iter().find_map(|component| check_component(component).err()) {
            return Err(fault);
        }
        EntryPath::from_bytes(&components.join(&b'/'))
    }

    /// The entry `name` in this directory.
    pub fn child(&self, name: &[u8]) -> Result<EntryPath, PathFault> {
        check_component(name)?;
        if self.bytes.is_empty() {
            return Ok(EntryPath { bytes: name.into() });
        }
        let bytes = self.bytes.len() + 1 + name.len();
        // Only paths near the limit of bytes or with many components need the count.
        if bytes > PATH_BYTES || bytes >= COMPONENTS && self.depth() >= COMPONENTS {
            return Err(PathFault::TooDeep);
        }
        let mut joined = Vec::with_capacity(bytes);
        joined.extend_from_slice(&self.bytes);
        joined.push(b'/');
        joined.extend_from_slice(name);
        Ok(EntryPath { bytes: joined.into() })
    }

    /// Components joined by `/`.
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Whether this is the empty path.
    pub fn is_top(&self) -> bool {
        self.bytes.is_empty()
    }

    /// The directory the entry stands in; `None` for the top.
    pub fn parent(&self) -> Option<EntryPath> {
        (!self.is_top()).then(|| EntryPath { bytes: self.parent_bytes().into() })
    }

    /// The joined path of the directory the entry stands in; empty for the topmost and for the top.
    pub fn parent_bytes(&self) -> &[u8] {
        self.split().0
    }

    /// The last component; empty for the top.
    pub fn name(&self) -> &[u8] {
        self.split().1
    }

    fn split(&self) -> (&[u8], &[u8]) {
        match self.bytes.iter().rposition(|byte| *byte == b'/') {
            Some(slash) => (&self.bytes[..slash], &self.bytes[slash + 1..]),
            None => (&[], &self.bytes),
        }
    }

    /// The components in order; none for the top.
    pub fn components(&self) -> impl Iterator<Item = &[u8]> {
        self.bytes.split(|byte| *byte == b'/').filter(|component| !component.is_empty())
    }

    /// Number of components.
    pub fn depth(&self) -> usize {
        if self.is_top() { 0 } else { 1 + self.bytes.iter().filter(|byte| **byte == b'/').count() }
    }

    /// Whether this is `ancestor` or lies below it.
    pub fn is_within(&self, ancestor: &EntryPath) -> bool {
        match self.bytes.strip_prefix(&*ancestor.bytes) {
            Some(rest) => ancestor.is_top() || rest.is_empty() || rest[0] == b'/',
            None => false,
        }
    }

    /// The absolute path on this system. Fails where the path names no folder of it (Windows: the top, `UNC`).
    pub fn to_os(&self) -> std::io::Result<PathBuf> {
        platform::join_absolute(&self.bytes)
    }

    /// The path below `root`, for screens and messages. Refuses names that would mean something else on this system.
    /// Writing goes through `restore::write`, which needs no such path.
    pub fn to_os_below(&self, root: &Path) -> Result<PathBuf, PathFault> {
        let mut path = root.to_owned();
        for component in self.components() {
            if !platform::is_writable_name(component) {
                return Err(PathFault::Foreign);
            }
            path.push(platform::bytes_to_os(component).map_err(|_| PathFault::Foreign)?);
        }
        Ok(path)
    }

    /// For the local screen only: on one line, quoted where a terminal would obey it or could not show it.
    pub fn to_screen(&self) -> String {
        scelle_view::words::names::shown(&self.bytes)
    }
}

fn check_component(component: &[u8]) -> Result<(), PathFault> {
    if component.len() > COMPONENT_BYTES {
        return Err(PathFault::NameTooLong);
    }
    let is_special = matches!(component, b"" | b"." | b"..");
    if is_special || component.iter().any(|byte| matches!(byte, 0 | b'/')) {
        return Err(PathFault::Component);
    }
    Ok(())
}

impl Ord for EntryPath {
    fn cmp(&self, other: &EntryPath) -> Ordering {
        let ((parent, name), (other_parent, other_name)) = (self.split(), other.split());
        if parent == other_parent {
            return name.cmp(other_name);
        }
        // Byte 0 occurs in no component: with `/` in its place, the joined paths compare like their components.
        let key = |byte: &u8| if *byte == b'/' { 0 } else { *byte };
        parent.iter().map(key).cmp(other_parent.iter().map(key))
    }
}

impl PartialOrd for EntryPath {
    fn partial_cmp(&self, other: &EntryPath) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl fmt::Debug for EntryPath {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "EntryPath({} bytes)", self.bytes.len())
    }
}

#[cfg(test)]
mod tests {
    use super::{COMPONENT_BYTES, COMPONENTS, EntryPath, PATH_BYTES, PathFault};

    fn path(text: &str) -> EntryPath {
        EntryPath::from_bytes(text.as_bytes()).unwrap()
    }

    #[test]
    fn hostile_paths_are_refused() {
        for bytes in [&b"a/../b"[..], b"..", b".", b"/a", b"a/", b"a//b", b"a\0b", b"a/./b"] {
            assert_eq!(EntryPath::from_bytes(bytes), Err(PathFault::Component));
        }
        assert_eq!(EntryPath::from_bytes(&[b'x'; COMPONENT_BYTES + 1]), Err(PathFault::NameTooLong));
        assert!(EntryPath::from_bytes(&[b'x'; COMPONENT_BYTES]).is_ok());
        let deep = |depth: usize| vec![b"x".to_vec(); depth].join(&b'/');
        assert!(EntryPath::from_bytes(&deep(COMPONENTS)).is_ok());
        assert_eq!(EntryPath::from_bytes(&deep(COMPONENTS + 1)), Err(PathFault::TooDeep));
        let long = vec![vec![b'x'; COMPONENT_BYTES]; PATH_BYTES / COMPONENT_BYTES].join(&b'/');
        assert_eq!(EntryPath::from_bytes(&long), Err(PathFault::TooDeep));
        assert_eq!(path("a").child(b".."), Err(PathFault::Component));
        assert_eq!(path("a").child(b"b/c"), Err(PathFault::Component));
        let deep = EntryPath::from_bytes(&deep(COMPONENTS)).unwrap();
        assert_eq!(deep.child(b"y"), Err(PathFault::TooDeep));
    }

    #[test]
    fn parts_of_a_path() {
        let entry = path("data/cabinet/x");
        assert_eq!((entry.name(), entry.parent_bytes(), entry.depth()), (&b"x"[..], &b"data/cabinet"[..], 3));
        assert_eq!(entry.parent().unwrap().parent().unwrap().parent(), Some(EntryPath::top()));
        assert_eq!(EntryPath::top().parent(), None);
        assert!(
            entry.is_within(&path("data")) && entry.is_within(&EntryPath::top()) && entry.is_within(&entry)
        );
        assert!(!path("database").is_within(&path("data")));
        assert_eq!(format!("{entry:?}"), "EntryPath(14 bytes)");
    }

    #[cfg(unix)]
    #[test]
    fn paths_of_the_system() {
        use std::path::Path;
        assert_eq!(EntryPath::from_os(Path::new("/data//x/.")).unwrap(), path("data/x"));
        assert!(EntryPath::from_os(Path::new("/")).unwrap().is_top());
        assert_eq!(EntryPath::from_os(Path::new("data")), Err(PathFault::NotAbsolute));
        assert_eq!(EntryPath::from_os(Path::new("/data/../x")), Err(PathFault::NotAbsolute));
        assert_eq!(path("data/x").to_os().unwrap(), Path::new("/data/x"));
        assert_eq!(path("data/x").to_os_below(Path::new("/to")).unwrap(), Path::new("/to/data/x"));
    }

    /// All paths of up to three components over names chosen to sort badly when `/` is compared as a letter.
    #[test]
    fn the_order_is_that_of_the_components() {
        let names = ["!", "-", "a", "a!", "a-b", "a.b", "b", "\u{e9}", "\u{1}"];
        let mut all: Vec<Vec<&str>> = names.iter().map(|name| vec![*name]).collect();
        for _ in 0..2 {
            let longer: Vec<_> = all
                .iter()
                .flat_map(|start| names.iter().map(move |name| [&start[..], &[*name]].concat()))
                .collect();
            all.extend(longer);
        }
        all.sort();
        all.dedup();
        for a in all.iter().step_by(5) {
            for b in all.iter().step_by(3) {
                let key = |parts: &[&str]| {
                    let parts: Vec<Vec<u8>> = parts.iter().map(|part| part.as_bytes().to_vec()).collect();
                    (parts[..parts.len() - 1].to_vec(), parts[parts.len() - 1].clone())
                };
                assert_eq!(path(&a.join("/")).cmp(&path(&b.join("/"))), key(a).cmp(&key(b)), "{a:?} {b:?}");
            }
        }
    }
}
