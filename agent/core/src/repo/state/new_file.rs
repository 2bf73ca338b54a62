//! A file that a person asked for and that must not be there yet: a kit, a phrase, an exported bilan.
//!
//! From bytes to a disk, whole or with an error. Never: overwrites anything.

use std::fs::OpenOptions;
use std::io::{ErrorKind, Write as _};
use std::path::Path;

use secrecy::{ExposeSecret as _, SecretString};

use crate::error::{AgentError, Result};
use crate::platform::private_file;

/// Writes a secret to a new file that only its owner may read.
pub fn write_private(path: &Path, secret: &SecretString) -> Result<()> {
    write_new(path, secret.expose_secret().as_bytes(), true)
}

/// Writes a new file, and waits until it is on the disk.
///
/// Errors: exit 1 it is there already.
pub fn write_new(path: &Path, bytes: &[u8], is_private: bool) -> Result<()> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    if is_private {
        private_file(&mut options);
    }
    let mut file = options.open(path).map_err(|error| match error.kind() {
        ErrorKind::AlreadyExists => AgentError::file_exists(),
        _ => AgentError::io(&error),
    })?;
    file.write_all(bytes)?;
    file.sync_all()?;
    Ok(())
}
