//! Rivals, from the package registries, kept between runs.
//!
//! Into `SCELLE_TOOLS/rivals`, by default `~/.cache/scelle-tools/rivals`. What is there is not installed again.
//! Never: a download from anywhere else.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result, bail};

/// Debian packages that the others are built with.
const LIBRARIES: [&str; 8] = [
    "libsodium-dev",
    "pkg-config",
    "libacl1-dev",
    "libssl-dev",
    "liblz4-dev",
    "libzstd-dev",
    "libxxhash-dev",
    "python3-venv",
];

/// Folder of the rivals.
pub fn folder() -> Result<PathBuf> {
    let base = match std::env::var_os("SCELLE_TOOLS") {
        Some(folder) => PathBuf::from(folder),
        None => {
            PathBuf::from(std::env::var_os("HOME").context("HOME is not set")?).join(".cache/scelle-tools")
        }
    };
    let folder = base.join("rivals");
    std::fs::create_dir_all(&folder)?;
    Ok(folder)
}

/// restic, from Debian.
pub fn restic() -> Result<PathBuf> {
    let program = PathBuf::from("/usr/bin/restic");
    if !program.exists() {
        apt(&["restic"])?;
    }
    Ok(program)
}

/// Borg, from PyPI.
pub fn borg() -> Result<PathBuf> {
    let venv = folder()?.join("borg-venv");
    let program = venv.join("bin/borg");
    if !program.exists() {
        apt(&LIBRARIES)?;
        run(Command::new("python3").args(["-m", "venv"]).arg(&venv))?;
        run(Command::new(venv.join("bin/pip")).args(["install", "--quiet", "borgbackup>=1.4,<2"]))?;
    }
    Ok(program)
}

/// A crate's program, built from the crate registry as its authors build it; `options` are Cargo's.
pub fn cargo(name: &str, program: &str, options: &[&str]) -> Result<PathBuf> {
    let root = folder()?;
    let installed = root.join("bin").join(program);
    if !installed.exists() {
        apt(&LIBRARIES)?;
        run(Command::new("cargo").args(["install", name, "--locked", "--root"]).arg(&root).args(options))?;
    }
    Ok(installed)
}

/// First line of `program --version`, or `version`.
pub fn version(program: &Path) -> String {
    let said = ["--version", "version"].iter().find_map(|argument| {
        let output = Command::new(program).arg(argument).output().ok()?;
        let text = String::from_utf8_lossy(&output.stdout).lines().next()?.to_owned();
        (output.status.success() && !text.is_empty()).then_some(text)
    });
    said.unwrap_or_else(|| "?".into())
}

fn apt(packages: &[&str]) -> Result<()> {
    run(Command::new("apt-get").args(["install", "-y", "-q", "--no-install-recommends"]).args(packages))
        .or_else(|_| {
            run(Command::new("apt-get").args(["update", "-q"]))?;
            run(Command::new("apt-get")
                .args(["install", "-y", "-q", "--no-install-recommends"])
                .args(packages))
        })
}

/// Runs a command; what it said is in the error.
pub fn run(command: &mut Command) -> Result<()> {
    let output = command.env("DEBIAN_FRONTEND", "noninteractive").output()?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        bail!("{:?} failed: {}", command.get_program(), &said[said.len().saturating_sub(1500)..]);
    }
    Ok(())
}
