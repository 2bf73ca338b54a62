//! The last reading of a SQLite database that is written meanwhile: all of it in one read transaction, and nothing of it is
//! sealed or sent before that is over.
//!
//! Pages are only hashed and looked up; those that are new go to a [`Spill`]. Most are known: from the last snapshot, or from
//! the first reading ([`crate::pipeline::database::live`]). A writer that waits is given way, and the pass is tried again. Never: holds a lock at
//! the pace of a line.

use std::io;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use scelle_format::chunker::PAGED_CHUNK_BYTES;
use scelle_format::filter::Filter;
use scelle_format::id::ChunkId;
use scelle_format::limits::PAGED_FRAME_BYTES;

use crate::error::{AgentError, Fault, Result};
use crate::monitor::Problem;
use crate::pipeline::chunks::earlier::EarlierCursor;
use crate::pipeline::chunks::list::ChunkList;
use crate::pipeline::chunks::packs::{Lane, Place};
use crate::pipeline::chunks::recipe::Recipe;
use crate::pipeline::database::live::FIRST_WAIT;
use crate::pipeline::database::side::{BaseKey, SavedAs, beside};
use crate::pipeline::database::spill::Spill;
use crate::pipeline::database::transaction::{Mode, Reader, Refusal, mode};
use crate::pipeline::jobs::job::problem_of;
use crate::pipeline::jobs::job::{FileJob, Outcome, Stored, StoredContent};
use crate::pipeline::jobs::verdict::Taken;
use crate::pipeline::workers::parts::{BUFFER_BYTES, PART_BYTES, ReadingWay};
use crate::pipeline::workers::worker::Worker;
use crate::platform::{self, Stat};
use crate::scan::SourceFile;

/// Where nobody tells whether a writer waits, it waits no longer than this.
const HOLD: Duration = Duration::from_secs(4);
/// How much a write-ahead log may grow because we read by it.
const LOG_GROWTH_BYTES: u64 = 64 << 20;
/// A database in use up to this size is read in one pass only: what is new fits into memory.
pub const ONE_PASS_BYTES: u64 = 16 << 20;

/// How a pass ended.
pub enum Pass {
    /// The job is done.
    Done,
    /// A writer waited, or there was too much that is new: what was seen is stored, the next pass is quicker.
    LetGo,
    /// SQLite did not read it.
    Refused(Refusal),
}

/// What one transaction showed.
struct SeenPages<'a> {
    ids: Vec<ChunkId>,
    bytes: u64,
    spill: Spill<'a>,
    is_whole: bool,
    /// Of the file, where it is what was read.
    stat: Option<Stat>,
}

impl<'a> Worker<'a> {
    /// Takes the database at `path`, a name of the job's file, in one transaction; a writer waits at most `grace`.
    pub(in crate::pipeline) fn last_pass(
        &mut self,
        job: &FileJob,
        path: &Path,
        grace: Duration,
    ) -> Result<Pass> {
        let source = match the_file(job, path) {
            Ok(source) => source,
            Err(problem) => {
                job.end(Outcome::Lost(problem));
                return Ok(Pass::Done);
            }
        };
        let mut buffer = std::mem::take(&mut self.buffer);
        let seen = self.one_state(job, path, &source, grace, &mut buffer);
        self.buffer = buffer;
        let SeenPages { ids, bytes, spill, is_whole, stat } = match seen {
            Ok(seen) => seen,
            Err(fault) => return Ok(Pass::Refused(fault.here()?)),
        };
        self.store_spilled(spill)?;
        if !is_whole {
            return Ok(Pass::LetGo);
        }
        let list = self.list_of(job, &ids, bytes)?;
        let chunks = ids.len() as u64;
        let stored = Stored {
            cut: ReadingWay::paged(1).cut(chunks),
            bytes,
            content: if chunks == 0 { StoredContent::Empty } else { StoredContent::List(list) },
            consistent_copy: true,
            stat,
            attributes: source.attributes(),
            taken: Some(Taken::Consistent),
            ..Stored::default()
        };
        self.shared.beside.is_saved_now(BaseKey::of(&job.stat, job.path.as_bytes()), SavedAs::Database);
        self.shared.monitor.advance(1, job.stat.bytes);
        job.end(Outcome::Stored(Box::new(stored)));
        Ok(Pass::Done)
    }

