//! The tree of a snapshot: root → level-2 nodes → hunks of entries (FORMAT.md §8).
//!
//! Written by the commit stage, read by everything that looks or restores. JSON lines, so that a person can
//! read them with `zstd` and `jq`.

mod entry;
mod hunk;
mod json;
mod root;

pub use entry::{Content, Entry, EntryKind, Extent, Xattr};
pub use hunk::{Hunk, HunkCutter, Item, encode_hunk};
pub use root::{Level2, NodeRef, RecordedProblem, Root, SourceRoot, Totals};
