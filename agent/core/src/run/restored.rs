//! A restore from the outside: files come back, and the record of it is left where it can be found: in the ledger, or beside the
//! restored tree.
//!
//! From a tree and what is asked for to a [`Restored`]; the record is a note of this computer. Never: a name of a file in it.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use scelle_format::layout;
use scelle_format::ledger::NoteKind;

use super::reading::Reading;
use crate::clock::now;
use crate::connect::own_folders;
use crate::error::{AgentError, ExitCode, Result};
use crate::monitor::Problem;
use crate::reading::tree::Tree;
use crate::repo::finding::{Finding, FindingKind};
use crate::repo::join::expect_own;
use crate::repo::ledger::history::Snapshot;
use crate::restore::record::RestoreRecord;
use crate::restore::request::{RestoreRequest, Target};
use crate::restore::run::restore;
use crate::restore::summary::RestoreSummary;
use crate::scan::{EntryPath, PathFilter};

/// What became of a restore.
pub struct Restored {
    /// What it did.
    pub summary: RestoreSummary,
    /// Whether the record of it was left where it should be.
    pub is_recorded: bool,
    /// Patterns left nothing of the snapshot: a mistake more often than not.
    pub is_nothing_chosen: bool,
    /// Files that the snapshot lacks, or holds with a reservation: a restore is at best as whole as its backup was.
    pub not_saved: u64,
    /// Folders that could not be read when it was made: nothing in them is in the snapshot.
    pub folders_not_read: u64,
    /// Objects found damaged in whose place the ledger names others, where all that was asked for came back.
    pub replaced: Vec<String>,
}

impl Restored {
    /// The code the process ends with.
    pub fn code(&self) -> ExitCode {
        if self.is_nothing_chosen { ExitCode::Partial } else { self.summary.code() }
    }

    /// What was found wrong on the way, and nothing has taken the place of.
    pub fn findings(&self) -> Vec<Finding> {
        let damaged = self.summary.damaged_objects.iter().filter(|name| !self.replaced.contains(name));
        damaged.map(|name| Finding::new(FindingKind::PackContent, name.clone())).collect()
    }
}

impl Reading {
    /// Restores what `request` asks for, and leaves the record of it.
    ///
    /// Errors: those of [`Self::expect_outside`] and of [`restore()`].
    pub async fn restore(
        &self,
        snapshot: &Snapshot,
        tree: Tree,
        request: RestoreRequest,
    ) -> Result<Restored> {
        self.expect_outside(&request.target)?;
        let is_folder = |code: &str| code == Problem::FolderUnreadable.code();
        let (folders, files): (Vec<_>, Vec<_>) = tree.root.problems.iter().partition(|p| is_folder(&p.code));
        let (folders_not_read, not_saved) = (folders.len() as u64, files.len() as u64);
        let summary = restore(Arc::new(tree), request.clone(), self.around.clone()).await?;
        let is_recorded = self.record_restore(snapshot, &request, &summary).await.is_ok();
        let is_empty = summary.is_empty() && summary.code() == ExitCode::Ok;
        let is_nothing_chosen = request.filter.has_globs() && is_empty;
        let replaced = self.replaced(&summary);
        Ok(Restored { summary, is_recorded, is_nothing_chosen, not_saved, folders_not_read, replaced })
    }

    /// What backups are made of is no place to restore to: the next run would meet files of patients in the store, in clear.
    ///
    /// Errors: exit 2 the folder is, or lies in, that of the store or of this computer's state, whatever links lead there.
    pub fn expect_outside(&self, target: &Target) -> Result<()> {
        let Target::Folder(folder) = target else { return Ok(()) };
        let own = PathFilter::new(&[], &[], &own_folders(&self.home, Some(&self.connected.place)))?;
        let is_own = |folder: &Path| EntryPath::from_os(folder).is_ok_and(|path| own.is_own(&path));
        if is_own(&real(folder)) { Err(AgentError::target_is_own()) } else { Ok(()) }
    }

    fn replaced(&self, summary: &RestoreSummary) -> Vec<String> {
        if summary.code() == ExitCode::Damaged {
            return Vec::new();
        }
        let healed = self.repository.history.healed();
        let is_healed =
            |name: &&String| layout::parse_pack(name).is_ok_and(|pack| healed.contains_key(&pack));
        summary.damaged_objects.iter().filter(is_healed).cloned().collect()
    }

    /// The record goes to the ledger where this PC has a pen in that repository, else beside the restored tree.
    ///
    /// Errors: it could be left nowhere although it should be.
    async fn record_restore(
        &self,
        snapshot: &Snapshot,
        request: &RestoreRequest,
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
        match self.member() {
            Some(_) => Err(AgentError::local_state("the ledger could not be written")),
            None => Ok(()),
        }
    }

    /// Errors: this PC has no pen in that repository, or cannot write with it now.
    async fn append_record(&self, json: &[u8]) -> Result<()> {
        self.member().ok_or_else(AgentError::not_a_member)?;
        let (seat, descriptors) = (self.seat()?, &self.repository.descriptors);
        expect_own(descriptors, &seat.device)?;
        let mut ledger = seat.pen_at_the_head(descriptors).await?;
        let attached = ledger.attach("record", json.to_vec()).await?;
        ledger.append(NoteKind::Restore, vec![attached]).await?;
        Ok(())
    }
}

/// Where a folder really is or will be: links above it are followed as far as it exists.
fn real(folder: &Path) -> PathBuf {
    let there = folder.ancestors().find_map(|above| Some((above, above.canonicalize().ok()?)));
    let Some((above, real)) = there else { return folder.to_owned() };
    folder.strip_prefix(above).map_or(real.clone(), |below| real.join(below))
}
