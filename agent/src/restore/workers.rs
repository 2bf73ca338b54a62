//! The threads of a restore: each takes files or runs of chunks, reads them through the fetcher, and writes them.
//!
//! Data comes from `run` as jobs and goes to `write`. Damage and refusals of single files are noted and passed
//! over; only a store or a disk that fails as a whole stops the restore. Never: logs a path.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

use parking_lot::Mutex;
use scelle_format::id::PackKind;
use scelle_format::manifest::{Content, Entry};
use scelle_format::pack::Location;
use scelle_format::report::file_token;
use tokio::runtime::Handle;

use super::data_map::DataMap;
use super::fetch::{ChunkIdKeys, ChunkReader, Fetcher, Prepared, damaged};
pub use super::outcome::FileProblem;
use super::outcome::Outcome;
use super::outstanding::{OpenFile, OpenFiles, Outstanding, Share};
use super::places::Places;
use super::plan::{attributes_of, write_failed};
use super::standing::is_standing_database;
use super::tree::ChunkRuns;
use super::write::{FileAttributes, FileInProgress, Overwrite, Placed, WriteError, WriteErrorKind};
use crate::error::{AgentError, ExitCode, Result};
use crate::monitor::{Monitor, Problem};
use crate::scan::EntryPath;
use crate::shutdown::Shutdown;

/// A whole file for one thread.
#[derive(Clone)]
pub(super) struct FileJob {
    pub(super) path: EntryPath,
    pub(super) entry: Entry,
    /// Something of the same size stands there.
    pub(super) compare: bool,
}

/// Chunks of a large file, in the order in which they lie in their packs, each with its place in the data.
pub(super) struct RunJob {
    pub(super) file: Arc<LargeFile>,
    pub(super) chunks: Vec<(u64, Location)>,
}

/// What a thread takes at a time.
pub(super) enum Job {
    Files(Vec<FileJob>),
    Run(RunJob),
}

/// A large file being written by several threads. Whoever lets go last places it.
pub(super) struct LargeFile {
    pub(super) path: EntryPath,
    pub(super) writing: FileInProgress,
    /// Its place among the open files.
    pub(super) _open: OpenFile,
    pub(super) attributes: FileAttributes,
    pub(super) link_group: Option<u64>,
    pub(super) bytes: u64,
    pub(super) data: DataMap,
    pub(super) failed: AtomicBool,
}

/// What all threads of one restore share.
pub(super) struct Shared<'a> {
    pub(super) fetcher: &'a Arc<Fetcher>,
    pub(super) handle: Handle,
    pub(super) places: &'a Places,
    pub(super) overwrite: &'a Overwrite,
    pub(super) id_keys: ChunkIdKeys,
    pub(super) token_key: [u8; 32],
    pub(super) shutdown: &'a Shutdown,
    pub(super) monitor: &'a dyn Monitor,
    pub(super) outcome: Mutex<Outcome>,
    pub(super) outstanding: Outstanding,
    pub(super) open_files: Arc<OpenFiles>,
    stop: AtomicBool,
    error: Mutex<Option<AgentError>>,
}

/// Why a file was not restored.
pub(super) enum Failure {
    Store(AgentError),
    Write(WriteError),
}

impl From<AgentError> for Failure {
    fn from(error: AgentError) -> Self {
        Self::Store(error)
    }
}

impl From<WriteError> for Failure {
    fn from(error: WriteError) -> Self {
        Self::Write(error)
    }
}

/// What counts as outstanding for a job.
impl Job {
    pub(super) fn bytes(&self) -> u64 {
        match self {
            Self::Files(files) => files.iter().map(|job| job.entry.bytes.min(64 << 20) + 2048).sum(),
            Self::Run(run) => run.chunks.iter().map(|(_, at)| u64::from(at.bytes)).sum(),
        }
    }
}

impl<'a> Shared<'a> {
    pub(super) fn new(
        fetcher: &'a Arc<Fetcher>,
        handle: Handle,
        places: &'a Places,
        overwrite: &'a Overwrite,
        keys: (ChunkIdKeys, [u8; 32]),
        shutdown: &'a Shutdown,
        monitor: &'a dyn Monitor,
    ) -> Self {
        Self {
            fetcher,
            handle,
            places,
            overwrite,
            id_keys: keys.0,
            token_key: keys.1,
            shutdown,
            monitor,
            outcome: Mutex::default(),
            outstanding: Outstanding::default(),
            open_files: OpenFiles::new(crate::platform::handle_limit()),
            stop: AtomicBool::new(false),
            error: Mutex::default(),
        }
    }

