//! What the threads of a restore share: where entries go, what has been counted, and what ends it.
//!
//! For: all of a restore. Damage and refusals of single files are noted and passed over; only a store or a disk that fails
//! as a whole stops it. Never: logs a path.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

use parking_lot::Mutex;
use scelle_format::report::file_token;
use tokio::runtime::Handle;

use super::outstanding::{OpenFiles, Outstanding};
use super::places::Places;
use super::tally::{FileProblem, NAMED_MAX, Tally};
use super::write::{Overwrite, Placed, WriteError, WriteErrorKind, write_failed};
use crate::error::{AgentError, ExitCode, Fault, Result};
use crate::monitor::{Monitor, Problem};
use crate::reading::ChunkIdKeys;
use crate::reading::fetch::Fetcher;
use crate::scan::EntryPath;
use crate::shutdown::Shutdown;

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
    pub(super) tally: Mutex<Tally>,
    pub(super) outstanding: Outstanding,
    pub(super) open_files: Arc<OpenFiles>,
    stop: AtomicBool,
    error: Mutex<Option<AgentError>>,
}

/// Why a file was not restored: the restore root refused it, or reading it failed.
pub(super) type WriteFault = Fault<WriteError>;

impl From<WriteError> for WriteFault {
    fn from(error: WriteError) -> Self {
        Self::Here(error)
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
            tally: Mutex::default(),
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

    /// Counts a file that stands, or was kept.
    pub(super) fn note_placed(&self, path: &EntryPath, group: &Option<u64>, bytes: u64, placed: &Placed) {
        let mut tally = self.tally.lock();
        match placed {
            Placed::New | Placed::Replaced => {
                tally.files += 1;
                tally.bytes += bytes;
            }
            Placed::Same => tally.same += 1,
            Placed::Kept => self.count_kept(&mut tally, path),
            Placed::Beside(at) => {
                count_beside(&mut tally, path, at);
                tally.bytes += bytes;
            }
            Placed::Renamed(_) => {
                tally.files += 1;
                tally.renamed += 1;
                tally.bytes += bytes;
            }
        }
        if matches!(placed, Placed::Kept | Placed::Beside(_) | Placed::Renamed(_)) {
            tally.unplaced_groups.extend(group);
        }
        drop(tally);
        self.monitor.advance(1, bytes);
    }

    /// Counts a symlink that stands, or was kept.
    pub(super) fn note_symlink(&self, path: &EntryPath, placed: &Placed) {
        let mut tally = self.tally.lock();
        match placed {
            Placed::New | Placed::Replaced => tally.symlinks += 1,
            Placed::Same => tally.same += 1,
            Placed::Kept => self.count_kept(&mut tally, path),
            Placed::Beside(at) => count_beside(&mut tally, path, at),
            Placed::Renamed(_) => {
                tally.symlinks += 1;
                tally.renamed += 1;
            }
        }
    }

    /// What was kept is not what the snapshot holds.
    fn count_kept(&self, tally: &mut Tally, path: &EntryPath) {
        tally.kept += 1;
        if tally.kept_files.len() < NAMED_MAX {
            tally.kept_files.push(self.problem(path, Problem::Kept));
        }
    }

    /// Notes why a file was not restored; what fails as a whole ends everything.
    pub(super) fn note_failure(&self, path: &EntryPath, group: Option<u64>, failure: WriteFault) {
        let problem = match &failure {
            Fault::Run(error) if error.code == ExitCode::Damaged => Problem::Damaged,
            Fault::Run(error) => return self.fail(error.clone()),
            Fault::Here(error) => match error.kind {
                WriteErrorKind::Full | WriteErrorKind::ReadOnly => return self.fail(write_failed(error)),
                WriteErrorKind::HostilePath | WriteErrorKind::SymlinkInPath => Problem::RefusedName,
                WriteErrorKind::OutOfBounds => Problem::Damaged,
                WriteErrorKind::Held => Problem::InUse,
                _ => Problem::NotWritten,
            },
        };
        self.note_problem(path, problem);
        self.tally.lock().unplaced_groups.extend(group);
    }

    /// Notes a refusal of the restore root.
    pub(super) fn note_refusal(&self, path: &EntryPath, error: WriteError) {
        self.note_failure(path, None, error.into());
    }

    /// Notes an error of the store, fatal unless it is damage of this entry.
    pub(super) fn note_error(&self, path: &EntryPath, group: Option<u64>, error: AgentError) {
        self.note_failure(path, group, error.into());
    }

    /// Lists an entry, and tells the monitor its token.
    pub(super) fn note_problem(&self, path: &EntryPath, problem: Problem) {
        let problem = self.problem(path, problem);
        self.tally.lock().problems.push(problem);
    }

    /// An entry of the lists.
    pub(super) fn problem(&self, path: &EntryPath, problem: Problem) -> FileProblem {
        let token = file_token(&self.token_key, path.as_bytes());
        FileProblem { path: path.clone(), token, problem }
    }
}

/// Counts what was placed at `at`, beside what stands at `path`.
fn count_beside(tally: &mut Tally, path: &EntryPath, at: &EntryPath) {
    tally.beside += 1;
    if tally.beside_files.len() < NAMED_MAX {
        tally.beside_files.extend(path.parent().unwrap_or_default().child(at.name()));
    }
}
