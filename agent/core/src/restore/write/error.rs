//! What a restore root can refuse, and what that means for the whole restore.
//!
//! From the file system's errors to the kinds that `shared` counts. Never: a path in a text.

use std::fmt;
use std::io;

use crate::error::AgentError;
use crate::scan::EntryPath;

/// What kind of failure, for exit codes and sentences.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WriteErrorKind {
    /// The path is not one this system may be asked to create. Nothing was created.
    HostilePath,
    /// A step of the path is a symbolic link in the restore root. It was not followed.
    SymlinkInPath,
    /// Something of another kind stands there (a folder where a file belongs, or the reverse).
    Occupied,
    /// No space, quota used up, or the file is too large for this file system.
    Full,
    /// The system refuses.
    Denied,
    ReadOnly,
    /// Another program kept hold of it through all attempts.
    Busy,
    /// A program has the database open that would be replaced.
    Held,
    /// It is no longer there.
    Vanished,
    /// This file system cannot link these names: write a copy.
    LinkUnsupported,
    /// A write beyond the announced length: the manifest contradicts itself.
    OutOfBounds,
    Io,
}

impl fmt::Display for WriteErrorKind {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            WriteErrorKind::HostilePath => "the path is refused",
            WriteErrorKind::SymlinkInPath => "a symbolic link stands in the way",
            WriteErrorKind::Occupied => "something of another kind stands there",
            WriteErrorKind::Full => "the destination is full",
            WriteErrorKind::Denied => "the system refuses the access",
            WriteErrorKind::ReadOnly => "the destination is read-only",
            WriteErrorKind::Busy => "another program holds the file",
            WriteErrorKind::Held => "a program has the database open",
            WriteErrorKind::Vanished => "the file or folder is no longer there",
            WriteErrorKind::LinkUnsupported => "the destination cannot link these files",
            WriteErrorKind::OutOfBounds => "a write beyond the end of the file",
            WriteErrorKind::Io => "the destination failed",
        })
    }
}

/// A failure. Its text never holds a path; `path` is for the local screen.
#[derive(Debug, thiserror::Error)]
#[error("{kind}")]
pub struct WriteError {
    pub kind: WriteErrorKind,
    /// `None` for the restore root itself.
    pub path: Option<EntryPath>,
    #[source]
    pub source: Option<io::Error>,
}

impl WriteError {
    pub(super) fn new(kind: WriteErrorKind, path: &EntryPath) -> WriteError {
        WriteError { kind, path: Some(path.clone()), source: None }
    }

    pub(super) fn io(error: io::Error, path: &EntryPath) -> WriteError {
        WriteError { kind: kind_of(&error), path: Some(path.clone()), source: Some(error) }
    }
}

pub(super) fn kind_of(error: &io::Error) -> WriteErrorKind {
    use io::ErrorKind as Io;
    if crate::platform::is_transient(error) && error.kind() != Io::PermissionDenied {
        return WriteErrorKind::Busy;
    }
    match error.kind() {
        Io::StorageFull | Io::QuotaExceeded | Io::FileTooLarge => WriteErrorKind::Full,
        Io::PermissionDenied => WriteErrorKind::Denied,
        Io::ReadOnlyFilesystem => WriteErrorKind::ReadOnly,
        Io::ResourceBusy | Io::ExecutableFileBusy => WriteErrorKind::Busy,
        Io::NotFound => WriteErrorKind::Vanished,
        Io::AlreadyExists | Io::IsADirectory | Io::NotADirectory | Io::DirectoryNotEmpty => {
            WriteErrorKind::Occupied
        }
        // What stands there is a pipe or a device.
        Io::InvalidInput => WriteErrorKind::Occupied,
        Io::InvalidFilename => WriteErrorKind::HostilePath,
        _ => WriteErrorKind::Io,
    }
}

/// The error of a restore root that cannot be used at all. Its text holds no path.
pub(in crate::restore) fn write_failed(error: &WriteError) -> AgentError {
    match (&error.source, error.kind) {
        (_, WriteErrorKind::Full) => AgentError::destination_full(),
        (Some(source), _) => AgentError::io(source),
        (None, kind) => AgentError::io(&std::io::Error::other(kind.to_string())),
    }
}
