//! Where a known repository is, and what this computer still knows of it. Never: a path of a source.

use crate::error::{AgentError, ExitCode};
use scelle_view::words::Lang;
use scelle_view::words::failures::{Addition, WhereaboutsFailure};

/// Whereabouts: exits 1, 14.
impl AgentError {
    /// A repository this computer knows is not at its address. What to do depends on the kind of store. The place is
    /// the address that was tried, and with [`Self::last_seen_at`] the one where it was found last.
    pub fn known_repository_gone(is_folder: bool) -> Self {
        match is_folder {
            true => Self::new(ExitCode::Unreachable, WhereaboutsFailure::KnownRepositoryGone),
            false => Self::known_repository_hidden(),
        }
    }

    /// A repository this computer knows shows nothing in a bucket that answers.
    pub fn known_repository_hidden() -> Self {
        Self::new(ExitCode::Unreachable, WhereaboutsFailure::KnownRepositoryHidden)
    }

    /// Adds to a repository that is gone the address where this computer found it last.
    pub fn last_seen_at(mut self, address: &str) -> Self {
        let what = self.what().text(Lang::En).to_owned();
        self.addition = Some(Box::new(Addition::LastSeenAt(address.to_owned())));
        self.because(what)
    }

    /// The repository at another address than the one this computer backs up to: its ledger is not written there. The place is that
    /// address.
    pub fn copy_elsewhere() -> Self {
        Self::new(ExitCode::Usage, WhereaboutsFailure::CopyElsewhere)
    }

    /// Another repository lies at the address of the one this computer knows.
    pub fn another_repository() -> Self {
        Self::new(ExitCode::Unreachable, WhereaboutsFailure::AnotherRepository)
    }

    /// The repository there bears the right name, and does not know this computer or its keys: made anew with the same
    /// kit, or its descriptors were removed. Nothing is sealed to keys that nobody holds.
    pub fn not_this_device() -> Self {
        Self::new(ExitCode::Damaged, WhereaboutsFailure::NotThisDevice)
    }

    /// The descriptor that enrolled a device is lost, or not to be believed: no other may be written in its place. The place is its
    /// object, or the folder of that device's notes.
    pub fn descriptor_lost() -> Self {
        Self::new(ExitCode::Damaged, WhereaboutsFailure::DescriptorLost)
    }

    /// The next descriptor cannot be written: what is none bears its name. The place is that name.
    pub fn descriptor_name_taken() -> Self {
        Self::new(ExitCode::Damaged, WhereaboutsFailure::DescriptorNameTaken)
    }

    /// The state folder of a repository cannot be read. The place is the repository's id; `address` is given where it
    /// is known.
    pub fn state_damaged(address: Option<&str>) -> Self {
        let address = address.map(str::to_owned);
        Self::new(ExitCode::Failed, WhereaboutsFailure::StateDamaged { address })
    }

    /// The disk of the state folder is full.
    pub fn state_full() -> Self {
        Self::new(ExitCode::Failed, WhereaboutsFailure::StateFull)
    }

    /// `init` with a kit whose repository this computer knows. The place is that repository's address.
    pub fn kit_has_a_repository() -> Self {
        Self::new(ExitCode::Failed, WhereaboutsFailure::KitHasARepository)
    }

    /// `init --join` where this computer is a device already. The place is the address it was given.
    pub fn already_joined() -> Self {
        Self::new(ExitCode::Failed, WhereaboutsFailure::AlreadyJoined)
    }

    /// A repository whose making was not finished, begun by this computer. The place is its address.
    pub fn init_unfinished_here() -> Self {
        Self::new(ExitCode::Failed, WhereaboutsFailure::InitUnfinishedHere)
    }

    /// A repository whose making was begun elsewhere, or at the same time, and not finished. The place is its address.
    pub fn init_unfinished_elsewhere() -> Self {
        Self::new(ExitCode::Failed, WhereaboutsFailure::InitUnfinishedElsewhere)
    }

    /// `init` goes on with what was begun, and other escrows are asked for now.
    pub fn init_begun_otherwise() -> Self {
        Self::new(ExitCode::Usage, WhereaboutsFailure::InitBegunOtherwise)
    }
}
