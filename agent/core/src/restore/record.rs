//! The *fiche de restauration*: what a restore did, as the ledger keeps it.
//!
//! For: the attachment `record` of a `restore` note, or a file beside the restored tree where no device key is.
//! Data comes from a [`RestoreSummary`] and the snapshot. Never: a name, a path, an operating-system message;
//! files are tokens, sizes stand on the Padmé ladder.

use std::collections::BTreeMap;

use scelle_format::descriptor::RecipientRole;
use scelle_format::padme::padme;
use scelle_format::timestamp::Timestamp;
use serde::Serialize;

use super::request::{RestoreRequest, Target};
use super::summary::RestoreSummary;
use crate::error::{AgentError, Result};
use crate::monitor::Problem;
use crate::repo::ledger::history::Snapshot;

/// Tokens of damaged files that are listed one by one.
const TOKENS_MAX: usize = 1000;

/// One restoration. Fields are in alphabetical order: the JSON is canonical.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct RestoreRecord {
    /// Files placed beside what stood there.
    pub beside: u64,
    /// Bytes written, on the Padmé ladder.
    pub bytes: u64,
    /// Tokens of files whose content is damaged, at most 1 000.
    pub damaged: Vec<String>,
    /// How many such files there are, those in unreadable parts of the tree included.
    pub damaged_files: u64,
    /// Damaged objects, by name.
    pub damaged_objects: Vec<String>,
    /// Device whose snapshot it was.
    pub device: String,
    /// Folders.
    pub directories: u64,
    /// How long it took, in milliseconds.
    pub duration_ms: u64,
    /// Files written.
    pub files: u64,
    /// Further names of files.
    pub hardlinks: u64,
    /// Left as they were.
    pub kept: u64,
    /// Who opened the repository: `recovery`, `everyday` or `escrow`.
    pub key: String,
    /// Attributes not given: owners, modes, extended attributes, times.
    pub not_given: [u64; 4],
    /// SHA-256 of the text of the snapshot's note.
    pub note: String,
    /// Problems by code.
    pub problems: BTreeMap<String, u64>,
    /// Entries that got another name.
    pub renamed: u64,
    /// Repository.
    pub repository: String,
    /// Exit code.
    pub result: u8,
    /// Always `restore/1`.
    pub scelle: String,
    /// `all` or `selection`.
    pub scope: String,
    /// Logs and journals moved aside from beside databases.
    pub set_aside: u64,
    /// Files already there with the same content.
    pub skipped_same: u64,
    /// Number of the snapshot.
    pub snapshot: u64,
    /// Names of inodes that are files of their own, because the snapshot holds another version under them.
    pub split_links: u64,
    /// Symlinks.
    pub symlinks: u64,
    /// `folder` or `in-place`.
    pub target: String,
    /// When it ended.
    pub time: Timestamp,
    /// Databases that were replaced without knowing whether a program has them open.
    pub use_unknown: u64,
    /// Every byte written was compared with the id that the signed note commits to.
    pub verified: bool,
}

impl RestoreRecord {
    /// The record of a restore that ended at `time`.
    pub fn of(
        repository: &scelle_format::id::RepositoryId,
        snapshot: &Snapshot,
        request: &RestoreRequest,
        summary: &RestoreSummary,
        role: RecipientRole,
        time: Timestamp,
    ) -> Self {
        let lost: u64 = summary.lost_parts.iter().map(|part| part.files).sum();
        let mut problems: BTreeMap<String, u64> = BTreeMap::new();
        for problem in &summary.problems {
            *problems.entry(code(problem.problem)).or_default() += 1;
        }
        let given = summary.notices;
        Self {
            beside: summary.beside,
            bytes: padme(summary.bytes),
            damaged: summary.damaged.iter().take(TOKENS_MAX).map(|file| file.token.clone()).collect(),
            damaged_files: summary.damaged.len() as u64 + lost,
            damaged_objects: summary.damaged_objects.clone(),
            device: snapshot.id.device.to_string(),
            directories: summary.directories,
            duration_ms: u64::try_from(summary.duration.as_millis()).unwrap_or(u64::MAX),
            files: summary.files,
            hardlinks: summary.hardlinks,
            kept: summary.kept,
            key: role.to_string(),
            not_given: [given.owners, given.modes, given.xattrs, given.times],
            note: snapshot.note_sha256.to_string(),
            problems,
            renamed: summary.renamed,
            repository: repository.to_string(),
            result: summary.code().number(),
            scelle: "restore/1".to_owned(),
            scope: if request.paths.is_empty() { "all" } else { "selection" }.to_owned(),
            set_aside: summary.set_aside,
            skipped_same: summary.skipped_same,
            snapshot: snapshot.id.number,
            split_links: summary.split_links,
            symlinks: summary.symlinks,
            target: if request.target == Target::InPlace { "in-place" } else { "folder" }.to_owned(),
            time,
            use_unknown: summary.use_unknown,
            verified: true,
        }
    }

    /// One line of JSON, keys sorted, no insignificant space.
    pub fn to_json(&self) -> Result<Vec<u8>> {
        serde_json::to_vec(self).map_err(AgentError::bug)
    }
}

/// The stable code of a problem, as notices write it.
fn code(problem: Problem) -> String {
    match serde_json::to_value(problem) {
        Ok(serde_json::Value::String(code)) => code,
        _ => "other".to_owned(),
    }
}
