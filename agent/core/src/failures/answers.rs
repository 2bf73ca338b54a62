//! What others answer, as errors of the agent: a store, the operating system, the state's databases.
//!
//! From their kinds of error to ours. Never: a sentence, or a path of theirs.

use scelle_store::{ErrorKind, StoreError};

use crate::error::AgentError;

impl From<StoreError> for AgentError {
    /// The place is the object's key or the store's address, as the store says it.
    fn from(error: StoreError) -> Self {
        let built = match error.kind {
            ErrorKind::NotFound => Self::object_missing(),
            ErrorKind::Denied if error.detail == scelle_store::dir::NO_PERMISSION => Self::folder_denied(),
            ErrorKind::Denied => Self::store_denied(),
            ErrorKind::Unreachable => Self::store_unreachable(),
            ErrorKind::Certificate(fault) => Self::certificate(fault),
            ErrorKind::Proxy(fault) => Self::proxy(fault),
            ErrorKind::Full => Self::destination_full(),
            // Nothing stored is damaged: the store, or who looked after it, refused what came.
            ErrorKind::Corrupt if error.operation == "put" => Self::sent_altered(),
            ErrorKind::Corrupt => Self::object_corrupt(),
            ErrorKind::Locked => Self::object_locked(),
            // A folder store says "folder" for itself; whoever knows the address puts it there.
            ErrorKind::NoBucket if error.target == "folder" => Self::no_folder(),
            ErrorKind::NoBucket => Self::no_bucket(),
            ErrorKind::Unsupported => Self::store_unsupported(),
            ErrorKind::Invalid => Self::store_settings_invalid(),
            ErrorKind::Other => Self::store_failed(),
        };
        built.because(format!("{}: {}", error.operation, error.detail)).at(error.target)
    }
}

impl From<std::io::Error> for AgentError {
    fn from(error: std::io::Error) -> Self {
        Self::io(&error)
    }
}

impl From<rusqlite::Error> for AgentError {
    /// Of the local databases only: what they hold is a cache.
    fn from(error: rusqlite::Error) -> Self {
        use rusqlite::ErrorCode::{DatabaseCorrupt, DiskFull, NotADatabase, SystemIoFailure};
        match &error {
            rusqlite::Error::SqliteFailure(failure, _) => match failure.code {
                DiskFull => Self::state_full().because(error),
                // A sector that cannot be read, too: what stood there is learnt again.
                DatabaseCorrupt | NotADatabase | SystemIoFailure => Self::cache_damaged(error),
                _ => Self::local_state(error),
            },
            // A row that must be there is not, or is of another shape.
            rusqlite::Error::QueryReturnedNoRows
            | rusqlite::Error::FromSqlConversionFailure(..)
            | rusqlite::Error::IntegralValueOutOfRange(..)
            | rusqlite::Error::InvalidColumnType(..) => Self::cache_damaged(error),
            _ => Self::local_state(error),
        }
    }
}

#[cfg(test)]
#[path = "answers_tests.rs"]
mod tests;
