//! Carrying out a restore: the walk on one thread, files and parts of files on others, links and folders at the end.
//!
//! For: `restore`, the rehearsal and the demo. Data comes from `tree` and `fetch` and goes to `write`. What is damaged
//! or refused is listed and everything else restored; run again, it compares what is there chunk by chunk and
//! skips it. Never: aborts for one file, or keeps more ahead than its budget.

use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::runtime::Handle;
use tracing::Span;

use super::asked::all_there;
use super::job::RestoreJob;
use super::pairs;
use super::places::Places;
use super::produce::{Closed, Producer, WINDOW_FILES};
use super::request::{RestoreRequest, check_system};
use super::shared::Shared;
use super::summary::RestoreSummary;
use super::tally::{FileProblem, Tally};
use super::write::{Notices, Overwrite, Placed, WriteErrorKind, write_failed};
use crate::around::Around;
use crate::error::{AgentError, Result};
use crate::monitor::{Notice, Phase, Problem};
use crate::reading::ChunkReader;
use crate::reading::tree::Tree;
use crate::scan::EntryPath;

/// Threads that open and write: beyond, the disk is the limit, and each may hold a few of the largest frames.
const THREADS_MAX: usize = 6;

/// Restores what `request` asks for.
///
/// Errors: only what ends the whole restore: the store or the disk fails (14, 1), the user stops it (130), no such
/// path (2). Damage and problems of single files are in the summary.
pub async fn restore(tree: Arc<Tree>, request: RestoreRequest, around: Around) -> Result<RestoreSummary> {
    check_system(&request, &tree)?;
    all_there(&tree, &request).await?;
    let (handle, command) = (Handle::current(), Span::current());
    let work = move || command.in_scope(|| blocking(&tree, &request, &around, handle));
    tokio::task::spawn_blocking(work).await.map_err(AgentError::bug)?
}

fn blocking(
    tree: &Tree,
    request: &RestoreRequest,
    around: &Around,
    handle: Handle,
) -> Result<RestoreSummary> {
    let began = Instant::now();
    let places = Places::create(request).map_err(|error| write_failed(&error))?;
    sweep(&places, request, tree)?;
    let totals = request.paths.is_empty().then_some(tree.root.totals);
    let stage = around.begin(Phase::Restore, totals.map(|t| t.files), totals.map(|t| t.bytes));
    let _inside = stage.enter();
    let (monitor, shutdown) = (&*around.monitor, &around.shutdown);
    let keys = (tree.id_key(), tree.token_key());
    let overwrite = if places.fresh { &Overwrite::Numbered } else { &request.overwrite };
    let shared = Shared::new(tree.fetcher(), handle, &places, overwrite, keys, shutdown, monitor);
    let mut producer = write_files(&shared, request, tree);
    shared.verdict()?;
    let standing = std::mem::take(&mut shared.tally.lock().standing);
    pairs::finish(&shared, tree, standing, std::mem::take(&mut producer.sides))?;
    link_and_finish(&shared, &producer)?;
    let standing = std::mem::take(&mut shared.tally.lock().standing);
    pairs::finish(&shared, tree, standing, Vec::new())?;
    let (notices, unfinished) = finish_folders(&shared, request, producer.lost_parts.is_empty())?;
    shared.verdict()?;
    let set_aside = places.all().iter().map(|restore_root| restore_root.set_aside_count()).sum();
    let summary = producer.summary(shared.tally.into_inner(), tree, notices, began.elapsed());
    let use_unknown = places.all().iter().map(|restore_root| restore_root.use_unknown_count()).sum();
    let summary = RestoreSummary { set_aside, use_unknown, unfinished, ..summary };
    for object in &summary.damaged_objects {
        monitor.notice(Notice::Damaged { key: object.clone() });
    }
    monitor.finish();
    Ok(summary)
}

/// Walks the tree and writes its files on threads; returns when the last is written, or one of them has said stop.
fn write_files(shared: &Shared<'_>, request: &RestoreRequest, tree: &Tree) -> Closed {
    let threads = std::thread::available_parallelism().map_or(2, usize::from).clamp(2, THREADS_MAX);
    let (sender, jobs) = crossbeam_channel::bounded(WINDOW_FILES);
    let stage = Span::current();
    std::thread::scope(|scope| {
        for _ in 0..threads {
            let jobs = jobs.clone();
            let stage = stage.clone();
            scope.spawn(move || stage.in_scope(|| shared.work(&jobs)));
        }
        let mut producer = Producer::new(shared, request, tree, sender);
        if let Err(error) = producer.walk() {
            shared.fail(error);
        }
        producer.closed()
    })
}

