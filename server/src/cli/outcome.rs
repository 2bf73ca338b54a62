//! How a command ends: what it prints, and why it did not end well.
//!
//! Exit codes are the product's own. Messages are French and English on one line. Never: a path or a name.

use std::io::Write as _;

use scelle_server::vault::Refusal;

/// Why a command did not end well.
pub(crate) struct Failure {
    pub(crate) code: u8,
    pub(crate) french: String,
    pub(crate) english: String,
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
