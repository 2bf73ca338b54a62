//! Commands of `scelle-server`, and what they end with.
//!
//! Exit codes are the product's own: 0 done, 1 failed, 2 usage, 11 another process has the folder, 13 damaged.
//! Messages are French and English on one line: a host has no one language.

mod care;
mod commands;
mod enrol;
mod options;
mod outcome;
mod vault;

use std::io::Write as _;
use std::process::ExitCode;

use clap::Parser as _;

use options::Arguments;

pub(crate) fn run() -> ExitCode {
    let arguments = match Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(error) => {
            let _ = error.print();
            return ExitCode::from(if error.use_stderr() { 2 } else { 0 });
        }
    };
    match commands::run(arguments.command) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            let _ = writeln!(std::io::stderr().lock(), "{} / {}", failure.french, failure.english);
            ExitCode::from(failure.code)
        }
    }
}
