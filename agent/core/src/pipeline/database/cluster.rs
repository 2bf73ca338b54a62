//! A PostgreSQL cluster on its way: its control file waits until everything else is read.
//!
//! What its log looked like when it was met is kept beside it. A server also writes data files while its log stands still
//! (what the log told before a checkpoint): then files read before and after do not belong together, and the control file
//! says that nothing is to be done again. Never: a verdict.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::pipeline::jobs::job::FileJob;
use crate::platform::{self, Kind};

/// Name, length and time of each file of the log, and of the control file.
type ClusterMark = Vec<(Vec<u8>, u64, i64)>;

/// File systems stamp with the time of their last tick, which may lie so far back.
const TICK_NS: i64 = 20_000_000;
/// Folders in folders: `base/16384`.
const DEPTH: u32 = 2;
/// Where data lies that must belong together. What lies elsewhere (statistics, messages, settings) is written by an idle
/// server, too, and needs nothing else.
const DATA: [&str; 6] = ["base", "global", "pg_xact", "pg_clog", "pg_multixact", "pg_twophase"];

/// A cluster that is being read.
pub struct Cluster {
    /// Its control file.
    pub(in crate::pipeline) job: Arc<FileJob>,
    pub(in crate::pipeline) folder: PathBuf,
    began_ns: i64,
    mark: ClusterMark,
}

impl Cluster {
    /// The cluster of this control file, as it looks now, in a run that began at `began_ns`.
    pub(in crate::pipeline) fn of(job: Arc<FileJob>, began_ns: i64) -> Self {
        let folder =
            job.os_path.parent().and_then(|global| global.parent()).unwrap_or(&job.os_path).to_owned();
        let mark = mark(&folder);
        Self { job, folder, began_ns, mark }
    }

    /// Whether its log looks as it did, and no data file was written since the run began: which of them were read before is
    /// not known any more.
    pub(in crate::pipeline) fn is_untouched(&self) -> bool {
        let since_ns = self.began_ns.saturating_sub(TICK_NS);
        let data = DATA.iter().map(|name| self.folder.join(name)).filter(|folder| folder.is_dir());
        mark(&self.folder) == self.mark
            && !data.into_iter().any(|data| is_written_since(&data, since_ns, DEPTH))
    }
}

fn mark(folder: &Path) -> ClusterMark {
    let mut files = Vec::new();
    for log in ["pg_wal", "pg_xlog", "global"] {
        files.extend(platform::read_directory(&folder.join(log)).unwrap_or_default());
    }
    files.into_iter().map(|(name, stat)| (name, stat.bytes, stat.modified_ns)).collect()
}

/// Whether a file below `folder` was written after `time_ns`. What cannot be looked at may have been.
fn is_written_since(folder: &Path, time_ns: i64, depth: u32) -> bool {
    let Ok(entries) = platform::read_directory(folder) else { return true };
    entries.into_iter().any(|(name, stat)| match stat.kind {
        Kind::File => stat.modified_ns >= time_ns,
        Kind::Directory if depth > 0 => {
            let Ok(name) = platform::bytes_to_os(&name) else { return true };
            is_written_since(&folder.join(name), time_ns, depth - 1)
        }
        _ => false,
    })
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::time::{Duration, SystemTime};

    use super::*;
    use crate::scan::EntryPath;

    #[test]
    fn a_data_file_written_while_the_log_stands_still_is_seen() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        let hour_ago = SystemTime::now() - Duration::from_secs(3_600);
        for name in ["PG_VERSION", "base/5/1259", "global/pg_control", "pg_wal/000000010000000000000001"] {
            fs::create_dir_all(at(name).parent().unwrap()).unwrap();
            fs::write(at(name), "x").unwrap();
            fs::File::options().write(true).open(at(name)).unwrap().set_modified(hour_ago).unwrap();
        }
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap();
        let control = at("global/pg_control");
        let stat = platform::stat(&control).unwrap();
        let path = EntryPath::from_os(&control).unwrap();
        let job = Arc::new(FileJob::new(Arc::default(), path, control, stat, None));
        let cluster = Cluster::of(job, now.as_nanos() as i64);
        assert!(cluster.is_untouched());
        fs::write(at("base/5/1259"), "y").unwrap();
        assert!(!cluster.is_untouched());
    }
}
