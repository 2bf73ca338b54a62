//! What every service manager is told, and asked.
//!
//! Never: how.

use std::path::{Path, PathBuf};

use scelle_core::error::Result;

/// The agent, as the service manager is to start it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Registration {
    /// The program, absolute.
    pub program: PathBuf,
    /// What follows it, `agent run` included.
    pub arguments: Vec<String>,
    /// Configuration file, absolute; it need not exist.
    pub config: PathBuf,
    /// Variables it is started with: names and values, none of them secret.
    pub variables: Vec<(&'static str, String)>,
}

/// What the service manager says of the agent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Registered {
    /// It knows it.
    pub is_installed: bool,
    /// It starts it at boot.
    pub is_enabled: bool,
    /// It runs now.
    pub is_running: bool,
}

/// A service manager.
pub trait Registrar {
    /// The file that registers the agent.
    fn file(&self) -> &Path;

    /// What is to stand in it.
    ///
    /// Errors: exit 2 a path that it cannot hold.
    fn text(&self, registration: &Registration) -> Result<String>;

    /// Writes the file, has the agent started at boot, and starts it now, again where it runs. Once more is the same as once.
    ///
    /// Errors: exit 1 no service manager, no right, or it refuses.
    fn install(&self, registration: &Registration) -> Result<()>;

    /// Stops the agent and removes the file. Whether there was one.
    fn uninstall(&self) -> Result<bool>;

    /// Starts it.
    fn start(&self) -> Result<()>;

    /// Stops it: until somebody starts it, or the computer.
    fn stop(&self) -> Result<()>;

    /// What it says.
    fn registered(&self) -> Result<Registered>;
}
