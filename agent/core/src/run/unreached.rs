//! Runs that could not be begun: the store did not answer, or what it showed must not be believed.
//!
//! From what was to be saved and the error to a bilan in the state folder, which the next run sends: "no backup" is a result
//! too, and the one that matters most. Never: waits for a store, or speaks for a computer that is no part of the repository.

use tracing::warn;

use super::report::{Asked, keep_remembered};
use super::request::BackupRequest;
use super::roots::set_id;
use super::whereabouts::Finder;
use crate::around::Around;
use crate::bilan::RunEnd;
use crate::clock::now;
use crate::error::{AgentError, ExitCode, Result};
use crate::repo::state::State;

/// Backups that could not be begun.
#[derive(Debug)]
pub struct NotBegun {
    /// Why.
    pub error: AgentError,
    /// How many bilans of them this computer keeps.
    pub kept: u64,
}

/// What failed without a bilan being kept of it: it has one of its own, or was not even asked for rightly.
impl From<AgentError> for NotBegun {
    fn from(error: AgentError) -> Self {
        Self { error, kept: 0 }
    }
}

impl From<NotBegun> for AgentError {
    fn from(not_begun: NotBegun) -> Self {
        not_begun.error
    }
}

impl Finder<'_> {
    /// Keeps a bilan of each of these backups, none of which could be begun because of `why`; returns how many were kept. None is
    /// where this computer is no part of the repository, or where another run, which has a bilan of its own, is going on.
    pub(super) fn keep_not_begun(&self, asked: &[BackupRequest], why: &AgentError) -> u64 {
        if why.code == ExitCode::Busy {
            return 0;
        }
        let Some(known) = self.known_offline().filter(|known| !known.is_unfinished) else { return 0 };
        let Ok(state) = State::open(self.home, &known.repository) else { return 0 };
        keep_all(&state, self.around, asked, why)
    }
}

/// The same in a state folder that is open.
pub(super) fn keep_all(state: &State, around: &Around, asked: &[BackupRequest], why: &AgentError) -> u64 {
    let lost = |error: AgentError| {
        warn!(code = error.code.number(), "the bilan of a run that could not begin was not kept");
    };
    let kept =
        asked.iter().filter(|request| !request.is_again).map(|request| keep(state, around, request, why));
    kept.filter_map(|kept| kept.map_err(lost).ok()).count() as u64
}

fn keep(state: &State, around: &Around, request: &BackupRequest, why: &AgentError) -> Result<()> {
    let device = state.device()?;
    let set = set_id(&device, &request.roots);
    let time = now(&*around.clock);
    let asked = Asked::of(request, &set, time);
    keep_remembered(state, &device, asked, RunEnd::Failed(why), why.clone()).map(drop)
}
