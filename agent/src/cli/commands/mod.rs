//! One file per command: what was typed becomes one call into the library, and its answer goes to the screen.
//!
//! What only a person at the command line needs (which of several runs failed, what a dry run's code is) is decided here; never what a
//! backup, a check or a restore does. `demo` plays with all of this and is called by the program itself.

mod acknowledge;
mod agent;
mod backup;
mod bilan;
mod check;
mod completions;
mod config;
mod damage;
mod init;
mod keys;
pub mod kit;
mod known;
mod look;
mod plans;
mod reading;
mod restore;
mod service;
mod status;
mod store;
mod survey;
mod told;
mod versions;

use std::pin::Pin;

use super::args::Command;
use super::context::Context;
use scelle_core::error::{AgentError, ExitCode, Result};

/// A command at work. What it is made of goes as deep as all that it waits for: the compiler need not know it from here on.
type Running<'a> = Pin<Box<dyn Future<Output = Result<ExitCode>> + 'a>>;

/// Runs a command.
pub async fn run(context: &Context, command: Command) -> Result<ExitCode> {
    let running: Running<'_> = match command {
        Command::Kit(command) => return kit::run(context, command),
        Command::Store(command) => return store::run(context, command),
        Command::Config(command) => return config::run(context, &command),
        Command::Completions(args) => return completions::run(context, &args),
        Command::Agent(command) => Box::pin(agent::run(context, command)),
        Command::Service(action) => return service::run(context, &action),
        Command::Status => Box::pin(status::run(context)),
        Command::Init(args) => Box::pin(init::run(context, args)),
        Command::Backup(args) => Box::pin(backup::run(context, args)),
        Command::Snapshots => Box::pin(look::snapshots(context)),
        Command::Ls(args) => Box::pin(look::ls(context, args)),
        Command::Find(args) => Box::pin(look::find_names(context, args)),
        Command::Versions(args) => Box::pin(versions::run(context, args)),
        Command::Diff(args) => Box::pin(look::differences(context, args)),
        Command::Restore(args) => Box::pin(restore::run(context, args)),
        Command::Check(args) => Box::pin(check::run(context, args)),
        Command::Bilan(command) => Box::pin(bilan::run(context, command)),
        Command::Keys(command) => Box::pin(keys::run(context, command)),
        // `usage` has already refused the commands of later versions, and the demo is played elsewhere.
        _ => return Err(AgentError::not_in_this_version("scelle")),
    };
    running.await
}