    /// Everything that happens while the database is held.
    fn one_state(
        &mut self,
        job: &FileJob,
        path: &Path,
        source: &SourceFile,
        grace: Duration,
        buffer: &mut Vec<u8>,
    ) -> Result<SeenPages<'a>, Fault<Refusal>> {
        let held = HeldDatabase::hold(path, source)?;
        let bytes = held.bytes;
        let mut patience = Patience::new(path, held.mode, grace);
        let mut spill = Spill::new(self.shared.state, self.shared.pool.sealing().chance.clone());
        let mut ids = Vec::with_capacity(usize::try_from(bytes / PAGED_CHUNK_BYTES as u64).unwrap_or(0) + 1);
        let mut cursor = job.earlier.as_ref().map(|list| list.cursor(self.shared.lists));
        let (mut offset, mut is_whole) = (0, held.stands_still());
        while is_whole && offset < bytes {
            self.shared.shutdown.check()?;
            let want = (bytes - offset).min(BUFFER_BYTES as u64);
            is_whole = held.fill(offset, want, buffer)?;
            self.count_read(buffer.len());
            is_whole = is_whole && self.look_up(&mut cursor, offset, buffer, &mut ids, &mut spill);
            offset += want;
            is_whole = is_whole && !(offset < bytes && patience.is_over(source));
        }
        is_whole = is_whole && held.is_of_one_state().map_err(AgentError::from)?;
        let stat = held.let_go();
        Ok(SeenPages { ids, bytes, spill, is_whole, stat })
    }

    /// Hashes the pages of `plain` and keeps those that are stored nowhere; false when there is no room for more.
    fn look_up(
        &self,
        cursor: &mut Option<EarlierCursor<'_>>,
        mut offset: u64,
        plain: &[u8],
        ids: &mut Vec<ChunkId>,
        spill: &mut Spill,
    ) -> bool {
        let id_key = self.shared.pool.sealing().id_key;
        for page in plain.chunks(PAGED_CHUNK_BYTES) {
            let id = ChunkId::of(&id_key, page);
            if self.place_of(cursor, offset, page.len(), &id).is_none() && !spill.push(id, page) {
                return false;
            }
            ids.push(id);
            offset += page.len() as u64;
        }
        true
    }

    fn place_of(
        &self,
        cursor: &mut Option<EarlierCursor<'_>>,
        offset: u64,
        bytes: usize,
        id: &ChunkId,
    ) -> Option<Place> {
        let earlier = cursor.as_mut().and_then(|cursor| cursor.same_page(offset, bytes as u32, id));
        let earlier = earlier.filter(|at| !self.shared.avoided.has(&at.pack));
        earlier.map(Place::Known).or_else(|| self.shared.known.find(id))
    }

    /// Seals what was kept, now that the database is let go.
    fn store_spilled(&mut self, spill: Spill) -> Result<()> {
        let (mut plain, mut fresh) = (Vec::new(), Vec::<(ChunkId, u32)>::new());
        spill.drain(|pages| {
            for (id, page) in pages {
                self.shared.shutdown.check()?;
                if self.shared.known.find(&id).is_some() || fresh.iter().any(|(other, _)| *other == id) {
                    continue;
                }
                fresh.push((id, page.len() as u32));
                plain.extend_from_slice(&page);
                if plain.len() >= PAGED_FRAME_BYTES {
                    self.store_frame(Lane::Paged, &plain, &fresh, Some(Recipe::Zstd(Filter::None)))?;
                    plain.clear();
                    fresh.clear();
                }
            }
            Ok(())
        })?;
        if !fresh.is_empty() {
            self.store_frame(Lane::Paged, &plain, &fresh, Some(Recipe::Zstd(Filter::None)))?;
        }
        Ok(())
    }

    /// The list of pages, each of which has a place by now.
    fn list_of(&mut self, job: &FileJob, ids: &[ChunkId], bytes: u64) -> Result<Arc<ChunkList>> {
        let list = Arc::new(ChunkList::default());
        let mut cursor = job.earlier.as_ref().map(|list| list.cursor(self.shared.lists));
        let mut offset = 0;
        for (part, ids) in ids.chunks((PART_BYTES / PAGED_CHUNK_BYTES as u64) as usize).enumerate() {
            let mut chunks = Vec::with_capacity(ids.len());
            for id in ids {
                let page_bytes = (bytes - offset).min(PAGED_CHUNK_BYTES as u64);
                let place = self.place_of(&mut cursor, offset, page_bytes as usize, id);
                chunks.push((
                    place.ok_or_else(|| AgentError::bug("a page without a place"))?,
                    page_bytes as u32,
                ));
                offset += page_bytes;
            }
            list.hand_in(part, chunks, self)?;
        }
        list.end();
        Ok(list)
    }
}

