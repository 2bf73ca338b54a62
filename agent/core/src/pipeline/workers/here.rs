//! A whole file, read here and now by one worker: what waited for the end of the scan is read so.
//!
//! From a job to its chunks and its end. Never: hands a part to another worker.

use std::io;
use std::sync::Arc;
use std::sync::atomic::AtomicUsize;

use scelle_format::manifest::Extent;

use crate::error::Result;
use crate::monitor::Problem;
use crate::pipeline::jobs::job::{FileJob, Outcome, Stored, problem_of};
use crate::pipeline::jobs::verdict::Taken;
use crate::pipeline::workers::parts::{PART_BYTES, PartWork, ReadingWay, split};
use crate::pipeline::workers::worker::Worker;
use crate::scan::SourceFile;

impl Worker<'_> {
    /// Reads a whole file here and now; a file that cannot be read ends its job.
    pub(in crate::pipeline) fn read_now(
        &mut self,
        job: &Arc<FileJob>,
        reading: ReadingWay,
    ) -> Result<Option<Arc<PartWork>>> {
        let source = match SourceFile::watching(|| job.open()) {
            Ok(source) => source,
            Err(error) => {
                self.lose(job, &error);
                return Ok(None);
            }
        };
        let bytes = source.stat().bytes;
        let data = if bytes == 0 { Vec::new() } else { vec![Extent { start: 0, bytes }] };
        let (list, open_parts) = (Arc::default(), AtomicUsize::new(0));
        let work = Arc::new(PartWork { job: job.clone(), source, extents: None, reading, list, open_parts });
        for (part, ranges) in split(&data, PART_BYTES).into_iter().enumerate() {
            match self.chunk_part(&work, &ranges) {
                Ok(chunks) => work.list.hand_in(part, chunks, self)?,
                Err(fault) => {
                    self.lose(job, &fault.here()?);
                    return Ok(None);
                }
            }
        }
        Ok(Some(work))
    }

    fn lose(&self, job: &FileJob, error: &io::Error) {
        self.shared.monitor.advance(1, job.stat.bytes);
        job.end(Outcome::Lost(problem_of(error)));
    }

    /// Ends a job that was read by [`Self::read_now`].
    pub(in crate::pipeline) fn end_now(
        &self,
        work: &PartWork,
        problem: Option<Problem>,
        taken: Option<Taken>,
    ) {
        self.end_as(work, Stored { problem, taken, ..work.stored() });
    }

    /// Ends the job of a side file that was read by [`Self::read_now`] with the database that needs it.
    pub(in crate::pipeline) fn end_side(&self, work: &PartWork, problem: Option<Problem>) {
        self.end_as(work, Stored { problem, is_side_file: true, ..work.stored() });
    }

    fn end_as(&self, work: &PartWork, stored: Stored) {
        work.list.end();
        self.shared.monitor.advance(1, work.job.stat.bytes);
        work.job.end(Outcome::Stored(Box::new(stored)));
    }
}
