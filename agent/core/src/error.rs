//! The one error of the agent: what happened, where, what to do, and which exit code says it.
//!
//! Built by the constructors of [`crate::failures`] from what the store, the format, the
//! operating system and the user said; shown by whoever called. Never: a patient's path or file name
//! (`place` is a root's label, a token, an object key or an address), a secret.

use std::fmt;

use scelle_store::{ErrorKind, StoreError};
use serde_json::json;

use scelle_view::words::Lang;
use scelle_view::words::Message;
use scelle_view::words::failures::{Addition, Failure};

pub use scelle_view::words::codes::ExitCode;

/// What every fallible function of the agent answers.
pub type Result<T, E = AgentError> = std::result::Result<T, E>;

/// An operation of the agent failed.
#[derive(Clone, Debug)]
pub struct AgentError {
    /// The code the process ends with.
    pub code: ExitCode,
    /// What happened, as a kind: the view has a sentence for each.
    pub kind: Failure,
    /// What is known beside the kind.
    pub addition: Option<Box<Addition>>,
    /// Where: a root's label, a token, an object key or an address. Never a patient's path.
    pub place: Option<String>,
    /// The technical cause in English, shown with `-v` only.
    pub detail: Option<String>,
}

impl fmt::Display for AgentError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (what, todo) = (self.what(), self.todo());
        let place = self.place.as_deref().unwrap_or("-");
        write!(f, "{} [{place}] {}", what.text(Lang::En), todo.text(Lang::En))
    }
}

impl std::error::Error for AgentError {}

impl AgentError {
    /// An error from its parts; the constructors named after situations are preferred.
    pub fn new(code: ExitCode, kind: impl Into<Failure>) -> Self {
        Self { code, kind: kind.into(), addition: None, place: None, detail: None }
    }

    /// Whether the run of another plan may follow one that ended so: who stopped one wants none.
    pub fn lets_others_run(&self) -> bool {
        self.code != ExitCode::Interrupted
    }

    /// What happened, in both languages.
    pub fn what(&self) -> Message {
        self.kind.what(self.addition.as_deref())
    }

    /// What the person can do about it.
    pub fn todo(&self) -> Message {
        self.kind.todo(self.addition.as_deref())
    }

    /// Says where. `place` must not hold a patient's path.
    pub fn at(mut self, place: impl Into<String>) -> Self {
        self.place = Some(place.into());
        self
    }

    /// Keeps the technical cause for `-v`.
    pub fn because(mut self, cause: impl ToString) -> Self {
        self.detail = Some(cause.to_string());
        self
    }

    /// The one line a person reads: what, where, what to do.
    pub fn line(&self, lang: Lang) -> String {
        let place = self.place.as_deref().map(|place| format!(" [{}]", one_line(place))).unwrap_or_default();
        let (head, arrow) = lang.pick(("erreur :", "À faire :"), ("error:", "To do:"));
        let (what, todo) = (self.what(), self.todo());
        let todo = todo.text(lang);
        let end = if todo.ends_with('?') { "" } else { "." };
        format!("{head} {}{place}. {arrow} {todo}{end}", what.text(lang))
    }

    /// The JSON form: `{"error":{"code":13,"what":"…","where":"…","do":"…"}}`; `where` is empty when unknown.
    pub fn to_json(&self, lang: Lang) -> serde_json::Value {
        json!({"error": {
            "code": self.code.number(),
            "what": self.what().text(lang),
            "where": one_line(self.place.as_deref().unwrap_or_default()),
            "do": self.todo().text(lang),
        }})
    }
}

fn one_line(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}

impl From<StoreError> for AgentError {
    /// The place is the object's key or the store's address, as the store says it.
    fn from(error: StoreError) -> Self {
        let built = match error.kind {
            ErrorKind::NotFound => Self::object_missing(),
            ErrorKind::Denied if error.detail == scelle_store::dir::NO_PERMISSION => Self::folder_denied(),
            ErrorKind::Denied => Self::store_denied(),
            ErrorKind::Unreachable => Self::store_unreachable(),
            ErrorKind::Certificate(fault) => Self::certificate(fault),
            ErrorKind::Proxy(fault) => Self::proxy(fault),
            ErrorKind::Full => Self::destination_full(),
            // Nothing stored is damaged: the store, or who looked after it, refused what came.
            ErrorKind::Corrupt if error.operation == "put" => Self::sent_altered(),
            ErrorKind::Corrupt => Self::object_corrupt(),
            ErrorKind::Locked => Self::object_locked(),
            // A folder store says "folder" for itself; whoever knows the address puts it there.
            ErrorKind::NoBucket if error.target == "folder" => Self::no_folder(),
            ErrorKind::NoBucket => Self::no_bucket(),
            ErrorKind::Unsupported => Self::store_unsupported(),
            ErrorKind::Invalid => Self::store_settings_invalid(),
            ErrorKind::Other => Self::store_failed(),
        };
        built.because(format!("{}: {}", error.operation, error.detail)).at(error.target)
    }
}

