//! Carrying out a restore: the walk on one thread, files and parts of files on others, links and folders at the end.
//!
//! For: `restore`, the rehearsal and the demo. Data comes from `tree` and `fetch` and goes to `write`. What is damaged
//! or refused is listed and everything else restored; run again, it compares what is there chunk by chunk and
//! skips it. Never: aborts for one file, or keeps more ahead than its budget.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::{Duration, Instant};

use scelle_format::id::PackKind;
use scelle_format::manifest::{Content, EntryKind, Item};
use scelle_format::pack::Location;
use tokio::runtime::Handle;

use super::fetch::ChunkReader;
use super::plan::{Action, Places, Request, action, attributes_of, check_system, write_failed};
use super::tree::{ChunkRuns, Step, Tree};
use super::workers::{DataMap, FileJob, FileProblem, Job, LargeFile, Outcome, RunJob, Shared};
use super::write::{Notices, WriteErrorKind};
use crate::error::{AgentError, ExitCode, Result};
use crate::monitor::{Monitor, Notice, Phase, Problem};
use crate::scan::EntryPath;
use crate::shutdown::Shutdown;

/// Content fetched together.
const WINDOW_BYTES: u64 = 24 << 20;
/// Files in such a window.
const WINDOW_FILES: usize = 4096;
/// Small files one thread takes at a time.
const BATCH_FILES: usize = 32;
/// Bytes of such files.
const BATCH_BYTES: u64 = 1 << 20;
/// From this size on a file is written by several threads.
const LARGE_BYTES: u64 = 8 << 20;
/// Bytes of a part of it.
const PART_BYTES: u64 = 4 << 20;

/// A part of the snapshot's tree that could not be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LostPart {
    /// Name of the manifest pack.
    pub object: String,
    /// Files in it.
    pub files: u64,
    /// Bytes of files in it.
    pub bytes: u64,
}

/// What a restore did.
#[derive(Clone, Debug, Default)]
pub struct RestoreSummary {
    /// Files written.
    pub files: u64,
    /// Bytes of files written.
    pub bytes: u64,
    /// Folders made or given their attributes.
    pub directories: u64,
    /// Symlinks written.
    pub symlinks: u64,
    /// Further names of files.
    pub hardlinks: u64,
    /// Files whose content was already there.
    pub skipped_same: u64,
    /// Entries left as they were because something else stands there.
    pub kept: u64,
    /// Files placed beside what stands there.
    pub beside: u64,
    /// Files whose content is missing or damaged in the store.
    pub damaged: Vec<FileProblem>,
    /// Files that could not be written for another reason.
    pub problems: Vec<FileProblem>,
    /// Parts of the tree that cannot be read.
    pub lost_parts: Vec<LostPart>,
    /// Objects found damaged, by name, also where their content was found elsewhere.
    pub damaged_objects: Vec<String>,
    /// Attributes that could not be given.
    pub notices: Notices,
    /// Bytes received from the store.
    pub fetched_bytes: u64,
    /// How long it took.
    pub duration: Duration,
}

impl RestoreSummary {
    /// The code the process ends with.
    pub fn code(&self) -> ExitCode {
        if !self.damaged.is_empty() || !self.lost_parts.is_empty() {
            ExitCode::Damaged
        } else if !self.problems.is_empty() {
            ExitCode::Partial
        } else {
            ExitCode::Ok
        }
    }
}

/// Restores what `request` asks for.
///
/// Errors: only what ends the whole restore: the store or the disk fails (14, 1), the user stops it (130), no such
/// path (2). Damage and problems of single files are in the summary.
pub async fn restore(
    tree: Arc<Tree>,
    request: Request,
    monitor: Arc<dyn Monitor>,
    shutdown: Shutdown,
) -> Result<RestoreSummary> {
    check_system(&request, &tree)?;
    let handle = Handle::current();
    let work = move || blocking(&tree, &request, monitor.as_ref(), &shutdown, handle);
    tokio::task::spawn_blocking(work).await.map_err(AgentError::bug)?
}

