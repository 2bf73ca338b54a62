//! The service manager's own tool, called and waited for; and its file, written whole or not at all.
//!
//! From words to an exit status and what was said. Never: a shell in between.

use std::fs;
use std::io::{self, Write as _};
use std::path::Path;
use std::process::{Command, Stdio};

use scelle_core::error::{AgentError, Result};

/// What a call said.
pub struct Said {
    /// Whether it ended well.
    pub is_ok: bool,
    /// Its standard output.
    pub out: String,
    /// The last line of its complaints.
    pub complaint: String,
}

/// Calls a tool.
///
/// Errors: exit 1 there is no such tool.
pub fn ask(tool: &str, words: &[&str]) -> Result<Said> {
    let mut call = Command::new(tool);
    call.args(words).env("LC_ALL", "C").stdin(Stdio::null());
    let answer = call.output().map_err(|error| match error.kind() {
        io::ErrorKind::NotFound => AgentError::no_service_manager(),
        _ => AgentError::io(&error),
    })?;
    let complaints = String::from_utf8_lossy(&answer.stderr);
    Ok(Said {
        is_ok: answer.status.success(),
        out: String::from_utf8_lossy(&answer.stdout).into_owned(),
        complaint: complaints.lines().next_back().unwrap_or_default().trim().to_owned(),
    })
}

/// Calls a tool that must end well.
///
/// Errors: exit 1 it refuses, with what it said last.
pub fn tell(tool: &str, words: &[&str]) -> Result<()> {
    let said = ask(tool, words)?;
    if said.is_ok {
        return Ok(());
    }
    Err(AgentError::service_refused().because(said.complaint))
}

/// A path as text.
///
/// Errors: exit 2 it cannot stand in a file of a service manager: it is no UTF-8, or has a line break in it.
pub fn text_of(path: &Path) -> Result<String> {
    let text = path.to_str().filter(|text| !text.chars().any(char::is_control));
    text.map(str::to_owned).ok_or_else(AgentError::path_not_for_service)
}

/// Puts a file in the place of what is there, on the disk before it bears its name. All may read it.
pub fn put(file: &Path, text: &str) -> Result<()> {
    let folder = file.parent().unwrap_or(Path::new("/"));
    let mut written = tempfile::Builder::new().prefix(".scelle-").tempfile_in(folder)?;
    written.write_all(text.as_bytes())?;
    open_to_readers(written.as_file())?;
    written.as_file().sync_all()?;
    written.persist(file).map_err(|error| AgentError::io(&error.error))?;
    Ok(())
}

#[cfg(unix)]
fn open_to_readers(file: &fs::File) -> io::Result<()> {
    use std::os::unix::fs::PermissionsExt as _;
    file.set_permissions(fs::Permissions::from_mode(0o644))
}

#[cfg(not(unix))]
fn open_to_readers(_: &fs::File) -> io::Result<()> {
    Ok(())
}

/// Removes a file; whether it was there.
pub fn remove(file: &Path) -> Result<bool> {
    match fs::remove_file(file) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(AgentError::io(&error)),
    }
}
