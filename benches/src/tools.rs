//! Each backup program: how to make a repository, save, restore, with its own defaults.
//!
//! From a tool and a place to [`Step`]s. Caches and configuration stay in the place. Every tool encrypts, compresses
//! as its authors advise, and keeps its own promises about writing to disk. Never: a shortcut for one of them.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};

use crate::install;
use crate::measure::Step;

const PASSWORD: &str = "bench only, not a secret";

/// A program.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Name {
    /// This product.
    Scelle,
    /// An older build of it.
    Previous,
    /// restic.
    Restic,
    /// Borg.
    Borg,
    /// bupstash.
    Bupstash,
    /// rustic.
    Rustic,
}

/// A program that is installed.
#[derive(Clone, Debug)]
pub struct Tool {
    /// Which.
    pub name: Name,
    /// Where.
    pub program: PathBuf,
}

/// A tool with a repository of its own.
#[derive(Clone, Debug)]
pub struct Repository {
    tool: Tool,
    place: PathBuf,
    source: PathBuf,
}

impl Name {
    /// Reads a name as [`Name::text`] writes it.
    pub fn parse(text: &str) -> Result<Self> {
        let all = [Self::Scelle, Self::Previous, Self::Restic, Self::Borg, Self::Bupstash, Self::Rustic];
        all.into_iter().find(|name| name.text() == text).with_context(|| format!("no tool called {text}"))
    }

    /// As in tables.
    pub fn text(self) -> &'static str {
        match self {
            Self::Scelle => "scelle",
            Self::Previous => "previous",
            Self::Restic => "restic",
            Self::Borg => "borg",
            Self::Bupstash => "bupstash",
            Self::Rustic => "rustic",
        }
    }

    /// Installs it where it is missing.
    pub fn install(self) -> Result<Tool> {
        let program = match self {
            Self::Scelle => scelle()?,
            Self::Previous => previous()?,
            Self::Restic => install::restic()?,
            Self::Borg => install::borg()?,
            Self::Bupstash => install::cargo("bupstash", "bupstash", &[])?,
            Self::Rustic => {
                // Without its screens and exporters, which a backup does not run.
                install::cargo("rustic-rs", "rustic", &["--version", "0.11.4", "--no-default-features"])?
            }
        };
        Ok(Tool { name: self, program })
    }
}

/// `SCELLE_BIN`, else the program built beside this one.
fn scelle() -> Result<PathBuf> {
    let program = match std::env::var_os("SCELLE_BIN") {
        Some(program) => PathBuf::from(program),
        None => std::env::current_exe()?.with_file_name("scelle"),
    };
    anyhow::ensure!(
        program.is_file(),
        "no program at {}: cargo build --release -p scelle-agent",
        program.display()
    );
    Ok(program)
}

/// `SCELLE_PREVIOUS`.
fn previous() -> Result<PathBuf> {
    std::env::var_os("SCELLE_PREVIOUS").map(PathBuf::from).context("SCELLE_PREVIOUS names no older build")
}

impl Tool {
    /// Version as the program says it.
    pub fn version(&self) -> String {
        install::version(&self.program)
    }

    /// Makes an empty repository below `place` for backups of `source`.
    pub fn repository(&self, place: &Path, source: &Path) -> Result<Repository> {
        std::fs::create_dir_all(place.join("home"))?;
        let made = Repository { tool: self.clone(), place: place.to_owned(), source: source.to_owned() };
        for step in made.init() {
            step.measured()?;
        }
        Ok(made)
    }
}

impl Repository {
    /// The folder that the tool stores into.
    pub fn store(&self) -> PathBuf {
        self.place.join("repo")
    }

    /// Bytes on disk, files' lengths added up.
    pub fn stored_bytes(&self) -> Result<u64> {
        let mut bytes = 0;
        crate::corpus::walk(&self.store(), &mut |_, metadata| {
            bytes += metadata.len();
            Ok(())
        })?;
        Ok(bytes)
    }