fn blocking(
    tree: &Tree,
    request: &Request,
    monitor: &dyn Monitor,
    shutdown: &Shutdown,
    handle: Handle,
) -> Result<RestoreSummary> {
    let began = Instant::now();
    let places = Places::create(&request.target).map_err(|error| write_failed(&error))?;
    sweep(&places, request, tree)?;
    let totals = request.paths.is_empty().then_some(tree.root.totals);
    monitor.start(Phase::Restore, totals.map(|t| t.files), totals.map(|t| t.bytes));
    let keys = (tree.id_key(), tree.token_key());
    let shared =
        Shared::new(tree.fetcher(), handle, &places, &request.overwrite, keys, shutdown, monitor);
    let threads = std::thread::available_parallelism().map_or(2, usize::from).clamp(2, 8);
    let (sender, jobs) = crossbeam_channel::bounded(WINDOW_FILES);
    let producer = std::thread::scope(|scope| {
        for _ in 0..threads {
            let (shared, jobs) = (&shared, jobs.clone());
            scope.spawn(move || shared.work(&jobs));
        }
        let mut producer = Producer::new(&shared, request, tree, sender);
        if let Err(error) = producer.walk() {
            shared.fail(error);
        }
        producer.closed()
    });
    shared.verdict()?;
    link_and_finish(&shared, &producer)?;
    let mut directories_failed = Vec::new();
    let mut notices = Notices::default();
    for destination in places.all() {
        directories_failed.extend(destination.finish_directories());
        let given = destination.notices();
        notices.owners += given.owners;
        notices.modes += given.modes;
        notices.xattrs += given.xattrs;
        notices.times += given.times;
        destination.sync_all_at_end().map_err(|error| write_failed(&error))?;
    }
    for error in directories_failed {
        // With includes, folders that hold nothing chosen were never made.
        let expected = request.has_includes && error.kind == WriteErrorKind::Vanished;
        if let Some(path) = error.path.clone().filter(|_| !expected) {
            shared.note_refusal(&path, error);
        }
    }
    shared.verdict()?;
    let summary = producer.summary(shared.outcome.into_inner(), tree, notices, began.elapsed());
    for object in &summary.damaged_objects {
        monitor.notice(Notice::Damaged { key: object.clone() });
    }
    monitor.finish();
    Ok(summary)
}

/// Removes what an interrupted restore left, only where this one will write.
fn sweep(places: &Places, request: &Request, tree: &Tree) -> Result<()> {
    if places.fresh {
        return Ok(());
    }
    let below: Vec<EntryPath> = match (&request.paths[..], places.is_in_place()) {
        ([], false) => vec![EntryPath::top()],
        ([], true) => tree.root.roots.iter().filter_map(|root| EntryPath::from_bytes(&root.path).ok()).collect(),
        (paths, _) => paths.iter().filter_map(|path| EntryPath::from_bytes(path).ok()).collect(),
    };
    for path in below {
        match path.is_top() {
            true => {
                for destination in places.all() {
                    destination.sweep(&path).map_err(|error| write_failed(&error))?;
                }
            }
            // What is left over is no reason not to restore.
            false => {
                if let Ok((destination, below)) = places.place(&path) {
                    let _ = destination.sweep(&below);
                }
            }
        }
    }
    Ok(())
}

/// The further names of files, when the first ones stand.
fn link_and_finish(shared: &Shared<'_>, closed: &Closed) -> Result<()> {
    let mut reader = ChunkReader::new(shared.id_key);
    for (job, first) in &closed.links {
        if shared.is_stopped() {
            return shared.verdict();
        }
        let group = job.entry.link_group.unwrap_or_default();
        let is_placed = !shared.outcome.lock().unplaced_groups.contains(&group);
        let linked = is_placed.then(|| {
            let ((from, existing), (to, new)) = (shared.places.place(first).ok()?, shared.places.place(&job.path).ok()?);
            let same = Arc::ptr_eq(&from, &to);
            same.then(|| from.place_hardlink(&existing, &new, shared.overwrite).ok()).flatten()
        });
        match linked.flatten() {
            Some(placed) => {
                shared.outcome.lock().hardlinks += 1;
                shared.note_placed(&job.path, &None, 0, &placed);
            }
            // This file system links nothing, or the first name is not there: a copy then.
            None => shared.restore(&mut reader, job),
        }
    }
    shared.verdict()
}

/// Walks the tree and hands out jobs.
struct Producer<'a> {
    shared: &'a Shared<'a>,
    request: &'a Request,
    tree: &'a Tree,
    sender: crossbeam_channel::Sender<Job>,
    window: Vec<Job>,
    window_bytes: u64,
    window_files: usize,
    wanted: Vec<Location>,
    batch: Vec<FileJob>,
    batch_bytes: u64,
    groups: HashMap<u64, EntryPath>,
    closed: Closed,
}

/// What the producer leaves behind.
#[derive(Default)]
struct Closed {
    links: Vec<(FileJob, EntryPath)>,
    lost_parts: Vec<LostPart>,
    directories: u64,
    kept: u64,
}

impl<'a> Producer<'a> {
    fn new(
        shared: &'a Shared<'a>,
        request: &'a Request,
        tree: &'a Tree,
        sender: crossbeam_channel::Sender<Job>,
    ) -> Self {
        Self {
            shared,
            request,
            tree,
            sender,
            window: Vec::new(),
            window_bytes: 0,
            window_files: 0,
            wanted: Vec::new(),
            batch: Vec::new(),
            batch_bytes: 0,
            groups: HashMap::new(),
            closed: Closed::default(),
        }
    }

