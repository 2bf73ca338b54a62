//! What a worker does until nothing is left to do.
//!
//! From the queue to the file of each kind of source, all of which stand below. Never: chooses; the queue does.

use crate::error::{AgentError, Result};
use crate::pipeline::workers::queue::TakenJob;
use crate::pipeline::workers::worker::{Work, Worker};

impl Worker<'_> {
    /// Does what there is to do, until nothing comes any more: parts of large files first.
    ///
    /// Errors: also when another worker has failed.
    pub fn labour(&mut self) -> Result<()> {
        while let Some(TakenJob { task, at_work }) = self.shared.queue.take() {
            self.shared.shutdown.check()?;
            match task {
                Work::Part(part) => self.part(&part)?,
                Work::Small(jobs) => self.small_files(&jobs)?,
                Work::Large(job) => self.large_file(&job)?,
            }
            drop(at_work);
        }
        if self.shared.queue.is_stopped() {
            return Err(AgentError::interrupted());
        }
        self.shared.shutdown.check()?;
        // No frame comes any more: each worker seals a pack of those that are open.
        self.flush_data_packs()
    }
}
