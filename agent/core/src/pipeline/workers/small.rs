//! Small files: batches of neighbours that share chunks and frames.
//!
//! Data comes from [`FileJob`]s in the order of the walk and goes to the open packs. What turns out to be a database, or not
//! to be small, is read like a large file. Pseudo-files and some network file systems say 0, or another size than what can
//! be read; a file may grow meanwhile. Never: takes the size that the system says for the content.

use std::io;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use scelle_format::chunker::Cut;
use scelle_format::filter::Filter;
use scelle_format::id::ChunkId;

use crate::catalog::SmallPrint;
use crate::error::{AgentError, Result};
use crate::monitor::Problem;
use crate::pipeline::chunks::packs::{Lane, Place};
use crate::pipeline::chunks::recipe::{self, Recipe};
use crate::pipeline::database::side::{self, BaseKey, SavedAs};
use crate::pipeline::jobs::job::problem_of;
use crate::pipeline::jobs::job::{FileJob, Outcome, Stored, StoredContent};
use crate::pipeline::jobs::solid::SolidFrame;
use crate::pipeline::workers::read::is_accompanied;
use crate::pipeline::workers::worker::{READ_ATTEMPTS, SMALL_BYTES, Worker};
use crate::scan::SourceFile;
use crate::scan::engine::{self, DatabaseEngine};

/// Files below this size share a chunk with their neighbours.
pub const TINY_BYTES: u64 = 4 << 10;

impl Worker<'_> {
    /// Reads a batch of small neighbours.
    pub fn small_files(&mut self, jobs: &[Arc<FileJob>]) -> Result<()> {
        for job in jobs {
            self.shared.shutdown.check()?;
            let mut buffer = std::mem::take(&mut self.buffer);
            let done = match read(job, &mut buffer) {
                // Not so small after all.
                Ok(None) => {
                    self.buffer = buffer;
                    self.large_file(job)?;
                    continue;
                }
                Ok(Some(read)) if is_accompanied(job, read.source.stat()) => {
                    drop(read);
                    self.buffer = buffer;
                    self.large_file(job)?;
                    continue;
                }
                Ok(Some(read)) => match engine::recognise(&buffer[..read.bytes], job.path.as_bytes()) {
                    DatabaseEngine::PostgresControl => {
                        self.shared.beside.wait_for_cluster(job.clone());
                        self.buffer = buffer;
                        continue;
                    }
                    // Read again so that no change escapes, not even one through mapped memory.
                    engine if engine::may_be_database(engine, job.path.as_bytes()) => {
                        drop(read);
                        self.buffer = buffer;
                        self.large_file(job)?;
                        continue;
                    }
                    _ => {
                        self.shared.read_bytes.fetch_add(read.bytes as u64, Ordering::Relaxed);
                        self.keep_small(job, &buffer[..read.bytes], &read)
                    }
                },
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
        if side::may_stand_alone(job.has_side, &job.stat) {
            let base = BaseKey::of(&job.stat, job.path.as_bytes());
            self.shared.beside.is_saved_now(base, SavedAs::Alone);
        }
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
            return self.keep_tiny(job, plain, stored);
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

    /// Gathers a tiny file with its neighbours, unless it lies in a group already as it is.
    fn keep_tiny(&mut self, job: &Arc<FileJob>, plain: &[u8], mut stored: Stored) -> Result<()> {
        let print = SmallPrint::of(&self.shared.print_key, plain);
        (stored.cut, stored.print) = (Cut::Group, Some(print));
        if let Some(slice) = self.earlier_slice(job, print) {
            stored.content = slice;
            job.end(Outcome::Stored(Box::new(stored)));
            return Ok(());
        }
        if self.solid.tiny_full(&job.path, plain.len()) {
            self.close_group()?;
        }
        self.solid.push_tiny(job.clone(), stored, plain);
        Ok(())
    }

    /// Where a tiny file lay in the last snapshot, if it holds what it held and lies there still.
    fn earlier_slice(&self, job: &FileJob, print: SmallPrint) -> Option<StoredContent> {
        let earlier = job.earlier_slice.as_ref()?;
        let stays = earlier.print == Some(print) && !self.shared.avoided.has(&earlier.at.pack);
        let (place, offset, bytes) = (Place::Known(earlier.at), earlier.offset, earlier.bytes);
        stays.then_some(StoredContent::Slice { place, offset, bytes })
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
        let Some(SolidFrame { plain, chunks, owners }) = self.solid.take_frame() else { return Ok(()) };
        let places = self.store_frame(Lane::Cold, &plain, &chunks, None)?;
        for waiting in owners {
            if let Some(place) = places.get(waiting.chunk) {
                waiting.owner.end(place);
            }
        }
        self.solid.give_back(plain);
        Ok(())
    }
}

/// A small file that was read whole into a buffer.
pub(in crate::pipeline) struct SmallRead {
    /// Held open.
    pub source: SourceFile,
    /// Bytes of the buffer that are its content.
    pub bytes: usize,
    /// Stored, but something is to be said of it.
    pub problem: Option<Problem>,
}

/// Reads a small file whole to the start of `buffer`, again when it changed meanwhile; `None` when it is not small.
pub(in crate::pipeline) fn read(job: &FileJob, buffer: &mut Vec<u8>) -> io::Result<Option<SmallRead>> {
    let mut attempt = 1;
    loop {
        let source = job.open()?;
        let Some(bytes) = read_to_end(&source, buffer)? else { return Ok(None) };
        let unchanged = source.is_unchanged()?;
        let problem = match unchanged {
            true => ((bytes as u64) < source.stat().bytes).then_some(Problem::Shorter),
            false => Some(Problem::Changed),
        };
        if unchanged || attempt == READ_ATTEMPTS {
            return Ok(Some(SmallRead { source, bytes, problem }));
        }
        attempt += 1;
    }
}

fn read_to_end(source: &SourceFile, buffer: &mut Vec<u8>) -> io::Result<Option<usize>> {
    let most = SMALL_BYTES as usize;
    let expected = usize::try_from(source.stat().bytes).unwrap_or(usize::MAX);
    if expected > most {
        return Ok(None);
    }
    // Room for one byte more than it says: a read that stops where it says is the end, and costs no second. What says 0
    // may be made anew by each read, so the first is offered all there is room for.
    let mut room = if expected == 0 { most + 1 } else { expected + 1 };
    let mut bytes = 0;
    loop {
        // The buffer never shrinks: growing it again would fill it with zeros first.
        if buffer.len() < room {
            buffer.resize(room, 0);
        }
        match source.read_at(&mut buffer[bytes..room], bytes as u64)? {
            0 => return Ok(Some(bytes)),
            n => bytes += n,
        }
        if bytes > most {
            return Ok(None);
        }
        if bytes == expected {
            return Ok(Some(bytes));
        }
        if bytes == room {
            room = most + 1;
        }
    }
}
