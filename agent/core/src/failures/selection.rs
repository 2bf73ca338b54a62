//! What was asked for by number, date, name or token: there is none such, there are several, or it is not for this computer.

use crate::error::{AgentError, ExitCode};
use scelle_view::words::failures::SelectionFailure;

/// What was asked for by number, date, name or token: exit 2.
impl AgentError {
    /// No snapshot of that number, date or device.
    pub fn snapshot_not_found() -> Self {
        Self::new(ExitCode::Usage, SelectionFailure::SnapshotNotFound)
    }

    /// Several snapshots have the number asked for. The place names them.
    pub fn snapshot_ambiguous() -> Self {
        Self::new(ExitCode::Usage, SelectionFailure::SnapshotAmbiguous)
    }

    /// Several bilans have the number asked for, none of them by this computer. The place names them.
    pub fn bilan_ambiguous() -> Self {
        Self::new(ExitCode::Usage, SelectionFailure::BilanAmbiguous)
    }

    /// "latest" or a date where several plans, sets of folders or computers have snapshots. The place names the newest of
    /// each.
    pub fn several_sets() -> Self {
        Self::new(ExitCode::Usage, SelectionFailure::SeveralSets)
    }

    /// No bilan of that id.
    pub fn bilan_not_found() -> Self {
        Self::new(ExitCode::Usage, SelectionFailure::BilanNotFound)
    }

    /// The bilan is kept here and not in the store yet.
    pub fn bilan_unsent() -> Self {
        Self::new(ExitCode::Usage, SelectionFailure::BilanUnsent)
    }

    /// Damage was found after the run that the bilan is about.
    pub fn loss_not_tried() -> Self {
        Self::new(ExitCode::Usage, SelectionFailure::LossNotTried)
    }

    /// The bilan warns of nothing that can be acknowledged.
    pub fn nothing_to_acknowledge() -> Self {
        Self::new(ExitCode::Usage, SelectionFailure::NothingToAcknowledge)
    }

    /// What the bilan warns of was acknowledged already, or is mended.
    pub fn nothing_left_to_acknowledge() -> Self {
        Self::new(ExitCode::Usage, SelectionFailure::NothingLeftToAcknowledge)
    }

    /// The bilan is another computer's, or not in the store yet.
    pub fn bilan_of_another() -> Self {
        Self::new(ExitCode::Usage, SelectionFailure::BilanOfAnother)
    }

    /// The path asked for is not in the snapshot.
    pub fn path_not_in_snapshot() -> Self {
        Self::new(ExitCode::Usage, SelectionFailure::PathNotInSnapshot)
    }

    /// No snapshot holds the path asked for.
    pub fn path_in_no_snapshot() -> Self {
        Self::new(ExitCode::Usage, SelectionFailure::PathInNoSnapshot)
    }

    /// No file of any snapshot has the token asked for.
    pub fn token_unknown() -> Self {
        Self::new(ExitCode::Usage, SelectionFailure::TokenUnknown)
    }

    /// A name to look for that is empty.
    pub fn nothing_to_look_for() -> Self {
        Self::new(ExitCode::Usage, SelectionFailure::NothingToLookFor)
    }

    /// A restore in place of a snapshot that another system made.
    pub fn other_system() -> Self {
        Self::new(ExitCode::Usage, SelectionFailure::OtherSystem)
    }

    /// A restore into the folder of the store, or into that of this computer's state.
    pub fn target_is_own() -> Self {
        Self::new(ExitCode::Usage, SelectionFailure::TargetIsOwn)
    }
}
