//! One file per command: what was typed becomes one call into the library, and its answer goes to the screen.
//!
//! Never: a rule of its own.

mod acknowledge;
mod backup;
mod bilan;
mod check;
mod damage;
mod demo;
mod init;
mod keys;
mod kit;
mod known;
mod look;
mod prospects;
mod reading;
mod restore;

pub use self::kit::{language as words_of, write_private};
pub use self::known::{Found, Known};

use std::path::Path;
use std::sync::Arc;

use parking_lot::Mutex;
use scelle_format::kit::{Kit, KitError};
use secrecy::ExposeSecret as _;

use super::args::{Command, Global};
use super::language::Lang;
use super::screen::Screen;
use super::secrets;
use crate::clock::SystemClock;
use crate::config::Settings;
use crate::error::{AgentError, ExitCode, Result};
use crate::monitor::{Monitor, Notice};
use crate::repo::objects::Objects;
use crate::repo::oddities::Oddities;
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

impl Context {
    /// The language of messages.
    pub fn lang(&self) -> Lang {
        self.screen.lang()
    }

    /// Has what is odd about the answers for `objects` said at the end.
    pub fn watch(&self, objects: &Objects) {
        self.oddities.lock().push(objects.oddities().clone());
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
