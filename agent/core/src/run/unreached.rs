//! Runs that could not be begun: the store did not answer, or what it showed must not be believed.
//!
//! From what was to be saved and the error to a bilan in the state folder, which the next run sends: "no backup" is a result
//! too, and the one that matters most. Never: waits for a store, or speaks for a computer that is no part of the repository.

use std::path::PathBuf;

use tracing::warn;

use super::report::{Asked, remembered};
use super::request::BackupRequest;
use super::roots::set_id;
use super::whereabouts::Finder;
use crate::bilan::run::load_probe;
use crate::bilan::{self, Declared, RunEnd};
use crate::clock::now;
use crate::error::{AgentError, ExitCode, Result};
use crate::repo::damage::Damage;
use crate::repo::state::State;

/// A run that was asked for, as far as its bilan says so.
pub struct Missed {
    /// Folders and files to be saved.
    pub roots: Vec<PathBuf>,
    /// Number of exclusion rules.
    pub exclusions: u64,
    /// What the configuration says.
    pub declared: Declared,
}

impl Missed {
    /// What was asked for and could not be begun.
    pub fn new(request: BackupRequest, declared: Declared) -> Self {
        Self { exclusions: request.exclude.len() as u64, roots: request.roots, declared }
    }
}

impl Finder<'_> {
    /// Keeps a bilan of each of these runs, none of which could be begun because of `why`; returns how many were kept. None is
    /// where this computer is no part of the repository, or where another run, which has a bilan of its own, is going on.
    pub fn keep_missed(&self, missed: Vec<Missed>, why: &AgentError) -> u64 {
        if why.code == ExitCode::Busy {
            return 0;
        }
        let Some(known) = self.known_offline().filter(|known| !known.is_unfinished) else { return 0 };
        let Ok(state) = State::open(self.home, &known.repository) else { return 0 };
        let kept = missed.into_iter().map(|missed| self.keep(&state, missed, why));
        let lost = |error: AgentError| {
            warn!(code = error.code.number(), "the bilan of a run that could not begin was not kept");
        };
        kept.filter_map(|kept| kept.map_err(lost).ok()).count() as u64
    }

    fn keep(&self, state: &State, missed: Missed, why: &AgentError) -> Result<()> {
        let device = state.device()?;
        let set = set_id(&device, &missed.roots);
        let time = now(&*self.around.clock);
        let Missed { exclusions, declared, .. } = missed;
        let asked = Asked { set: &set, exclusions, started: time, declared };
        let mut report = remembered(state, &device, asked, RunEnd::Failed(why), time);
        report.probe = load_probe(state);
        if let Some(damage) = Damage::load(state) {
            report.tell_damage(&damage);
        }
        bilan::keep(state, &report, &device.secret.token_key(), why.clone())?;
        Ok(())
    }
}
