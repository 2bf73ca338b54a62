//! Checking a repository: everything there, everything as signed, and, as far as asked, everything readable.
//!
//! For: `check`, the end of every backup, the service's rotation. `check` needs no key; `stock` is what ledger and store
//! say is there, `packs` what refs say about packs; `read_back` and `data` read packs; `trees` follows a snapshot's locations with a key. Data comes from the store
//! and leaves as a [`CheckReport`]. Never: repairs, writes, or stops at the first thing wrong.

mod attachments;
mod check;
mod data;
mod keys;
pub mod listing;
mod lost;
mod options;
mod packs;
mod read_back;
mod recorded;
mod report;
mod stock;
mod through;
mod trees;

pub use check::check;
pub use lost::LostSnapshot;
pub use options::{CheckOptions, LocalHead, ReadData};
pub use report::CheckReport;
