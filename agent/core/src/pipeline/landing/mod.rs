//! What must have landed: packs are sent and confirmed, segments of the index and the small copies are there, what goes on is
//! remembered.
//!
//! From sealed packs to the store, and from its listings to what may be built on. Never: believes an answer that the store did not
//! show.

pub(in crate::pipeline) mod caches;
pub mod checkpoint;
pub(in crate::pipeline) mod heal;
pub(in crate::pipeline) mod presence;
pub(in crate::pipeline) mod segments;
pub(in crate::pipeline) mod shown;
pub(in crate::pipeline) mod stages;
pub mod upload;