    fn walk(&mut self) -> Result<()> {
        let mut walk = self.tree.walk_parts(self.request.parts());
        let mut asked = self.request.paths.is_empty();
        while let Some(step) = self.shared.handle.block_on(walk.next())? {
            if self.shared.is_stopped() {
                return Ok(());
            }
            match step {
                Step::Damaged { object, files, bytes } => {
                    asked = true;
                    self.closed.lost_parts.push(LostPart { object, files, bytes });
                }
                Step::Items(items) => {
                    for item in items {
                        asked |= self.take(item)?;
                    }
                }
            }
        }
        self.flush()?;
        if asked { Ok(()) } else { Err(AgentError::path_not_in_snapshot()) }
    }

    /// Handles one entry; whether it is one of those asked for.
    fn take(&mut self, item: Item) -> Result<bool> {
        let Some(path) = self.request.choose(&item) else { return Ok(false) };
        let asked = self.request.is_asked(&path);
        match item.entry.kind {
            EntryKind::Directory => self.directory(&path, &item),
            EntryKind::Symlink => self.symlink(&path, &item),
            EntryKind::File => self.file(path, item)?,
        }
        Ok(asked)
    }

    fn directory(&mut self, path: &EntryPath, item: &Item) {
        let made = self.shared.places.place(path).and_then(|(destination, below)| {
            // In place, the folders that are there are the person's: their attributes stay.
            if self.shared.places.is_in_place() && destination.existing(&below)?.is_some() {
                return Ok(());
            }
            if !self.request.has_includes {
                destination.make_directories(&below)?;
            }
            destination.set_directory(&below, attributes_of(&item.entry));
            Ok(())
        });
        match made {
            Ok(()) => self.closed.directories += 1,
            // A drive or a share itself is not made.
            Err(error) if error.kind == WriteErrorKind::HostilePath && self.shared.places.is_in_place() => {}
            Err(error) => self.shared.note_refusal(path, error),
        }
    }

    fn symlink(&mut self, path: &EntryPath, item: &Item) {
        let target = item.entry.target.as_deref().unwrap_or_default();
        let placed = self.shared.places.place(path).and_then(|(destination, below)| {
            destination.place_symlink(&below, target, self.shared.overwrite, &attributes_of(&item.entry))
        });
        match placed {
            Ok(super::write::Placed::Kept) => self.closed.kept += 1,
            Ok(_) => self.shared.outcome.lock().symlinks += 1,
            Err(error) => self.shared.note_refusal(path, error),
        }
    }

    fn file(&mut self, path: EntryPath, item: Item) -> Result<()> {
        let entry = item.entry;
        let action = action(self.shared.places, self.shared.overwrite, &entry, &path);
        let compare = action == Action::Compare;
        if let Some(group) = entry.link_group {
            if let Some(first) = self.groups.get(&group) {
                self.closed.links.push((FileJob { path, entry, compare }, first.clone()));
                return Ok(());
            }
            self.groups.insert(group, path.clone());
        }
        if action == Action::Keep {
            let (kept, bytes) = (super::write::Placed::Kept, entry.bytes);
            self.shared.note_placed(&path, &entry.link_group, bytes, &kept);
            return Ok(());
        }
        let is_large = entry.data_bytes() >= LARGE_BYTES || matches!(entry.content, Content::Nodes { .. });
        if is_large && !compare {
            return self.large(path, entry);
        }
        if !compare {
            match &entry.content {
                Content::Chunks(chunks) => self.wanted.extend(chunks),
                Content::Slice { at, .. } => self.wanted.push(*at),
                Content::Empty | Content::Nodes { .. } => {}
            }
        }
        // A file that is compared may be long: it travels alone.
        self.batch_bytes += entry.bytes;
        self.batch.push(FileJob { path, entry, compare });
        if self.batch.len() >= BATCH_FILES || self.batch_bytes >= BATCH_BYTES {
            self.close_batch()?;
        }
        Ok(())
    }

