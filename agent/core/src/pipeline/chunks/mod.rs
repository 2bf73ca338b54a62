//! What becomes of content: chunks, where each lies, and the packs that they are sealed into.
//!
//! From bytes that a worker has read to packs that are ready to be sent, and to the lists that name them. Never: reads a source or
//! asks a store.

pub mod dedup;
pub(in crate::pipeline) mod earlier;
pub(in crate::pipeline) mod list;
pub(in crate::pipeline) mod pack_memory;
pub mod packs;
pub mod recipe;