impl From<std::io::Error> for AgentError {
    fn from(error: std::io::Error) -> Self {
        Self::io(&error)
    }
}

impl From<rusqlite::Error> for AgentError {
    /// Of the local databases only: what they hold is a cache.
    fn from(error: rusqlite::Error) -> Self {
        use rusqlite::ErrorCode::{DatabaseCorrupt, DiskFull, NotADatabase, SystemIoFailure};
        match &error {
            rusqlite::Error::SqliteFailure(failure, _) => match failure.code {
                DiskFull => Self::state_full().because(error),
                // A sector that cannot be read, too: what stood there is learnt again.
                DatabaseCorrupt | NotADatabase | SystemIoFailure => Self::cache_damaged(error),
                _ => Self::local_state(error),
            },
            // A row that must be there is not, or is of another shape.
            rusqlite::Error::QueryReturnedNoRows
            | rusqlite::Error::FromSqlConversionFailure(..)
            | rusqlite::Error::IntegralValueOutOfRange(..)
            | rusqlite::Error::InvalidColumnType(..) => Self::cache_damaged(error),
            _ => Self::local_state(error),
        }
    }
}

/// Why one of many could not be had, told apart from what ends the run: a file, a pass over a database, an object.
///
/// Who goes through many says of one that is `Here` what becomes of it, and goes on with the next.
#[derive(Clone, Debug)]
pub enum Fault<T> {
    /// With the one at hand.
    Here(T),
    /// With more than that.
    Run(AgentError),
}

impl<T> Fault<T> {
    /// What is the matter with the one at hand.
    ///
    /// Errors: it is the run that cannot go on.
    pub fn here(self) -> Result<T> {
        match self {
            Self::Here(what) => Ok(what),
            Self::Run(error) => Err(error),
        }
    }
}

impl<T> From<AgentError> for Fault<T> {
    fn from(error: AgentError) -> Self {
        Self::Run(error)
    }
}

/// `None` where only the object that was read is lost.
pub fn unless_damaged<T>(read: Result<T>) -> Result<Option<T>> {
    match read {
        Ok(read) => Ok(Some(read)),
        Err(error) if error.code == ExitCode::Damaged => Ok(None),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
#[path = "error_said_tests.rs"]
mod said;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_has_the_contract_shape() {
        let error = AgentError::object_corrupt().at("p/e1/ab/cd");
        let json = error.to_json(Lang::En);
        let keys: Vec<&str> = json["error"].as_object().unwrap().keys().map(String::as_str).collect();
        assert_eq!(keys, ["code", "do", "what", "where"]);
        assert_eq!(json["error"]["code"], 13);
        assert_eq!(json["error"]["where"], "p/e1/ab/cd");
    }

    #[test]
    fn store_kinds_map_to_codes() {
        let code = |kind| AgentError::from(StoreError::new(kind, "get", "k", "d")).code;
        assert_eq!(code(ErrorKind::Unreachable), ExitCode::Unreachable);
        assert_eq!(code(ErrorKind::Denied), ExitCode::Unreachable);
        assert_eq!(code(ErrorKind::NoBucket), ExitCode::NoRepository);
        assert_eq!(code(ErrorKind::Full), ExitCode::Failed);
        assert_eq!(code(ErrorKind::Invalid), ExitCode::Usage);
        assert_eq!(code(ErrorKind::Corrupt), ExitCode::Damaged);
        assert_eq!(code(ErrorKind::NotFound), ExitCode::Damaged);
        let denied = AgentError::from(StoreError::new(ErrorKind::Denied, "get", "k", "d"));
        let silent = AgentError::from(StoreError::new(ErrorKind::Unreachable, "get", "k", "d"));
        assert_ne!(denied.what(), silent.what());
    }

    #[test]
    fn a_line_says_what_where_and_what_to_do_and_stays_one_line() {
        let error = AgentError::busy().at("cabinet\nabc").because("flock: EAGAIN");
        for lang in [Lang::Fr, Lang::En] {
            let line = error.line(lang);
            assert_eq!(line.lines().count(), 1);
            assert!(line.contains("[cabinet abc]"), "{line}");
            assert!(!line.contains("EAGAIN"), "the cause is for -v only: {line}");
        }
    }

    #[test]
    fn io_errors_tell_a_full_disk_from_the_rest() {
        let full = AgentError::from(std::io::Error::from(std::io::ErrorKind::StorageFull));
        assert_eq!(full.kind, AgentError::destination_full().kind);
        let other = AgentError::from(std::io::Error::from(std::io::ErrorKind::PermissionDenied));
        assert_eq!(other.code, ExitCode::Failed);
    }
}
