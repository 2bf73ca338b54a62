//! What a restore would do: which entries, where, and what of it is there already.
//!
//! For: `restore --dry-run` and `run`. Data comes from the tree and from a look at the restore root and goes to the
//! screen as plain values. Never: writes, fetches content, or makes the restore root.

use scelle_format::chunker::Cut;
use scelle_format::manifest::{Entry, EntryKind};

use super::asked::all_there;
use super::places::Places;
use super::request::{RestoreRequest, Target, check_system};
use super::twins::Twins;
use super::write::{FIRST_BYTES, FileAttributes, Overwrite, is_database, may_be_database, write_failed};
use crate::error::{AgentError, ExitCode, Result};
use crate::platform::{InUse, Kind};
use crate::reading::tree::{Step, Tree};
use crate::scan::EntryPath;

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
pub struct RestorePlan {
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
    /// composed accents, dots at the end. Where the restore root does, they get another name.
    pub twins: u64,
    /// Files in parts of the tree that cannot be read.
    pub unreadable: u64,
}

impl RestorePlan {
    /// Whether patterns leave nothing of the snapshot: a mistake more often than not.
    pub fn is_nothing_chosen(&self, request: &RestoreRequest) -> bool {
        request.filter.has_globs() && self.files + self.symlinks + self.keep + self.unreadable == 0
    }

    /// The code a dry run ends with.
    pub fn code(&self, request: &RestoreRequest) -> ExitCode {
        if self.is_nothing_chosen(request) { ExitCode::Partial } else { ExitCode::Ok }
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
    let existing = places.place(at).and_then(|(restore_root, below)| restore_root.existing(&below));
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
    let (restore_root, below) = places.place(at).ok()?;
    let existing = restore_root.existing(&below).ok()?;
    let mut first = [0; FIRST_BYTES];
    let is_one = existing.as_ref().map_or_else(
        || entry.consistent_copy || matches!(entry.cut, Cut::Paged { .. }),
        |there| there.read_at(&mut first, 0).is_ok_and(|read| is_database(&first[..read], below.name())),
    );
    let is_replaced = existing.is_none() || matches!(overwrite, Overwrite::Changed | Overwrite::Always);
    if !is_one || !is_replaced {
        return None;
    }
    if restore_root.database_in_use(&below) == InUse::Yes {
        return Some(Action::InUse);
    }
    let beside = restore_root.replayed_beside(&below).ok()?;
    (!beside.is_empty()).then_some(Action::SetAside)
}

/// Walks the chosen entries and tells what would be done with each.
pub async fn plan(
    tree: &Tree,
    request: &RestoreRequest,
    each: &mut (dyn FnMut(&PlannedEntry) + Send),
) -> Result<RestorePlan> {
    check_system(request, tree)?;
    all_there(tree, request).await?;
    let places = match &request.target {
        Target::Folder(folder) if !folder.exists() => Places::new(request, true),
        _ => Places::create(request).map_err(|error| write_failed(&error))?,
    };
    let mut plan = RestorePlan::default();
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

impl RestorePlan {
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
