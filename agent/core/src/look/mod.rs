//! Looking without restoring: which snapshots there are, what stands in a folder, where a name is, which versions of a file, what changed.
//!
//! For: `snapshots`, `ls`, `find`, `versions`, `diff`. Data comes from notes and trees and goes to the local screen as plain values:
//! these hold names, which appear nowhere else. Never: writes, or fetches content of files.

pub mod choose;
pub mod diff;
pub mod find;
pub mod list;
pub mod newer;
pub mod pattern;
pub mod spec;
pub mod versions;
