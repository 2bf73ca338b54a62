//! What a backup would look at: a walk over its folders that opens no file and no repository.
//!
//! From a [`BackupRequest`], and what this computer knows offline, to counts, for `backup --dry-run`. What is new since the last run is not known here: that takes the
//! catalog, and a run. Never: writes, or tells a name.

use std::collections::BTreeMap;
use std::sync::atomic::Ordering;

use serde::Serialize;

use super::request::BackupRequest;
use super::whereabouts::Finder;
use crate::connect::own_folders;
use crate::error::{ExitCode, Result};
use crate::monitor::Problem;
use crate::platform::{Kind, ProblemCode};
use crate::scan::walk::{Walked, Walker};

/// What a walk met.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Survey {
    /// Files that would be in the snapshot.
    pub files: u64,
    /// Their bytes.
    pub source_bytes: u64,
    /// Folders below the roots, the roots included.
    pub folders: u64,
    /// Symbolic links.
    pub links: u64,
    /// Files and folders that a pattern leaves out; what is in such a folder is not counted.
    pub left_out: u64,
    /// Sockets, pipes, devices: never in a snapshot.
    pub specials: u64,
    /// Roots that are not there, or are the backup's own folders.
    pub missing_roots: u64,
    /// What else could not be looked at, by the code of the problem.
    pub problems: BTreeMap<&'static str, u64>,
}

impl Finder<'_> {
    /// Walks what is asked for. The backup's own folders are left out as far as this computer knows them.
    ///
    /// Errors: exit 2 a pattern is wrong; exit 130 stopped.
    pub fn survey(&self, request: &BackupRequest) -> Result<Survey> {
        let known = self.known_offline();
        let own = own_folders(self.home, known.as_ref().map(|known| &known.device.place));
        let mut walk = Walker::new(&request.roots, request.filter(&own)?)?;
        let left_out = walk.left_out();
        let mut survey = Survey::default();
        for walked in walk.by_ref() {
            self.around.shutdown.check()?;
            match walked {
                Walked::Entry(item) if item.is_ancestor || item.is_part_only => {}
                Walked::Entry(item) => match item.stat.kind {
                    Kind::File => {
                        survey.files += 1;
                        survey.source_bytes += item.stat.bytes;
                    }
                    Kind::Directory => survey.folders += 1,
                    Kind::Symlink => survey.links += 1,
                    _ => {}
                },
                Walked::Problem(problem) => survey.met(problem.code),
            }
        }
        survey.left_out = left_out.load(Ordering::Relaxed);
        Ok(survey)
    }
}

impl Survey {
    fn met(&mut self, code: ProblemCode) {
        let problem = match code {
            ProblemCode::Special => return self.specials += 1,
            ProblemCode::RootMissing | ProblemCode::RootExcluded => return self.missing_roots += 1,
            ProblemCode::Vanished => Problem::Vanished,
            ProblemCode::NameTooLong | ProblemCode::PathTooDeep => Problem::RefusedName,
            ProblemCode::XattrLimit | ProblemCode::AttributesUnreadable => Problem::MetadataUnreadable,
            ProblemCode::Unreadable => Problem::Unreadable,
            ProblemCode::FolderUnreadable => Problem::FolderUnreadable,
        };
        *self.problems.entry(problem.code()).or_default() += 1;
    }

    /// Exit 0, or 3 where something could not be looked at: a run would leave it out, too.
    pub fn code(&self) -> ExitCode {
        match self.missing_roots > 0 || !self.problems.is_empty() {
            true => ExitCode::Partial,
            false => ExitCode::Ok,
        }
    }
}
