//! The store. Never: a credential.

use crate::error::{AgentError, ExitCode};
use scelle_view::words::failures::{Addition, Failure, StoreFailure};

/// The store: exits 1, 2, 14.
impl AgentError {
    /// No answer after every attempt.
    pub fn store_unreachable() -> Self {
        Self::new(ExitCode::Unreachable, StoreFailure::StoreUnreachable)
    }

    /// The store answers and refuses the credential.
    pub fn store_denied() -> Self {
        Self::new(ExitCode::Unreachable, StoreFailure::StoreDenied)
    }

    /// A folder store: the system does not let this program read or write there.
    pub fn folder_denied() -> Self {
        Self::new(ExitCode::Unreachable, StoreFailure::FolderDenied)
    }

    /// What was sent arrived as something else, at every attempt.
    pub fn sent_altered() -> Self {
        Self::new(ExitCode::Unreachable, StoreFailure::SentAltered)
    }

    /// No credential for S3 anywhere.
    pub fn no_credential() -> Self {
        Self::new(ExitCode::Usage, StoreFailure::NoCredential)
    }

    /// The same error where no address of an S3 service was given: it says that Amazon was tried, at `address`. What stands
    /// on the way says where it stands.
    pub(crate) fn on_amazon(mut self, address: &str) -> Self {
        if matches!(self.code, ExitCode::Unreachable | ExitCode::NoRepository)
            && !matches!(self.kind, Failure::Way(_))
        {
            self.addition = Some(Box::new(Addition::AmazonByDefault));
            self.place = Some(address.to_owned());
        }
        self
    }

    /// No room left.
    pub fn destination_full() -> Self {
        Self::new(ExitCode::Failed, StoreFailure::DestinationFull)
    }

    /// The object is under retention.
    pub fn object_locked() -> Self {
        Self::new(ExitCode::Failed, StoreFailure::ObjectLocked)
    }

    /// The store cannot do what was asked.
    pub fn store_unsupported() -> Self {
        Self::new(ExitCode::Failed, StoreFailure::StoreUnsupported)
    }

    /// Settings of the store that can never work.
    pub fn store_settings_invalid() -> Self {
        Self::new(ExitCode::Usage, StoreFailure::StoreSettingsInvalid)
    }

    /// A combination the probe found unsafe and that is not accepted.
    pub fn store_unsafe() -> Self {
        Self::new(ExitCode::Failed, StoreFailure::StoreUnsafe)
    }

    /// The store failed in some other way.
    pub fn store_failed() -> Self {
        Self::new(ExitCode::Failed, StoreFailure::StoreFailed)
    }
}
