//! The agent that runs by itself: each plan's backups at their times, one catch-up after a time without, and a record of each
//! time that was missed.
//!
//! [`Service`] is the loop: it asks the [`Diary`] what is due, has [`Work`] done, waits as [`Pace`] waits, and looks whether the
//! configuration was changed. `backups` is the work itself: [`scelle_core::run::Run`], as `scelle backup --scheduled` does it.
//! Data comes from the configuration, the clocks and the state folder. Never: a decision about a slot that is not
//! [`scelle_core::schedule`]'s, a key that opens what is stored, or a run that begins while another process has this computer's
//! place.

mod agenda;
mod backups;
#[cfg(test)]
mod backups_tests;
mod diary;
#[cfg(test)]
mod month_tests;
mod pace;
mod supervisor;

use std::sync::Arc;
use std::time::Duration;

use scelle_core::around::Around;
use scelle_core::clock::now;
use scelle_core::error::{AgentError, ExitCode, Result};
use scelle_core::run::Instance;
use scelle_core::schedule::{Due, Moment};
use scelle_format::timestamp::Timestamp;
use tracing::{Instrument as _, error_span, info, warn};

pub use self::agenda::{Agenda, Changed, Configured, Planned};
pub use self::backups::Backups;
pub use self::diary::Diary;
pub use self::pace::{Pace, SystemPace};
pub use self::supervisor::Supervisor;

/// The longest wait: the clock that it is measured by stands still while the computer sleeps, and says nothing of a clock that
/// was set. A look takes microseconds.
const LOOK_EVERY: Duration = Duration::from_secs(60);
/// A wait in which the clock on the wall went further than this beyond the other one was sleep, or somebody set it.
const SLEPT_S: i64 = 120;
/// After a request to stop, work that does not come back by then is left: what it has stored, the next run finds.
const STOP_WITHIN: Duration = Duration::from_millis(4500);

/// Why a run takes place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Occasion {
    /// This slot is answered.
    Slot {
        /// The moment that the plan named.
        slot: Timestamp,
        /// Whether it is a catch-up.
        is_late: bool,
    },
    /// A slot that has its record already, of a run that failed or was stopped.
    Again,
}

/// How a run ended.
#[derive(Clone, Debug)]
pub struct Attended {
    /// Whether it left a bilan.
    pub is_recorded: bool,
    /// Why it saved nothing.
    pub error: Option<AgentError>,
}

/// What the service has done for a plan.
pub trait Work {
    /// One run. A failure before it could begin leaves a bilan where it answers a slot.
    fn run(&self, plan: &Planned, occasion: Occasion) -> impl Future<Output = Attended>;

    /// Leaves a bilan for each of these slots, at which no run took place; how many it left.
    fn miss(&self, plan: &Planned, slots: &[Timestamp]) -> (usize, Result<()>);
}

/// The service of one state folder.
pub struct Service<'a, W, P> {
    diary: Diary,
    plans: Agenda,
    work: &'a W,
    pace: &'a P,
    around: &'a Around,
    supervisor: Supervisor,
    _instance: Instance,
}

impl<'a, W: Work, P: Pace> Service<'a, W, P> {
    /// Takes the place of the service of `plans`' state folder.
    ///
    /// Errors: exit 11 there is one already, exit 1 the folder takes nothing.
    pub fn open(
        plans: Agenda,
        work: &'a W,
        pace: &'a P,
        around: &'a Around,
        supervisor: Supervisor,
    ) -> Result<Self> {
        let instance = Instance::take(plans.home())?;
        let diary = Diary::open(plans.home(), around)?;
        Ok(Self { diary, plans, work, pace, around, supervisor, _instance: instance })
    }

    /// Works until it is asked to stop. A disk that is full for a while ends nothing.
    pub async fn run(mut self) {
        self.acquaint();
        info!(plans = self.plans.timed().count(), "service begins");
        self.supervisor.tell("READY=1");
        // A task of its own: a run that reads holds up all else in the task that it is part of.
        let supervisor = self.supervisor.clone();
        let beats = tokio::spawn(async move { supervisor.keep_alive().await });
        let mut last = self.moment();
        while !self.is_stopped() {
            if self.plans.look() == Changed::Yes {
                self.acquaint();
            }
            let now = self.moment();
            self.say_if_time_jumped(last, now);
            last = now;
            match self.next(now) {
                Next::Run { plan, missed, occasion } => self.carry_out(&plan, &missed, occasion).await,
                Next::Wait(wait) => self.wait(wait).await,
            }
        }
        beats.abort();
        self.supervisor.tell("STOPPING=1");
        self.write_down();
        info!("service ends");
    }

    /// Keeps the diary. Where the disk takes nothing it is written later: until then a service that dies may do again what was
    /// done.
    fn write_down(&mut self) {
        let now = self.moment();
        if let Err(error) = self.diary.save(now) {
            warn!(code = error.code.number(), "what the service remembers was not written down");
        }
    }

    /// Makes the plans known to the diary.
    fn acquaint(&mut self) {
        let now = self.moment();
        self.diary.keep_only(self.plans.timed());
        for plan in self.plans.timed() {
            self.diary.acquaint(plan, now);
        }
    }

