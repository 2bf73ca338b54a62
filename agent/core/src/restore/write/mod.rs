//! Everything that touches the restore root of a restore: folders, files, links, their attributes.
//!
//! Data comes from the restore, verified chunk by chunk, and goes to the file system. A path of a manifest is hostile
//! until [`EntryPath`] has checked it; every step is then taken relative to an open folder, following no link, so that
//! nothing is ever written outside of the restore root, whoever planted what in it. Content is written under a
//! temporary name and renamed when it is complete. This module decrypts nothing, verifies no content and logs nothing.

mod attributes;
mod database;
mod error;
mod file;
mod links;
mod probe;
mod root;
mod target;
mod tree;
mod unfinished;

pub use crate::platform::FileAttributes;
pub use attributes::Notices;
pub use database::{FIRST_BYTES, base_of, is_database, may_be_database};
pub(super) use error::write_failed;
pub use error::{WriteError, WriteErrorKind};
pub use file::{ExistingFile, FileInProgress};
pub use probe::NameProbe;
pub use root::RestoreRoot;
pub use target::{Overwrite, Placed, numbered_name};
