//! Restoring: from a snapshot's signed note to files on a disk.
//!
//! `tree` reads entries, `fetch` gives parts of packs and `reader` verified chunks of them, `plan` decides what would be done, `run` does it through
//! `write`, `record` says afterwards what was done. Data comes from the store and goes to a folder the user
//! chose. Never: a byte whose chunk id was not recomputed, a path outside the folder.

mod data_map;
pub(crate) mod elsewhere;
pub mod fetch;
mod groups;
mod load;
mod order;
mod outcome;
mod outstanding;
mod pairs;
mod places;
pub mod plan;
mod produce;
mod reader;
pub mod record;
mod requests;
pub mod run;
mod sealed;
mod segments;
mod standing;
mod together;
pub mod tree;
mod twins;
pub mod workers;
pub mod write;
