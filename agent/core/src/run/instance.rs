//! One service for each state folder.
//!
//! A lock of the operating system on a file of that folder, which ends with the process however it ends. Never: a number of a
//! process, which another one may bear tomorrow.

use std::fs;
use std::path::Path;
use std::time::Duration;

use fs4::fs_std::FileExt as _;

use crate::error::{AgentError, Result};
use crate::repo::files;

/// How often the lock is tried, with a wait in between, before it is somebody's.
const LOOKS: u32 = 4;
const LOOK: Duration = Duration::from_millis(25);

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
        let lock = fs::OpenOptions::new()
            .create(true)
            .truncate(false)
            .write(true)
            .open(home.join(files::SERVICE_LOCK))?;
        // Whoever looks whether there is a service holds the lock for an instant.
        for _ in 0..LOOKS {
            if let Ok(true) = lock.try_lock_exclusive() {
                return Ok(Self { _lock: lock });
            }
            std::thread::sleep(LOOK);
        }
        Err(AgentError::busy())
    }

    /// Whether some process is the service of a state folder.
    pub fn is_taken(home: &Path) -> bool {
        let Ok(lock) = fs::File::open(home.join(files::SERVICE_LOCK)) else { return false };
        !matches!(fs4::fs_std::FileExt::try_lock_shared(&lock), Ok(true))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::ExitCode;

    #[test]
    fn a_second_service_is_refused_and_the_next_is_not() {
        let home = tempfile::tempdir().unwrap();
        assert!(!Instance::is_taken(home.path()));
        let first = Instance::take(home.path()).unwrap();
        assert!(Instance::is_taken(home.path()) && Instance::is_taken(home.path()));
        assert_eq!(Instance::take(home.path()).unwrap_err().code, ExitCode::Busy);
        drop(first);
        assert!(!Instance::is_taken(home.path()));
        Instance::take(home.path()).unwrap();
    }
}
