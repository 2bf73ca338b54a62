//! Checking a repository: everything there, everything as signed, and, as far as asked, everything readable.
//!
//! For: `check`, the end of every backup, the service's rotation. `check` needs no key; `packs` keeps what refs say
//! about packs; `data` reads packs back; `trees` follows a snapshot's locations with a key. Data comes from the store
//! and leaves as a [`CheckReport`]. Never: repairs, writes, or stops at the first thing wrong.

mod attachments;
mod check;
mod data;
mod keys;
pub mod listing;
mod lost;
mod packs;
mod report;
mod through;
mod trees;

pub use check::{CheckOptions, ReadData, check};
pub use lost::LostSnapshot;
pub use report::CheckReport;
