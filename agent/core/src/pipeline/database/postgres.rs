//! PostgreSQL clusters: recognised by their control file, which is read last.
//!
//! A cluster is many files, and its log says whether anything was written between the first and the last of them. Whether a
//! server runs is known from who works in the folder. Never: asks the server; a dump by profile does that.

use std::path::PathBuf;
use std::sync::Arc;

use super::super::job::FileJob;
use super::super::part::Reading;
use super::super::read::Worker;
use super::side::Beside;
use super::verdict::Taken;
use crate::error::Result;
use crate::platform;

/// Name, length and time of each file of the log, and of the control file.
type Mark = Vec<(Vec<u8>, u64, i64)>;

/// A cluster that is being read.
pub struct Cluster {
    /// Its control file.
    job: Arc<FileJob>,
    folder: PathBuf,
    mark: Mark,
}

impl Beside {
    /// A control file was met: the cluster has its verdict when everything else is read.
    pub fn wait_for_cluster(&self, job: Arc<FileJob>) {
        let folder =
            job.os_path.parent().and_then(|global| global.parent()).unwrap_or(&job.os_path).to_owned();
        let mark = mark(&folder);
        self.put_cluster(Cluster { job, folder, mark });
    }
}

impl Worker<'_> {
    /// Reads the control file and judges the cluster.
    pub(super) fn late_cluster(&mut self, cluster: Cluster) -> Result<()> {
        let Some(work) = self.read_now(&cluster.job, Reading::content(1))? else { return Ok(()) };
        let unchanged = work.source.is_unchanged().unwrap_or(false) && mark(&cluster.folder) == cluster.mark;
        let taken = Taken::raw(unchanged, false, platform::folder_in_use(&cluster.folder));
        self.end_now(&work, taken.problem(), Some(taken));
        Ok(())
    }
}

fn mark(folder: &std::path::Path) -> Mark {
    let mut files = Vec::new();
    for log in ["pg_wal", "pg_xlog", "global"] {
        files.extend(platform::read_directory(&folder.join(log)).unwrap_or_default());
    }
    files.into_iter().map(|(name, stat)| (name, stat.bytes, stat.modified_ns)).collect()
}
