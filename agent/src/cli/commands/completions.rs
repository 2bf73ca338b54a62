//! `scelle completions`: what a shell needs to complete commands and options.
//!
//! From the command line's own definition to a script on standard output. Never: completes a name of a file in the backups.

use clap_complete::generate;
use clap_complete::shells::{Bash, Fish, PowerShell, Zsh};

use crate::cli::args::{Completions, Shell};
use crate::cli::context::Context;
use crate::cli::usage::build;
use scelle_core::error::{AgentError, ExitCode, Result};

/// Runs `completions`.
pub fn run(context: &Context, args: &Completions) -> Result<ExitCode> {
    let mut command = build(context.lang());
    let mut script = Vec::new();
    match args.shell {
        Shell::Bash => generate(Bash, &mut command, "scelle", &mut script),
        Shell::Zsh => generate(Zsh, &mut command, "scelle", &mut script),
        Shell::Fish => generate(Fish, &mut command, "scelle", &mut script),
        Shell::Powershell => generate(PowerShell, &mut command, "scelle", &mut script),
    }
    let script = String::from_utf8(script).map_err(AgentError::bug)?;
    match context.screen.is_json() {
        true => context.screen.json(&serde_json::json!({ "script": script })),
        false => context.screen.print(&script),
    }
    Ok(ExitCode::Ok)
}
