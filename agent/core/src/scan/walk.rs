//! The walk over the roots in the order of the format (FORMAT.md §8.2): the children of a directory by name, then its
//! subdirectories, one after the other, in the same way.
//!
//! A thread reads directories ahead into a bounded channel. Data comes from `platform`, goes to the pipeline. Symbolic
//! links are never followed, at no component of a path; other file systems below a root are entered, no file is opened.

use super::filter::{Choice, is_noise};
use super::problem::{WalkProblem, fault_code};
use super::steps::{Steps, accompanied, base_of, place_of, resolve};
use super::{EntryPath, PathFilter};
use crate::platform::{Kind, Names, ProblemCode, SourceFolder, Stat};
use crossbeam_channel::{Receiver, Sender, bounded};
use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread::JoinHandle;

/// Entries looked at, and sent, together.
const BATCH: usize = 512;
/// Batches the thread may be ahead: with them some 8 000 entries, about 2 MB.
const BATCHES_AHEAD: usize = 16;

/// An entry of the snapshot: file, directory or symlink.
#[derive(Clone, Debug)]
pub struct WalkItem {
    pub path: EntryPath,
    pub stat: Stat,
    /// Only a step on the way to a root: its metadata is kept, its other children are not looked at.
    pub is_ancestor: bool,
    /// A name beside it is that of its log or journal, if it is a database.
    pub has_side: bool,
    /// Not named, or left out by a glob: here only in case the database that it stands beside needs it.
    pub is_part_only: bool,
}

impl WalkItem {
    /// Where it lies. Fails for the steps `UNC` and `UNC/server` of Windows, which are no folders of the system.
    pub fn os_path(&self) -> io::Result<PathBuf> {
        self.path.to_os()
    }
}

/// What the walk yields.
#[derive(Clone, Debug)]
pub enum Walked {
    Entry(WalkItem),
    Problem(WalkProblem),
}

/// A root as it is walked.
#[derive(Clone, Debug)]
pub struct WalkRoot {
    /// As the user gave it.
    pub given: PathBuf,
    /// Where it lies in the snapshot; `None` when it does not exist or is the backup's own folder.
    pub path: Option<EntryPath>,
}

/// The walk. Entries come strictly in the format's order and never twice; problems come where they are met.
///
/// It starts with the directories that lead to the roots. Roots that lie in one another or are given twice are walked
/// once. **A root is resolved**: when it, or a step on its way, is a symbolic link, the snapshot holds the path the
/// link leads to (`/data → /mnt/disk` is kept as `mnt/disk`), because a path of the snapshot never leads through a
/// link. Below a root no link is followed. A root may be a single file. A root given explicitly is taken even when a
/// glob excludes it.
pub struct Walker {
    roots: Vec<WalkRoot>,
    batches: Option<Receiver<Vec<Walked>>>,
    batch: std::vec::IntoIter<Walked>,
    reader: Option<JoinHandle<()>>,
    left_out: Arc<AtomicU64>,
}

impl Walker {
    /// Starts the reading thread; fails only when the system has none to give.
    pub fn new(roots: &[PathBuf], filter: PathFilter) -> io::Result<Walker> {
        let mut problems = Vec::new();
        let mut tree = Steps::default();
        let mut resolved = Vec::new();
        for given in roots {
            let path = match resolve(given, &filter) {
                Ok(path) => {
                    tree.add_root(&path);
                    Some(path)
                }
                Err(problem) => {
                    problems.push(Walked::Problem(problem));
                    None
                }
            };
            resolved.push(WalkRoot { given: given.clone(), path });
        }
        let (sender, batches) = bounded(BATCHES_AHEAD);
        let left_out = Arc::new(AtomicU64::new(0));
        let counted = left_out.clone();
        let reader = std::thread::Builder::new().name("walk".to_owned()).spawn(move || {
            let mut reading = FolderReader {
                filter,
                sender,
                batch: problems,
                left_out: counted,
                #[cfg(test)]
                before_open: None,
            };
            // An error means that nobody listens any more.
            let _ = reading.walk(tree).and_then(|()| reading.send_end());
        })?;
        Ok(Walker {
            roots: resolved,
            batches: Some(batches),
            batch: Vec::new().into_iter(),
            reader: Some(reader),
            left_out,
        })
    }

    /// Names left out so far, each folder once: by a glob, or as the backup's own. Final when the walk is over.
    pub fn left_out(&self) -> Arc<AtomicU64> {
        self.left_out.clone()
    }

    /// The roots in the order given.
    pub fn roots(&self) -> &[WalkRoot] {
        &self.roots
    }
}

impl Iterator for Walker {
    type Item = Walked;

    fn next(&mut self) -> Option<Walked> {
        loop {
            if let Some(next) = self.batch.next() {
                return Some(next);
            }
            match self.batches.as_ref()?.recv() {
                // The empty batch is the end.
                Ok(batch) if batch.is_empty() => self.batches = None,
                Ok(batch) => self.batch = batch.into_iter(),
                // The thread is gone without having said so: a walk cut short must not look complete.
                Err(_) => {
                    self.batches = None;
                    let problem = WalkProblem { path: EntryPath::top(), code: ProblemCode::Unreadable };
                    return Some(Walked::Problem(problem));
                }
            }
        }
    }
}

