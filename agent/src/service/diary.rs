//! What the service remembers from one run, and one start, to the next.
//!
//! One file in the state folder, replaced whole: which slots of each plan are answered, what failed and is to be tried again, the
//! seed of the delays, and how long the service has lived. Data comes from [`super::Service`]. Never: a plan's name, which may be
//! somebody's, or a guess: a file that cannot be read is set aside, and the plans are known from that moment on.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use scelle_core::around::Around;
use scelle_core::error::{ExitCode, Result};
use scelle_core::repo::files::SERVICE_DIARY;
use scelle_core::repo::state::checksum;
use scelle_core::repo::state::whole_file::{make_folder, put};
use scelle_core::schedule::{Answered, Due, Jitter, Moment};
use scelle_format::random::Random as _;
use scelle_format::timestamp::Timestamp;
use serde::{Deserialize, Serialize};
use tracing::warn;

use super::agenda::Planned;

/// Waits after failures that follow each other: one minute, then twice as long each time, up to an hour.
const FIRST_WAIT_S: i64 = 60;
const LONGEST_WAIT_S: i64 = 3600;
/// Runs that fail for another reason than a store out of reach are tried again so often before the next slot.
const TRIES_MAX: u32 = 4;

/// The diary.
pub struct Diary {
    path: PathBuf,
    kept: Contents,
    /// Time of the pace when the diary was opened is nought.
    before_s: i64,
    is_unsaved: bool,
}

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
struct Contents {
    /// What the delays are drawn from, in hex.
    seed: String,
    /// Seconds that services of this folder have lived.
    lived_s: i64,
    plans: BTreeMap<String, PlanPage>,
}

/// What is remembered of a plan.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
struct PlanPage {
    /// What its timetable was made from.
    written: String,
    answered: Answered,
    /// Failures that followed each other.
    failures: u32,
    /// A run that failed or was stopped is to be tried again, when the service has lived so long.
    again_at_s: Option<i64>,
    /// Nothing is begun before the service has lived so long.
    held_until_s: i64,
}

impl Diary {
    /// Opens the diary of a state folder, or begins one.
    ///
    /// Errors: exit 1 the folder takes nothing.
    pub fn open(home: &Path, around: &Around) -> Result<Self> {
        let path = home.join(SERVICE_DIARY);
        let kept = fs::read(&path).ok().map(|bytes| checksum::from_json::<Contents>(&bytes));
        let kept = match kept {
            Some(Some(kept)) if seed_of(&kept).is_some() => kept,
            damaged => {
                if damaged.is_some() {
                    warn!("what the service remembered cannot be read: it begins anew");
                }
                let mut seed = [0; 32];
                around.random().fill(&mut seed);
                Contents { seed: hex::encode(seed), ..Contents::default() }
            }
        };
        let diary = Self { path, before_s: kept.lived_s, kept, is_unsaved: false };
        diary.write()?;
        Ok(diary)
    }

    /// How long services of this folder have lived, where this one has for `steady`.
    pub fn lived_s(&self, steady: Duration) -> i64 {
        self.before_s.saturating_add(i64::try_from(steady.as_secs()).unwrap_or(i64::MAX))
    }

    /// A word for a plan that says nothing.
    pub fn token(&self, plan: &Planned) -> String {
        let seed = seed_of(&self.kept).unwrap_or_default();
        checksum_word(&seed, &plan.plan.name)
    }

    /// Begins the page of a plan that is new, and turns over that of one whose timetable is another.
    pub fn acquaint(&mut self, plan: &Planned, now: Moment) {
        let token = self.token(plan);
        let page = self.kept.plans.entry(token).or_insert_with(|| PlanPage {
            written: plan.written.clone(),
            answered: Answered::from_now(now.wall),
            ..PlanPage::default()
        });
        if page.written != plan.written {
            page.written = plan.written.clone();
            page.answered.changed(now.wall);
        }
    }

