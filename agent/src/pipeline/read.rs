//! Workers: read, chunk, dedup, compress, and fill packs.
//!
//! Small files come in batches of neighbours and share solid frames; large ones are cut into parts that any worker may
//! take, so that one large file keeps all cores busy. Data comes from [`FileJob`]s and goes to the [`PackPool`]. Never:
//! writes to a source, follows a link, holds more than a few MiB per worker.

use std::collections::HashMap;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};

use parking_lot::Mutex;
use scelle_format::chunker::{ContentCutter, Cut};
use scelle_format::compress::{Compressor, Frame};
use scelle_format::filter::Filter;
use scelle_format::id::ChunkId;
use scelle_format::pack::PackVerifier;

use super::database::{self, Engine};
use super::dedup::KnownChunks;
use super::job::{FileJob, Outcome, Stored, StoredContent};
use super::packs::{Lane, PackPool, Place};
use super::part::{PART_BYTES, PartQueue, PartWork, Reading};
use super::recipe::{self, Recipe};
use super::small::{self, SmallRead};
use super::solid::Solid;
use crate::catalog::Lists;
use crate::error::{AgentError, Result};
use crate::monitor::{Monitor, Problem};
use crate::repo::damage::Avoided;
use crate::scan::SourceFile;
use crate::shutdown::Shutdown;

/// Files up to this size are one chunk and come in batches.
pub const SMALL_BYTES: u64 = ContentCutter::MIN as u64;
/// Files below this size share a chunk with their neighbours.
pub const TINY_BYTES: u64 = 4 << 10;
/// How often a file that changes while it is read is read again.
pub(super) const READ_ATTEMPTS: u32 = 2;

/// What all workers share.
pub struct Shared<'a> {
    /// Open packs.
    pub pool: PackPool,
    /// Chunks already stored.
    pub known: KnownChunks,
    /// Content-defined cutting.
    pub cutter: ContentCutter,
    /// Parts of large files.
    pub parts: PartQueue,
    /// Packs that are damaged.
    pub avoided: Arc<Avoided>,
    /// Chunk lists of the last snapshots.
    pub lists: &'a Lists,
    /// Chunk-list nodes that this run has stored, or an interrupted one has sent.
    pub list_nodes: Mutex<HashMap<ChunkId, Place>>,
    /// Who watches.
    pub monitor: &'a dyn Monitor,
    /// Whether to stop.
    pub shutdown: &'a Shutdown,
    /// Bytes read from sources.
    pub read_bytes: AtomicU64,
    /// One worker failed: the others stop.
    pub failed: AtomicBool,
}

impl Shared<'_> {
    /// Tells all workers to stop.
    pub fn shutdown_workers(&self) {
        self.failed.store(true, Ordering::Release);
    }

    /// Errors when it is time to stop.
    pub fn check_workers(&self) -> Result<()> {
        if self.failed.load(Ordering::Acquire) {
            Err(AgentError::interrupted())
        } else {
            self.shutdown.check()
        }
    }
}

/// One worker's buffers.
pub struct Worker<'a> {
    pub(super) shared: &'a Shared<'a>,
    pub(super) compressor: Compressor,
    pub(super) verifier: PackVerifier,
    pub(super) buffer: Vec<u8>,
    solid: Solid,
}

impl<'a> Worker<'a> {
    /// A worker with empty buffers.
    pub fn new(shared: &'a Shared<'a>) -> Self {
        let compressor = Compressor::new(recipe::LEVEL);
        Self {
            shared,
            compressor,
            verifier: PackVerifier::default(),
            buffer: Vec::new(),
            solid: Solid::default(),
        }
    }

    /// Reads a batch of small neighbours.
    pub fn small_files(&mut self, jobs: &[Arc<FileJob>]) -> Result<()> {
        for job in jobs {
            self.shared.shutdown.check()?;
            let mut buffer = std::mem::take(&mut self.buffer);
            let done = match small::read(job, &mut buffer) {
                // Not so small after all, or a database.
                Ok(None) => {
                    self.buffer = buffer;
                    self.large_file(job)?;
                    continue;
                }
                Ok(Some(read)) if database::is_sqlite(&buffer[..read.bytes]) => {
                    self.buffer = buffer;
                    self.large_file(job)?;
                    continue;
                }
                Ok(Some(read)) => {
                    self.shared.read_bytes.fetch_add(read.bytes as u64, Ordering::Relaxed);
                    self.keep_small(job, &buffer[..read.bytes], &read)
                }
                Err(error) => {
                    job.end(Outcome::Lost(problem_of(&error)));
                    Ok(())
                }
            };
            self.shared.monitor.advance(1, job.stat.bytes);
            self.buffer = buffer;
            done?;
        }
        self.flush_solid()
    }

