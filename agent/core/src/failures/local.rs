//! This computer: sources, files, local state. Never: a name or a path.

use std::io;

use crate::error::{AgentError, ExitCode};
use scelle_view::words::failures::LocalFailure;

/// This computer: exits 1, 3, 130.
impl AgentError {
    /// None of the folders to back up exists. The place is a root's label.
    pub fn source_missing() -> Self {
        Self::new(ExitCode::Failed, LocalFailure::SourceMissing)
    }

    /// The run ended with `problems` entries left out.
    pub fn finished_with_problems(problems: u64) -> Self {
        Self::new(ExitCode::Partial, LocalFailure::FinishedWithProblems { problems })
    }

    /// A file would be replaced that must never be (kit, printable page, export).
    pub fn file_exists() -> Self {
        Self::new(ExitCode::Failed, LocalFailure::FileExists)
    }

    /// The local state (catalog, journal, keys) cannot be read or written.
    pub fn local_state(cause: impl ToString) -> Self {
        Self::new(ExitCode::Failed, LocalFailure::LocalState).because(cause)
    }

    /// What this computer remembers of the last backup (catalog, journal, chunk lists) is damaged: a run begins again
    /// without it.
    pub fn cache_damaged(cause: impl ToString) -> Self {
        Self::new(ExitCode::Failed, LocalFailure::CacheDamaged).because(cause)
    }

    /// Whether this is [`Self::cache_damaged`].
    pub fn is_of_the_cache(&self) -> bool {
        self.kind == LocalFailure::CacheDamaged.into()
    }

    /// The operating system refused something. Add the place, never a patient's path.
    pub fn io(error: &io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => Self::destination_full(),
            io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => {
                Self::new(ExitCode::Failed, LocalFailure::SystemDenies)
            }
            _ => Self::new(ExitCode::Failed, LocalFailure::FileError),
        }
        .because(error)
    }

    /// The result could not be written to standard output.
    pub fn output_lost() -> Self {
        Self::new(ExitCode::Failed, LocalFailure::OutputLost)
    }

    /// The system has no service manager that this version knows.
    pub fn no_service_manager() -> Self {
        Self::new(ExitCode::Failed, LocalFailure::NoServiceManager)
    }

    /// The service manager refused. Add what it said.
    pub fn service_refused() -> Self {
        Self::new(ExitCode::Failed, LocalFailure::ServiceRefused)
    }

    /// `service start` or `stop` of what is not installed.
    pub fn service_not_installed() -> Self {
        Self::new(ExitCode::Failed, LocalFailure::ServiceNotInstalled)
    }

    /// Stopped by the user.
    pub fn interrupted() -> Self {
        Self::new(ExitCode::Interrupted, LocalFailure::Interrupted)
    }

    /// Something that cannot happen did.
    pub fn bug(cause: impl ToString) -> Self {
        Self::new(ExitCode::Failed, LocalFailure::Bug).because(cause)
    }
}