    fn moment(&self) -> Moment {
        Moment { wall: now(&*self.around.clock), lived_s: self.diary.lived_s(self.pace.steady()) }
    }

    fn is_stopped(&self) -> bool {
        self.around.shutdown.token().is_cancelled()
    }

    /// What comes next: the plan whose slot has waited longest, then one that is tried again, or how long to wait.
    fn next(&mut self, now: Moment) -> Next {
        let mut wait = LOOK_EVERY;
        let mut oldest: Option<(Timestamp, Next)> = None;
        let mut again = None;
        for plan in self.plans.timed() {
            let held_s = self.diary.held_for_s(plan, now);
            let due = self.diary.due(plan, self.plans.delay_s(), now);
            match due {
                Due::Now { slot, is_late, missed, missed_before } if held_s == 0 => {
                    if missed_before > 0 {
                        warn!(missed_before, "older slots were missed than are recorded one by one");
                    }
                    if oldest.as_ref().is_none_or(|(other, _)| slot < *other) {
                        let occasion = Occasion::Slot { slot, is_late };
                        oldest = Some((slot, Next::Run { plan: plan.clone(), missed, occasion }));
                    }
                }
                Due::Now { .. } => wait = wait.min(seconds(held_s)),
                Due::Later(start) => {
                    if let Some(again_s) = self.diary.again_in_s(plan, now) {
                        if again_s == 0 {
                            let occasion = Occasion::Again;
                            again.get_or_insert(Next::Run { plan: plan.clone(), missed: vec![], occasion });
                        }
                        wait = wait.min(seconds(again_s));
                    }
                    wait = start.map_or(wait, |start| wait.min(seconds(start.0 - now.wall.0)));
                }
            }
        }
        oldest.map(|(_, next)| next).or(again).unwrap_or(Next::Wait(wait))
    }

    async fn wait(&mut self, wait: Duration) {
        if self.diary.is_unsaved() {
            self.write_down();
        }
        let stopped = self.around.shutdown.token().cancelled();
        tokio::select! {
            () = self.pace.wait(wait) => {}
            () = stopped => {}
        }
    }

    /// Records what was missed, then runs. A slot is answered once it has its record.
    async fn carry_out(&mut self, plan: &Planned, missed: &[Timestamp], occasion: Occasion) {
        let span = error_span!("slot", plan = self.diary.token(plan));
        let work = async {
            if !missed.is_empty() {
                let (recorded, ended) = self.work.miss(plan, missed);
                warn!(missed = missed.len(), recorded, "runs were missed");
                let now = self.moment();
                missed[..recorded].iter().for_each(|slot| self.diary.answer(plan, *slot, now));
                if let Err(error) = ended {
                    warn!(code = error.code.number(), "missed runs were not recorded");
                    self.diary.hold(plan, now);
                    return self.write_down();
                }
                self.write_down();
            }
            if let Some(ended) = self.attend(plan, occasion).await {
                self.keep(plan, occasion, &ended);
            }
        };
        work.instrument(span).await;
    }

    /// Runs. `None` where it did not come back in time after a request to stop: what became of it the next service finds.
    async fn attend(&self, plan: &Planned, occasion: Occasion) -> Option<Attended> {
        let overdue = async {
            self.around.shutdown.token().cancelled().await;
            tokio::time::sleep(STOP_WITHIN).await;
        };
        tokio::select! {
            ended = self.work.run(plan, occasion) => Some(ended),
            () = overdue => {
                warn!("the run did not stop in time");
                None
            }
        }
    }

    fn keep(&mut self, plan: &Planned, occasion: Occasion, ended: &Attended) {
        let now = self.moment();
        let code = ended.error.as_ref().map(|error| error.code);
        match occasion {
            Occasion::Slot { slot, .. } if ended.is_recorded => self.diary.answer(plan, slot, now),
            Occasion::Slot { .. } => self.diary.hold(plan, now),
            Occasion::Again => {}
        }
        match code {
            None => self.diary.done(plan),
            Some(ExitCode::Interrupted) => self.diary.stopped(plan),
            Some(code) if ended.is_recorded || occasion == Occasion::Again => {
                self.diary.failed(plan, code, now);
                warn!(code = code.number(), "the run failed");
            }
            Some(code) => warn!(code = code.number(), "the run left no bilan"),
        }
        self.write_down();
    }

    fn say_if_time_jumped(&self, before: Moment, now: Moment) {
        let wall_s = now.wall.0 - before.wall.0;
        let beyond_s = wall_s - (now.lived_s - before.lived_s);
        if beyond_s > SLEPT_S {
            info!(seconds = beyond_s, "the computer slept, or its clock was put forward");
        } else if beyond_s < -SLEPT_S {
            warn!(seconds = -beyond_s, "the clock was put back");
        }
    }
}

/// What the loop does next.
enum Next {
    Run { plan: Arc<Planned>, missed: Vec<Timestamp>, occasion: Occasion },
    Wait(Duration),
}

fn seconds(seconds: i64) -> Duration {
    Duration::from_secs(seconds.max(1).unsigned_abs())
}
