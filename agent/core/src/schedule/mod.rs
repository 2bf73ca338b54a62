//! When a plan's backups are to begin: pure, from texts and moments to moments.
//!
//! [`Cadence`] is the cron text of a plan, in wall time; a [`Zone`] says which moment a wall time is, a [`Closure`] which days have
//! none; together they are a [`Timetable`], whose moments are *slots*. [`Answered`] is what is remembered of one plan and says
//! what is [`Due`]. Data comes from the configuration and the clock and goes to the service. Never: reads a clock, waits, or
//! knows what a slot is for.
//!
//! What holds for every cadence and zone, and is tested over ten years of Paris time:
//!
//! * slots are strictly increasing; each wall time that the cadence names has one, and only one: where the clocks are put
//!   forward over it, at the first moment that exists; where they are put back over it, at its first passing;
//! * however long nobody looked, one run answers the newest slot and the older ones are named as missed, so that every slot
//!   ends in one record;
//! * a clock that is put back makes no slot run twice within a day that the agent lived through; one that was put forward and
//!   back keeps the plan silent for no longer than that.

mod answered;
mod cadence;
mod closure;
mod jitter;
mod timetable;
mod zone;

pub use self::answered::{Answered, Due, Moment};
pub use self::cadence::Cadence;
pub use self::closure::Closure;
pub use self::jitter::Jitter;
pub use self::timetable::{Between, Timetable};
pub use self::zone::Zone;

#[cfg(test)]
mod answered_tests;
#[cfg(test)]
mod ten_years_tests;
