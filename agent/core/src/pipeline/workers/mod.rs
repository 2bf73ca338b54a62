//! What a worker does with each kind of source.
//!
//! [`worker`] says what a thread has; the file of each kind (`small`, `read`, `part`, `pages`, and of databases `raw`, `last_pass`,
//! `postgres`) what it does with it. From jobs of the queue to chunks. Never: writes to a source.

pub mod last_pass;
pub(in crate::pipeline) mod pages;
pub(in crate::pipeline) mod part;
pub(in crate::pipeline) mod parts;
pub(in crate::pipeline) mod postgres;
pub(in crate::pipeline) mod queue;
pub mod raw;
pub(in crate::pipeline) mod read;
pub(in crate::pipeline) mod regroup;
pub(in crate::pipeline) mod small;
pub(in crate::pipeline) mod worker;
