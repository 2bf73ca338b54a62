//! Packs: chunks in zstd frames, sealed as one age file (FORMAT.md §6).
//!
//! Write: [`PackBuilder`] → [`FinishedPack`] → [`PackVerifier`] → store. Read: [`Trailer`], [`Location`], [`open_frame`].

#[cfg(feature = "crypto")]
mod build;
mod location;
mod trailer;
#[cfg(feature = "crypto")]
mod verify;

#[cfg(feature = "crypto")]
pub use build::{FinishedPack, FramePlace, PackBuilder};
pub use location::{Location, chunk_in_frame, open_frame};
pub use trailer::{ChunkRow, FrameRow, Trailer};
#[cfg(feature = "crypto")]
pub use verify::PackVerifier;
