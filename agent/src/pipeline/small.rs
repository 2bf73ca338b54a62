//! Reading a small file whole, to its end whatever the system says of its size.
//!
//! Pseudo-files and some network file systems say 0, or another size than what can be read; a file may grow meanwhile. Data
//! comes from a [`FileJob`]'s file, goes to the worker's buffer. Never: takes the size for the content.

use std::io;

use super::job::FileJob;
use super::read::{READ_ATTEMPTS, SMALL_BYTES};
use crate::monitor::Problem;
use crate::scan::SourceFile;

/// A small file that was read whole into a buffer.
pub(super) struct SmallRead {
    /// Held open.
    pub source: SourceFile,
    /// Bytes of the buffer that are its content.
    pub bytes: usize,
    /// Stored, but something is to be said of it.
    pub problem: Option<Problem>,
}

/// Reads a small file whole to the start of `buffer`, again when it changed meanwhile; `None` when it is not small.
pub(super) fn read(job: &FileJob, buffer: &mut Vec<u8>) -> io::Result<Option<SmallRead>> {
    let mut attempt = 1;
    loop {
        let source = job.open()?;
        let Some(bytes) = read_to_end(&source, buffer)? else { return Ok(None) };
        let unchanged = source.is_unchanged()?;
        let problem = match unchanged {
            true => ((bytes as u64) < source.stat().bytes).then_some(Problem::Shorter),
            false => Some(Problem::Changed),
        };
        if unchanged || attempt == READ_ATTEMPTS {
            return Ok(Some(SmallRead { source, bytes, problem }));
        }
        attempt += 1;
    }
}

/// Whether there are bytes beyond the size that the system says.
pub(super) fn goes_on(source: &SourceFile) -> bool {
    source.read_at(&mut [0], source.stat().bytes).is_ok_and(|bytes| bytes > 0)
}

fn read_to_end(source: &SourceFile, buffer: &mut Vec<u8>) -> io::Result<Option<usize>> {
    let most = SMALL_BYTES as usize;
    let expected = usize::try_from(source.stat().bytes).unwrap_or(usize::MAX);
    if expected > most {
        return Ok(None);
    }
    // Room for one byte more than it says: a read that stops where it says is the end, and costs no second. What says 0
    // may be made anew by each read, so the first is offered all there is room for.
    let mut room = if expected == 0 { most + 1 } else { expected + 1 };
    let mut bytes = 0;
    loop {
        // The buffer never shrinks: growing it again would fill it with zeros first.
        if buffer.len() < room {
            buffer.resize(room, 0);
        }
        match source.read_at(&mut buffer[bytes..room], bytes as u64)? {
            0 => return Ok(Some(bytes)),
            n => bytes += n,
        }
        if bytes > most {
            return Ok(None);
        }
        if bytes == expected {
            return Ok(Some(bytes));
        }
        if bytes == room {
            room = most + 1;
        }
    }
}
