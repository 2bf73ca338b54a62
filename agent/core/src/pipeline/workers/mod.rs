//! What a worker does with each kind of source.
//!
//! From the ground: [`worker`] says what a thread has and how it stores a frame; on it stand the ways to read (`pages`, `part`,
//! `here`), the kinds of source (`last_pass`, `postgres`, `raw`, `read`, `small`), and `labour` on top of all, which calls them. Each
//! is a block of methods of [`Worker`](worker::Worker), which has the buffers that all of them use: a struct of frames in its
//! place would be handed to every one of them. That none of them calls each other in a circle is tested. From jobs of the queue to
//! chunks. Never: writes to a source.

pub(in crate::pipeline) mod here;
pub(in crate::pipeline) mod labour;
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
