//! Where state and configuration live on each system.
//!
//! From the environment to folders; nothing is created here. Never: a network file system for the state,
//! whose locks and durable writes cannot be trusted.

use std::path::{Path, PathBuf};

use super::env::Env;
use scelle_core::error::{AgentError, Result};

/// The folder of the state: `SCELLE_HOME`, else the system's place.
pub fn state_folder(env: &Env) -> Result<PathBuf> {
    env.path("SCELLE_HOME").or_else(|| system::state(env)).ok_or_else(AgentError::no_state_folder)
}

/// The configuration file where none is named: beside the state where `SCELLE_HOME` is set, so that several
/// agents live side by side, else the system's place.
pub fn config_file(env: &Env) -> Result<PathBuf> {
    let beside = env.path("SCELLE_HOME").map(|home| home.join("config.toml"));
    beside.or_else(|| system::config(env)).ok_or_else(AgentError::no_state_folder)
}

/// Refuses a folder on a network file system. A folder that does not exist yet is judged by its nearest
/// ancestor that does.
pub fn refuse_network_folder(folder: &Path) -> Result<()> {
    let existing = folder.ancestors().find(|ancestor| ancestor.exists());
    match existing {
        Some(folder) if system::is_network(folder) => Err(AgentError::state_on_network()),
        _ => Ok(()),
    }
}

#[cfg(target_os = "linux")]
mod system {
    use super::{Env, Path, PathBuf};

    /// Magic numbers of network file systems, from `statfs(2)` and the kernel's `magic.h`: NFS, SMB, CIFS,
    /// SMB2, 9p, Ceph, AFS (two), Coda, NCP.
    const NETWORK: [u64; 10] = [
        0x6969,
        0x517b,
        0xff53_4d42,
        0xfe53_4d42,
        0x0102_1997,
        0x00c3_6400,
        0x5346_414f,
        0x6b41_4653,
        0x7375_7245,
        0x564c,
    ];

    pub fn state(env: &Env) -> Option<PathBuf> {
        if rustix::process::geteuid().is_root() {
            return Some("/var/lib/scelle".into());
        }
        let base = env.path("XDG_STATE_HOME").or_else(|| Some(env.path("HOME")?.join(".local/state")))?;
        Some(base.join("scelle"))
    }

    pub fn config(env: &Env) -> Option<PathBuf> {
        if rustix::process::geteuid().is_root() {
            return Some("/etc/scelle/config.toml".into());
        }
        let base = env.path("XDG_CONFIG_HOME").or_else(|| Some(env.path("HOME")?.join(".config")))?;
        Some(base.join("scelle/config.toml"))
    }

    pub fn is_network(folder: &Path) -> bool {
        // A folder that cannot be asked will fail by itself, with a better reason.
        rustix::fs::statfs(folder).is_ok_and(|found| is_network_magic(found.f_type as u64))
    }

    pub fn is_network_magic(magic: u64) -> bool {
        NETWORK.contains(&(magic & 0xffff_ffff))
    }
}

#[cfg(target_os = "macos")]
mod system {
    use super::{Env, Path, PathBuf};

    pub fn state(env: &Env) -> Option<PathBuf> {
        let root = rustix::process::geteuid().is_root();
        let home = if root { PathBuf::from("/") } else { env.path("HOME")? };
        Some(home.join("Library/Application Support/Scelle"))
    }

    pub fn config(env: &Env) -> Option<PathBuf> {
        Some(state(env)?.join("config.toml"))
    }

    pub fn is_network(_: &Path) -> bool {
        false
    }
}

#[cfg(windows)]
mod system {
    use std::path::{Component, Prefix};

    use super::{Env, Path, PathBuf};

    pub fn state(env: &Env) -> Option<PathBuf> {
        Some(env.path("ProgramData")?.join("Scelle"))
    }

    pub fn config(env: &Env) -> Option<PathBuf> {
        Some(state(env)?.join("config.toml"))
    }

    /// UNC paths; a mapped drive letter is seen by the platform code of a later version.
    pub fn is_network(folder: &Path) -> bool {
        matches!(
            folder.components().next(),
            Some(Component::Prefix(prefix)) if matches!(prefix.kind(), Prefix::UNC(..) | Prefix::VerbatimUNC(..))
        )
    }
}

#[cfg(not(any(target_os = "linux", target_os = "macos", windows)))]
mod system {
    use super::{Env, Path, PathBuf};

    pub fn state(env: &Env) -> Option<PathBuf> {
        Some(env.path("HOME")?.join(".local/state/scelle"))
    }

    pub fn config(env: &Env) -> Option<PathBuf> {
        Some(env.path("HOME")?.join(".config/scelle/config.toml"))
    }

    pub fn is_network(_: &Path) -> bool {
        false
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scelle_home_holds_state_and_configuration() {
        let env = Env::of([("SCELLE_HOME", "/x/one")]);
        assert_eq!(state_folder(&env).unwrap(), PathBuf::from("/x/one"));
        assert_eq!(config_file(&env).unwrap(), PathBuf::from("/x/one/config.toml"));
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn network_magics_are_refused_and_local_folders_are_not() {
        assert!(system::is_network_magic(0x6969) && system::is_network_magic(0xffff_ffff_fe53_4d42));
        assert!(!system::is_network_magic(0xef53) && !system::is_network_magic(0x0102_1994));
        let folder = tempfile::tempdir().unwrap();
        refuse_network_folder(&folder.path().join("not/yet/there")).unwrap();
    }
}
