//! Errors that only a backup can meet.

use crate::error::{AgentError, ExitCode};
use scelle_view::words::failures::RunFailure;

impl AgentError {
    /// A sealed pack did not open again in memory: this computer's memory or processor is not reliable.
    pub fn verification_failed(cause: impl ToString) -> Self {
        Self::new(ExitCode::Failed, RunFailure::VerificationFailed).because(cause)
    }

    /// A pack that was sent is not in the store with its size.
    pub fn not_confirmed() -> Self {
        Self::new(ExitCode::Damaged, RunFailure::NotConfirmed)
    }
}

impl AgentError {
    /// Everything in the roots was left out or could not be read: there is nothing to make a snapshot of.
    pub fn nothing_saved() -> Self {
        Self::new(ExitCode::Partial, RunFailure::NothingSaved)
    }

    /// A glob that names nothing.
    pub fn empty_glob() -> Self {
        Self::new(ExitCode::Usage, RunFailure::EmptyGlob)
    }

    /// A glob that cannot be read.
    pub fn bad_glob(cause: impl ToString) -> Self {
        Self::new(ExitCode::Usage, RunFailure::BadGlob).because(cause)
    }

    /// `agent run` with no plan that says when.
    pub fn nothing_scheduled() -> Self {
        Self::new(ExitCode::Usage, RunFailure::NothingScheduled)
    }

    /// There is a repository, but this PC is no device of it.
    pub fn not_a_member() -> Self {
        Self::new(ExitCode::Usage, RunFailure::NotAMember)
    }
}