    fn keep_small(&mut self, job: &Arc<FileJob>, plain: &[u8], read: &SmallRead) -> Result<()> {
        let mut stored = Stored {
            bytes: plain.len() as u64,
            stat: Some(*read.source.stat()),
            attributes: read.source.attributes(),
            problem: read.problem,
            ..Stored::default()
        };
        if plain.is_empty() {
            job.end(Outcome::Stored(Box::new(stored)));
            return Ok(());
        }
        if (plain.len() as u64) < TINY_BYTES {
            stored.cut = Cut::Group;
            if self.solid.tiny_full(&job.path, plain.len()) {
                self.close_group()?;
            }
            self.solid.push_tiny(job.clone(), stored, plain);
            return Ok(());
        }
        let id = ChunkId::of(&self.shared.pool.sealing().id_key, plain);
        if let Some(place) = self.shared.known.find(&id) {
            stored.content = StoredContent::Chunks(vec![(place, plain.len() as u32)]);
            job.end(Outcome::Stored(Box::new(stored)));
            return Ok(());
        }
        // What needs a recipe of its own would spoil its neighbours' frame, and gains nothing from them.
        if plain.len() >= recipe::ALONE_BYTES {
            let recipe = recipe::choose(plain, &mut self.compressor).map_err(AgentError::bug)?;
            if recipe != Recipe::Zstd(Filter::None) {
                let place = self.store_one(Lane::Cold, plain, id, recipe)?;
                stored.content = StoredContent::Chunks(vec![(place, plain.len() as u32)]);
                job.end(Outcome::Stored(Box::new(stored)));
                return Ok(());
            }
        }
        if self.solid.full(plain.len(), &job.path) {
            self.flush_frame()?;
        }
        self.solid.push_file(job.clone(), stored, id, plain);
        Ok(())
    }

    /// Closes the packs that hold content of files, so that everything in them gets a name.
    pub fn flush_data_packs(&mut self) -> Result<()> {
        self.shared.pool.flush(Lane::Cold, &mut self.verifier)?;
        self.shared.pool.flush(Lane::Paged, &mut self.verifier)
    }

    /// Ends everything that is still gathered: the batch is over.
    fn flush_solid(&mut self) -> Result<()> {
        self.close_group()?;
        self.flush_frame()
    }

    /// Makes one chunk of the gathered tiny files.
    fn close_group(&mut self) -> Result<()> {
        let Some(group) = self.solid.take_group() else { return Ok(()) };
        let id = ChunkId::of(&self.shared.pool.sealing().id_key, &group.plain);
        if let Some(place) = self.shared.known.find(&id) {
            group.end(&place);
            return Ok(());
        }
        if self.solid.full(group.plain.len(), &group.path) {
            self.flush_frame()?;
        }
        self.solid.push_group(id, group);
        Ok(())
    }

    /// Compresses the gathered chunks into one frame.
    fn flush_frame(&mut self) -> Result<()> {
        let Some((plain, chunks, owners)) = self.solid.take_frame() else { return Ok(()) };
        let places = self.store_frame(Lane::Cold, &plain, &chunks, None)?;
        for (at, owner) in owners {
            if let Some(place) = places.get(at) {
                owner.end(place);
            }
        }
        self.solid.give_back(plain);
        Ok(())
    }

    /// Makes a frame of `plain`, which holds `chunks` back to back, and adds it to a pack.
    pub(super) fn store_frame(
        &mut self,
        lane: Lane,
        plain: &[u8],
        chunks: &[(ChunkId, u32)],
        recipe: Option<Recipe>,
    ) -> Result<Vec<Place>> {
        let recipe = match recipe {
            Some(recipe) => recipe,
            None => recipe::choose_mixed(plain, &mut self.compressor).map_err(AgentError::bug)?,
        };
        let (frame, filter) = match recipe {
            Recipe::Raw => (Frame::raw(plain), Filter::None),
            Recipe::Zstd(filter) => {
                (self.compressor.frame(plain, recipe::LEVEL, filter).map(Frame::Zstd), filter)
            }
        };
        let frame = frame.map_err(AgentError::bug)?;
        let places = self.shared.pool.add_frame(lane, frame, filter, chunks, &mut self.verifier)?;
        for ((id, _), place) in chunks.iter().zip(&places) {
            self.shared.known.remember(*id, place.clone());
        }
        self.shared.known.spill()?;
        Ok(places)
    }