    /// Whether everything is to end.
    pub(super) fn is_stopped(&self) -> bool {
        self.stop.load(Relaxed) || self.shutdown.token().is_cancelled()
    }

    /// Ends everything; the first reason counts.
    pub(super) fn fail(&self, error: AgentError) {
        self.error.lock().get_or_insert(error);
        self.stop.store(true, Relaxed);
    }

    /// Why everything ended early, if it did.
    pub(super) fn verdict(&self) -> Result<()> {
        match self.error.lock().take() {
            Some(error) => Err(error),
            None => self.shutdown.check(),
        }
    }

    /// A thread's life.
    pub(super) fn work(&self, jobs: &crossbeam_channel::Receiver<(Job, Arc<Prepared>)>) {
        let mut reader = ChunkReader::new(self.id_keys.clone());
        for (job, _prepared) in jobs {
            let _share = Share::new(&self.outstanding, job.bytes());
            match job {
                Job::Files(files) => {
                    for file in files.iter().take_while(|_| !self.is_stopped()) {
                        self.restore(&mut reader, file);
                    }
                }
                Job::Run(run) => self.run(&mut reader, run),
            }
        }
    }

    /// Restores one file from beginning to end.
    pub(super) fn restore(&self, reader: &mut ChunkReader, job: &FileJob) {
        match self.try_restore(reader, job) {
            Ok(Some(placed)) => self.note_placed(&job.entry.link_group, job.entry.bytes, &placed),
            Ok(None) => self.outcome.lock().standing.push(job.clone()),
            Err(failure) => self.note_failure(&job.path, job.entry.link_group, failure),
        }
    }

    /// `None`: the same database stands there, with something beside it. What it is shows when all side files of the
    /// snapshot are known.
    pub(super) fn try_restore(
        &self,
        reader: &mut ChunkReader,
        job: &FileJob,
    ) -> std::result::Result<Option<Placed>, Failure> {
        let (destination, path) = self.places.place(&job.path)?;
        let entry = &job.entry;
        if job.compare
            && let Some(existing) = destination.existing(&path)?
        {
            if self.has_same_content(reader, &existing, entry)? {
                if is_standing_database(&existing, path.name())
                    && !destination.replayed_beside(&path)?.is_empty()
                {
                    return Ok(None);
                }
                self.update_same(&destination, &path, entry)?;
                return Ok(Some(Placed::Same));
            }
            if *self.overwrite == Overwrite::Never {
                return Ok(Some(Placed::Kept));
            }
        }
        let writing = destination.begin_file(&path, entry.bytes)?;
        let map = DataMap::of(entry);
        let mut runs = ChunkRuns::of(&entry.content);
        let mut offset = 0;
        while let Some(chunks) = self.handle.block_on(runs.next(reader, self.fetcher))? {
            offset = match &entry.content {
                Content::Slice { at, offset: begin, bytes } => {
                    let chunk = self.handle.block_on(reader.read(self.fetcher, PackKind::Data, at))?;
                    let end = begin.checked_add(*bytes).unwrap_or(u32::MAX);
                    let part = chunk.get(*begin as usize..end as usize).ok_or_else(contradiction)?;
                    write_data(&writing, &map, 0, part)?
                }
                _ => {
                    let (rows, end) = placed(offset, chunks);
                    self.write_chunks(reader, &writing, &map, &rows)?;
                    end
                }
            };
        }
        if offset != map.data_bytes {
            return Err(contradiction().into());
        }
        Ok(Some(writing.commit(self.overwrite, &attributes_of(entry))?))
    }

    fn write_chunks(
        &self,
        reader: &mut ChunkReader,
        writing: &FileInProgress,
        map: &DataMap,
        chunks: &[(u64, Location)],
    ) -> std::result::Result<(), Failure> {
        for (offset, at) in chunks {
            if self.is_stopped() {
                return Err(AgentError::interrupted().into());
            }
            let chunk = self.handle.block_on(reader.read(self.fetcher, PackKind::Data, at))?;
            write_data(writing, map, *offset, chunk)?;
        }
        Ok(())
    }

