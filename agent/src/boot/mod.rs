//! Having the system start the agent at boot and again after a crash: what is registered with its service manager, and whether
//! the agent runs.
//!
//! From what is in effect ([`Registration`]) to one file of the service manager and calls of its own tool. [`systemd`] is that of
//! Linux, [`launchd`] that of macOS; Windows comes in a later version, behind the same trait. Never: a secret in a file of
//! the service manager, or a service that runs as an account that the practice's programs share.

mod launchd;
mod registrar;
mod systemd;
mod tool;

use std::path::Path;

use scelle_core::error::{AgentError, Result};

pub use self::launchd::Launchd;
pub use self::registrar::{Registered, Registrar, Registration};
pub use self::systemd::Systemd;

/// The service manager of this system.
///
/// Errors: exit 1 none that this version knows.
pub fn of_this_system() -> Result<Box<dyn Registrar>> {
    if cfg!(target_os = "linux") {
        Ok(Box::new(Systemd::new(Path::new("/etc/systemd/system"))))
    } else if cfg!(target_os = "macos") {
        Ok(Box::new(Launchd::new(Path::new("/Library/LaunchDaemons"))))
    } else {
        Err(AgentError::no_service_manager())
    }
}
