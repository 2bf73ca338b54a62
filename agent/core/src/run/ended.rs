//! How a backup ended, and what became of its bilan.
//!
//! From [`Run::backup`](super::Run) to whoever asked for it: two results, since a snapshot may stand whose bilan does not, and a
//! backup may fail twice. Never: lets one of them hide the other.

use super::request::Summary;
use crate::bilan::Written;
use crate::error::Result;

/// How a backup ended, and what became of its bilan.
pub struct Ended {
    /// What was saved, or why nothing was.
    pub saved: Result<Summary>,
    /// The bilan, in the store or kept on this computer; or why it is in neither.
    pub bilan: Result<Written>,
}

impl Ended {
    /// Whether there is a bilan, in the store or on this computer.
    pub fn is_recorded(&self) -> bool {
        self.bilan.is_ok()
    }

    /// Both.
    ///
    /// Errors: the backup's own before the bilan's, then what this computer could not note for its next bilan.
    pub fn whole(self) -> Result<(Summary, Written)> {
        let (summary, written) = (self.saved?, self.bilan?);
        match &written.not_remembered {
            Some(error) => Err(error.clone()),
            None => Ok((summary, written)),
        }
    }
}
