//! Counting files whose fate is open when the scan passes: side files of databases, saved or left out once the run knows.
//!
//! Data comes from jobs that are over, goes to the totals of the run. Never: decides anything.

use crate::pipeline::gather::changes::Changes;
use crate::pipeline::jobs::job::{FileJob, LateCount, Outcome};

/// Files whose fate was open when the scan counted.
#[derive(Clone, Copy, Debug, Default)]
pub struct Late {
    /// Files, and their bytes.
    pub files: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Of these, those that a database needs.
    pub side_files: SideFiles,
    /// What they are against the last snapshot.
    pub changes: Changes,
}

/// Journals and logs that were saved with the databases that need them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SideFiles {
    /// How many.
    pub files: u64,
    /// Their bytes.
    pub bytes: u64,
}

impl Late {
    /// Counts a job that is over.
    pub fn count(&mut self, job: &FileJob, outcome: &Outcome) {
        let Some(count) = job.counted_late else { return };
        let changes = &mut self.changes;
        match (outcome, count) {
            (Outcome::LeftOut, LateCount::New) => return,
            (Outcome::LeftOut, _) => {
                changes.removed += 1;
                return;
            }
            (_, LateCount::New) => changes.new += 1,
            (_, LateCount::Changed) => changes.changed += 1,
            (_, LateCount::Unchanged) => changes.unchanged += 1,
        }
        self.files += 1;
        self.bytes += job.stat.bytes;
        if matches!(outcome, Outcome::Stored(stored) if stored.is_side_file) {
            self.side_files.files += 1;
            self.side_files.bytes += job.stat.bytes;
        }
    }
}
