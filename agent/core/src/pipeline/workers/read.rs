//! Workers: read, chunk, dedup, compress, and fill packs.
//!
//! Small files come in batches of neighbours and share solid frames; large ones are cut into parts that any worker may
//! take, so that one large file keeps all cores busy. Data comes from [`FileJob`]s and goes to the [`PackPool`]. Never:
//! writes to a source, follows a link, holds more than a few MiB per worker.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use scelle_format::manifest::Extent;

use crate::error::Result;
use crate::monitor::Problem;
use crate::pipeline::database::live::Live;
use crate::pipeline::database::side::{self, BaseKey, SavedAs};
use crate::pipeline::database::transaction::{Mode, mode};
use crate::pipeline::jobs::job::problem_of;
use crate::pipeline::jobs::job::{FileJob, Outcome, Stored};
use crate::pipeline::jobs::verdict::Taken;
use crate::pipeline::workers::last_pass::{ONE_PASS_BYTES, Pass};
use crate::pipeline::workers::parts::{FilePart, PART_BYTES, PartWork, ReadingWay, SqliteReading, goes_on};
use crate::pipeline::workers::raw::is_fresh;
use crate::pipeline::workers::worker::{READ_ATTEMPTS, Work, Worker};
use crate::platform::{self, InUse, Stat};
use crate::scan::SourceFile;
use crate::scan::engine::{self, DatabaseEngine, SIGNATURE_BYTES};

/// How long a writer may wait for the first reading of its database in one transaction.
const FIRST_GRACE: std::time::Duration = std::time::Duration::from_secs(1);

impl Worker<'_> {
    /// Begins a large file: opens it, decides how to cut it, and hands its parts out.
    pub fn large_file(&mut self, job: &Arc<FileJob>) -> Result<()> {
        let begun = job.open().and_then(|source| {
            let mut first = [0; SIGNATURE_BYTES];
            let n = source.read_at(&mut first, 0)?;
            Ok((engine::recognise(&first[..n], job.path.as_bytes()), source))
        });
        match begun {
            Err(error) => {
                self.shared.monitor.advance(1, job.stat.bytes);
                job.end(Outcome::Lost(problem_of(&error)));
                Ok(())
            }
            Ok((DatabaseEngine::Sqlite, source)) => self.sqlite(job, source),
            Ok((_, source)) if is_accompanied(job, source.stat()) => {
                self.shared.beside.wait(job.clone());
                Ok(())
            }
            Ok((engine, source)) => {
                let source = match engine::may_be_database(engine, job.path.as_bytes()) {
                    true => SourceFile::watching(|| job.open()).unwrap_or(source),
                    false => source,
                };
                let reading = match engine {
                    DatabaseEngine::Paged => ReadingWay::paged(1),
                    _ => ReadingWay::content(1),
                };
                self.hand_out(job, source, ReadingWay { engine: Some(engine), ..reading })
            }
        }
    }

    /// Begins a SQLite database.
    fn sqlite(&mut self, job: &Arc<FileJob>, source: SourceFile) -> Result<()> {
        // The journal stands beside the name that a program uses: which one that is shows when all are known.
        if source.stat().links > 1 {
            self.shared.beside.wait(job.clone());
            return Ok(());
        }
        let reading = match mode(&source, &job.os_path) {
            Mode::LogAtRest => SqliteReading::AtRest,
            Mode::Log if source.stat().bytes <= ONE_PASS_BYTES => {
                drop(source);
                return self.once_more(job);
            }
            Mode::Log => SqliteReading::Live(Live::moving()),
            Mode::Journal => match Live::connect(&job.os_path, &source) {
                Ok(live) => SqliteReading::Live(live),
                Err(_) => {
                    self.shared.beside.wait(job.clone());
                    return Ok(());
                }
            },
            Mode::LogWithoutIndex => {
                self.shared.beside.wait(job.clone());
                return Ok(());
            }
        };
        self.hand_out(job, source, ReadingWay::sqlite(reading))
    }

    /// Takes a SQLite database in one transaction, or lets it wait for a quieter moment.
    fn once_more(&mut self, job: &Arc<FileJob>) -> Result<()> {
        match self.last_pass(job, &job.os_path, FIRST_GRACE)? {
            Pass::Done => {}
            Pass::LetGo | Pass::Refused(_) => self.shared.beside.wait(job.clone()),
        }
        Ok(())
    }

    /// Cuts a file into parts and does the first.
    pub(in crate::pipeline) fn hand_out(
        &mut self,
        job: &Arc<FileJob>,
        source: SourceFile,
        reading: ReadingWay,
    ) -> Result<()> {
        let bytes = source.stat().bytes;
        let extents = match source.data_extents() {
            Ok(extents) => {
                extents.filter(|extents| extents.len() <= crate::pipeline::workers::parts::EXTENTS_MAX)
            }
            Err(_) => None,
        };
        let extents = reading.extents(extents, bytes);
        let data = extents
            .clone()
            .unwrap_or_else(|| if bytes == 0 { Vec::new() } else { vec![Extent { start: 0, bytes }] });
        let ranges = match reading.to_the_end {
            true => vec![vec![Extent { start: 0, bytes: u64::MAX }]],
            false => crate::pipeline::workers::parts::split(&data, PART_BYTES),
        };
        let (list, open_parts) = (Arc::default(), AtomicUsize::new(ranges.len()));
        let work = Arc::new(PartWork { job: job.clone(), source, extents, reading, list, open_parts });
        if ranges.is_empty() {
            return self.end_large(&work);
        }
        let parts = ranges.into_iter().enumerate();
        let mut parts = parts.map(|(number, ranges)| FilePart { work: work.clone(), number, ranges });
        let first = parts.next();
        self.shared.queue.add(parts.map(Work::Part));
        first.map_or(Ok(()), |first| self.part(&first))
    }

    /// Does one part of a large file; whoever does the last ends the file.
    pub fn part(&mut self, FilePart { work, number, ranges }: &FilePart) -> Result<()> {
        let chunks = match self.chunk_part(work, ranges) {
            Ok(chunks) => chunks,
            Err(fault) => {
                work.job.end(Outcome::Lost(problem_of(&fault.here()?)));
                Vec::new()
            }
        };
        // A database that is written meanwhile gets its list from the last reading.
        if !work.reading.is_moving() {
            work.list.hand_in(*number, chunks, self)?;
        }
        if work.open_parts.fetch_sub(1, Ordering::AcqRel) == 1 { self.end_large(work) } else { Ok(()) }
    }

    /// Ends a large file whose parts are done: it is stored, or waits, or is read again.
    fn end_large(&mut self, work: &Arc<PartWork>) -> Result<()> {
        let (job, reading) = (&work.job, &work.reading);
        let unchanged = work.source.is_unchanged().unwrap_or(false);
        let is_open = job.outcome().is_none();
        if is_open && reading.sqlite.is_some() && !(unchanged && reading.is_of_one_state(&job.os_path)) {
            return self.once_more(job);
        }
        // A transaction that began meanwhile, of a database that only its journal or its log tells.
        let is_one = || match unchanged {
            true => is_accompanied(job, work.source.stat()),
            false => side::has_needed(&job.os_path),
        };
        if is_open && reading.sqlite.is_none() && is_one() {
            self.shared.beside.wait(job.clone());
            return Ok(());
        }
        // Quiet while it was read, which may have been a moment only.
        if is_open
            && unchanged
            && reading.engine.is_some_and(|engine| is_in_mid_write(engine, job, &work.source))
        {
            self.shared.beside.wait(job.clone());
            return Ok(());
        }
        let again = is_open.then(|| reading_again(work, unchanged)).flatten();
        if let Some(reading) = again
            && let Ok(source) = job.open()
        {
            return self.hand_out(job, source, reading);
        }
        self.keep_large(work, unchanged);
        Ok(())
    }

    fn keep_large(&mut self, work: &PartWork, unchanged: bool) {
        let (job, reading) = (&work.job, &work.reading);
        work.list.end();
        let is_sqlite = reading.sqlite.is_some();
        let taken = match reading.engine {
            _ if is_sqlite => Some(Taken::Consistent),
            Some(engine) => taken(engine, job, &work.source, unchanged),
            None => None,
        };
        let problem = (!unchanged).then_some(Problem::Changed);
        let stored = Stored {
            consistent_copy: matches!(reading.sqlite, Some(SqliteReading::Live(_))),
            problem: taken.map_or(problem, Taken::problem),
            taken,
            ..work.stored()
        };
        if is_sqlite || side::may_stand_alone(job.has_side, &job.stat) {
            let saved = if is_sqlite { SavedAs::Database } else { SavedAs::Alone };
            self.shared.beside.is_saved_now(BaseKey::of(&job.stat, job.path.as_bytes()), saved);
        }
        self.shared.monitor.advance(1, job.stat.bytes);
        job.end(Outcome::Stored(Box::new(stored)));
    }
}

