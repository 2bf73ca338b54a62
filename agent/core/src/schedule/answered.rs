//! What is remembered of a plan's slots, and what follows from it now.
//!
//! Data comes from the state folder and the clocks, goes to the service, which keeps it again after each run. Never: forgets a
//! slot that nobody answered because time went by, or answers one twice because a clock was put back.

use scelle_format::timestamp::Timestamp;
use serde::{Deserialize, Serialize};

use super::{Jitter, Timetable};

/// Missed slots that are named one by one; older ones are only counted.
pub const MISSED_MAX: usize = 100;
/// Answered slots that are remembered: a day of one each minute, and room.
const REMEMBERED_MAX: usize = 1600;
/// A run that begins later than this after its time is a catch-up.
const LATE_S: i64 = 15 * 60;
/// For so long, of time that the agent lived through, an answered slot stays so whatever the clock shows. No longer: a clock
/// that was a year ahead must not silence the plan when that year comes.
const STAYS_S: i64 = 86_400;

/// The present, by two clocks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Moment {
    /// What the clock shows. May have been put forward or back.
    pub wall: Timestamp,
    /// Seconds that the agent has lived through: only grow, and stand still while it does not run.
    pub lived_s: i64,
}

/// Which slots of a plan have been answered.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Answered {
    /// Every slot up to here is answered, or was before the plan was known.
    until: i64,
    /// The newest slots that were answered, each with the seconds lived through by then, ascending.
    slots: Vec<AnsweredSlot>,
}

/// A slot that was answered; two numbers in the state file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "(i64, i64)", into = "(i64, i64)")]
struct AnsweredSlot {
    /// Its time, in seconds of the Unix epoch.
    slot: i64,
    /// Seconds lived through when it was answered.
    lived_s: i64,
}

impl From<(i64, i64)> for AnsweredSlot {
    fn from((slot, lived_s): (i64, i64)) -> Self {
        Self { slot, lived_s }
    }
}

impl From<AnsweredSlot> for (i64, i64) {
    fn from(AnsweredSlot { slot, lived_s }: AnsweredSlot) -> Self {
        (slot, lived_s)
    }
}

impl AnsweredSlot {
    /// Whether it stays answered.
    fn stays(self, now: Moment) -> bool {
        now.lived_s - self.lived_s <= STAYS_S
    }
}

/// What is to be done for a plan.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Due {
    /// Nothing, until then; `None`: never again.
    Later(Option<Timestamp>),
    /// A run.
    Now {
        /// The slot that it answers.
        slot: Timestamp,
        /// Whether it comes later than it should.
        is_late: bool,
        /// Slots before it that nobody answered, ascending: each is a run that did not take place.
        missed: Vec<Timestamp>,
        /// How many more there were before those.
        missed_before: u64,
    },
}

impl Answered {
    /// A plan that is known from now on: nothing was missed before.
    pub fn from_now(now: Timestamp) -> Self {
        Self { until: now.0, slots: Vec::new() }
    }

    /// The plan has another timetable from now on: what the new one would have wanted before was never due.
    pub fn changed(&mut self, now: Timestamp) {
        self.until = self.until.max(now.0);
    }

    /// What is due now.
    pub fn due(&mut self, plan: &str, timetable: &Timetable, jitter: &Jitter, now: Moment) -> Due {
        // The clock was put back behind what was answered: what it shows again is asked one by one.
        self.until = self.until.min(now.wall.0);
        let mut open = timetable.between(Timestamp(self.until), now.wall, MISSED_MAX + 1);
        open.slots.retain(|slot| !self.has(*slot, now));
        let start = |slot| jitter.start(plan, slot, timetable.next(slot));
        let Some(slot) = open.slots.pop() else {
            return Due::Later(self.next(timetable, now).map(start));
        };
        let begins = start(slot);
        if open.slots.is_empty() && begins > now.wall {
            return Due::Later(Some(begins));
        }
        let is_late = !open.slots.is_empty() || now.wall.0 - begins.0 > LATE_S;
        Due::Now { slot, is_late, missed: open.slots, missed_before: open.older }
    }

    /// The slot has its record.
    pub fn answer(&mut self, slot: Timestamp, now: Moment) {
        self.until = self.until.max(slot.0);
        self.slots.retain(|known| known.slot != slot.0 && known.stays(now));
        let at = self.slots.partition_point(|known| known.slot < slot.0);
        self.slots.insert(at, AnsweredSlot { slot: slot.0, lived_s: now.lived_s });
        let surplus = self.slots.len().saturating_sub(REMEMBERED_MAX);
        self.slots.drain(..surplus);
    }

    fn has(&self, slot: Timestamp, now: Moment) -> bool {
        let found = self.slots.binary_search_by_key(&slot.0, |known| known.slot);
        found.is_ok_and(|at| self.slots[at].stays(now))
    }

    /// The next slot that is not answered.
    fn next(&self, timetable: &Timetable, now: Moment) -> Option<Timestamp> {
        let mut slot = timetable.next(now.wall)?;
        while self.has(slot, now) {
            slot = timetable.next(slot)?;
        }
        Some(slot)
    }
}