    /// Begins a large file: opens it, decides how to cut it, and hands its parts out.
    pub fn large_file(&mut self, job: &Arc<FileJob>) -> Result<()> {
        let begun = job.open().and_then(|source| Ok((database::recognise(&source)?, source)));
        match begun {
            Err(error) => {
                self.shared.monitor.advance(1, job.stat.bytes);
                job.end(Outcome::Lost(problem_of(&error)));
                Ok(())
            }
            Ok((Engine::Sqlite, source)) => self.sqlite(job, source, 1),
            Ok((Engine::Paged, source)) => self.hand_out(job, source, Reading::paged(1)),
            Ok((Engine::Content, source)) => self.hand_out(job, source, Reading::content(1)),
        }
    }

    /// Cuts a file into parts and does the first.
    pub(super) fn hand_out(
        &mut self,
        job: &Arc<FileJob>,
        source: SourceFile,
        reading: Reading,
    ) -> Result<()> {
        let bytes = source.stat().bytes;
        let extents = match source.data_extents() {
            Ok(extents) => extents.filter(|extents| extents.len() <= super::part::EXTENTS_MAX),
            Err(_) => None,
        };
        let extents = reading.extents(extents, bytes);
        let data = extents.clone().unwrap_or_else(|| if bytes == 0 { Vec::new() } else { vec![(0, bytes)] });
        let ranges = match reading.to_the_end {
            true => vec![vec![(0, u64::MAX)]],
            false => super::part::split(&data, PART_BYTES),
        };
        let (list, open_parts) = (Arc::default(), AtomicUsize::new(ranges.len()));
        let work = Arc::new(PartWork { job: job.clone(), source, extents, reading, list, open_parts });
        if ranges.is_empty() {
            return self.end_large(&work);
        }
        let mut later = ranges.into_iter().enumerate();
        let first = later.next();
        later.for_each(|(part, ranges)| self.shared.parts.push(work.clone(), part, ranges));
        if let Some((part, ranges)) = first {
            self.part(&work, part, &ranges)?;
        }
        Ok(())
    }

    /// Does one part of a large file; whoever does the last ends the file.
    pub fn part(&mut self, work: &Arc<PartWork>, part: usize, ranges: &[(u64, u64)]) -> Result<()> {
        let chunks = match self.chunk_part(work, ranges)? {
            Ok(chunks) => chunks,
            Err(error) => {
                work.job.end(Outcome::Lost(problem_of(&error)));
                Vec::new()
            }
        };
        work.list.hand_in(part, chunks, self)?;
        if work.open_parts.fetch_sub(1, Ordering::AcqRel) == 1 { self.end_large(work) } else { Ok(()) }
    }

    fn end_large(&mut self, work: &Arc<PartWork>) -> Result<()> {
        let (job, reading) = (&work.job, &work.reading);
        let unchanged = work.source.is_unchanged().unwrap_or(false) && reading.still_idle(&job.os_path);
        let again = !unchanged && reading.attempt < READ_ATTEMPTS && job.outcome().is_none();
        if again && let Ok(source) = job.open() {
            return match reading.is_sqlite() {
                true => self.sqlite(job, source, reading.attempt + 1),
                false => self.hand_out(job, source, reading.again()),
            };
        }
        // A file that says less than it holds: once more, to its end.
        let goes_on =
            unchanged && job.outcome().is_none() && reading.may_go_on() && small::goes_on(&work.source);
        if goes_on && let Ok(source) = job.open() {
            return self.hand_out(job, source, Reading::to_the_end(reading.attempt));
        }
        work.list.end();
        let stat = *work.source.stat();
        // A file that shrank while it was read has fewer bytes than its extents say: it is kept as what was read.
        let (read_bytes, chunks) = work.list.size();
        let expected = work.extents.as_ref().map_or(stat.bytes, |e| e.iter().map(|(_, n)| n).sum());
        let whole = read_bytes == expected;
        let stored = Stored {
            cut: reading.cut(chunks),
            content: if chunks == 0 { StoredContent::Empty } else { StoredContent::List(work.list.clone()) },
            bytes: if whole { stat.bytes } else { read_bytes },
            extents: if whole { work.extents.clone() } else { None },
            consistent_copy: false,
            stat: Some(stat),
            attributes: work.source.attributes(),
            problem: match unchanged {
                true if read_bytes < expected => Some(Problem::Shorter),
                true => reading.problem,
                false => Some(Problem::Changed),
            },
        };
        self.shared.monitor.advance(1, job.stat.bytes);
        job.end(Outcome::Stored(Box::new(stored)));
        Ok(())
    }
}

/// Why a file could not be read, by kind and without its name.
pub(super) fn problem_of(error: &io::Error) -> Problem {
    match error.kind() {
        // What has become a folder or a link is no longer the file that was listed.
        io::ErrorKind::NotFound | io::ErrorKind::NotADirectory => Problem::Vanished,
        io::ErrorKind::PermissionDenied => Problem::Unreadable,
        _ if error.raw_os_error() == Some(5) => Problem::DiskError,
        _ => Problem::Unreadable,
    }
}
