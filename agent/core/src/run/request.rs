//! What a backup is asked for, and everything known after it.
//!
//! From whoever starts a run; the summary goes back there. Never: changed on the way.

use std::path::PathBuf;
use std::time::{Duration, SystemTime};

use scelle_format::report::file_token;

use super::roots::absolute_roots;
use crate::bilan::{Declared, Proofs};
use crate::error::{ExitCode, Result};
use crate::monitor::Notice;
use crate::pipeline::landing::checkpoint::CheckpointEvery;
use crate::pipeline::{RunPlan, Saved};
use crate::repo::damage::damaged::DamageCounts;
use crate::repo::ledger::append::start::Start;
use crate::repo::rounds::LedgerEnd;
use crate::scan::PathFilter;

/// More workers than this would not keep to 256 MiB, and no practice has a disk that feeds them.
const WORKERS_MAX: usize = 16;

/// Problems named one by one; the rest is counted.
const PROBLEMS_NAMED: usize = 20;

/// A backup that is asked for. What is the backup's own (the state, a store that is a folder) is never saved, and need not be
/// named here.
pub struct BackupRequest {
    /// Roots as given.
    pub roots: Vec<PathBuf>,
    /// Globs to leave out.
    pub exclude: Vec<String>,
    /// Threads; 0 means one per core, at most 16.
    pub threads: usize,
    /// When partial notes are due.
    pub checkpoints: CheckpointEvery,
    /// What its bilan says that nobody measures.
    pub declared: Declared,
    /// An earlier attempt has left its bilan: where this one cannot begin, it leaves none.
    pub is_again: bool,
}

impl BackupRequest {
    /// To save these folders but for what is excluded, as a run does of itself.
    ///
    /// Errors: exit 2 a pattern is wrong: known before anything is opened.
    pub fn new(paths: &[PathBuf], exclude: Vec<String>) -> Result<Self> {
        PathFilter::new(&[], &exclude, &[])?;
        let (roots, checkpoints) = (absolute_roots(paths)?, CheckpointEvery::default());
        Ok(Self { roots, exclude, threads: 0, checkpoints, declared: Declared::default(), is_again: false })
    }

    /// What of its folders is looked at. `own_folders`: those of the backup itself.
    ///
    /// Errors: exit 2 a pattern is wrong.
    pub(super) fn filter(&self, own_folders: &[PathBuf]) -> Result<PathFilter> {
        Ok(PathFilter::new(&[], &self.exclude, own_folders)?)
    }

    /// The plan of the pipeline.
    ///
    /// Errors: exit 2 a pattern is wrong.
    pub(super) fn plan(&self, set: &str, own_folders: &[PathBuf]) -> Result<RunPlan> {
        let filter = self.filter(own_folders)?;
        let workers = match self.threads {
            0 => std::thread::available_parallelism().map_or(2, usize::from).min(WORKERS_MAX),
            n => n,
        };
        let checkpoints = self.checkpoints;
        Ok(RunPlan { set: set.to_owned(), roots: self.roots.clone(), filter, workers, checkpoints })
    }
}

/// Everything known after a run.
pub struct Summary {
    /// What the pipeline says.
    pub saved: Saved,
    /// Objects that were gone from the store, or spoilt, and were put back as they were, or replaced.
    pub mended_objects: u64,
    /// Objects that are known to be damaged still.
    pub damaged: DamageCounts,
    /// What the start of the ledger showed.
    pub start: Start,
    /// The set of roots.
    pub set: String,
    /// Earlier runs of this set.
    pub earlier_runs: u64,
    /// What descriptors and newest notes show.
    pub ledger: LedgerEnd,
    /// What proof notes say.
    pub proofs: Proofs,
    /// Fewest copies of a key file: in the store, in refs, in the state folder.
    pub key_copies: u64,
    /// When it began.
    pub began: SystemTime,
    /// How long it took.
    pub duration: Duration,
}

impl Summary {
    /// The code follows the run, not the colour.
    pub fn code(&self) -> ExitCode {
        if self.saved.problems() > 0 { ExitCode::Partial } else { ExitCode::Ok }
    }

    /// Whether the folders held no file at all.
    pub fn is_empty(&self) -> bool {
        let totals = &self.saved.gathered.totals;
        totals.files + totals.symlinks == 0
    }

    /// The first problems one by one, below `root`, with tokens for the files' names; the others are only counted.
    pub fn first_problems<'a>(
        &'a self,
        root: &'a str,
        token_key: &'a [u8; 32],
    ) -> impl Iterator<Item = Notice> + 'a {
        self.saved.gathered.troubles.iter().take(PROBLEMS_NAMED).map(move |trouble| {
            let token = file_token(token_key, &trouble.path);
            Notice::Problem { root: root.into(), token, problem: trouble.problem }
        })
    }
}
