//! The one place where a result becomes an exit code.
//!
//! From what a command answered to one line (or one JSON document) on standard error and the number the
//! process ends with. Never: ends the process itself, `main` returns the code.

use super::screen::Screen;
use scelle_core::error::{AgentError, ExitCode, Result};

/// Shows the error, if any, and gives the process's exit code.
pub fn finish(result: Result<ExitCode>, screen: &Screen) -> std::process::ExitCode {
    if let Ok(code) = &result {
        screen.close(code.number());
    }
    let code = match result {
        Ok(_) if screen.result_is_lost() => {
            let error = AgentError::output_lost();
            screen.error(&error);
            error.code
        }
        Ok(code) => code,
        Err(error) => {
            screen.error(&error);
            screen.flush();
            error.code
        }
    };
    code.into()
}
