//! A check from the outside: what this computer knows beside it, and what of it counts.
//!
//! From an opened [`Reading`] to the report. Never: writes; [`Reading::note`] does.

use super::reading::Reading;
use crate::error::Result;
use crate::repo::damage::Damage;
use crate::repo::finding::{Finding, FindingKind};
use crate::repo::keys::key_copies::KeyCopies;
use crate::verify::{CheckOptions, CheckReport, LocalHead, ReadData, check};
use scelle_format::ledger::ChainHead;

/// Snapshots of each device whose trees are followed when a key is given.
const TREES: usize = 3;
/// Copies of each key file that are enough.
const KEY_COPIES: u64 = 3;

impl Reading {
    /// Checks the repository. Which part of the packs a percentage reads turns with the ledger of this computer.
    ///
    /// Errors: only the store's; what is wrong with the repository is in the report.
    pub async fn check(&mut self, read_data: ReadData) -> Result<CheckReport> {
        let read_data = match read_data {
            ReadData::Percent { percent, .. } => {
                let turn = self.known.as_ref().map_or(0, |known| known.head.sequence);
                ReadData::Percent { percent, turn }
            }
            read_data => read_data,
        };
        let local_head = self.known.as_ref().and_then(|known| {
            let ChainHead { sequence, text_sha256 } = known.head.chain_head()?;
            Some(LocalHead { device: known.device.id.clone(), sequence, text_sha256 })
        });
        let options = CheckOptions { read_data, local_head, trees: TREES };
        let mut report = check(&mut self.repository, &options, &self.around).await?;
        self.count_local_copies(&mut report);
        self.tell_known_keys(&mut report);
        Ok(report)
    }

    /// What a key has shown to be wrong with a key file stays so for a check that has none.
    fn tell_known_keys(&self, report: &mut CheckReport) {
        let folder = self.folder().filter(|_| self.repository.keyring.is_none());
        for (name, kind) in folder.iter().flat_map(|folder| Damage::keys_in(folder)) {
            if !report.findings.iter().any(|finding| finding.object == name) {
                report.findings.push(Finding::new(kind, name));
            }
        }
    }

    /// This PC's state folder holds a copy of the wrapped keys too: where it does, it counts.
    fn count_local_copies(&self, report: &mut CheckReport) {
        if self.folder().is_some_and(|folder| !KeyCopies::in_folder(&folder).is_empty()) {
            report.key_copies += 1;
            if report.key_copies >= KEY_COPIES {
                report.findings.retain(|finding| finding.kind != FindingKind::KeyCopies);
            }
        }
    }
}
