//! The one error of the agent: what happened, where, what to do, and which exit code says it.
//!
//! Built by the constructors of [`crate::failures`], and there from what the store, the operating system and the local databases
//! answer; said by the view. Never: a sentence; a patient's path or file name (`place` is a root's label, a token, an object key or
//! an address), a secret.

use std::fmt;

use scelle_view::words::Lang;
use scelle_view::words::Message;
use scelle_view::words::failures::{Addition, Failure, FailureShown};

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

    /// As it is shown to a person.
    pub fn shown(&self) -> FailureShown<'_> {
        FailureShown { what: self.what(), place: self.place.as_deref(), todo: self.todo() }
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
