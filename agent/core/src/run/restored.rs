//! The record of a restore, left where it can be found: in the ledger, or beside the restored tree.
//!
//! From the summary to a note of this computer. Never: a name of a file.

use scelle_format::ledger::NoteKind;

use super::reading::Reading;
use crate::clock::now;
use crate::error::{AgentError, Result};
use crate::repo::history::Snapshot;
use crate::repo::join::expect_own;
use crate::restore::record::RestoreRecord;
use crate::restore::request::{Request, Target};
use crate::restore::summary::RestoreSummary;

impl Reading {
    /// The record goes to the ledger where this PC has a pen in that repository, else beside the restored tree.
    ///
    /// Errors: it could be left nowhere although it should be.
    pub async fn record_restore(
        &self,
        snapshot: &Snapshot,
        request: &Request,
        summary: &RestoreSummary,
    ) -> Result<()> {
        let role = self.repository.keyring()?.role;
        let time = now(&*self.around.clock);
        let repository = self.repository.objects.repository();
        let json = RestoreRecord::of(repository, snapshot, request, summary, role, time).to_json()?;
        // Another run holds the lock, or the state folder cannot be written: the record is left beside the tree then.
        if self.append_record(&json).await.is_ok() {
            return Ok(());
        }
        if let Target::Folder(folder) = &request.target {
            let time = now(&*self.around.clock).to_string().replace(':', "");
            std::fs::write(folder.join(format!("scelle-restore-{time}.json")), &json)?;
            return Ok(());
        }
        // In place there is no folder of the restoration's own: only the ledger could hold it.
        match self.pen() {
            Some(_) => Err(AgentError::local_state("the ledger could not be written")),
            None => Ok(()),
        }
    }

    /// Errors: this PC has no pen in that repository, or cannot write with it now.
    async fn append_record(&self, json: &[u8]) -> Result<()> {
        self.pen().ok_or_else(AgentError::not_a_member)?;
        let (seat, descriptors) = (self.seat()?, &self.repository.descriptors);
        expect_own(descriptors, &seat.device)?;
        let mut ledger = seat.pen_at_the_head(descriptors).await?;
        let attached = ledger.attach("record", json.to_vec()).await?;
        ledger.append(NoteKind::Restore, vec![attached]).await?;
        Ok(())
    }
}
