//! Writes the files of a practice, gives each its time and counts them.
//!
//! For: [`super::build`] and the odd files. Data comes as content and goes below one root. Never: replaces a file.

use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use super::error::Result;
use super::seeded::Seeded;

/// Modification time of the oldest file, in seconds since 1970: 6 January 2025, 08:00 UTC.
const FIRST_DAY_SECONDS: u64 = 1_736_150_400;

/// Writes files below a root and counts them.
pub(super) struct Maker {
    pub(super) root: PathBuf,
    pub(super) random: Seeded,
    pub(super) files: u64,
    pub(super) bytes: u64,
}

impl Maker {
    /// A maker that has written nothing below `root`.
    pub(super) fn new(root: &Path, seed: u64) -> Self {
        Self { root: root.to_owned(), random: Seeded::new(seed), files: 0, bytes: 0 }
    }

    /// Writes one file; its time is a minute after the previous one's.
    pub(super) fn write(&mut self, relative: &Path, content: &[u8]) -> Result<()> {
        let path = self.root.join(relative);
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder)?;
        }
        let mut file = File::create_new(&path)?;
        file.write_all(content)?;
        self.finish(&file, content.len() as u64)
    }

    /// Gives an open file its time and counts it.
    pub(super) fn finish(&mut self, file: &File, length: u64) -> Result<()> {
        let nanos = self.random.below(1_000_000_000);
        let age = Duration::new(FIRST_DAY_SECONDS + self.files * 60, nanos as u32);
        file.set_modified(SystemTime::UNIX_EPOCH + age)?;
        self.files += 1;
        self.bytes += length;
        Ok(())
    }
}
