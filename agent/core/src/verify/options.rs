//! What a check is asked to do.
//!
//! From whoever asks for one. Never: changed on the way.

use scelle_format::id::{DeviceId, Sha256};

/// How much stored data is read back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReadData {
    /// None.
    None,
    /// This part of all packs, rotating with `turn` (the number of the check).
    Percent {
        /// From 1 to 100.
        percent: u8,
        /// Goes up by one with each check.
        turn: u64,
    },
    /// Everything.
    All,
}

/// The head of a chain, as the state of its own computer knows it.
#[derive(Clone, Debug)]
pub struct LocalHead {
    /// Whose chain.
    pub device: DeviceId,
    /// Number of the note.
    pub sequence: u64,
    /// SHA-256 of its text.
    pub text_sha256: Sha256,
}

/// What a check is to do.
#[derive(Clone, Debug)]
pub struct CheckOptions {
    /// How much data is read.
    pub read_data: ReadData,
    /// The head of its own chain that local state knows.
    pub local_head: Option<LocalHead>,
    /// With a key: newest snapshots of each device whose trees are followed.
    pub trees: usize,
}
