//! What a restore would do: which entries, where, and what of it is there already.
//!
//! For: `restore --dry-run` and `run`. Data comes from the tree and from a look at the destination and goes to the
//! screen as plain values. Never: writes, fetches content, or makes the destination.

use std::path::PathBuf;

use scelle_format::chunker::Cut;
use scelle_format::manifest::{Entry, EntryKind, Item, Root};
use scelle_format::path;

use super::places::Places;
use super::together::{database_of, with_side_files};
use super::tree::{Part, Step, Tree};
use super::twins::Twins;
use super::write::{
    FIRST_BYTES, FileAttributes, Overwrite, WriteError, WriteErrorKind, is_database, may_be_database,
};
use crate::bilingual;
use crate::error::{AgentError, Result};
use crate::platform::{InUse, Kind};
use crate::scan::filter::Verdict;
use crate::scan::{EntryPath, Filter};

/// Where entries go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Target {
    /// Below this folder, under their full source paths.
    Folder(PathBuf),
    /// Where they came from.
    InPlace,
}

/// What is asked for.
#[derive(Clone)]
pub struct Request {
    /// Where to.
    pub target: Target,
    /// Paths as the manifest holds them ([`snapshot_path`]); none means everything.
    pub paths: Vec<Vec<u8>>,
    /// Which of the entries below them.
    pub filter: Filter,
    /// Whether the filter has includes: folders are then made only where they lead to an entry.
    pub has_includes: bool,
    /// What to do where something stands.
    pub overwrite: Overwrite,
    /// Put behind the name of a file that has to be moved aside: `mis de côté 2026-11-21`.
    pub aside: String,
}

/// What would become of an entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// It is written.
    Write,
    /// A file of the same size stands there: its content is compared, and written if it differs.
    Compare,
    /// Something stands there and is kept.
    Keep,
    /// A log or journal of another version lies beside the database: it is moved aside, then the database written.
    SetAside,
    /// A program has the database open: it is refused.
    InUse,
}

/// One line of a dry run. Holds a name: for the local screen only.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PlannedEntry {
    /// Its path in the snapshot.
    pub path: EntryPath,
    /// What it is.
    pub kind: EntryKind,
    /// Its size in bytes.
    pub bytes: u64,
    /// What would be done.
    pub action: Action,
}

