//! The walk of a restore: entries in the manifest's order become jobs for the threads, folders and symlinks are made
//! on the way.
//!
//! For: `run`. Data comes from `tree` and goes to `workers`; content is fetched a window ahead, no further. Never:
//! opens content itself.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

use scelle_format::id::{PackId, PackKind};
use scelle_format::manifest::{Content, Entry, EntryKind, Item};
use scelle_format::pack::Location;

use super::data_map::DataMap;
use super::groups::LinkGroups;
use super::job::{Job, LargeFile, RestoreJob, StretchJob};
use super::order::{frame_of, in_pack_order};
use super::plan::{Action, action, attributes_of};
use super::request::RestoreRequest;
use super::shared::Shared;
use super::summary::LostPart;
use super::twins::Twins;
use super::write::{Placed, WriteErrorKind, base_of};
use crate::error::{AgentError, Result};
use crate::reading::ChunkReader;
use crate::reading::fetch::FetchWindow;
use crate::reading::tree::{ChunkStretches, Step, Tree};
use crate::scan::EntryPath;

/// Content fetched together.
const WINDOW_BYTES: u64 = 24 << 20;
/// Files in such a window.
pub(super) const WINDOW_FILES: usize = 4096;
/// Small files one thread takes at a time.
const BATCH_FILES: usize = 64;
/// Bytes of such files.
const BATCH_BYTES: u64 = 4 << 20;
/// Files of one frame that one thread takes, however many they are.
const BATCH_FILES_MAX: usize = 512;
/// From this size on a file is written by several threads.
const LARGE_BYTES: u64 = 8 << 20;
/// Bytes of a part of it. A part ends with a frame, so that no frame is opened by two threads, but never later than
/// at twice this.
const PART_BYTES: u64 = 4 << 20;
/// Chunks of a large file that are put in the order of their packs: each pack is then read once, also where years of
/// changes have scattered a database's pages.
const SORTED_CHUNKS: usize = 1 << 16;

/// Walks the tree and hands out jobs.
pub(super) struct Producer<'a> {
    shared: &'a Shared<'a>,
    request: &'a RestoreRequest,
    tree: &'a Tree,
    sender: crossbeam_channel::Sender<(Job, Arc<FetchWindow>)>,
    window: Vec<Job>,
    window_bytes: u64,
    window_files: usize,
    wanted: Vec<Location>,
    batch: Vec<RestoreJob>,
    batch_bytes: u64,
    /// The frame that the last file of the batch ends in.
    batch_frame: Option<(PackId, u32)>,
    groups: LinkGroups,
    twins: Twins,
    closed: Closed,
}

/// What the producer leaves behind.
#[derive(Default)]
pub(super) struct Closed {
    pub(super) links: Vec<(RestoreJob, EntryPath)>,
    /// Files named like the side files of a database in the same folder, with the database's path.
    pub(super) sides: Vec<(EntryPath, RestoreJob)>,
    pub(super) lost_parts: Vec<LostPart>,
    pub(super) directories: u64,
    /// Entries that got another name.
    pub(super) renamed: u64,
    /// Names of an inode that the snapshot holds in another version than its first name.
    pub(super) split_links: u64,
}

