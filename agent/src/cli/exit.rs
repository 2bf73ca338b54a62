//! How a command ends: its result becomes the process's exit code.
//!
//! From what a command answered to one line on standard error (with `--json`, one document on standard output) and the number
//! the process ends with. Never: ends the process itself, `main` returns the code.

use super::screen::Screen;
use scelle_core::error::{AgentError, ExitCode, Result};

/// What a command has come to once its output is out: whoever did not get it has no result.
///
/// Errors: the command's own, else that its result could not be written.
pub fn settle(result: Result<ExitCode>, screen: &Screen) -> Result<ExitCode> {
    let code = result?;
    screen.close(code.number());
    match screen.result_is_lost() {
        true => Err(AgentError::output_lost()),
        false => Ok(code),
    }
}

/// Shows the error, if any, and gives the process's exit code.
pub fn finish(result: Result<ExitCode>, screen: &Screen) -> std::process::ExitCode {
    let code = settle(result, screen).unwrap_or_else(|error| {
        screen.error(&error);
        screen.flush();
        error.code
    });
    code.into()
}
