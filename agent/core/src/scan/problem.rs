//! What the walk cannot take along, and why.
//!
//! Goes to the pipeline, which counts it and gives it a token. Never: shown with its path.

use super::{EntryPath, PathFault};
use crate::platform::ProblemCode;

/// Something that is not in the snapshot, or a root that cannot be walked.
#[derive(Clone, Debug)]
pub struct WalkProblem {
    pub path: EntryPath,
    pub code: ProblemCode,
}

/// Why a path is none that the format can hold.
pub(super) fn fault_code(fault: PathFault) -> ProblemCode {
    match fault {
        PathFault::NameTooLong => ProblemCode::NameTooLong,
        PathFault::TooDeep => ProblemCode::PathTooDeep,
        PathFault::NotAbsolute | PathFault::Component | PathFault::Foreign => ProblemCode::Unreadable,
    }
}
