//! The walk of a restore: entries in the manifest's order become jobs for the threads, folders and symlinks are made
//! on the way.
//!
//! For: `run`. Data comes from `tree` and goes to `workers`; content is fetched a window ahead, no further. Never:
//! opens content itself.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

use scelle_format::id::PackKind;
use scelle_format::manifest::{Content, Entry, EntryKind, Item};
use scelle_format::pack::Location;

use super::data_map::DataMap;
use super::fetch::ChunkReader;
use super::plan::{Action, Request, action, attributes_of};
use super::run::LostPart;
use super::tree::{ChunkRuns, Step, Tree};
use super::workers::{FileJob, Job, LargeFile, RunJob, Shared};
use super::write::{Placed, WriteErrorKind};
use crate::error::{AgentError, Result};
use crate::scan::EntryPath;

/// Content fetched together.
const WINDOW_BYTES: u64 = 24 << 20;
/// Files in such a window.
pub(super) const WINDOW_FILES: usize = 4096;
/// Small files one thread takes at a time.
const BATCH_FILES: usize = 32;
/// Bytes of such files.
const BATCH_BYTES: u64 = 1 << 20;
/// From this size on a file is written by several threads.
const LARGE_BYTES: u64 = 8 << 20;
/// Bytes of a part of it.
const PART_BYTES: u64 = 4 << 20;

/// Walks the tree and hands out jobs.
pub(super) struct Producer<'a> {
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
pub(super) struct Closed {
    pub(super) links: Vec<(FileJob, EntryPath)>,
    pub(super) lost_parts: Vec<LostPart>,
    pub(super) directories: u64,
    pub(super) kept: u64,
}

impl<'a> Producer<'a> {
    pub(super) fn new(
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

    pub(super) fn walk(&mut self) -> Result<()> {
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
            Ok(Placed::Kept) => self.closed.kept += 1,
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
            let (kept, bytes) = (Placed::Kept, entry.bytes);
            self.shared.note_placed(&entry.link_group, bytes, &kept);
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
    fn large(&mut self, path: EntryPath, entry: Entry) -> Result<()> {
        self.close_batch()?;
        let begun = self
            .shared
            .places
            .place(&path)
            .and_then(|(destination, below)| destination.begin_file(&below, entry.bytes));
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

    fn parts(&mut self, file: &Arc<LargeFile>, entry: &Entry) -> Result<()> {
        let mut reader = ChunkReader::new(self.shared.id_keys.clone());
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

    fn send_part(
        &mut self,
        file: &Arc<LargeFile>,
        data_offset: u64,
        chunks: Vec<Location>,
        bytes: u64,
    ) -> Result<()> {
        self.wanted.extend(&chunks);
        self.window.push(Job::Run(RunJob { file: Arc::clone(file), data_offset, chunks }));
        self.window_bytes += bytes;
        if self.window_bytes >= WINDOW_BYTES { self.flush() } else { Ok(()) }
    }

    fn abandon(&self, file: &LargeFile, error: AgentError) {
        if !file.failed.swap(true, Relaxed) {
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
        if self.window_bytes >= WINDOW_BYTES || self.window_files >= WINDOW_FILES {
            self.flush()
        } else {
            Ok(())
        }
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
    pub(super) fn closed(self) -> Closed {
        self.closed
    }
}
