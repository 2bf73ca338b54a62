//! One file on its way: what is to be read of it, how it was taken, what came of it.
//!
//! From the scan to the workers and back. Never: reads anything.

pub(in crate::pipeline) mod job;
pub(in crate::pipeline) mod solid;
pub mod verdict;
