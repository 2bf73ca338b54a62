//! Days on which the practice is closed: no backup is due.
//!
//! From text to days of wall time, first and last included. Never: a moment.

use std::fmt;

use jiff::civil::Date;

/// A time of closure, in whole days.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Closure {
    first: Date,
    last: Date,
}

impl Closure {
    /// Reads `2027-08-01/2027-08-21`, both days included; `None` where it is not that, or ends before it begins.
    pub fn parse(text: &str) -> Option<Self> {
        let (first, last) = text.split_once('/')?;
        let is_plain = |day: &str| day.len() == 10 && day.bytes().all(|b| b.is_ascii_digit() || b == b'-');
        if !is_plain(first) || !is_plain(last) {
            return None;
        }
        let (first, last) = (first.parse().ok()?, last.parse().ok()?);
        (first <= last).then_some(Self { first, last })
    }

    /// Whether the practice is closed on that day.
    pub fn has(&self, day: Date) -> bool {
        (self.first..=self.last).contains(&day)
    }

    /// Its last day.
    pub fn last(&self) -> Date {
        self.last
    }
}

impl fmt::Display for Closure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.first, self.last)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_are_read_strictly() {
        let august = Closure::parse("2027-08-01/2027-08-21").unwrap();
        assert!(august.has(Date::constant(2027, 8, 21)) && !august.has(Date::constant(2027, 8, 22)));
        assert_eq!(august.to_string(), "2027-08-01/2027-08-21");
        let bad =
            ["", "2027-08-01", "2027-08-21/2027-08-01", "2027-02-30/2027-03-01", "2027-08-01T00/2027-08-21"];
        for bad in bad {
            assert_eq!(Closure::parse(bad), None, "{bad}");
        }
    }
}