    /// A large file: its chunk list is read here, node by node, and its parts go to all threads.
    fn large(&mut self, path: EntryPath, entry: scelle_format::manifest::Entry) -> Result<()> {
        self.close_batch()?;
        let begun = self.shared.places.place(&path).and_then(|(destination, below)| {
            destination.begin_file(&below, entry.bytes)
        });
        let writing = match begun {
            Ok(writing) => writing,
            Err(error) => {
                self.shared.note_refusal(&path, error);
                self.shared.outcome.lock().unplaced_groups.extend(entry.link_group);
                return Ok(());
            }
        };
        let file = Arc::new(LargeFile {
            path,
            writing,
            attributes: attributes_of(&entry),
            link_group: entry.link_group,
            bytes: entry.bytes,
            data: DataMap::of(&entry),
            failed: AtomicBool::new(false),
        });
        if let Content::Nodes { nodes, .. } = &entry.content {
            let prepare = async { self.shared.fetcher.prepare(PackKind::Manifest, nodes) };
            self.shared.handle.block_on(prepare);
        }
        let sent = self.parts(&file, &entry);
        if let Err(error) = sent {
            self.abandon(&file, error);
        }
        self.shared.let_go(file);
        Ok(())
    }

    fn parts(&mut self, file: &Arc<LargeFile>, entry: &scelle_format::manifest::Entry) -> Result<()> {
        let mut reader = ChunkReader::new(self.shared.id_key);
        let mut runs = ChunkRuns::of(&entry.content);
        let mut offset = 0;
        let (mut part, mut part_bytes) = (Vec::new(), 0);
        while let Some(chunks) = self.shared.handle.block_on(runs.next(&mut reader, self.shared.fetcher))? {
            for at in chunks {
                part.push(at);
                part_bytes += u64::from(at.bytes);
                if part_bytes >= PART_BYTES {
                    self.send_part(file, offset, std::mem::take(&mut part), part_bytes)?;
                    (offset, part_bytes) = (offset + part_bytes, 0);
                }
                if self.shared.is_stopped() || offset > entry.data_bytes() {
                    break;
                }
            }
        }
        if offset + part_bytes != entry.data_bytes() && !self.shared.is_stopped() {
            return Err(AgentError::object_corrupt().because("chunks do not add up to the size of the file"));
        }
        self.send_part(file, offset, part, part_bytes)
    }

    fn send_part(&mut self, file: &Arc<LargeFile>, data_offset: u64, chunks: Vec<Location>, bytes: u64) -> Result<()> {
        self.wanted.extend(&chunks);
        self.window.push(Job::Run(RunJob { file: Arc::clone(file), data_offset, chunks }));
        self.window_bytes += bytes;
        if self.window_bytes >= WINDOW_BYTES { self.flush() } else { Ok(()) }
    }

    fn abandon(&self, file: &LargeFile, error: AgentError) {
        if !file.failed.swap(true, std::sync::atomic::Ordering::Relaxed) {
            self.shared.note_error(&file.path, file.link_group, error);
        }
    }

    fn close_batch(&mut self) -> Result<()> {
        if self.batch.is_empty() {
            return Ok(());
        }
        self.window_files += self.batch.len();
        self.window_bytes += self.batch_bytes;
        self.window.push(Job::Files(std::mem::take(&mut self.batch)));
        self.batch_bytes = 0;
        if self.window_bytes >= WINDOW_BYTES || self.window_files >= WINDOW_FILES { self.flush() } else { Ok(()) }
    }

    /// Begins to fetch what the window needs, then gives it to the threads when they are nearly done with the last.
    fn flush(&mut self) -> Result<()> {
        if !self.batch.is_empty() {
            self.window.push(Job::Files(std::mem::take(&mut self.batch)));
            self.batch_bytes = 0;
        }
        let wanted = std::mem::take(&mut self.wanted);
        let prepare = async { self.shared.fetcher.prepare(PackKind::Data, &wanted) };
        self.shared.handle.block_on(prepare);
        for job in self.window.drain(..) {
            self.shared.outstanding.add(job.bytes(), WINDOW_BYTES);
            self.sender.send(job).map_err(AgentError::bug)?;
        }
        (self.window_bytes, self.window_files) = (0, 0);
        Ok(())
    }

    /// Ends the jobs. What was not sent is dropped.
    fn closed(self) -> Closed {
        self.closed
    }
}

impl Closed {
    fn summary(&self, outcome: Outcome, tree: &Tree, notices: Notices, duration: Duration) -> RestoreSummary {
        let (damaged, problems) = outcome.problems.into_iter().partition(|p| p.problem == Problem::Damaged);
        RestoreSummary {
            files: outcome.files,
            bytes: outcome.bytes,
            directories: self.directories,
            symlinks: outcome.symlinks,
            hardlinks: outcome.hardlinks,
            skipped_same: outcome.same,
            kept: outcome.kept + self.kept,
            beside: outcome.beside,
            damaged,
            problems,
            lost_parts: self.lost_parts.clone(),
            damaged_objects: tree.fetcher().damaged_objects(),
            notices,
            fetched_bytes: tree.fetcher().fetched_bytes(),
            duration,
        }
    }
}
