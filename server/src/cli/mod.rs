//! Commands of `scelle-server`, and what they end with.
//!
//! Exit codes are the product's own: 0 done, 1 failed, 2 usage, 11 another process has the folder, 13 damaged.
//! Messages are French and English on one line: a host has no one language.

mod care;
mod commands;
mod enrol;
mod options;
mod vault;

use std::io::Write as _;
use std::process::ExitCode;

use clap::Parser as _;
use scelle_server::vault::Refusal;

use options::Arguments;

/// Why a command did not end well.
pub(crate) struct Failure {
    code: u8,
    french: String,
    english: String,
}

impl Failure {
    pub(crate) fn new(code: u8, french: impl Into<String>, english: impl Into<String>) -> Self {
        Self { code, french: french.into(), english: english.into() }
    }

    /// Another process has the data folder.
    pub(crate) fn busy() -> Self {
        Self::new(
            11,
            "un autre processus tient ce dossier de données ; arrêtez-le d'abord",
            "another process has this data folder; stop it first",
        )
    }
}

impl From<Refusal> for Failure {
    fn from(refusal: Refusal) -> Self {
        if matches!(refusal, Refusal::MetadataMissing) {
            return Self::new(
                13,
                "vault.sqlite manque alors que des objets sont là : coffre arrêté, lancez `scelle-server rebuild`",
                "vault.sqlite is missing and objects are there: with the vault stopped, run `scelle-server rebuild`",
            );
        }
        let what = refusal.to_string();
        Self::new(1, format!("échec ({what})"), format!("failed ({what})"))
    }
}

impl From<std::io::Error> for Failure {
    fn from(error: std::io::Error) -> Self {
        // The kind only: the operating system's text may hold a path.
        let what = error.kind();
        Self::new(
            1,
            format!("le dossier de données ne répond pas ({what})"),
            format!("the data folder does not answer ({what})"),
        )
    }
}

pub(crate) type Outcome = Result<(), Failure>;

/// Prints to standard output.
pub(crate) fn print(text: &str) -> Outcome {
    writeln!(std::io::stdout().lock(), "{text}").map_err(Failure::from)
}

/// Prints one JSON document to standard output.
pub(crate) fn print_json(document: &serde_json::Value) -> Outcome {
    print(&document.to_string())
}

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
