//! The end of a run: what landed is confirmed, indexed, and named by a note.
//!
//! From what was made to [`commit::Committed`] and [`saved::Saved`]. Never: commits what the store did not show.

pub mod commit;
pub(in crate::pipeline) mod naming;
pub(in crate::pipeline) mod saved;
mod small_copies;
