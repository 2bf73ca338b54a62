//! What a person asks a restore for: where to, which entries, what to do where something stands.
//!
//! From the command line to the plan and the run. Never: looks at a disk.

use std::path::PathBuf;

use scelle_format::manifest::{EntryKind, Item, Root};
use scelle_format::path;

use super::together::{database_of, with_side_files};
use super::write::Overwrite;
use crate::error::{AgentError, Result};
use crate::platform::{self, Kind};
use crate::reading::tree::{Tree, TreePart};
use crate::scan::filter::Choice;
use crate::scan::{EntryPath, PathFilter};

/// Where entries go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Target {
    /// Below this folder, under their full source paths.
    Folder(PathBuf),
    /// Where they came from.
    InPlace,
}

impl Target {
    /// What to do where something already stands, and nothing may be overwritten: among the files that are in use, ours goes
    /// beside it, with this text in its name; elsewhere it is left out.
    pub fn keeping(&self, beside: String) -> Overwrite {
        match self {
            Self::InPlace => Overwrite::Sibling(beside),
            Self::Folder(_) => Overwrite::Never,
        }
    }
}

/// What is asked for.
#[derive(Clone)]
pub struct RestoreRequest {
    /// Where to.
    pub target: Target,
    /// Paths as the manifest holds them ([`snapshot_path`]); none means everything.
    pub paths: Vec<Vec<u8>>,
    /// Which of the entries below them.
    pub filter: PathFilter,
    /// Whether the filter has includes: folders are then made only where they lead to an entry.
    pub has_includes: bool,
    /// What to do where something stands.
    pub overwrite: Overwrite,
    /// Put behind the name of a file that has to be moved aside: `mis de côté 2026-11-21`.
    pub aside: String,
}

/// The manifest's form of a path given by a person: the absolute source path, or the path in the snapshot.
/// `os` is the root's (`unix` or `windows`): `C:\Dossiers` → `C/Dossiers`, `\\srv\share\x` → `UNC/srv/share/x`.
pub fn snapshot_path(typed: &[u8], os: &str) -> Result<Vec<u8>> {
    let mut text = typed.to_vec();
    let mut unc = false;
    if os == "windows" {
        text.iter_mut().filter(|byte| **byte == b'\\').for_each(|byte| *byte = b'/');
        unc = text.starts_with(b"//");
        if text.len() >= 2 && text[1] == b':' && text[0].is_ascii_alphabetic() {
            text[0] = text[0].to_ascii_uppercase();
            text.remove(1);
        }
    }
    let parts = text.split(|byte| *byte == b'/').filter(|part| !part.is_empty() && *part != b".");
    let parts: Vec<&[u8]> = unc.then_some(b"UNC".as_slice()).into_iter().chain(parts).collect();
    let joined = parts.join(&b'/');
    path::check(&joined).map_err(|_| AgentError::path_not_in_snapshot())?;
    Ok(joined)
}

impl RestoreRequest {
    /// The parts of the tree that hold what is asked for.
    pub(super) fn parts(&self, root: &Root) -> Vec<TreePart> {
        let asked = self.paths.iter().flat_map(|of| with_side_files(of, root));
        match self.paths.is_empty() {
            true => vec![TreePart::Below(Vec::new())],
            false => asked.flat_map(|of| TreePart::with_ancestors(&of)).collect(),
        }
    }

    /// Whether an entry is one of those asked for, not only a folder that leads to one.
    pub(super) fn is_asked(&self, entry: &EntryPath, root: &Root) -> bool {
        let database = database_of(entry.as_bytes(), root);
        let within = |of: &Vec<u8>| {
            if database == Some(of) {
                return true;
            }
            let rest = entry.as_bytes().strip_prefix(of.as_slice());
            rest.is_some_and(|rest| of.is_empty() || rest.is_empty() || rest[0] == b'/')
        };
        self.paths.is_empty() || self.paths.iter().any(within)
    }

    /// The entry's path, if it is chosen.
    pub(super) fn choose(&self, item: &Item, root: &Root) -> Option<EntryPath> {
        let entry = EntryPath::from_bytes(&path::join(&item.directory, &item.entry.name)).ok()?;
        let kind = match item.entry.kind {
            EntryKind::File => Kind::File,
            EntryKind::Directory => Kind::Directory,
            EntryKind::Symlink => Kind::Symlink,
        };
        let leads_only = kind == Kind::Directory && !self.is_asked(&entry, root);
        let is_chosen = |entry: &EntryPath| self.filter.verdict(entry, kind) != Choice::Leave;
        let comes_with = || {
            let database = database_of(entry.as_bytes(), root);
            database.and_then(|path| EntryPath::from_bytes(path).ok()).is_some_and(|path| is_chosen(&path))
        };
        (leads_only || is_chosen(&entry) || comes_with()).then_some(entry)
    }
}

/// A restore in place on another system would put files where nothing belongs.
pub(super) fn check_system(request: &RestoreRequest, tree: &Tree) -> Result<()> {
    if request.target == Target::InPlace && tree.root.os != platform::SYSTEM {
        return Err(AgentError::other_system());
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::snapshot_path;

    #[test]
    fn typed_paths() {
        let unix = |typed: &str| String::from_utf8(snapshot_path(typed.as_bytes(), "unix").unwrap()).unwrap();
        assert_eq!(unix("/data/cabinet/x"), "data/cabinet/x");
        assert_eq!(unix("data/cabinet/"), "data/cabinet");
        assert_eq!(unix("/data/a\\b"), "data/a\\b");
        let windows =
            |typed: &str| String::from_utf8(snapshot_path(typed.as_bytes(), "windows").unwrap()).unwrap();
        assert_eq!(windows("c:\\Dossiers\\x"), "C/Dossiers/x");
        assert_eq!(windows("\\\\srv\\share\\x"), "UNC/srv/share/x");
        assert_eq!(windows("C/Dossiers"), "C/Dossiers");
        assert!(snapshot_path(b"/a/../b", "unix").is_err());
    }
}
