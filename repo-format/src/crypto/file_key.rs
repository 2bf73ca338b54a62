//! The key of one age file.
//!
//! For: the header, which is authenticated with it, and the payload's key, which is derived from it. Data comes as 16
//! random or unwrapped bytes and leaves as the same. Never: shown by `Debug`, or left in memory when dropped.

use zeroize::Zeroizing;

/// The 16-byte key of one age file; whoever has it opens that file and no other.
#[derive(Clone)]
pub struct FileKey(Zeroizing<[u8; 16]>);

impl FileKey {
    /// Takes the bytes; they are wiped when dropped.
    #[must_use]
    pub fn new(bytes: [u8; 16]) -> Self {
        Self(Zeroizing::new(bytes))
    }

    /// The secret bytes, for the sealed drill window.
    #[must_use]
    pub fn expose(&self) -> &[u8; 16] {
        &self.0
    }
}
