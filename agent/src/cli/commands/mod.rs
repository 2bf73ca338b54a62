//! One file per command: what was typed becomes one call into the library, and its answer goes to the screen.
//!
//! Never: a rule of its own.

mod acknowledge;
mod backup;
mod bilan;
mod check;
mod demo;
mod init;
mod keys;
mod kit;
mod look;
mod reading;
mod restore;

pub use self::kit::{language as words_of, write_private};

use std::path::Path;
use std::sync::Arc;

use scelle_format::id::RepositoryId;
use scelle_format::kit::{Kit, KitError};
use secrecy::ExposeSecret as _;

use super::args::{Command, Global};
use super::language::Lang;
use super::screen::Screen;
use super::secrets;
use crate::clock::SystemClock;
use crate::config::{RepoAddress, S3Settings, Settings};
use crate::connect::{Connected, Connection, Create, address_of};
use crate::error::{AgentError, ExitCode, Result};
use crate::monitor::Monitor;
use crate::repo::state::{Device, Head, State};
use crate::shutdown::Shutdown;

/// What every command gets.
pub struct Context {
    /// Global flags.
    pub global: Global,
    /// Everything configured.
    pub settings: Settings,
    /// The screen.
    pub screen: Screen,
    /// Progress.
    pub monitor: Arc<dyn Monitor>,
    /// Ctrl-C.
    pub shutdown: Shutdown,
    /// Time.
    pub clock: SystemClock,
}

/// Runs a command.
pub async fn run(context: &Context, command: Command) -> Result<ExitCode> {
    match command {
        Command::Kit(command) => kit::run(context, command),
        Command::Init(args) => init::run(context, args).await,
        Command::Backup(args) => backup::run(context, args).await,
        Command::Snapshots => look::snapshots(context).await,
        Command::Ls(args) => look::ls(context, args).await,
        Command::Find(args) => look::find_names(context, args).await,
        Command::Diff(args) => look::differences(context, args).await,
        Command::Restore(args) => restore::run(context, args).await,
        Command::Check(args) => check::run(context, args).await,
        Command::Bilan(command) => bilan::run(context, command).await,
        Command::Keys(command) => keys::run(context, command).await,
        Command::Demo(args) => demo::run(context, args).await,
        // `usage` has already refused the commands of later versions.
        _ => Err(AgentError::not_in_this_version("scelle")),
    }
}

/// A repository this PC knows.
pub struct Known {
    /// Its id.
    pub repository: RepositoryId,
    /// What the PC knows about it for good.
    pub device: Device,
    /// The head of its ledger.
    pub head: Head,
}

impl Context {
    /// The language of messages.
    pub fn lang(&self) -> Lang {
        self.screen.lang()
    }

    /// The repository that was meant, as far as this PC knows it: by address, or the only one.
    pub fn known(&self) -> Result<Option<Known>> {
        let ids = State::known(&self.settings.home);
        let mut known = Vec::new();
        for repository in ids {
            let (device, head) = State::peek(&self.settings.home, &repository)?;
            known.push(Known { repository, device, head });
        }
        match &self.settings.repo {
            Some(address) => {
                Ok(known.into_iter().find(|known| known.device.place.url == address.to_string()))
            }
            None if known.len() > 1 => Err(AgentError::repository_ambiguous(known.len())),
            None => Ok(known.pop()),
        }
    }

    /// Where the repository is: as given, or as the state knows it.
    pub fn address(&self, known: Option<&Known>) -> Result<RepoAddress> {
        match (&self.settings.repo, known) {
            (Some(address), _) => Ok(address.clone()),
            (None, Some(known)) => address_of(&known.device.place),
            (None, None) => Err(AgentError::repository_not_given()),
        }
    }

    /// Opens the store of a repository.
    pub async fn connect(
        &self,
        known: Option<&Known>,
        create: Create,
        upload_bytes_per_second: Option<u64>,
    ) -> Result<Connected> {
        let address = self.address(known)?;
        let place = known.map(|known| &known.device.place);
        // Flags and configuration win; what the state remembers fills the gaps.
        let s3 = S3Settings {
            endpoint: self.settings.s3.endpoint.clone().or_else(|| place.and_then(|p| p.endpoint.clone())),
            region: self.settings.s3.region.clone().or_else(|| place.and_then(|p| p.region.clone())),
            credentials: self.settings.s3.credentials.clone(),
        };
        let connection = Connection {
            s3: &s3,
            upload_bytes_per_second: upload_bytes_per_second.or(self.settings.limits.upload_bytes_per_second),
            conditional_put: place.is_none_or(|place| place.conditional_put),
            monitor: self.monitor.clone(),
            shutdown: &self.shutdown,
        };
        match connection.open(&address, create).await {
            Err(error) if error.code == ExitCode::NoRepository && known.is_some() => {
                Err(AgentError::known_repository_gone().at(address.to_string()))
            }
            opened => opened,
        }
    }
}

/// Reads and checks a kit file.
pub fn read_kit(path: &Path) -> Result<Kit> {
    let text = secrets::read_kit(path)?;
    Kit::parse(text.expose_secret()).map_err(|error| match error {
        KitError::Mistyped { group, .. } => AgentError::kit_mistyped(group as usize).because(error),
        _ => AgentError::kit_unreadable().because(error),
    })
}