/// Sums of a plan.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize)]
pub struct Plan {
    /// Files chosen.
    pub files: u64,
    /// Folders chosen.
    pub directories: u64,
    /// Symlinks chosen.
    pub symlinks: u64,
    /// Bytes of the files chosen.
    pub bytes: u64,
    /// Files that would be written without comparing.
    pub write: u64,
    /// Files that would be compared first.
    pub compare: u64,
    /// Entries that would be left as they are.
    pub keep: u64,
    /// Databases from beside which a log or a journal would be moved aside.
    pub set_aside: u64,
    /// Databases that would be refused because a program has them open.
    pub in_use: u64,
    /// Entries that differ from another of their folder only in what some file systems take for the same: letters' case,
    /// composed accents, dots at the end. Where the destination does, they get another name.
    pub twins: u64,
    /// Files in parts of the tree that cannot be read.
    pub unreadable: u64,
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

impl Request {
    /// The parts of the tree that hold what is asked for.
    pub(super) fn parts(&self, root: &Root) -> Vec<Part> {
        let asked = self.paths.iter().flat_map(|of| with_side_files(of, root));
        match self.paths.is_empty() {
            true => vec![Part::Below(Vec::new())],
            false => asked.flat_map(|of| Part::with_ancestors(&of)).collect(),
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
        let is_chosen = |entry: &EntryPath| self.filter.verdict(entry, kind) != Verdict::Leave;
        let comes_with = || {
            let database = database_of(entry.as_bytes(), root);
            database.and_then(|path| EntryPath::from_bytes(path).ok()).is_some_and(|path| is_chosen(&path))
        };
        (leads_only || is_chosen(&entry) || comes_with()).then_some(entry)
    }
}

/// The attributes an entry is given.
pub(super) fn attributes_of(entry: &Entry) -> FileAttributes {
    FileAttributes {
        modified_ns: entry.modified_ns,
        mode: entry.mode,
        owner: entry.owner,
        group: entry.group,
        xattrs: entry.xattrs.clone(),
    }
}

/// What would be done with a file.
pub(super) fn action(places: &Places, overwrite: &Overwrite, entry: &Entry, at: &EntryPath) -> Action {
    if places.fresh {
        return Action::Write;
    }
    let existing = places.place(at).and_then(|(destination, below)| destination.existing(&below));
    match existing {
        Ok(Some(there)) if there.stat.kind == Kind::File && there.stat.bytes == entry.bytes => {
            Action::Compare
        }
        Ok(Some(_)) if *overwrite == Overwrite::Never => Action::Keep,
        // A failure shows when it is written.
        _ => Action::Write,
    }
}

/// What is different for a database that would be placed where one stands, or where something of one lies.
fn database_action(places: &Places, overwrite: &Overwrite, entry: &Entry, at: &EntryPath) -> Option<Action> {
    if places.fresh || !may_be_database(entry.bytes) {
        return None;
    }
    let (destination, below) = places.place(at).ok()?;
    let existing = destination.existing(&below).ok()?;
    let mut first = [0; FIRST_BYTES];
    let is_one = existing.as_ref().map_or_else(
        || entry.consistent_copy || matches!(entry.cut, Cut::Paged { .. }),
        |there| there.read_at(&mut first, 0).is_ok_and(|read| is_database(&first[..read], below.name())),
    );
    let is_replaced = existing.is_none() || matches!(overwrite, Overwrite::Changed | Overwrite::Always);
    if !is_one || !is_replaced {
        return None;
    }
    if destination.database_in_use(&below) == InUse::Yes {
        return Some(Action::InUse);
    }
    let beside = destination.replayed_beside(&below).ok()?;
    (!beside.is_empty()).then_some(Action::SetAside)
}

/// A restore in place on another system would put files where nothing belongs.
pub(super) fn check_system(request: &Request, tree: &Tree) -> Result<()> {
    let own = if cfg!(windows) { "windows" } else { "unix" };
    if request.target == Target::InPlace && tree.root.os != own {
        return Err(AgentError::usage(
            bilingual!("cet instantané vient d'un autre système", "this snapshot comes from another system"),
            bilingual!("restaurez-le dans un dossier avec --to", "restore it into a folder with --to"),
        ));
    }
    Ok(())
}

/// Walks the chosen entries and tells what would be done with each.
pub async fn plan(
    tree: &Tree,
    request: &Request,
    each: &mut (dyn FnMut(&PlannedEntry) + Send),
) -> Result<Plan> {
    check_system(request, tree)?;
    let places = match &request.target {
        Target::Folder(folder) if !folder.exists() => Places::new(request, true),
        _ => Places::create(request).map_err(|error| write_failed(&error))?,
    };
    let mut plan = Plan::default();
    let mut twins = Twins::default();
    let mut asked = request.paths.is_empty();
    let mut walk = tree.walk_parts(request.parts(&tree.root));
    while let Some(step) = walk.next().await? {
        let items = match step {
            Step::Items(items) => items,
            Step::Damaged { files, .. } => {
                plan.unreadable += files;
                asked = true;
                continue;
            }
        };
        for item in items {
            let Some(path) = request.choose(&item, &tree.root) else { continue };
            asked |= request.is_asked(&path, &tree.root);
            let entry = &item.entry;
            let action = match entry.kind {
                EntryKind::File => match action(&places, &request.overwrite, entry, &path) {
                    Action::Keep => Action::Keep,
                    other => database_action(&places, &request.overwrite, entry, &path).unwrap_or(other),
                },
                _ => Action::Write,
            };
            plan.twins += u64::from(twins.is_like_another(&item.directory, &entry.name));
            plan.add(entry, action);
            each(&PlannedEntry { path, kind: entry.kind, bytes: entry.bytes, action });
        }
    }
    if asked { Ok(plan) } else { Err(AgentError::path_not_in_snapshot()) }
}

impl Plan {
    fn add(&mut self, entry: &Entry, action: Action) {
        match entry.kind {
            EntryKind::Directory => return self.directories += 1,
            EntryKind::Symlink => return self.symlinks += 1,
            EntryKind::File => self.files += 1,
        }
        self.bytes += entry.bytes;
        match action {
            Action::Write => self.write += 1,
            Action::Compare => self.compare += 1,
            Action::Keep => self.keep += 1,
            Action::SetAside => (self.write, self.set_aside) = (self.write + 1, self.set_aside + 1),
            Action::InUse => self.in_use += 1,
        }
    }
}

/// The error of a destination that cannot be used at all. Its text holds no path.
pub(super) fn write_failed(error: &WriteError) -> AgentError {
    match (&error.source, error.kind) {
        (_, WriteErrorKind::Full) => AgentError::destination_full(),
        (Some(source), _) => AgentError::io(source),
        (None, kind) => AgentError::io(&std::io::Error::other(kind.to_string())),
    }
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
