//! Whether a file that was just written and synced holds what was sent.
//!
//! For: [`super::Writer`], before a file gets its name. The file, newly opened, and the SHA-256 announced come in, yes or no goes out. What
//! it proves depends on what lies below. On Linux the page cache is told to let go of the file first, so the bytes come from
//! the disk or over the share; a disk's own memory, a NAS's, and a filesystem in memory may still answer from what they
//! were given. On Windows and macOS the system's cache may answer: then only the way there is proven, not the disk.
//! What rots later is found by `check`. Never: repairs.

use std::fs::File;
use std::io::{self, Read as _};

use aws_lc_rs::digest::{Context, SHA256};

/// Read at once.
const BUFFER_BYTES: usize = 64 << 10;

/// Reads the file, just opened, to its end and compares.
pub(super) fn is_as_sent(mut file: File, sha256: &[u8; 32]) -> io::Result<bool> {
    let mut hash = Context::new(&SHA256);
    let mut buffer = vec![0; BUFFER_BYTES];
    loop {
        match file.read(&mut buffer) {
            Ok(0) => return Ok(hash.finish().as_ref() == sha256),
            Ok(read) => hash.update(&buffer[..read]),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}