impl<'a> Producer<'a> {
    pub(super) fn new(
        shared: &'a Shared<'a>,
        request: &'a RestoreRequest,
        tree: &'a Tree,
        sender: crossbeam_channel::Sender<(Job, Arc<FetchWindow>)>,
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
            batch_frame: None,
            groups: LinkGroups::default(),
            twins: Twins::default(),
            closed: Closed::default(),
        }
    }

    pub(super) fn walk(&mut self) -> Result<()> {
        let mut walk = self.tree.walk_parts(self.request.parts(&self.tree.root));
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
        let Some(path) = self.request.choose(&item, &self.tree.root) else { return Ok(false) };
        let asked = self.request.is_asked(&path, &self.tree.root);
        self.settle_name(&path, &item);
        match item.entry.kind {
            EntryKind::Directory => self.directory(&path, &item),
            EntryKind::Symlink => self.symlink(&path, &item),
            EntryKind::File => self.file(path, item)?,
        }
        Ok(asked)
    }

    /// Gives an entry another name where the restore root would take its own for that of an earlier one.
    fn settle_name(&mut self, path: &EntryPath, item: &Item) {
        let name = &item.entry.name;
        let places = self.shared.places;
        let mut other = None;
        if self.twins.is_like_another(&item.directory, name) {
            other = self.twins.other_name(name, || places.probe_names_of(path));
        }
        if let Some(other) = other.or_else(|| self.twins.name_beside(name)) {
            places.rename(path, &other);
            self.closed.renamed += 1;
        }
    }

    fn directory(&mut self, path: &EntryPath, item: &Item) {
        let made = self.shared.places.place(path).and_then(|(restore_root, below)| {
            // In place, the folders that are there are the person's: their attributes stay. What an earlier restore has made
            // and not finished is ours.
            if self.shared.places.is_in_place()
                && let Some(there) = restore_root.existing(&below)?
                && !restore_root.is_unfinished(&below, &there.stat)
            {
                return Ok(());
            }
            if !self.request.has_includes {
                restore_root.make_directories(&below)?;
            }
            restore_root.set_directory(&below, attributes_of(&item.entry));
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
        let placed = self.shared.places.place(path).and_then(|(restore_root, below)| {
            restore_root.place_symlink(&below, target, self.shared.overwrite, &attributes_of(&item.entry))
        });
        match placed {
            Ok(placed) => self.shared.note_symlink(path, &placed),
            Err(error) => self.shared.note_refusal(path, error),
        }
    }

    fn file(&mut self, path: EntryPath, item: Item) -> Result<()> {
        let mut entry = item.entry;
        if let Some(base) = self.database_of(&path) {
            entry.link_group = None;
            self.closed.sides.push((base, RestoreJob { path, entry, compare: true }));
            return Ok(());
        }
        let action = action(self.shared.places, self.shared.overwrite, &entry, &path);
        let compare = action == Action::Compare;
        if let Some(first) = self.groups.earlier(&path, &mut entry) {
            self.closed.links.push((RestoreJob { path, entry, compare }, first));
            return Ok(());
        }
        if action == Action::Keep {
            let (kept, bytes) = (Placed::Kept, entry.bytes);
            self.shared.note_placed(&path, &entry.link_group, bytes, &kept);
            return Ok(());
        }
        let is_large = entry.data_bytes() >= LARGE_BYTES || matches!(entry.content, Content::Nodes { .. });
        if is_large && !compare {
            return self.large(path, entry);
        }
        let chunks: &[Location] = match &entry.content {
            Content::Chunks(chunks) => chunks,
            Content::Slice { at, .. } => std::slice::from_ref(at),
            Content::Empty | Content::Nodes { .. } => &[],
        };
        let is_full = self.batch.len() >= BATCH_FILES || self.batch_bytes >= BATCH_BYTES;
        // Files that share a frame stay together: it is then opened once.
        let goes_on = self.batch_frame.is_some() && chunks.first().map(frame_of) == self.batch_frame;
        if is_full && (!goes_on || self.batch.len() >= BATCH_FILES_MAX) {
            self.close_batch()?;
        }
        if !compare {
            self.wanted.extend(chunks);
        }
        self.batch_frame = chunks.last().map(frame_of);
        self.batch_bytes += entry.bytes;
        self.batch.push(RestoreJob { path, entry, compare });
        Ok(())
    }

    /// The file that this one may be a side file of. In an empty restore root they cannot but be of one version.
    fn database_of(&mut self, path: &EntryPath) -> Option<EntryPath> {
        let base = base_of(path.name()).filter(|_| !self.shared.places.fresh)?;
        self.twins.has_like(base).then(|| path.parent()?.child(base).ok()).flatten()
    }

    /// A large file: its chunk list is read here, node by node, and its parts go to all threads.
    fn large(&mut self, path: EntryPath, entry: Entry) -> Result<()> {
        self.close_batch()?;
        if self.shared.open_files.is_full() {
            self.flush()?;
        }
        let open = self.shared.open_files.open();
        let begun = self
            .shared
            .places
            .place(&path)
            .and_then(|(restore_root, below)| restore_root.begin_file(&below, entry.bytes));
        let writing = match begun {
            Ok(writing) => writing,
            Err(error) => {
                self.shared.note_refusal(&path, error);
                self.shared.tally.lock().unplaced_groups.extend(entry.link_group);
                return Ok(());
            }
        };
        let file = Arc::new(LargeFile {
            path,
            writing,
            _open: open,
            attributes: attributes_of(&entry),
            link_group: entry.link_group,
            bytes: entry.bytes,
            data: DataMap::of(&entry),
            failed: AtomicBool::new(false),
        });
        let nodes: &[Location] = match &entry.content {
            Content::Nodes { nodes, .. } => nodes,
            _ => &[],
        };
        let prepare = async { self.shared.fetcher.prepare(PackKind::Manifest, nodes) };
        let _prepared = self.shared.handle.block_on(prepare);
        let sent = self.parts(&file, &entry);
        if let Err(error) = sent {
            self.abandon(&file, error);
        }
        self.shared.let_go(file);
        Ok(())
    }

    fn parts(&mut self, file: &Arc<LargeFile>, entry: &Entry) -> Result<()> {
        let mut reader = ChunkReader::new(self.shared.id_keys.clone());
        let mut stretches = ChunkStretches::of(&entry.content);
        let (mut rows, mut offset) = (Vec::new(), 0);
        while let Some(chunks) =
            self.shared.handle.block_on(stretches.next(&mut reader, self.shared.fetcher))?
        {
            for at in chunks {
                rows.push((offset, at));
                offset += u64::from(at.bytes);
            }
            if self.shared.is_stopped() || offset > entry.data_bytes() {
                break;
            }
            if rows.len() >= SORTED_CHUNKS {
                self.send_rows(file, std::mem::take(&mut rows))?;
            }
        }
        if offset != entry.data_bytes() && !self.shared.is_stopped() {
            return Err(AgentError::object_corrupt().because("chunks do not add up to the size of the file"));
        }
        self.send_rows(file, rows)
    }

    /// Cuts rows into parts, in the order of their packs.
    fn send_rows(&mut self, file: &Arc<LargeFile>, rows: Vec<(u64, Location)>) -> Result<()> {
        let mut part: Vec<(u64, Location)> = Vec::new();
        let mut part_bytes = 0;
        for row in in_pack_order(rows) {
            let ends_frame = part.last().is_some_and(|(_, last)| frame_of(last) != frame_of(&row.1));
            let ends_pack = part.last().is_some_and(|(_, last)| last.pack != row.1.pack);
            // A pack that a window cuts in two may be asked for twice: a window rather ends with a pack.
            let ends_window = ends_pack && self.window_bytes + part_bytes >= WINDOW_BYTES / 2;
            if part_bytes >= PART_BYTES && ends_frame || part_bytes >= 2 * PART_BYTES || ends_window {
                self.send_part(file, std::mem::take(&mut part), part_bytes)?;
                part_bytes = 0;
            }
            if ends_window {
                self.flush()?;
            }
            part_bytes += u64::from(row.1.bytes);
            part.push(row);
        }
        self.send_part(file, part, part_bytes)
    }

    fn send_part(&mut self, file: &Arc<LargeFile>, chunks: Vec<(u64, Location)>, bytes: u64) -> Result<()> {
        self.wanted.extend(chunks.iter().map(|(_, at)| at));
        self.window.push(Job::Stretch(StretchJob { file: Arc::clone(file), chunks }));
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
        (self.batch_bytes, self.batch_frame) = (0, None);
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
            (self.batch_bytes, self.batch_frame) = (0, None);
        }
        let prepare = async { self.shared.fetcher.prepare(PackKind::Data, &self.wanted) };
        let prepared = Arc::new(self.shared.handle.block_on(prepare));
        self.wanted.clear();
        for job in self.window.drain(..) {
            self.shared.outstanding.add(job.bytes(), WINDOW_BYTES);
            self.sender.send((job, Arc::clone(&prepared))).map_err(AgentError::bug)?;
        }
        (self.window_bytes, self.window_files) = (0, 0);
        Ok(())
    }

    /// Ends the jobs. What was not sent is dropped.
    pub(super) fn closed(self) -> Closed {
        Closed { split_links: self.groups.split, ..self.closed }
    }
}
