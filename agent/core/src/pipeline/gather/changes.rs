//! What changed since the last snapshot of the same roots, in numbers.
//!
//! Counted by the scan; goes to the bilan. Never: a name.

/// What a scan counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Changes {
    /// Files that were not in the last snapshot.
    pub new: u64,
    /// Files that look different.
    pub changed: u64,
    /// Files that look the same.
    pub unchanged: u64,
    /// Entries of the last snapshot that are gone.
    pub removed: u64,
    /// Of those that look different, how many hold what they held: only times, rights or an inode are others.
    pub same_content: u64,
}