/// The job's file, held open. SQLite goes by the path: what stands there must be the file that the walk saw, whatever was put
/// on the way.
fn the_file(job: &FileJob, path: &Path) -> Result<SourceFile, Problem> {
    let source = job.open().map_err(|error| problem_of(&error))?;
    let is_the_file = platform::stat(path).is_ok_and(|there| there.file_id() == source.stat().file_id());
    if is_the_file { Ok(source) } else { Err(Problem::Vanished) }
}

/// A database that is held for as long as it is read.
struct HeldDatabase<'a> {
    path: &'a Path,
    source: &'a SourceFile,
    mode: Mode,
    /// `None` where nobody has it open and no lock is needed.
    reader: Option<Reader>,
    /// How its main file looked at the beginning.
    stat: Stat,
    page_bytes: u64,
    bytes: u64,
}

impl<'a> HeldDatabase<'a> {
    fn hold(path: &'a Path, source: &'a SourceFile) -> Result<Self, Fault<Refusal>> {
        let mode = mode(source, path);
        let reader = match mode {
            Mode::LogWithoutIndex => return Err(Fault::Here(Refusal::Unreadable)),
            Mode::LogAtRest => None,
            Mode::Journal | Mode::Log => Some(begin(path, source).map_err(Fault::Here)?),
        };
        let stat = source.stat_now().map_err(AgentError::from)?;
        let (page_bytes, bytes) = match &reader {
            Some(reader) if mode == Mode::Log => {
                let size = reader.size().map_err(Fault::Here)?;
                (size.page_bytes, size.page_bytes * size.pages)
            }
            _ => (0, stat.bytes),
        };
        Ok(Self { path, source, mode, reader, stat, page_bytes, bytes })
    }

    fn stands_still(&self) -> bool {
        mode(self.source, self.path) == self.mode && stands(self.path, &self.stat)
    }

    /// Fills `buffer` with what stands at `offset`; false where the file is shorter than it was.
    fn fill(&self, offset: u64, want: u64, buffer: &mut Vec<u8>) -> Result<bool, Fault<Refusal>> {
        match &self.reader {
            Some(reader) if self.mode == Mode::Log => {
                log_pages(reader, offset, want, self.page_bytes, buffer).map_err(Fault::Here)?;
                Ok(true)
            }
            _ => Ok(file_bytes(self.source, offset, want, buffer).map_err(AgentError::from)?),
        }
    }

    /// Held to the end, so it is of one state, unless somebody who takes no lock wrote to it: nobody who keeps to the locks writes to
    /// the main file under a reader's, but for who moves pages there from a log. Where there is no lock, nothing may have moved.
    fn is_of_one_state(&self) -> io::Result<bool> {
        let is_one = match (&self.reader, self.mode) {
            (None, _) => self.source.is_unchanged()?,
            (Some(_), Mode::Log) => true,
            (Some(_), _) => self.source.is_still(&self.stat)?,
        };
        Ok(self.stands_still() && is_one)
    }

