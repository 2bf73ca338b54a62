//! `scelle-server`: the command line over the vault.
//!
//! Never: takes a secret from an argument, or holds anything that opens a sealed object.

#![forbid(unsafe_code)]

mod cli;

use std::process::ExitCode;

fn main() -> ExitCode {
    cli::run()
}
