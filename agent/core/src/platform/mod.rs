//! What the agent asks of the operating system about files: looking at them, opening them for reading, and, for a
//! restore, creating them below a folder handle.
//!
//! Data comes from the file system and goes to `scan` (reading) and `restore::write` (writing). The same names exist
//! for Unix (`unix*.rs`) and Windows (`windows*.rs`); no other module asks which system it runs on. Nothing here
//! follows a symbolic link unless its documentation says so, and nothing here logs: names are health data.

/// What snapshots call this kind of system.
pub const SYSTEM: &str = if cfg!(windows) { "windows" } else { "unix" };
/// Whether `\\` stands between folders as `/` does.
pub const BACKSLASH_SEPARATES: bool = cfg!(windows);
/// Whether each drive and share is a tree of its own, whose letter or name is the first part of a path.
pub const HAS_DRIVES: bool = cfg!(windows);
/// Whether a pattern means names with other capitals too.
pub const IGNORES_CASE: bool = cfg!(windows);
/// Folders at the top that the kernel fills.
pub const MOUNTED: &[&[u8]] = if cfg!(windows) { &[] } else { &[b"dev", b"proc", b"run", b"sys"] };

/// How the names of files begin that are not finished, wherever the agent writes.
pub const TEMPORARY_PREFIX: &str = ".tmp-";

mod entry;
mod handles;
mod in_use;
mod names;
#[cfg(any(windows, test))]
mod wtf8;

#[cfg(unix)]
mod unix;
#[cfg(unix)]
mod unix_attributes;
#[cfg(unix)]
mod unix_folder;
#[cfg(unix)]
mod unix_source;
#[cfg(unix)]
mod unix_supervisor;
#[cfg(windows)]
mod windows;
#[cfg(windows)]
mod windows_folder;
#[cfg(windows)]
mod windows_source;

pub use entry::{
    Attributes, FileAttributes, FileId, Kind, ProblemCode, Shortfall, Stat, XATTR_VALUE_BYTES, XATTRS,
    XATTRS_BYTES,
};
pub use handles::{handle_limit, raise_handle_limit};
pub use in_use::{InUse, folder_in_use, in_use, own_descriptors, sqlite_uri, writer_waits};
pub use names::Names;
#[cfg(unix)]
pub use unix::{
    DirectoryReader, bytes_to_os, data_extents, is_open_to_others, is_transient, is_writable_name,
    join_absolute, make_private, open_for_reading, os_to_bytes, private_file, read_at, read_directory,
    split_absolute, stands_at, stat, stat_of, stop_requested, write_all_at,
};
#[cfg(unix)]
pub use unix_attributes::{attributes, attributes_of, set_attributes};
#[cfg(unix)]
pub use unix_folder::Folder;
#[cfg(unix)]
pub use unix_source::SourceFolder;
#[cfg(unix)]
pub use unix_supervisor::tell_supervisor;
#[cfg(windows)]
pub use windows::{
    DirectoryReader, attributes, attributes_of, bytes_to_os, data_extents, is_open_to_others, is_transient,
    is_writable_name, join_absolute, make_private, open_for_reading, os_to_bytes, private_file, read_at,
    read_directory, set_attributes, split_absolute, stands_at, stat, stat_of, stop_requested,
    tell_supervisor, write_all_at,
};
#[cfg(windows)]
pub use windows_folder::Folder;
#[cfg(windows)]
pub use windows_source::SourceFolder;
