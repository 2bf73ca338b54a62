//! Keys and the repository. Never: a part of a key.

use crate::error::{AgentError, ExitCode};
use scelle_view::words::failures::{Addition, RepositoryFailure};

/// Keys: exit 12.
impl AgentError {
    /// The kit or phrase opens nothing here.
    pub fn wrong_key() -> Self {
        Self::new(ExitCode::WrongKey, RepositoryFailure::WrongKey)
    }

    /// The kit names another repository. The place is the id the kit names.
    pub fn kit_of_another_repository() -> Self {
        Self::new(ExitCode::WrongKey, RepositoryFailure::KitOfAnotherRepository)
    }

    /// One group of characters of the kit does not match its check; groups count from 1.
    pub fn kit_mistyped(group: usize) -> Self {
        Self::new(ExitCode::WrongKey, RepositoryFailure::KitMistyped { group })
    }

    /// The phrase is not made of words of the list, or does not open.
    pub fn wrong_phrase() -> Self {
        Self::new(ExitCode::WrongKey, RepositoryFailure::WrongPhrase)
    }
}

/// The repository: exits 1, 10, 11, 13.
impl AgentError {
    /// Nothing there. The place is the address.
    pub fn no_repository() -> Self {
        Self::new(ExitCode::NoRepository, RepositoryFailure::NoRepository)
    }

    /// The bucket or root folder is not there.
    pub fn no_bucket() -> Self {
        Self::new(ExitCode::NoRepository, RepositoryFailure::NoBucket)
    }

    /// The folder of a repository is not there. The place is its address.
    pub fn no_folder() -> Self {
        Self::new(ExitCode::NoRepository, RepositoryFailure::NoFolder)
    }

    /// [`Self::no_repository`] in a bucket whose versions this credential may not see.
    pub fn no_repository_to_be_seen() -> Self {
        Self::new(ExitCode::NoRepository, RepositoryFailure::NoRepositoryToBeSeen)
    }

    /// Says that an older version, which this credential may not see, may still hold the object.
    pub fn older_version_may_exist(mut self) -> Self {
        self.addition = Some(Box::new(Addition::OlderVersionMayExist));
        self
    }

    /// `init` where a repository already lives.
    pub fn repository_exists() -> Self {
        Self::new(ExitCode::Failed, RepositoryFailure::RepositoryExists)
    }

    /// Another run holds the lock.
    pub fn busy() -> Self {
        Self::new(ExitCode::Busy, RepositoryFailure::Busy)
    }

    /// The repository asks for something this version does not know. The place lists the bits.
    pub fn unknown_feature() -> Self {
        Self::new(ExitCode::Failed, RepositoryFailure::UnknownFeature)
    }

    /// An object that should be there is not.
    pub fn object_missing() -> Self {
        Self::new(ExitCode::Damaged, RepositoryFailure::ObjectMissing)
    }

    /// An object's bytes are not what its name or signature says.
    pub fn object_corrupt() -> Self {
        Self::new(ExitCode::Damaged, RepositoryFailure::ObjectCorrupt)
    }

    /// What is asked for automatically ("latest", a date) would be older than a snapshot that is known, or may be there,
    /// and cannot be read. `known` names it, `readable` those that can be asked for by number. The place is its note's.
    pub fn newer_unreadable(known: Option<&str>, readable: &str) -> Self {
        let (known, readable) = (known.map(Box::from), readable.into());
        Self::new(ExitCode::Damaged, RepositoryFailure::NewerUnreadable { known, readable })
    }

    /// A signature does not verify or comes from an unknown key.
    pub fn signature_invalid() -> Self {
        Self::new(ExitCode::Damaged, RepositoryFailure::SignatureInvalid)
    }

    /// `found` problems were counted and the operation went on to its end.
    pub fn damage_found(found: u64) -> Self {
        Self::new(ExitCode::Damaged, RepositoryFailure::DamageFound { found })
    }
}