    fn init(&self) -> Vec<Step> {
        match self.tool.name {
            Name::Scelle | Name::Previous => {
                let kit = self.place.join("kit.txt").into_os_string();
                vec![self.step(["init".into(), "--yes".into(), "--kit".into(), kit])]
            }
            Name::Restic => vec![self.step(["init", "--repository-version", "2"].map(Into::into))],
            Name::Borg => vec![self.step(["init", "-e", "repokey-blake2"].map(Into::into))],
            Name::Bupstash => vec![
                self.step(["new-key".into(), "-o".into(), self.place.join("key").into_os_string()]),
                self.step(["init".into()]),
            ],
            Name::Rustic => vec![self.step(["init".into()])],
        }
    }

    /// Saves the source; `label` names the snapshot where the tool wants a name.
    pub fn backup(&self, label: &str) -> Step {
        let source = self.source.clone().into_os_string();
        match self.tool.name {
            Name::Scelle | Name::Previous => self.step(["backup".into(), source]),
            Name::Restic => self.step(["backup".into(), "--quiet".into(), source]),
            Name::Borg => {
                let archive = OsString::from(format!("::{label}"));
                self.step(["create".into(), "-C".into(), "auto,zstd,3".into(), archive, source])
            }
            Name::Bupstash => self.step(["put".into(), "-q".into(), format!("name={label}").into(), source]),
            Name::Rustic => self.step(["backup".into(), source]),
        }
    }

    /// Restores what was saved last under `label` into the empty folder `target`.
    pub fn restore(&self, label: &str, target: &Path) -> Step {
        let target = target.to_owned();
        match self.tool.name {
            Name::Scelle | Name::Previous => {
                let kit = self.place.join("kit.txt").into_os_string();
                let to = target.into_os_string();
                self.step(["restore".into(), "latest".into(), "--kit".into(), kit, "--to".into(), to])
            }
            Name::Restic => self.step(["restore".into(), "latest".into(), "--target".into(), target.into()]),
            Name::Borg => {
                let step = self.step(["extract".into(), format!("::{label}").into()]);
                Step { folder: Some(target), ..step }
            }
            Name::Bupstash => {
                let query = OsString::from(format!("name={label}"));
                self.step(["restore".into(), "-q".into(), "--into".into(), target.into(), query])
            }
            Name::Rustic => self.step(["restore".into(), "latest".into(), target.into_os_string()]),
        }
    }

    fn step<const N: usize>(&self, arguments: [OsString; N]) -> Step {
        let (store, home) = (self.store().into_os_string(), self.place.join("home").into_os_string());
        let step = Step::new(self.tool.program.clone(), arguments).with("HOME", home.clone());
        match self.tool.name {
            Name::Scelle | Name::Previous => {
                let mut url = OsString::from("file://");
                url.push(store);
                step.with("SCELLE_HOME", home).with("SCELLE_REPO", url).with("SCELLE_LANG", "en")
            }
            Name::Restic => step
                .with("RESTIC_REPOSITORY", store)
                .with("RESTIC_PASSWORD", PASSWORD)
                .with("RESTIC_CACHE_DIR", home),
            Name::Borg => step
                .with("BORG_REPO", store)
                .with("BORG_PASSPHRASE", PASSWORD)
                .with("BORG_BASE_DIR", home)
                .with("BORG_UNKNOWN_UNENCRYPTED_REPO_ACCESS_IS_OK", "yes"),
            Name::Bupstash => step
                .with("BUPSTASH_REPOSITORY", store)
                .with("BUPSTASH_KEY", self.place.join("key"))
                .with("XDG_CACHE_HOME", home),
            Name::Rustic => step
                .with("RUSTIC_REPOSITORY", store)
                .with("RUSTIC_PASSWORD", PASSWORD)
                .with("RUSTIC_CACHE_DIR", home)
                .with("RUSTIC_NO_PROGRESS", "true"),
        }
    }
}
