//! PostgreSQL clusters: recognised by their control file, which is read last.
//!
//! A cluster is many files, and its log says whether anything was written between the first and the last of them. Whether a
//! server runs is known from who works in the folder. Never: asks the server; a dump by profile does that.

use crate::error::Result;
use crate::pipeline::database::cluster::Cluster;
use crate::pipeline::jobs::verdict::Taken;
use crate::pipeline::workers::parts::ReadingWay;
use crate::pipeline::workers::worker::Worker;
use crate::platform;

impl Worker<'_> {
    /// Reads the control file and judges the cluster.
    pub(in crate::pipeline) fn late_cluster(&mut self, cluster: Cluster) -> Result<()> {
        let Some(work) = self.read_now(&cluster.job, ReadingWay::content(1))? else { return Ok(()) };
        let unchanged = work.source.is_unchanged().unwrap_or(false) && cluster.is_untouched();
        let taken = Taken::raw(unchanged, false, platform::folder_in_use(&cluster.folder));
        self.end_now(&work, taken.problem(), Some(taken));
        Ok(())
    }
}
