//! Reading a repository: what a restoration, a check, a look and the search for a file stand on.
//!
//! `tree` reads entries, `fetch` gives sealed parts of packs and `reader` verified chunks of them. Data comes from the store,
//! hostile; it goes out opened and authenticated. Never: writes a file, a byte whose chunk id was not recomputed.

mod elsewhere;
pub mod fetch;
mod load;
mod reader;
mod requests;
mod sealed;
mod stretches;
pub mod tree;

pub(crate) use load::damaged;
pub use reader::{ChunkIdKeys, ChunkReader};
pub(crate) use sealed::trailer_of;
