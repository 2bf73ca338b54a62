//! What can go wrong while a practice is made.
//!
//! Never: hidden; the data being invented, it is shown as it is.

use std::io;

/// Something went wrong while making the practice; shown as is by the demo, the data being invented.
#[derive(Debug, thiserror::Error)]
pub enum PracticeError {
    /// A file could not be written.
    #[error("practice file: {0}")]
    Io(#[from] io::Error),
    /// The database could not be written.
    #[error("practice database: {0}")]
    Database(#[from] rusqlite::Error),
}

/// Result of the generator.
pub type Result<T> = std::result::Result<T, PracticeError>;