/// Gives folders their times and rights, and has everything written out; returns what could not be given, and the folders that
/// an earlier restore left and that this one knows nothing of. `is_all`: the whole tree was read.
fn finish_folders(
    shared: &Shared<'_>,
    request: &RestoreRequest,
    is_all: bool,
) -> Result<(Notices, Vec<FileProblem>)> {
    let (mut failed, mut unfinished) = (Vec::new(), Vec::new());
    let mut notices = Notices::default();
    for restore_root in shared.places.all() {
        failed.extend(restore_root.finish_directories());
        let left = restore_root.finish_unknown(is_all);
        unfinished.extend(left.iter().map(|path| shared.problem(path, Problem::FolderUnfinished)));
        let given = restore_root.notices();
        notices.owners += given.owners;
        notices.modes += given.modes;
        notices.xattrs += given.xattrs;
        notices.times += given.times;
        restore_root.sync_all_at_end().map_err(|error| write_failed(&error))?;
    }
    for error in failed {
        // With includes, folders that hold nothing chosen were never made.
        let expected = request.has_includes && error.kind == WriteErrorKind::Vanished;
        if let Some(path) = error.path.clone().filter(|_| !expected) {
            shared.note_refusal(&path, error);
        }
    }
    Ok((notices, unfinished))
}

/// Removes what an interrupted restore left, only where this one will write.
fn sweep(places: &Places, request: &RestoreRequest, tree: &Tree) -> Result<()> {
    if places.fresh {
        return Ok(());
    }
    let below: Vec<EntryPath> = match (&request.paths[..], places.is_in_place()) {
        ([], false) => vec![EntryPath::top()],
        ([], true) => {
            tree.root.roots.iter().filter_map(|root| EntryPath::from_bytes(&root.path).ok()).collect()
        }
        (paths, _) => paths.iter().filter_map(|path| EntryPath::from_bytes(path).ok()).collect(),
    };
    for path in below {
        match path.is_top() {
            true => {
                for restore_root in places.all() {
                    restore_root.sweep(&path).map_err(|error| write_failed(&error))?;
                }
            }
            // What is left over is no reason not to restore.
            false => {
                if let Ok((restore_root, below)) = places.place(&path) {
                    let _ = restore_root.sweep(&below);
                }
            }
        }
    }
    Ok(())
}

/// The further names of files, when the first ones stand.
fn link_and_finish(shared: &Shared<'_>, closed: &Closed) -> Result<()> {
    let mut reader = ChunkReader::new(shared.id_keys.clone());
    for (job, first) in &closed.links {
        if shared.is_stopped() {
            return shared.verdict();
        }
        if matches!(shared.overwrite, Overwrite::Sibling(_)) && stands(shared, &mut reader, job) {
            shared.restore(&mut reader, job);
            continue;
        }
        let group = job.entry.link_group.unwrap_or_default();
        let is_placed = !shared.tally.lock().unplaced_groups.contains(&group);
        let linked = is_placed.then(|| {
            let ((from, existing), (to, new)) =
                (shared.places.place(first).ok()?, shared.places.place(&job.path).ok()?);
            let same = Arc::ptr_eq(&from, &to);
            // A database among what belongs to another version of it is placed as one.
            let free = shared.places.fresh || to.replayed_beside(&new).ok()?.is_empty();
            (same && free).then(|| from.place_hardlink(&existing, &new, shared.overwrite).ok()).flatten()
        });
        match linked.flatten() {
            // This file system links nothing, or the first name is not there: a copy then. What stands there and is no name of the
            // first is looked at as any file: it may hold the same.
            Some(Placed::New | Placed::Replaced) => {
                shared.tally.lock().hardlinks += 1;
                shared.monitor.advance(1, 0);
            }
            Some(Placed::Kept) | None => shared.restore(&mut reader, job),
            Some(placed) => shared.note_placed(&job.path, &job.entry.link_group, 0, &placed),
        }
    }
    shared.verdict()
}

/// Whether a file of the same content stands there: it needs no other beside it to be a further name.
fn stands(shared: &Shared<'_>, reader: &mut ChunkReader, job: &RestoreJob) -> bool {
    let place = || shared.places.place(&job.path).and_then(|(to, path)| to.existing(&path));
    job.compare
        && place().is_ok_and(|there| {
            there.is_some_and(|there| shared.has_same_content(reader, &there, &job.entry).unwrap_or(false))
        })
}

impl Closed {
    fn summary(&self, tally: Tally, tree: &Tree, notices: Notices, duration: Duration) -> RestoreSummary {
        let (damaged, problems) = tally.problems.into_iter().partition(|p| p.problem == Problem::Damaged);
        RestoreSummary {
            files: tally.files,
            bytes: tally.bytes,
            directories: self.directories,
            symlinks: tally.symlinks,
            hardlinks: tally.hardlinks,
            skipped_same: tally.same,
            kept: tally.kept,
            kept_files: tally.kept_files,
            beside: tally.beside,
            beside_files: tally.beside_files,
            renamed: tally.renamed + self.renamed,
            split_links: self.split_links,
            set_aside: 0,
            use_unknown: 0,
            damaged,
            problems,
            unfinished: Vec::new(),
            lost_parts: self.lost_parts.clone(),
            damaged_objects: tree.fetcher().damaged_objects(),
            notices,
            fetched_bytes: tree.fetcher().fetched_bytes(),
            duration,
        }
    }
}
