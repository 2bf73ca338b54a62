//! One service for each state folder.
//!
//! A lock of the operating system on a file of that folder, which ends with the process however it ends. Never: a number of a
//! process, which another one may bear tomorrow.

use std::fs;
use std::path::Path;

use fs4::fs_std::FileExt as _;

use crate::error::{AgentError, Result};

const LOCK: &str = "agent.lock";

/// The right to be the service of a state folder, for as long as this lives.
#[derive(Debug)]
pub struct Instance {
    _lock: fs::File,
}

impl Instance {
    /// Takes it.
    ///
    /// Errors: exit 11 another process is this folder's service, exit 1 the folder cannot be written to.
    pub fn take(home: &Path) -> Result<Self> {
        fs::create_dir_all(home)?;
        crate::platform::make_private(home)?;
        let lock = fs::OpenOptions::new().create(true).truncate(false).write(true).open(home.join(LOCK))?;
        match lock.try_lock_exclusive() {
            Ok(true) => Ok(Self { _lock: lock }),
            _ => Err(AgentError::busy()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::ExitCode;

    #[test]
    fn a_second_service_is_refused_and_the_next_is_not() {
        let home = tempfile::tempdir().unwrap();
        let first = Instance::take(home.path()).unwrap();
        assert_eq!(Instance::take(home.path()).unwrap_err().code, ExitCode::Busy);
        drop(first);
        Instance::take(home.path()).unwrap();
    }
}
