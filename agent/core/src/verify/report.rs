//! What a check found, as commands and tests read it, and the code that it makes. Filled by `check` and `through`. Never:
//! looks at anything.

use std::collections::BTreeSet;
use std::time::Duration;

use serde::Serialize;

use super::lost::LostSnapshot;
use crate::error::ExitCode;
use crate::repo::damage::Loss;
use crate::repo::finding::{Finding, SnapshotId};

/// What a check found.
#[derive(Clone, Debug, Default, Serialize)]
pub struct CheckReport {
    /// What is wrong.
    pub findings: Vec<Finding>,
    /// Objects looked at.
    pub objects: u64,
    /// Packs that snapshots need.
    pub packs: u64,
    /// Their stored bytes.
    pub pack_bytes: u64,
    /// Packs read back.
    pub packs_read: u64,
    /// Bytes received from the store.
    pub bytes_read: u64,
    /// Objects that nothing refers to. Not damage: an interrupted run leaves them.
    pub orphans: u64,
    /// Their bytes.
    pub orphan_bytes: u64,
    /// Names that the format does not know: a system's or somebody else's files. Passed over.
    pub strangers: u64,
    /// Objects that delete markers hide; older versions of them are there.
    pub hidden: u64,
    /// Objects that other bytes lie over; older versions of them are there.
    pub overwritten: u64,
    /// Packs found hidden, written over, missing or spoilt that others stand in for: no snapshot needs them any more.
    pub replaced: BTreeSet<String>,
    /// Fewest copies of an epoch's key file.
    pub key_copies: u64,
    /// Snapshots nothing is wrong with, as far as was looked.
    pub sound: Vec<SnapshotId>,
    /// Snapshots that lack something.
    pub damaged: Vec<SnapshotId>,
    /// Damaged objects of which somebody has accepted that what they held is lost. They stay damage.
    pub acknowledged: Vec<String>,
    /// Who accepted it, and when.
    pub loss: Option<Loss>,
    /// Of those, the ones whose notes cannot be read.
    pub lost: Vec<LostSnapshot>,
    /// How long it took.
    #[serde(skip)]
    pub duration: Duration,
    /// Packs that the ledger calls bad and that were read whole: for the ledger.
    #[serde(skip)]
    pub sound_again: Vec<String>,
}

impl CheckReport {
    /// The code the process ends with.
    pub fn code(&self) -> ExitCode {
        let is_damaged = self.findings.iter().any(|finding| finding.kind.is_damage());
        if is_damaged { ExitCode::Damaged } else { ExitCode::Ok }
    }
}
