//! A PostgreSQL cluster on its way: its control file waits until everything else is read.
//!
//! What its log looked like when it was met is kept beside it. Never: a verdict.

use std::path::PathBuf;
use std::sync::Arc;

use super::super::job::FileJob;
use crate::platform;

/// Name, length and time of each file of the log, and of the control file.
type Mark = Vec<(Vec<u8>, u64, i64)>;

/// A cluster that is being read.
pub struct Cluster {
    /// Its control file.
    pub(super) job: Arc<FileJob>,
    pub(super) folder: PathBuf,
    mark: Mark,
}

impl Cluster {
    /// The cluster of this control file, as it looks now.
    pub(super) fn of(job: Arc<FileJob>) -> Self {
        let folder =
            job.os_path.parent().and_then(|global| global.parent()).unwrap_or(&job.os_path).to_owned();
        let mark = mark(&folder);
        Self { job, folder, mark }
    }

    /// Whether its log looks as it did.
    pub(super) fn is_untouched(&self) -> bool {
        mark(&self.folder) == self.mark
    }
}

fn mark(folder: &std::path::Path) -> Mark {
    let mut files = Vec::new();
    for log in ["pg_wal", "pg_xlog", "global"] {
        files.extend(platform::read_directory(&folder.join(log)).unwrap_or_default());
    }
    files.into_iter().map(|(name, stat)| (name, stat.bytes, stat.modified_ns)).collect()
}
