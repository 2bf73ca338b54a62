//! Memory of packs: a fixed number of them at a time, and each one's buffer serves the next.
//!
//! A share is taken when a pack is opened and goes back when its last byte has left for the store, so that a slow store
//! makes workers wait instead of packs pile up. Whoever waits here holds no full pack: there is always one on its way whose
//! share comes back. Never: frees a buffer that the next pack can use, since fresh memory costs a page fault for every 4 KiB.

use std::sync::Arc;

use parking_lot::{Condvar, Mutex};

/// Room for so many packs.
#[derive(Debug)]
pub struct PackMemory {
    state: Mutex<Shares>,
    returned: Condvar,
}

#[derive(Debug)]
struct Shares {
    free_shares: usize,
    buffers: Vec<Vec<u8>>,
}

/// The right to hold one pack in memory.
#[derive(Debug)]
pub struct MemoryShare {
    memory: Arc<PackMemory>,
}

impl PackMemory {
    /// Room for `packs` packs.
    pub fn new(packs: usize) -> Arc<Self> {
        let state = Shares { free_shares: packs, buffers: Vec::new() };
        Arc::new(Self { state: Mutex::new(state), returned: Condvar::new() })
    }

    /// Waits for a share; with it comes a buffer that an earlier pack has left, or an empty one.
    pub fn take(self: &Arc<Self>) -> (MemoryShare, Vec<u8>) {
        let mut state = self.state.lock();
        while state.free_shares == 0 {
            self.returned.wait(&mut state);
        }
        state.free_shares -= 1;
        (MemoryShare { memory: self.clone() }, state.buffers.pop().unwrap_or_default())
    }
}

impl MemoryShare {
    /// The bytes of a finished pack, with which the share goes back.
    pub fn with(self, bytes: Vec<u8>) -> SharedBytes {
        SharedBytes { bytes, share: self }
    }
}

impl Drop for MemoryShare {
    fn drop(&mut self) {
        self.memory.state.lock().free_shares += 1;
        self.memory.returned.notify_one();
    }
}

/// A finished pack's bytes.
#[derive(Debug)]
pub struct SharedBytes {
    bytes: Vec<u8>,
    share: MemoryShare,
}

impl AsRef<[u8]> for SharedBytes {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

impl Drop for SharedBytes {
    fn drop(&mut self) {
        self.share.memory.state.lock().buffers.push(std::mem::take(&mut self.bytes));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_come_back_with_their_buffers() {
        let memory = PackMemory::new(2);
        let (first, buffer) = memory.take();
        assert!(buffer.is_empty());
        let (second, _) = memory.take();
        assert_eq!(memory.state.lock().free_shares, 0);
        let sent = bytes::Bytes::from_owner(first.with(vec![7; 1000]));
        let clone = sent.clone();
        drop(sent);
        assert_eq!(memory.state.lock().free_shares, 0, "a retry may still send it");
        let waiting = std::thread::spawn({
            let memory = memory.clone();
            move || memory.take().1
        });
        drop(clone);
        assert_eq!(waiting.join().unwrap(), vec![7; 1000]);
        drop(second);
        assert_eq!(memory.state.lock().free_shares, 2);
    }
}
