//! Times of the format: whole seconds of UTC, written `2026-11-21T20:44:07Z`.
//!
//! For: the `time` lines of descriptors and notes and the times of a bilan. Data comes from callers as seconds.
//! Never: reads a clock or a time zone.

use std::fmt;

use crate::error::{Result, malformed};

/// Seconds since 1970-01-01T00:00:00Z. The format writes the years 1970 to 9999 only.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(pub i64);

const DAY_SECONDS: i64 = 86_400;

impl Timestamp {
    /// Reads `YYYY-MM-DDThh:mm:ssZ`; a date that does not exist is refused, and so is a leap second.
    pub fn parse(text: &str) -> Result<Self> {
        read(text.as_bytes()).ok_or(malformed("time", "YYYY-MM-DDThh:mm:ssZ expected"))
    }
}

fn read(text: &[u8]) -> Option<Timestamp> {
    let shape = b"0000-00-00T00:00:00Z";
    let shaped = text.len() == shape.len()
        && text.iter().zip(shape).all(|(b, s)| if *s == b'0' { b.is_ascii_digit() } else { b == s });
    if !shaped {
        return None;
    }
    let digits =
        |from: usize, to: usize| text[from..to].iter().fold(0i64, |n, b| n * 10 + i64::from(b - b'0'));
    let (year, month, day) = (digits(0, 4), digits(5, 7), digits(8, 10));
    let (hour, minute, second) = (digits(11, 13), digits(14, 16), digits(17, 19));
    let sound = year >= 1970 && (1..=12).contains(&month) && hour < 24 && minute < 60 && second < 60;
    if !sound || day < 1 {
        return None;
    }
    let days = days_from_civil(year, month, day);
    // The 31st of a short month would come back as a day of the next one.
    let exists = civil_from_days(days) == (year, month, day);
    exists.then_some(Timestamp(days * DAY_SECONDS + hour * 3600 + minute * 60 + second))
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (year, month, day) = civil_from_days(self.0.div_euclid(DAY_SECONDS));
        let rest = self.0.rem_euclid(DAY_SECONDS);
        let (hour, minute, second) = (rest / 3600, rest / 60 % 60, rest % 60);
        write!(f, "{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z")
    }
}

/// Days from 1970-01-01 to a date of the proleptic Gregorian calendar (H. Hinnant, "chrono-compatible low-level
/// date algorithms").
fn days_from_civil(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let year_of_era = year.rem_euclid(400);
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    era * 146_097 + day_of_era - 719_468
}

/// The inverse of [`days_from_civil`].
fn civil_from_days(days: i64) -> (i64, i64, i64) {
    let days = days + 719_468;
    let era = days.div_euclid(146_097);
    let day_of_era = days.rem_euclid(146_097);
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted + 2) / 5 + 1;
    let month = if shifted < 10 { shifted + 3 } else { shifted - 9 };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    (year, month, day)
}

impl serde::Serialize for Timestamp {
    fn serialize<S: serde::Serializer>(&self, to: S) -> std::result::Result<S::Ok, S::Error> {
        to.collect_str(self)
    }
}

impl<'de> serde::Deserialize<'de> for Timestamp {
    fn deserialize<D: serde::Deserializer<'de>>(from: D) -> std::result::Result<Self, D::Error> {
        let text = <String as serde::Deserialize>::deserialize(from)?;
        Self::parse(&text).map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::Timestamp;

    #[test]
    fn known_times_read_and_print() {
        for (text, seconds) in [
            ("1970-01-01T00:00:00Z", 0),
            ("2000-02-29T12:00:00Z", 951_825_600),
            ("2026-11-21T20:44:07Z", 1_795_293_847),
            ("9999-12-31T23:59:59Z", 253_402_300_799),
        ] {
            assert_eq!(Timestamp::parse(text).unwrap(), Timestamp(seconds));
            assert_eq!(Timestamp(seconds).to_string(), text);
        }
    }

    #[test]
    fn every_day_comes_back() {
        for day in 0..2_932_000i64 {
            let time = Timestamp(day * 86_400 + day % 86_400);
            if day % 97 == 0 {
                assert_eq!(Timestamp::parse(&time.to_string()).unwrap(), time);
            }
        }
    }

    #[test]
    fn other_forms_are_refused() {
        for text in [
            "2026-02-29T00:00:00Z",
            "2026-11-31T00:00:00Z",
            "2026-13-01T00:00:00Z",
            "2026-11-21T24:00:00Z",
            "2026-11-21T20:44:60Z",
            "1969-12-31T23:59:59Z",
            "2026-11-21 20:44:07Z",
            "2026-11-21T20:44:07+00:00",
            "",
            "２026-11-21T20:44:07Z",
        ] {
            assert!(Timestamp::parse(text).is_err(), "{text}");
        }
    }
}
