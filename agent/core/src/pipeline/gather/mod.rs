//! The order of a snapshot: the sources are walked, each entry waits for what the workers make of it, and the tree of names is
//! built.
//!
//! From the roots of a plan to the tree, and to what is known of the sources by then. Never: names anything in the store.

pub(in crate::pipeline) mod alike;
pub(in crate::pipeline) mod changes;
pub(in crate::pipeline) mod found;
pub(in crate::pipeline) mod gathered;
pub(in crate::pipeline) mod hunks;
pub(in crate::pipeline) mod item;
pub(in crate::pipeline) mod late;
pub(in crate::pipeline) mod make;
pub(in crate::pipeline) mod plan;
pub(in crate::pipeline) mod previous;
pub(in crate::pipeline) mod scan;
pub(in crate::pipeline) mod tree;
pub(in crate::pipeline) mod unread;
