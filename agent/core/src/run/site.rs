//! A store at which a repository is to be made or joined: what it really does is tried there before anything rests on it.
//!
//! From a [`Finder`] to a store that is written to as its engine needs. Never: believes an engine's documentation.

use scelle_format::random::Random as _;
use scelle_store::probe::{ProbeReport, probe};
use scelle_store::verdict::{Code, Severity};

use super::whereabouts::Finder;
use crate::connect::{BucketEngine, Connected, Create, must_be_read_back};
use crate::error::{AgentError, Result};
use crate::monitor::{Notice, Phase, Weakness};

/// A clock this far off is said aloud.
pub(super) const CLOCK_OFF_MS: i64 = 60_000;

/// A store that was reached at the address given.
pub(super) struct Site<'a> {
    pub(super) finder: Finder<'a>,
    pub(super) connected: Connected,
}

impl<'a> Site<'a> {
    pub(super) async fn reach(finder: Finder<'a>, create: Create) -> Result<Self> {
        let connected = finder.connect(create).await?;
        Ok(Self { finder, connected })
    }

    /// Tries what the store does, with objects of its own that no lock keeps.
    pub(super) async fn probe(&self) -> Result<Trial> {
        let around = self.finder.around;
        let mut nonce = [0; 8];
        around.random().fill(&mut nonce);
        let nonce = hex::encode(nonce);
        let probing = probe(&*self.connected.bare, &nonce, around.clock.now());
        let report = around.stage(Phase::Probe, probing).await?;
        around.monitor.finish();
        Ok(Trial { report })
    }

    /// Goes on with the store as it is: written to as its engine needs.
    ///
    /// Errors: exit 1 it is not safe to store anything there.
    pub(super) async fn accept(&mut self, trial: &Trial) -> Result<()> {
        if trial.is_refused() {
            return Err(AgentError::store_unsafe().at(self.connected.store.address()));
        }
        if trial.loses_a_race() {
            self.connected.place.conditional_put = false;
        }
        if self.connected.is_folder {
            return Ok(());
        }
        let conditional_put = self.connected.place.conditional_put;
        let engine = BucketEngine { conditional_put, read_back: must_be_read_back(Some(&trial.report)) };
        self.connected = self.finder.reconnect(&self.connected.place, engine).await?;
        Ok(())
    }
}

/// What the trial of a store showed.
pub struct Trial {
    /// Everything measured.
    pub report: ProbeReport,
}

impl Trial {
    /// What of it is said aloud.
    pub fn notices(&self) -> Vec<Notice> {
        let weaknesses = self.report.verdict().into_iter();
        let weaknesses = weaknesses.map(|finding| Notice::StoreWeakness { weakness: weakness(finding.code) });
        let offset_ms = self.report.clock_offset_ms.filter(|ms| ms.abs() >= CLOCK_OFF_MS);
        weaknesses.chain(offset_ms.map(|ms| Notice::ClockOff { seconds: -ms / 1000 })).collect()
    }

    fn is_refused(&self) -> bool {
        self.report.verdict().iter().any(|finding| finding.severity == Severity::Refuse)
    }

    /// Whether two that write the same name at once may both believe that they were first.
    fn loses_a_race(&self) -> bool {
        let is_lost = |code| matches!(code, Code::NoConditionalPut | Code::ConditionalPutNotAtomic);
        self.report.verdict().iter().any(|finding| is_lost(finding.code))
    }
}

/// What is told of a conclusion of the probe.
fn weakness(concluded: Code) -> Weakness {
    match concluded {
        Code::LockAcceptedButNotKept => Weakness::LockAcceptedButNotKept,
        Code::LockMayBeShortened => Weakness::LockMayBeShortened,
        Code::NoConditionalPut => Weakness::NoConditionalPut,
        Code::ConditionalPutNotAtomic => Weakness::ConditionalPutNotAtomic,
        Code::NoChecksum => Weakness::NoChecksum,
        Code::NoLock => Weakness::NoLock,
        Code::NoDefaultRetention => Weakness::NoDefaultRetention,
        Code::DefaultRetentionNotCompliance => Weakness::DefaultRetentionNotCompliance,
        Code::AgentMayDeleteVersions => Weakness::AgentMayDeleteVersions,
        Code::LockNotProven => Weakness::LockNotProven,
        Code::DefaultRetentionUnknown => Weakness::DefaultRetentionUnknown,
        Code::ConditionalPutUnknown => Weakness::ConditionalPutUnknown,
        Code::AgentMayHide => Weakness::AgentMayHide,
        Code::ClockOffset => Weakness::ClockOffset,
        Code::NotRansomwareProof => Weakness::NotRansomwareProof,
    }
}