impl Drop for Walker {
    fn drop(&mut self) {
        // Closing the channel ends the thread at its next batch.
        self.batches = None;
        if let Some(reader) = self.reader.take() {
            let _ = reader.join();
        }
    }
}

/// A directory still to be read.
struct Task {
    path: EntryPath,
    steps: Steps,
    /// Everything in it, or only the steps.
    is_whole: bool,
}

/// A name in a directory.
struct SeenName {
    looked: io::Result<Stat>,
    /// What it leads to, where that is a root.
    steps: Option<Steps>,
    /// Its directory is read whole.
    in_whole: bool,
    has_side: bool,
    is_part_only: bool,
}

/// Nobody listens any more.
struct Abandoned;

#[cfg(test)]
type BeforeOpen = Box<dyn FnMut(&EntryPath)>;

struct FolderReader {
    filter: PathFilter,
    sender: Sender<Vec<Walked>>,
    batch: Vec<Walked>,
    /// Names that were left out: by a glob, or as the backup's own.
    left_out: Arc<AtomicU64>,
    /// What happens between the listing that named a folder and its opening.
    #[cfg(test)]
    before_open: Option<BeforeOpen>,
}

impl FolderReader {
    fn walk(&mut self, tree: Steps) -> Result<(), Abandoned> {
        let is_whole = tree.is_root;
        let mut tasks = vec![Task { path: EntryPath::top(), steps: tree, is_whole }];
        while let Some(task) = tasks.pop() {
            let first_new = tasks.len();
            if task.is_whole {
                self.read_whole(task, &mut tasks)
            } else {
                self.read_steps(task, &mut tasks)
            }?;
            // The first subdirectory is the next to be read.
            tasks[first_new..].reverse();
        }
        Ok(())
    }

    /// A directory on the way to a root.
    fn read_steps(&mut self, task: Task, tasks: &mut Vec<Task>) -> Result<(), Abandoned> {
        let folder = SourceFolder::open(task.path.as_bytes());
        let sides = folder.as_ref().map(|folder| task.steps.sides_in(folder)).unwrap_or_default();
        let mut below = task.steps.below;
        below.extend(sides.iter().map(|side| (side.clone(), Steps::default())));
        let with_side: Vec<_> = sides.iter().filter_map(|side| base_of(side)).collect();
        for (name, steps) in below {
            let looked = match (&folder, task.path.child(&name).map(|path| path.to_os())) {
                (Ok(folder), Ok(Ok(_))) => folder.stat(&name),
                // The top of Windows is no folder; a drive in it is one.
                (Err(_), Ok(Ok(path))) if task.path.to_os().is_err() => crate::platform::stat(&path),
                (Err(error), Ok(Ok(_))) => Err(io::Error::from(error.kind())),
                _ => Ok(Stat::step()),
            };
            let is_part_only = sides.contains(&name);
            if is_part_only && !looked.as_ref().is_ok_and(|stat| stat.kind == Kind::File) {
                continue;
            }
            let (steps, has_side) = (Some(steps), with_side.contains(&name.as_slice()));
            let seen = SeenName { looked, steps, in_whole: false, has_side, is_part_only };
            self.take_child(&task.path, &name, seen, tasks)?;
        }
        Ok(())
    }

    /// A directory in a root.
    fn read_whole(&mut self, mut task: Task, tasks: &mut Vec<Task>) -> Result<(), Abandoned> {
        #[cfg(test)]
        if let Some(before_open) = &mut self.before_open {
            before_open(&task.path);
        }
        let opened = SourceFolder::open_to_list(task.path.as_bytes());
        let (reader, names) = match opened.and_then(|reader| reader.names().map(|names| (reader, names))) {
            Ok(read) => read,
            Err(error) => {
                let code = io_code(&error);
                let is_closed = code == ProblemCode::Unreadable;
                return self.problem(task.path, if is_closed { ProblemCode::FolderUnreadable } else { code });
            }
        };
        let accompanied = accompanied(&names);
        let mut given: Vec<&[u8]> = Vec::new();
        let mut looks = Vec::with_capacity(BATCH.min(names.len()));
        for start in (0..names.len()).step_by(BATCH) {
            look(&reader, &names, start, &mut looks);
            // Its names may be listed and it may not be entered.
            if start == 0 && task.steps.below.is_empty() && is_closed(&looks) {
                return self.problem(task.path, ProblemCode::FolderUnreadable);
            }
            for (at, looked) in (start..).zip(looks.drain(..)) {
                let name = names.name(at);
                let steps = if task.steps.below.is_empty() { None } else { task.steps.below.remove(name) };
                if steps.as_ref().is_some_and(|steps| steps.is_root) {
                    given.push(name);
                }
                let has_side = accompanied.binary_search(&at).is_ok();
                let is_part_only = self.is_part_only(&task.path, name, &names, &given);
                let seen = SeenName { looked, steps, in_whole: true, has_side, is_part_only };
                self.take_child(&task.path, name, seen, tasks)?;
            }
        }
        // Roots that were there a moment ago.
        for name in task.steps.below.keys() {
            let path = task.path.child(name).unwrap_or_default();
            self.problem(path, ProblemCode::Vanished)?;
        }
        Ok(())
    }

