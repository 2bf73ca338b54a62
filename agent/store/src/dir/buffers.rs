//! Buffers for large objects, used again and again.
//!
//! For: `dir`, whose readers take one pack after another: a fresh buffer for each would cost the system as much as
//! reading the file. Data comes from the folder's files and goes out as `Bytes`, whose last owner gives the buffer
//! back. Never: keeps more than [`FREE_MAX`] buffers that nobody uses, or hands out a byte that was not read.

use std::io::{self, Read};
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;

/// What is read from this size on goes into such a buffer: packs of usual size, and no part of a pack, which would
/// hold more memory than it counts for.
pub(super) const FROM_BYTES: u64 = 10 << 20;
/// Objects beyond this size are rare and get a buffer of their own.
pub(super) const TO_BYTES: u64 = BUFFER_BYTES as u64;
/// What one buffer holds: a pack of usual size with its seal.
const BUFFER_BYTES: usize = 17 << 20;
/// Buffers kept that nobody uses.
const FREE_MAX: usize = 2;

/// The buffers of one folder.
#[derive(Debug, Default)]
pub(super) struct Buffers {
    free: Mutex<Vec<Vec<u8>>>,
}

/// A buffer in use.
struct Lent {
    home: Arc<Buffers>,
    buffer: Vec<u8>,
    length: usize,
}

impl Buffers {
    /// Reads exactly `length` bytes, at most [`TO_BYTES`]. `UnexpectedEof` when there are fewer.
    pub(super) fn read(self: &Arc<Self>, mut from: impl Read, length: usize) -> io::Result<Bytes> {
        let buffer = self.free().pop().unwrap_or_else(|| vec![0; BUFFER_BYTES]);
        let mut lent = Lent { home: Arc::clone(self), buffer, length: length.min(BUFFER_BYTES) };
        from.read_exact(&mut lent.buffer[..lent.length])?;
        Ok(Bytes::from_owner(lent))
    }

    fn free(&self) -> std::sync::MutexGuard<'_, Vec<Vec<u8>>> {
        // A panic elsewhere leaves whole buffers behind.
        self.free.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl AsRef<[u8]> for Lent {
    fn as_ref(&self) -> &[u8] {
        &self.buffer[..self.length]
    }
}

impl Drop for Lent {
    fn drop(&mut self) {
        let mut free = self.home.free();
        if free.len() < FREE_MAX {
            free.push(std::mem::take(&mut self.buffer));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn buffers_come_back_and_give_only_what_was_read() {
        let buffers = Arc::new(Buffers::default());
        let long = buffers.read(&[7u8; 100][..], 100).unwrap();
        let slice = long.slice(10..20);
        drop(long);
        assert_eq!(buffers.free().len(), 0, "still in use");
        drop(slice);
        assert_eq!(buffers.free().len(), 1);
        let short = buffers.read(&[1u8; 3][..], 3).unwrap();
        assert_eq!((&short[..], buffers.free().len()), (&[1u8; 3][..], 0));
        assert!(buffers.read(&[1u8; 3][..], 4).is_err());
        let many: Vec<_> = (0..5).map(|_| buffers.read(&[][..], 0).unwrap()).collect();
        drop(many);
        assert_eq!(buffers.free().len(), FREE_MAX);
    }
}
