//! Restoring: from a snapshot's signed note to files on a disk.
//!
//! `plan` decides what would be done, `run` does it through `write`, `record` says afterwards what was done. Data comes
//! from `reading` and goes to a folder the user chose. Never: a byte that `reading` did not verify, a path outside the
//! folder.

mod asked;
mod data_map;
mod groups;
mod job;
mod order;
mod outstanding;
mod pairs;
mod places;
pub mod plan;
mod produce;
pub mod record;
pub mod request;
pub mod run;
mod shared;
mod standing;
pub mod summary;
pub mod tally;
mod together;
mod twins;
mod workers;
pub mod write;
