//! One file per command: what was typed becomes one call into the library, and its answer goes to the screen.
//!
//! Never: a rule of its own. `demo` plays with all of this and is called by the program itself.

mod acknowledge;
mod backup;
mod bilan;
mod check;
mod damage;
mod init;
mod keys;
pub mod kit;
mod known;
mod look;
mod plans;
mod reading;
mod restore;
mod told;

use super::args::Command;
use super::context::Context;
use scelle_core::error::{AgentError, ExitCode, Result};
use scelle_core::monitor::Notice;

/// Runs a command, and says at its end what was odd about the store's answers, whatever became of it.
pub async fn run(context: &Context, command: Command) -> Result<ExitCode> {
    let ended = run_one(context, command).await;
    for oddities in context.oddities.lock().iter() {
        let objects = oddities.answered_wrongly();
        if objects > 0 {
            context.tell(&Notice::AnsweredWrongly { objects });
        }
        let (hidden, overwritten) = (oddities.hidden().len() as u64, oddities.overwritten().len() as u64);
        if hidden + overwritten > 0 {
            context.tell(&Notice::ReadThrough { hidden, overwritten });
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
        // `usage` has already refused the commands of later versions, and the demo is played elsewhere.
        _ => Err(AgentError::not_in_this_version("scelle")),
    }
}