/// How to read a file again that changed meanwhile, or that says less than it holds.
fn reading_again(work: &PartWork, unchanged: bool) -> Option<ReadingWay> {
    let reading = &work.reading;
    match unchanged {
        false => (reading.attempt < READ_ATTEMPTS).then(|| reading.again()),
        true => {
            (reading.may_go_on() && goes_on(&work.source)).then(|| ReadingWay::to_the_end(reading.attempt))
        }
    }
}

/// Whether it may be a database whose program is writing it: read now it could be taken between two writes of one transaction.
fn is_in_mid_write(engine: DatabaseEngine, job: &FileJob, source: &SourceFile) -> bool {
    if !engine::may_be_database(engine, job.path.as_bytes()) || !is_fresh(source.stat().modified_ns) {
        return false;
    }
    match platform::in_use(&job.os_path, source.stat()) {
        InUse::Yes => true,
        // Of what only its name calls a database, only a program that has it open says that it is one.
        InUse::Unknown => engine.is_database(),
        InUse::No => false,
    }
}

/// How a file that may be a database was taken, read as it lies.
fn taken(engine: DatabaseEngine, job: &FileJob, source: &SourceFile, unchanged: bool) -> Option<Taken> {
    match (engine.is_database(), unchanged) {
        (true, true) => Some(Taken::raw(true, false, platform::in_use(&job.os_path, source.stat()))),
        (_, false) if engine::may_be_database(engine, job.path.as_bytes()) => Some(Taken::Changed),
        // Encrypted databases have no signature. A name alone proves nothing, a program that has it open does.
        (false, true) if engine::may_be_database(engine, job.path.as_bytes()) => {
            let in_use = platform::in_use(&job.os_path, source.stat());
            (in_use == InUse::Yes).then(|| Taken::raw(true, false, in_use))
        }
        _ => None,
    }
}

/// Whether a file that is no SQLite database by its own first bytes is one by what stands beside it. Looked at where the walk
/// saw such a name, or where the file has changed since: a transaction may have begun.
pub(in crate::pipeline) fn is_accompanied(job: &FileJob, now: &Stat) -> bool {
    let walked = &job.stat;
    let is_as_walked = (walked.modified_ns, walked.bytes) == (now.modified_ns, now.bytes);
    (job.has_side || !is_as_walked) && side::has_needed(&job.os_path)
}
