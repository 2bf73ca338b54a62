//! Why a look at something has no answer: what it found wrong there, told apart from a disk that could not be asked.
//!
//! For: the chain's verification and the blobs' scrub, which say of the first and end with the second. Never: an answer to a
//! request.

use std::io;

/// Why a look has no answer.
#[derive(Debug)]
pub enum Fault<T> {
    /// This is the matter with what was looked at.
    Here(T),
    /// The disk, or what stands between: nothing was learnt.
    Disk(io::Error),
}

impl<T> Fault<T> {
    /// What is the matter with what was looked at.
    ///
    /// Errors: nothing was learnt.
    pub fn here(self) -> io::Result<T> {
        match self {
            Self::Here(what) => Ok(what),
            Self::Disk(error) => Err(error),
        }
    }
}

impl<T> From<io::Error> for Fault<T> {
    fn from(error: io::Error) -> Self {
        Self::Disk(error)
    }
}
