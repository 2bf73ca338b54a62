//! One file per command: what was typed becomes one call into the library, and its answer goes to the screen.
//!
//! Never: a rule of its own.

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

use parking_lot::Mutex;
use scelle_format::id::RepositoryId;
use scelle_format::kit::{Kit, KitError};
use secrecy::ExposeSecret as _;

use super::args::{Command, Global};
use super::language::Lang;
use super::screen::Screen;
use super::secrets;
use crate::bilan::run::probe_in;
use crate::clock::SystemClock;
use crate::config::{RepoAddress, S3Settings, Settings};
use crate::connect::{Connected, Connection, Create, Engine, address_of, must_be_read_back};
use crate::error::{AgentError, ExitCode, Result};
use crate::monitor::{Monitor, Notice};
use crate::repo::objects::Objects;
use crate::repo::oddities::Oddities;
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
    /// What was odd about the stores that this command read from.
    pub oddities: Mutex<Vec<Arc<Oddities>>>,
}

/// Runs a command, and says at its end what was odd about the store's answers, whatever became of it.
pub async fn run(context: &Context, command: Command) -> Result<ExitCode> {
    let ended = run_one(context, command).await;
    for oddities in context.oddities.lock().iter() {
        let objects = oddities.answered_wrongly();
        if objects > 0 {
            context.screen.notice(&Notice::AnsweredWrongly { objects });
        }
        let (hidden, overwritten) = (oddities.hidden().len() as u64, oddities.overwritten().len() as u64);
        if hidden + overwritten > 0 {
            context.screen.notice(&Notice::ReadThrough { hidden, overwritten });
        }
    }
    ended
}

async fn run_one(context: &Context, command: Command) -> Result<ExitCode> {
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

    /// Has what is odd about the answers for `objects` said at the end.
    pub fn watch(&self, objects: &Objects) {
        self.oddities.lock().push(objects.oddities().clone());
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
        let engine = Engine {
            conditional_put: place.is_none_or(|place| place.conditional_put),
            read_back: known.is_none_or(|known| {
                must_be_read_back(probe_in(&self.settings.home.join(known.repository.as_str())).as_ref())
            }),
        };
        let connection = self.connection(&s3, engine, upload_bytes_per_second);
        match connection.open(&address, create).await {
            Err(error) if error.code == ExitCode::NoRepository && known.is_some() => {
                Err(AgentError::known_repository_gone().at(address.to_string()))
            }
            opened => opened,
        }
    }

    /// The store again, now that it is known what its engine does.
    pub async fn reconnect(&self, connected: &mut Connected, engine: Engine) -> Result<()> {
        let address = address_of(&connected.place)?;
        *connected = self.connection(&self.settings.s3, engine, None).open(&address, Create::Never).await?;
        Ok(())
    }

    fn connection<'a>(
        &'a self,
        s3: &'a S3Settings,
        engine: Engine,
        upload_bytes_per_second: Option<u64>,
    ) -> Connection<'a> {
        Connection {
            s3,
            upload_bytes_per_second: upload_bytes_per_second.or(self.settings.limits.upload_bytes_per_second),
            engine,
            monitor: self.monitor.clone(),
            shutdown: &self.shutdown,
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