    /// Whether a file that a glob leaves out sounds like a part of a database that is taken.
    fn is_part_only(&self, parent: &EntryPath, name: &[u8], names: &Names, given: &[&[u8]]) -> bool {
        if !self.filter.has_globs() {
            return false;
        }
        let Some(base) = base_of(name).filter(|base| place_of(names, base).is_some()) else { return false };
        let is_left = |name: &[u8]| {
            let path = parent.child(name);
            path.is_ok_and(|path| self.filter.verdict(&path, Kind::File) == Choice::Leave)
        };
        is_left(name) && (given.contains(&base) || !is_left(base))
    }

    fn take_child(
        &mut self,
        parent: &EntryPath,
        name: &[u8],
        seen: SeenName,
        tasks: &mut Vec<Task>,
    ) -> Result<(), Abandoned> {
        let SeenName { looked, steps, in_whole, has_side, is_part_only } = seen;
        let path = match parent.child(name) {
            Ok(path) => path,
            Err(fault) => return self.problem(parent.clone(), fault_code(fault)),
        };
        let stat = match looked {
            Ok(stat) => stat,
            Err(error) => return self.problem(path, io_code(&error)),
        };
        let is_part_only =
            is_part_only && stat.kind == Kind::File && !steps.as_ref().is_some_and(|s| s.is_root);
        let verdict = match &steps {
            Some(steps) if steps.is_root => Choice::Take,
            _ if in_whole => self.filter.verdict(&path, stat.kind),
            _ => Choice::Leave,
        };
        if verdict == Choice::Leave && steps.is_none() {
            // What every system makes again by itself does not make an empty disk less empty.
            if !is_noise(&path) {
                self.left_out.fetch_add(1, Ordering::Relaxed);
            }
            if !is_part_only {
                return Ok(());
            }
        }
        if !stat.kind.is_stored() {
            return self.problem(path, ProblemCode::Special);
        }
        let is_whole = verdict == Choice::Take;
        if stat.kind == Kind::Directory && (is_whole || steps.is_some()) {
            tasks.push(Task { path: path.clone(), steps: steps.unwrap_or_default(), is_whole });
        }
        let is_ancestor = verdict == Choice::Leave && !is_part_only;
        self.push(Walked::Entry(WalkItem { path, stat, is_ancestor, has_side, is_part_only }))
    }

    fn problem(&mut self, path: EntryPath, code: ProblemCode) -> Result<(), Abandoned> {
        self.push(Walked::Problem(WalkProblem { path, code }))
    }

    fn push(&mut self, walked: Walked) -> Result<(), Abandoned> {
        self.batch.push(walked);
        if self.batch.len() < BATCH {
            return Ok(());
        }
        let full = std::mem::replace(&mut self.batch, Vec::with_capacity(BATCH));
        self.sender.send(full).map_err(|_| Abandoned)
    }

    fn send_end(&mut self) -> Result<(), Abandoned> {
        let last = std::mem::take(&mut self.batch);
        if !last.is_empty() {
            self.sender.send(last).map_err(|_| Abandoned)?;
        }
        self.sender.send(Vec::new()).map_err(|_| Abandoned)
    }
}

/// Looks at one batch of names in the order of their inodes, which spares a cold disk most of its seeks.
fn look(reader: &SourceFolder, names: &Names, start: usize, looks: &mut Vec<io::Result<Stat>>) {
    let end = names.len().min(start + BATCH);
    let mut order: Vec<usize> = (start..end).collect();
    order.sort_unstable_by_key(|at| names.inode(*at));
    looks.extend((start..end).map(|_| Err(io::ErrorKind::NotFound.into())));
    for at in order {
        looks[at - start] = reader.stat(names.name(at));
    }
}

fn is_closed(looks: &[io::Result<Stat>]) -> bool {
    let is_refused = |error: &io::Error| error.kind() == io::ErrorKind::PermissionDenied;
    !looks.is_empty() && looks.iter().all(|looked| looked.as_ref().is_err_and(is_refused))
}

fn io_code(error: &io::Error) -> ProblemCode {
    match error.kind() {
        // A directory that has become a link or a file is no longer what was listed.
        io::ErrorKind::NotFound | io::ErrorKind::NotADirectory => ProblemCode::Vanished,
        io::ErrorKind::InvalidFilename => ProblemCode::PathTooDeep,
        _ => ProblemCode::Unreadable,
    }
}

#[cfg(test)]
#[cfg(unix)]
#[path = "walk_tests.rs"]
mod tests;
