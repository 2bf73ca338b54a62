//! The facts that a probe finds, which bilans keep.
//!
//! From the probe to its verdict, to records and to screens. Never: judged here.

use serde::{Deserialize, Serialize};

use crate::StoreError;

/// An answer to one question about a store.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "answer")]
pub enum Fact {
    /// It does.
    Yes,
    /// It does not.
    No,
    /// Could not be learned.
    Unknown {
        /// One short clause.
        reason: String,
    },
    /// The question makes no sense here (a folder has no locks).
    #[default]
    NotApplicable,
}

impl Fact {
    pub(crate) fn unknown(reason: impl Into<String>) -> Self {
        Self::Unknown { reason: reason.into() }
    }

    pub(super) fn because(error: &StoreError) -> Self {
        Self::unknown(format!("{}: {}", error.operation, error.detail))
    }

    pub(super) fn from(answer: bool) -> Self {
        if answer { Self::Yes } else { Self::No }
    }
}

/// What a store really does.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProbeReport {
    /// A second conditional write of one name is refused and changes nothing.
    pub conditional_put: Fact,
    /// Of eight at once exactly one wins.
    pub conditional_put_raced: Fact,
    /// A body that does not match its announced SHA-256 is refused. Not asked of a folder: no wire lies before it.
    pub wrong_checksum_refused: Fact,
    /// The bucket keeps versions.
    pub versioning: Fact,
    /// A write with a lock is accepted (which proves nothing yet).
    pub lock_accepted: Fact,
    /// Deleting a locked version is refused and the version stays.
    pub locked_delete_refused: Fact,
    /// Shortening a lock is refused or has no effect.
    pub shorten_refused: Fact,
    /// The bucket locks new objects by itself.
    pub default_retention: Fact,
    /// For how many days.
    pub default_retention_days: Option<u32>,
    /// In COMPLIANCE mode, which nobody can lift.
    pub default_retention_compliance: Fact,
    /// The credential may read objects.
    pub may_read: Fact,
    /// The credential may list.
    pub may_list: Fact,
    /// The credential may delete (on a versioned bucket: hide).
    pub may_delete: Fact,
    /// The credential may delete versions that are not locked.
    pub may_delete_versions: Fact,
    /// Server clock minus local clock, milliseconds; `None` where the store has no clock.
    pub clock_offset_ms: Option<i64>,
}
