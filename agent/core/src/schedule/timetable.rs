//! Cadence, zone and closures together: the slots of a plan, as moments.
//!
//! Never: the same moment twice, or a slot on a day of closure.

use std::collections::VecDeque;

use jiff::civil::{Date, Time};
use scelle_format::timestamp::Timestamp;

use super::{Cadence, Closure, Zone};

/// How far back slots are counted that nobody answered, in seconds: 400 days.
const LOOKED_BACK_S: i64 = 400 * 86_400;

/// The slots of a plan.
#[derive(Clone, Debug)]
pub struct Timetable {
    cadence: Cadence,
    zone: Zone,
    closures: Vec<Closure>,
}

/// Slots in a stretch of time.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Between {
    /// The newest, ascending.
    pub slots: Vec<Timestamp>,
    /// How many older ones there are.
    pub older: u64,
}

impl Timetable {
    /// A cadence in a zone, but for the days of closure.
    pub fn new(cadence: Cadence, zone: Zone, closures: Vec<Closure>) -> Self {
        Self { cadence, zone, closures }
    }

    /// The zone in which it is written.
    pub fn zone(&self) -> &Zone {
        &self.zone
    }

    /// The first slot after a moment; `None` after the year 2100.
    ///
    /// Wall times are walked from what the clock shows at that moment: the first moment of a wall time never decreases with it,
    /// so that none before can come later. In an hour that comes twice, those shown again are stepped over.
    pub fn next(&self, after: Timestamp) -> Option<Timestamp> {
        let mut wall = self.zone.wall_time(after);
        loop {
            wall = self.cadence.after(wall)?;
            let slot = self.zone.first_moment(wall)?;
            // Where a day is left out of the calendar, a wall time of it comes on the next one.
            let days = [wall.date(), self.zone.wall_time(slot).date()];
            match days.into_iter().find_map(|day| self.closed_until(day)) {
                Some(last) => wall = wall.max(last.to_datetime(Time::constant(23, 59, 59, 0))),
                None if slot > after => return Some(slot),
                None => {}
            }
        }
    }

    /// Slots after `after`, up to `until` with it: the newest, at most `most`, and how many more. Those of more than 400 days ago
    /// are not counted.
    pub fn between(&self, after: Timestamp, until: Timestamp, most: usize) -> Between {
        let mut at = Timestamp(after.0.max(until.0.saturating_sub(LOOKED_BACK_S)));
        let (mut slots, mut older) = (VecDeque::new(), 0);
        while let Some(slot) = self.next(at).filter(|slot| *slot <= until) {
            slots.push_back(slot);
            if slots.len() > most {
                slots.pop_front();
                older += 1;
            }
            at = slot;
        }
        Between { slots: slots.into(), older }
    }

    /// The last day of the closure that a day is in.
    fn closed_until(&self, day: Date) -> Option<Date> {
        self.closures.iter().filter(|closure| closure.has(day)).map(Closure::last).max()
    }
}