    fn run(&self, reader: &mut ChunkReader, job: RunJob) {
        let file = job.file;
        if !self.is_stopped() && !file.failed.load(Relaxed) {
            let written = self.write_chunks(reader, &file.writing, &file.data, &job.chunks);
            if let Err(failure) = written
                && !file.failed.swap(true, Relaxed)
            {
                self.note_failure(&file.path, file.link_group, failure);
            }
        }
        self.let_go(file);
    }

    /// Gives up a share of a large file; the last one places it, if all of it was written.
    pub(super) fn let_go(&self, file: Arc<LargeFile>) {
        let Some(file) = Arc::into_inner(file) else { return };
        if file.failed.load(Relaxed) || self.is_stopped() {
            return;
        }
        match file.writing.commit(self.overwrite, &file.attributes) {
            Ok(placed) => self.note_placed(&file.link_group, file.bytes, &placed),
            Err(error) => self.note_failure(&file.path, file.link_group, error.into()),
        }
    }

    pub(super) fn note_placed(&self, group: &Option<u64>, bytes: u64, placed: &Placed) {
        let mut outcome = self.outcome.lock();
        match placed {
            Placed::New | Placed::Replaced => {
                outcome.files += 1;
                outcome.bytes += bytes;
            }
            Placed::Same => outcome.same += 1,
            Placed::Kept => outcome.kept += 1,
            Placed::Beside(_) => {
                outcome.beside += 1;
                outcome.bytes += bytes;
            }
            Placed::Renamed(_) => {
                outcome.files += 1;
                outcome.renamed += 1;
                outcome.bytes += bytes;
            }
        }
        if matches!(placed, Placed::Kept | Placed::Beside(_) | Placed::Renamed(_)) {
            outcome.unplaced_groups.extend(group);
        }
        drop(outcome);
        self.monitor.advance(1, bytes);
    }

    pub(super) fn note_failure(&self, path: &EntryPath, group: Option<u64>, failure: Failure) {
        let problem = match &failure {
            Failure::Store(error) if error.code == ExitCode::Damaged => Problem::Damaged,
            Failure::Store(error) => return self.fail(error.clone()),
            Failure::Write(error) => match error.kind {
                WriteErrorKind::Full | WriteErrorKind::ReadOnly => return self.fail(write_failed(error)),
                WriteErrorKind::HostilePath | WriteErrorKind::SymlinkInPath => Problem::RefusedName,
                WriteErrorKind::OutOfBounds => Problem::Damaged,
                WriteErrorKind::Held => Problem::InUse,
                _ => Problem::NotWritten,
            },
        };
        self.note_problem(path, problem);
        self.outcome.lock().unplaced_groups.extend(group);
    }

    /// Notes a refusal of the destination.
    pub(super) fn note_refusal(&self, path: &EntryPath, error: WriteError) {
        self.note_failure(path, None, error.into());
    }

    /// Notes an error of the store, fatal unless it is damage of this entry.
    pub(super) fn note_error(&self, path: &EntryPath, group: Option<u64>, error: AgentError) {
        self.note_failure(path, group, error.into());
    }

    pub(super) fn note_problem(&self, path: &EntryPath, problem: Problem) {
        let token = file_token(&self.token_key, path.as_bytes());
        self.outcome.lock().problems.push(FileProblem { path: path.clone(), token, problem });
    }
}

/// Chunks with their places in the data, the first at `offset`, and where the last one ends.
fn placed(mut offset: u64, chunks: Vec<Location>) -> (Vec<(u64, Location)>, u64) {
    let place = |at: Location| {
        offset += u64::from(at.bytes);
        (offset - u64::from(at.bytes), at)
    };
    let rows = chunks.into_iter().map(place).collect();
    (rows, offset)
}

fn write_data(
    writing: &FileInProgress,
    map: &DataMap,
    offset: u64,
    data: &[u8],
) -> std::result::Result<u64, Failure> {
    let end = offset + data.len() as u64;
    if end > map.data_bytes {
        return Err(contradiction().into());
    }
    for (file_offset, part) in map.pieces(offset, data.len() as u64) {
        writing.write_at(file_offset, &data[part])?;
    }
    Ok(end)
}

/// Sizes and chunks of an entry do not fit: whoever wrote the manifest lied.
fn contradiction() -> AgentError {
    damaged("", "an entry's chunks do not add up to its size")
}
