//! The cron text of a plan: which wall times it names.
//!
//! From text to the next wall time after another one. The `cron` crate counts on a calendar without a zone (its UTC stands for
//! wall time here): which moment a wall time is, [`super::Zone`] says. Never: a weekday by number, or several runs in a minute.

use std::str::FromStr as _;

use chrono::{Datelike as _, NaiveDate, Timelike as _};
use cron::{Schedule, TimeUnitSpec as _};
use jiff::civil::{DateTime, date};

/// A date from which every cadence that ever comes does: a leap year is ahead.
const BEGIN: DateTime = date(2024, 1, 1).at(0, 0, 0, 0);

/// Wall times of a cron text.
#[derive(Clone, Debug)]
pub struct Cadence(Schedule);

impl Cadence {
    /// Reads five fields (minute hour day month weekday), or six with one second in front. A day is one that both fields of days
    /// name. `None`: no cron text; weekdays by *number*, since Sunday is 0 for Unix cron and 1 for the library, and a wrong
    /// day would go unnoticed; more than one run in a minute; or a day that never comes (30 February).
    pub fn parse(text: &str) -> Option<Self> {
        let fields: Vec<&str> = text.split_whitespace().collect();
        if !matches!(fields.len(), 5 | 6) || fields.last()?.contains(|c: char| c.is_ascii_digit()) {
            return None;
        }
        let seconds = if fields.len() == 5 { "0 " } else { "" };
        let cadence = Self(Schedule::from_str(&format!("{seconds}{}", fields.join(" "))).ok()?);
        let is_calm = cadence.0.seconds().count() == 1;
        (is_calm && cadence.after(BEGIN).is_some()).then_some(cadence)
    }

    /// The first wall time after `from`; `None` after the year 2100.
    pub fn after(&self, from: DateTime) -> Option<DateTime> {
        let (month, day) = (u32::try_from(from.month()).ok()?, u32::try_from(from.day()).ok()?);
        let part = |number: i8| u32::try_from(number).ok();
        let from = NaiveDate::from_ymd_opt(i32::from(from.year()), month, day)?
            .and_hms_opt(part(from.hour())?, part(from.minute())?, part(from.second())?)?
            .and_utc();
        let next = self.0.after(&from).next()?;
        let part = |number: u32| i8::try_from(number).ok();
        DateTime::new(
            i16::try_from(next.year()).ok()?,
            part(next.month())?,
            part(next.day())?,
            part(next.hour())?,
            part(next.minute())?,
            part(next.second())?,
            0,
        )
        .ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_be_meant_is_refused() {
        for good in ["30 12,19 * * Mon-Sat", "*/15 8-18 * * *", "30 0 2 29 2 *", "0 20 1-7 * Mon"] {
            assert!(Cadence::parse(good).is_some(), "{good}");
        }
        let bad =
            ["", "0 20 * *", "0 20 * * 1", "0 25 * * *", "0 20 30 2 *", "*/5 0 20 * * Mon", "* 0 20 * * *"];
        for bad in bad {
            assert!(Cadence::parse(bad).is_none(), "{bad}");
        }
    }

    #[test]
    fn a_day_is_one_that_both_fields_name() {
        let first_monday = Cadence::parse("0 20 1-7 * Mon").unwrap();
        let next = first_monday.after(date(2026, 11, 28).at(0, 0, 0, 0)).unwrap();
        assert_eq!(next, date(2026, 12, 7).at(20, 0, 0, 0));
    }
}
