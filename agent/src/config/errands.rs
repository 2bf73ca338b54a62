//! Which backups are asked for: one of the folders given by hand, else one of each plan.
//!
//! From [`Settings`] and what was typed, files of patterns among it, to requests for the core. Never: looks at what is to be saved.

use std::path::{Path, PathBuf};

use scelle_core::error::{AgentError, Result};
use scelle_core::run::BackupRequest;
use scelle_view::words::failures::{ExpectedValue, LineAdvice, LineFault};

use super::{Plan, Settings};

/// Largest file of patterns accepted, in bytes.
const PATTERNS_BYTES_MAX: u64 = 1 << 20;

/// What one run is asked to save.
pub struct Errand<'a> {
    /// The plan that it carries out; `None` where folders were given by hand.
    pub plan: Option<&'a Plan>,
    /// The request.
    pub request: BackupRequest,
}

impl Settings {
    /// The runs that are asked for by these folders, or by none. `everywhere` is left out of each, beside what its plan excludes;
    /// `scheduled`: as in [`Settings::declared`].
    ///
    /// Errors: exit 2 there is nothing to back up, or a pattern is wrong.
    pub fn errands<'a>(
        &'a self,
        paths: &[PathBuf],
        everywhere: &[String],
        scheduled: bool,
    ) -> Result<Vec<Errand<'a>>> {
        if !paths.is_empty() {
            return Ok(vec![self.asked(None, paths, everywhere.to_vec(), scheduled)?]);
        }
        if self.plans.is_empty() {
            return Err(AgentError::nothing_to_back_up());
        }
        self.plans.iter().map(|plan| self.errand(plan, everywhere, scheduled)).collect()
    }

    /// The run that a plan asks for.
    ///
    /// Errors: exit 2 a pattern is wrong.
    pub fn errand<'a>(&self, plan: &'a Plan, everywhere: &[String], scheduled: bool) -> Result<Errand<'a>> {
        let exclude = everywhere.iter().chain(&plan.exclude).cloned().collect();
        self.asked(Some(plan), &plan.paths, exclude, scheduled)
    }

    fn asked<'a>(
        &self,
        plan: Option<&'a Plan>,
        paths: &[PathBuf],
        exclude: Vec<String>,
        scheduled: bool,
    ) -> Result<Errand<'a>> {
        let (threads, declared) = (self.limits.threads.unwrap_or(0), self.declared(plan, scheduled));
        let request = BackupRequest { threads, declared, ..BackupRequest::new(paths, exclude)? };
        Ok(Errand { plan, request })
    }

    /// Which of the plans one is, from 1.
    pub fn number_of(&self, plan: &Plan) -> Option<usize> {
        Some(self.plans.iter().position(|other| other.name == plan.name)? + 1)
    }
}

/// The patterns of a file, one a line; empty lines and those that begin with `#` are none.
///
/// Errors: exit 2 it cannot be read, or is no text.
pub fn patterns_of(file: &Path) -> Result<Vec<String>> {
    let text = match std::fs::metadata(file) {
        Ok(meta) if meta.len() <= PATTERNS_BYTES_MAX => std::fs::read_to_string(file),
        Ok(_) => Err(std::io::ErrorKind::FileTooLarge.into()),
        Err(error) => Err(error),
    };
    let text = text.map_err(|error| {
        let fault = LineFault::ValueUnclear("--exclude-file".to_owned());
        AgentError::line_unclear(fault, LineAdvice::Expected(ExpectedValue::Patterns)).because(error)
    })?;
    let lines = text.trim_start_matches('\u{feff}').lines().map(str::trim_end);
    Ok(lines.filter(|line| !line.is_empty() && !line.starts_with('#')).map(str::to_owned).collect())
}
