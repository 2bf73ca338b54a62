//! The first reading of a SQLite database: in slices, none of which holds a lock while anything is sealed or sent.
//!
//! Each buffer is filled under a lock of its own, of milliseconds. As long as nobody commits between two of them all are of
//! one state, and the reading is the copy. Once somebody does, what follows is read without any lock, at whatever pace: it
//! only stores what most pages are, and the last word is [`crate::pipeline::workers::last_pass`]'s. Never: waits for a writer, or lets one wait.

use std::io;
use std::path::Path;
use std::time::Duration;

use parking_lot::Mutex;

use crate::pipeline::database::transaction::{Mode, Reader, Refusal, mode};
use crate::scan::SourceFile;

/// A writer may keep us waiting so long before the first slice …
pub const FIRST_WAIT: Duration = Duration::from_secs(5);
/// … and before the others.
const SLICE_WAIT: Duration = Duration::from_millis(20);

/// A database being read in slices.
pub struct Live {
    /// Gone once somebody has committed.
    steady: Mutex<Option<(Reader, i64)>>,
}

impl Live {
    /// Connects, and notes the state that is read.
    pub fn connect(path: &Path, source: &SourceFile) -> Result<Self, Refusal> {
        let mut reader = Reader::connect(path, source.stat(), FIRST_WAIT)?;
        let version = reader.begin()?;
        // Whoever made it a database with a log meanwhile has changed the file, and left its pages elsewhere.
        let is_in_file = mode(source, path) == Mode::Journal;
        reader.end();
        reader.wait_at_most(SLICE_WAIT)?;
        let steady = is_in_file.then_some((reader, version));
        Ok(Self { steady: Mutex::new(steady) })
    }

    /// One that is read without locks from the beginning.
    pub fn moving() -> Self {
        Self { steady: Mutex::new(None) }
    }

    /// Fills a buffer under a lock of its own, while the state is the same as at first.
    pub fn slice<T>(&self, fill: impl FnOnce() -> io::Result<T>) -> io::Result<T> {
        let mut steady = self.steady.lock();
        if let Some((reader, version)) = &*steady {
            match reader.begin() {
                Ok(now) if now == *version => {
                    let filled = fill();
                    reader.end();
                    return filled;
                }
                Ok(_) => reader.end(),
                Err(_) => {}
            }
            *steady = None;
        }
        drop(steady);
        fill()
    }

    /// Whether somebody has committed: what is read only stores pages, it is no copy.
    pub fn is_moving(&self) -> bool {
        self.steady.lock().is_none()
    }

    /// Whether all slices are of one state. The last one proves it: nobody committed up to now.
    pub fn is_of_one_state(&self) -> bool {
        let steady = self.steady.lock();
        let Some((reader, version)) = &*steady else { return false };
        let now = reader.begin();
        reader.end();
        now == Ok(*version)
    }
}
