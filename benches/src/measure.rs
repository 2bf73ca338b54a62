//! One program run, counted: wall time, processor time, most memory.
//!
//! The program is started by a small process of its own (this same executable again), because the kernel only says
//! what all ended children of a process have used together. Never: judges a figure.

use std::ffi::OsString;
use std::fs::File;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};
use std::time::Instant;

use anyhow::{Context as _, Result};
use serde::{Deserialize, Serialize};

const CHILD: &str = "--measured-child";

/// What a run used.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
pub struct Usage {
    /// Seconds from start to end.
    pub wall_seconds: f64,
    /// Processor seconds, user and system, of the program and its children.
    pub cpu_seconds: f64,
    /// Most resident memory of one process, in bytes.
    pub rss_bytes: u64,
}

/// A program with its arguments and surroundings.
#[derive(Clone, Debug, Default)]
pub struct Step {
    /// The program.
    pub program: PathBuf,
    /// Its arguments.
    pub arguments: Vec<OsString>,
    /// Its environment, beside what it inherits.
    pub variables: Vec<(OsString, OsString)>,
    /// Its working folder.
    pub folder: Option<PathBuf>,
}

impl Step {
    /// `program` with `arguments`.
    pub fn new<A: Into<OsString>>(
        program: impl Into<PathBuf>,
        arguments: impl IntoIterator<Item = A>,
    ) -> Self {
        let arguments = arguments.into_iter().map(Into::into).collect();
        Self { program: program.into(), arguments, ..Self::default() }
    }

    /// With an environment variable.
    #[must_use]
    pub fn with(mut self, name: &str, value: impl Into<OsString>) -> Self {
        self.variables.push((name.into(), value.into()));
        self
    }

    /// Runs it and counts. Errors: it could not start, or ended badly; then what it said is in the error.
    pub fn measured(&self) -> Result<Usage> {
        let scratch = tempfile::tempdir()?;
        let (usage, said) = (scratch.path().join("usage"), scratch.path().join("said"));
        let mut command = Command::new(std::env::current_exe()?);
        command.arg(CHILD).arg(&usage).arg(&self.program).args(&self.arguments).envs(self.variables.clone());
        if let Some(folder) = &self.folder {
            command.current_dir(folder);
        }
        let output = File::create(&said)?;
        command.stdin(Stdio::null()).stdout(output.try_clone()?).stderr(output);
        let status = command.status().context("start")?;
        if !status.success() {
            let said = std::fs::read(&said)?;
            let tail = String::from_utf8_lossy(&said[said.len().saturating_sub(2000)..]).into_owned();
            anyhow::bail!("{} {:?} failed: {tail}", self.program.display(), self.arguments);
        }
        Ok(serde_json::from_slice(&std::fs::read(&usage)?)?)
    }
}

/// The counting process: when this executable was started by [`Step::measured`], what `main` is to return.
pub fn child() -> Option<ExitCode> {
    let mut arguments = std::env::args_os().skip(1);
    if arguments.next()? != CHILD {
        return None;
    }
    let (usage, program) = (arguments.next()?, arguments.next()?);
    let counted = count(Path::new(&usage), Command::new(program).args(arguments));
    Some(match counted {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            let _ = writeln!(std::io::stderr(), "{error:#}");
            ExitCode::FAILURE
        }
    })
}

#[cfg(unix)]
fn count(target: &Path, command: &mut Command) -> Result<bool> {
    use nix::sys::resource::{UsageWho, getrusage};
    let began = Instant::now();
    let status = command.status()?;
    let wall_seconds = began.elapsed().as_secs_f64();
    let used = getrusage(UsageWho::RUSAGE_CHILDREN)?;
    let seconds = |time: nix::sys::time::TimeVal| time.tv_sec() as f64 + time.tv_usec() as f64 / 1e6;
    let cpu_seconds = seconds(used.user_time()) + seconds(used.system_time());
    // Linux counts in KiB (getrusage(2)).
    let usage = Usage { wall_seconds, cpu_seconds, rss_bytes: used.max_rss() as u64 * 1024 };
    std::fs::write(target, serde_json::to_vec(&usage)?)?;
    Ok(status.success())
}

#[cfg(not(unix))]
fn count(target: &Path, command: &mut Command) -> Result<bool> {
    let began = Instant::now();
    let status = command.status()?;
    let usage = Usage { wall_seconds: began.elapsed().as_secs_f64(), ..Usage::default() };
    std::fs::write(target, serde_json::to_vec(&usage)?)?;
    Ok(status.success())
}