    /// Ends the transaction; returns how the file looked, where it is what was read.
    fn let_go(self) -> Option<Stat> {
        if let Some(reader) = &self.reader {
            reader.end();
        }
        (self.mode != Mode::Log).then_some(self.stat)
    }
}

fn begin(path: &Path, source: &SourceFile) -> Result<Reader, Refusal> {
    let reader = Reader::connect(path, source.stat(), FIRST_WAIT)?;
    reader.begin()?;
    Ok(reader)
}

/// Whether the name still leads to the file that is held.
fn stands(path: &Path, held: &Stat) -> bool {
    platform::stat(path).is_ok_and(|named| named.file_id() == held.file_id())
}

/// Fills `buffer` with the pages that begin at `offset`. Pages are powers of two up to 64 KiB (fileformat2.html §1.3.2):
/// buffers end where pages do.
fn log_pages(
    reader: &Reader,
    offset: u64,
    want: u64,
    page_bytes: u64,
    buffer: &mut Vec<u8>,
) -> Result<(), Refusal> {
    buffer.clear();
    for number in offset / page_bytes..(offset + want) / page_bytes {
        reader.page(number + 1, buffer)?;
    }
    if buffer.len() as u64 == want { Ok(()) } else { Err(Refusal::Unreadable) }
}

/// Fills `buffer` from the file; false when it is shorter than it was.
fn file_bytes(source: &SourceFile, offset: u64, want: u64, buffer: &mut Vec<u8>) -> io::Result<bool> {
    buffer.resize(want as usize, 0);
    let mut filled = 0;
    while filled < buffer.len() {
        match source.read_at(&mut buffer[filled..], offset + filled as u64)? {
            0 => return Ok(false),
            n => filled += n,
        }
    }
    Ok(true)
}

/// How long the practice's software may be kept from writing.
struct Patience<'a> {
    path: &'a Path,
    mode: Mode,
    grace: Duration,
    began: Instant,
    waits_since: Option<Instant>,
    log_bytes: u64,
}

impl<'a> Patience<'a> {
    fn new(path: &'a Path, mode: Mode, grace: Duration) -> Self {
        let log_bytes = log_bytes(path);
        Self { path, mode, grace, began: Instant::now(), waits_since: None, log_bytes }
    }

    fn is_over(&mut self, source: &SourceFile) -> bool {
        match self.mode {
            Mode::Journal => match source.writer_waits() {
                Some(true) => self.waits_since.get_or_insert_with(Instant::now).elapsed() >= self.grace,
                Some(false) => {
                    self.waits_since = None;
                    false
                }
                None => self.began.elapsed() >= HOLD,
            },
            Mode::Log => log_bytes(self.path) > self.log_bytes + LOG_GROWTH_BYTES,
            Mode::LogAtRest | Mode::LogWithoutIndex => false,
        }
    }
}

fn log_bytes(path: &Path) -> u64 {
    platform::stat(&beside(path, "-wal")).map_or(0, |stat| stat.bytes)
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::io::Write as _;

    use super::*;

    /// A copy tool, an engine on a share whose locks go nowhere: the reader's own lock says nothing of them.
    #[test]
    fn what_is_written_without_a_lock_while_the_database_is_held_is_of_no_one_state() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("app.db");
        let database = rusqlite::Connection::open(&path).unwrap();
        database.execute_batch("create table t (n); insert into t values (1)").unwrap();
        drop(database);
        let source = SourceFile::open(&path).unwrap();
        let hold = || HeldDatabase::hold(&path, &source).ok().unwrap();

        let held = hold();
        assert_eq!(held.mode, Mode::Journal);
        assert!(held.is_of_one_state().unwrap());
        held.let_go();

        let held = hold();
        let bytes = fs::read(&path).unwrap();
        fs::File::options().write(true).open(&path).unwrap().write_all(&bytes).unwrap();
        assert!(!held.is_of_one_state().unwrap());
        held.let_go();
        assert!(hold().is_of_one_state().unwrap(), "it stands still again");
    }
}