    /// Forgets plans that are none any more: one that comes back is new, and was not due meanwhile.
    pub fn keep_only<'a>(&mut self, plans: impl Iterator<Item = &'a Arc<Planned>>) {
        let tokens: BTreeSet<String> = plans.map(|plan| self.token(plan)).collect();
        self.kept.plans.retain(|token, _| tokens.contains(token));
    }

    /// What is due of a plan; runs begin at most `delay_s` after their slot.
    pub fn due(&mut self, plan: &Planned, delay_s: u32, now: Moment) -> Due {
        let token = self.token(plan);
        let jitter = Jitter::new(seed_of(&self.kept).unwrap_or_default(), delay_s);
        let Some(page) = self.kept.plans.get_mut(&token) else { return Due::Later(None) };
        page.answered.due(&token, &plan.timetable, &jitter, now)
    }

    /// For how long nothing of the plan is begun, in seconds.
    pub fn held_for_s(&self, plan: &Planned, now: Moment) -> i64 {
        self.page(plan).map_or(0, |page| (page.held_until_s - now.lived_s).max(0))
    }

    /// In how many seconds a run that failed is tried again; `None` where none is to be.
    pub fn again_in_s(&self, plan: &Planned, now: Moment) -> Option<i64> {
        Some((self.page(plan)?.again_at_s? - now.lived_s).max(0))
    }

    /// A slot has its record. Its tries are its own.
    pub fn answer(&mut self, plan: &Planned, slot: Timestamp, now: Moment) {
        self.with(plan, |page| {
            page.answered.answer(slot, now);
            page.held_until_s = 0;
            page.failures = 0;
        });
    }

    /// What was tried left no record: it is still due, a little later.
    pub fn hold(&mut self, plan: &Planned, now: Moment) {
        self.with(plan, |page| {
            page.failures = page.failures.saturating_add(1);
            page.held_until_s = now.lived_s + wait_s(page.failures);
        });
    }

    /// A run succeeded.
    pub fn done(&mut self, plan: &Planned) {
        self.with(plan, |page| {
            page.failures = 0;
            page.again_at_s = None;
        });
    }

    /// A run was stopped: it goes on as soon as there is a service again.
    pub fn stopped(&mut self, plan: &Planned) {
        self.with(plan, |page| page.again_at_s = Some(0));
    }

    /// A run failed and left its record.
    pub fn failed(&mut self, plan: &Planned, code: ExitCode, now: Moment) {
        self.with(plan, |page| {
            page.failures = page.failures.saturating_add(1);
            let is_away = matches!(code, ExitCode::Unreachable | ExitCode::Busy);
            let again = is_away || page.failures <= TRIES_MAX;
            page.again_at_s = again.then_some(now.lived_s + wait_s(page.failures));
        });
    }

    /// Writes it down, durably.
    ///
    /// Errors: exit 1 the folder takes nothing.
    pub fn save(&mut self, now: Moment) -> Result<()> {
        self.kept.lived_s = now.lived_s;
        let written = self.write();
        self.is_unsaved = written.is_err();
        written
    }

    /// Whether the disk did not take what was to be written down.
    pub fn is_unsaved(&self) -> bool {
        self.is_unsaved
    }

    fn page(&self, plan: &Planned) -> Option<&PlanPage> {
        self.kept.plans.get(&self.token(plan))
    }

    fn with(&mut self, plan: &Planned, change: impl FnOnce(&mut PlanPage)) {
        let token = self.token(plan);
        if let Some(page) = self.kept.plans.get_mut(&token) {
            change(page);
        }
    }

    fn write(&self) -> Result<()> {
        make_folder(self.path.parent().unwrap_or(Path::new("")))?;
        put(&self.path, &checksum::to_json(&self.kept)?)
    }
}

fn wait_s(failures: u32) -> i64 {
    let doublings = failures.saturating_sub(1).min(6);
    (FIRST_WAIT_S << doublings).min(LONGEST_WAIT_S)
}

fn seed_of(kept: &Contents) -> Option<[u8; 32]> {
    let mut seed = [0; 32];
    hex::decode_to_slice(&kept.seed, &mut seed).ok()?;
    Some(seed)
}

fn checksum_word(seed: &[u8; 32], name: &str) -> String {
    hex::encode(checksum::of(seed, name.as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_up_to_an_hour() {
        let waits: Vec<_> = (0..10).map(wait_s).collect();
        assert_eq!(waits, [60, 60, 120, 240, 480, 960, 1920, 3600, 3600, 3600]);
    }
}
