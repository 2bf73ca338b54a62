//! How a person names a snapshot: `7`, `DEV/7`, `7@1a2b3c4d`, `latest`, `DEV/latest`, or a moment.
//!
//! With a path before it, `PATH@7`, it names a version of that path. From one word of the command line to a [`SnapshotSpec`]; the repository decides which snapshot it is.
//! Never: looks anything up.

use std::str::FromStr;
use std::time::SystemTime;

use jiff::civil::{Date, Time};
use jiff::tz::TimeZone;

/// Longest device name accepted, in characters.
const DEVICE_CHARS_MAX: usize = 64;
/// Characters of a note's hash that tell the branches of a fork apart.
pub const NOTE_CHARS: usize = 8;

/// A snapshot as it was asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SnapshotSpec {
    /// The newest one.
    Latest {
        /// Device, where it was given.
        device: Option<String>,
    },
    /// A number, from 1, on a device.
    Number {
        /// Device, where it was given.
        device: Option<String>,
        /// The number.
        number: u64,
    },
    /// A number that two snapshots have after a fork, with the beginning of its note's hash.
    Note {
        /// Device, where it was given.
        device: Option<String>,
        /// The number.
        number: u64,
        /// The first characters of the hash of the note's text: at least 8, lowercase hex.
        note: String,
    },
    /// The newest one at or before that moment. A date without a time means the end of that day, a time without seconds the end of
    /// that minute.
    AtOrBefore(SystemTime),
}

impl SnapshotSpec {
    /// Whether a certain snapshot was asked for, and not the newest of something.
    pub fn is_numbered(&self) -> bool {
        matches!(self, Self::Number { .. } | Self::Note { .. })
    }
}

/// What a restore is asked for: a snapshot, or one path as it stands in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wanted {
    /// The snapshot.
    pub snapshot: SnapshotSpec,
    /// The path as it was typed, where one stands before the snapshot.
    pub path: Option<Vec<u8>>,
}

impl Wanted {
    /// Reads `SNAPSHOT` or `PATH@SNAPSHOT`. A path may hold `@` itself; what comes behind the last one is the snapshot, or behind
    /// the last but one where that is `7@1a2b3c4d`.
    pub fn parse(word: &[u8]) -> Result<Self, NotASnapshot> {
        let spec = |bytes: &[u8]| std::str::from_utf8(bytes).ok()?.parse::<SnapshotSpec>().ok();
        if let Some(snapshot) = spec(word) {
            return Ok(Self { snapshot, path: None });
        }
        let signs = word.iter().enumerate().rev().filter(|(_, byte)| **byte == b'@').map(|(at, _)| at);
        let mut last_two: Vec<usize> = signs.take(2).collect();
        last_two.reverse();
        let of = |at: usize| Some(Self { snapshot: spec(&word[at + 1..])?, path: Some(word[..at].to_vec()) });
        last_two.into_iter().filter(|at| *at > 0).find_map(of).ok_or(NotASnapshot)
    }
}

/// The word is none of the accepted forms.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("expected a number, DEV/7, 7@1a2b3c4d, latest, 2026-11-21, 21/11/2026 or 2026-11-21T14:05")]
pub struct NotASnapshot;

impl FromStr for SnapshotSpec {
    type Err = NotASnapshot;

    fn from_str(word: &str) -> Result<Self, NotASnapshot> {
        // Before devices: a day as it is shown in French has slashes, too.
        if let Ok(moment) = moment(word, TimeZone::system()) {
            return Ok(Self::AtOrBefore(moment));
        }
        let (device, name) = match word.split_once('/') {
            Some((device, name)) => (Some(device_name(device)?), name),
            None => (None, word),
        };
        if name == "latest" {
            return Ok(Self::Latest { device });
        }
        if let Some((number, note)) = name.split_once('@') {
            return Ok(Self::Note { device, number: number_of(number)?, note: note_of(note)? });
        }
        if name.bytes().all(|b| b.is_ascii_digit()) {
            return Ok(Self::Number { device, number: number_of(name)? });
        }
        Err(NotASnapshot)
    }
}

fn number_of(text: &str) -> Result<u64, NotASnapshot> {
    let is_plain = text.bytes().all(|b| b.is_ascii_digit());
    text.parse().ok().filter(|&number| is_plain && number > 0).ok_or(NotASnapshot)
}

fn note_of(text: &str) -> Result<String, NotASnapshot> {
    let is_hash = (NOTE_CHARS..=64).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_hexdigit());
    if is_hash { Ok(text.to_ascii_lowercase()) } else { Err(NotASnapshot) }
}

fn device_name(name: &str) -> Result<String, NotASnapshot> {
    let plain = name.chars().all(|c| c.is_ascii_alphanumeric() || c == '-' || c == '_');
    if plain && (1..=DEVICE_CHARS_MAX).contains(&name.len()) {
        Ok(name.to_owned())
    } else {
        Err(NotASnapshot)
    }
}

/// A local moment as it is typed or was shown: `2026-11-21`, `21/11/2026`, with `14:05` or `14:05:30` behind a blank or a `T`; with
/// a `Z` behind a time, universal time. What is not said is taken to its end: a day to midnight, a minute to its last second, so
/// that the moment shown of a snapshot means that snapshot. Moments in a daylight-saving gap or fold take the later reading, so
/// that nothing made at that hour is left out.
fn moment(text: &str, zone: TimeZone) -> Result<SystemTime, NotASnapshot> {
    let (day, clock) = text.split_once(['T', ' ']).map_or((text, None), |(day, clock)| (day, Some(clock)));
    let (clock, zone) = match clock.and_then(|clock| clock.strip_suffix('Z')) {
        Some(clock) => (Some(clock), TimeZone::UTC),
        None => (clock, zone),
    };
    let local = day_of(day)?.to_datetime(clock.map_or(Ok(Time::MAX), time_of)?);
    let zoned = zone.to_ambiguous_zoned(local).later().map_err(|_| NotASnapshot)?;
    Ok(SystemTime::from(zoned.timestamp()))
}

/// `2026-11-21` or `21/11/2026`: only with four digits for the year, which tell its place.
fn day_of(text: &str) -> Result<Date, NotASnapshot> {
    let sign = if text.contains('/') { '/' } else { '-' };
    let mut parts: Vec<&str> = text.split(sign).collect();
    if sign == '/' {
        parts.reverse();
    }
    let [year, month, day] = parts[..] else { return Err(NotASnapshot) };
    if year.len() != 4 {
        return Err(NotASnapshot);
    }
    Date::new(digits(year, 4)?, digits(month, 2)? as i8, digits(day, 2)? as i8).map_err(|_| NotASnapshot)
}

/// `14:05` to the end of that minute, `14:05:30` as it is.
fn time_of(text: &str) -> Result<Time, NotASnapshot> {
    let parts = text.split(':').map(|part| digits(part, 2)).collect::<Result<Vec<i16>, _>>()?;
    let (hour, minute, second, nanosecond) = match parts[..] {
        [hour, minute] => (hour, minute, 59, 999_999_999),
        [hour, minute, second] => (hour, minute, second, 0),
        _ => return Err(NotASnapshot),
    };
    Time::new(hour as i8, minute as i8, second as i8, nanosecond).map_err(|_| NotASnapshot)
}

/// A number of at most so many digits and nothing else.
fn digits(text: &str, most: usize) -> Result<i16, NotASnapshot> {
    let is_plain = (1..=most).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit());
    text.parse().ok().filter(|_| is_plain).ok_or(NotASnapshot)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn accepted_forms() {
        let parsed = |word: &str| word.parse::<SnapshotSpec>();
        assert_eq!(parsed("7"), Ok(SnapshotSpec::Number { device: None, number: 7 }));
        assert_eq!(parsed("a1b2/7"), Ok(SnapshotSpec::Number { device: Some("a1b2".into()), number: 7 }));
        assert_eq!(parsed("latest"), Ok(SnapshotSpec::Latest { device: None }));
        assert_eq!(parsed("a1/latest"), Ok(SnapshotSpec::Latest { device: Some("a1".into()) }));
        let branch = |device| SnapshotSpec::Note { device, number: 4, note: "00aabbcc".into() };
        assert_eq!(parsed("4@00AABBcc"), Ok(branch(None)));
        assert_eq!(parsed("a1/4@00aabbcc"), Ok(branch(Some("a1".into()))));
        assert!(matches!(parsed("2026-11-21"), Ok(SnapshotSpec::AtOrBefore(_))));
        assert!(matches!(parsed("2026-11-21T14:05"), Ok(SnapshotSpec::AtOrBefore(_))));
    }

    #[test]
    fn refused_forms() {
        for word in [
            "",
            "0",
            "-1",
            "7a",
            "/7",
            "a/",
            "a/b/7",
            "4@",
            "4@00aabbc",
            "@00aabbcc",
            "0@00aabbcc",
            "4@00aabbxx",
            "../7",
            "2026-13-01",
            "99999999999999999999999",
            "dev/2026-11-21",
        ] {
            assert_eq!(word.parse::<SnapshotSpec>(), Err(NotASnapshot), "{word:?}");
        }
    }

    #[test]
    fn a_version_is_a_path_and_a_snapshot() {
        let parsed = |word: &str| {
            let wanted = Wanted::parse(word.as_bytes()).ok()?;
            Some((wanted.path.map(|path| String::from_utf8(path).unwrap()), wanted.snapshot))
        };
        let number = |number| SnapshotSpec::Number { device: None, number };
        let branch = |device| SnapshotSpec::Note { device, number: 4, note: "00112233".into() };
        assert_eq!(parsed("7"), Some((None, number(7))));
        assert_eq!(parsed("4@00112233"), Some((None, branch(None))));
        let of = |path: &str| Some(path.to_owned());
        assert_eq!(parsed("/srv/a.doc@7"), Some((of("/srv/a.doc"), number(7))));
        assert_eq!(parsed("/srv/a@b.doc@7"), Some((of("/srv/a@b.doc"), number(7))));
        assert_eq!(parsed("/srv/a@5@7"), Some((of("/srv/a@5"), number(7))));
        assert_eq!(parsed("/srv/a@4@00112233"), Some((of("/srv/a"), branch(None))));
        assert_eq!(parsed("/srv/a@d1/4@00112233"), Some((of("/srv/a"), branch(Some("d1".into())))));
        assert_eq!(parsed("/srv/a@latest"), Some((of("/srv/a"), SnapshotSpec::Latest { device: None })));
        for word in ["/srv/a.doc", "@7", "/srv/a@", "/srv/a@x"] {
            assert_eq!(parsed(word), None, "{word}");
        }
    }

    #[test]
    fn a_day_means_its_end() {
        let day = moment("1970-01-01", TimeZone::UTC).unwrap();
        assert_eq!(day, SystemTime::UNIX_EPOCH + Duration::from_nanos(86_400_000_000_000 - 1));
    }

    #[test]
    fn the_moment_that_is_shown_means_what_was_made_in_it() {
        let nanoseconds = |text| {
            let moment = moment(text, TimeZone::UTC)?;
            Ok(moment.duration_since(SystemTime::UNIX_EPOCH).unwrap().as_nanos() as u64)
        };
        let end = |seconds: u64| Ok(seconds * 1_000_000_000 - 1);
        assert_eq!(nanoseconds("1970-01-01 01:00"), end(3660));
        assert_eq!(nanoseconds("1970-01-01T01:00"), end(3660));
        assert_eq!(nanoseconds("01/01/1970 01:00"), end(3660));
        assert_eq!(nanoseconds("1/1/1970 1:00"), end(3660));
        assert_eq!(nanoseconds("02/01/1970"), end(2 * 86_400));
        for exact in ["1970-01-01 01:00:17", "01/01/1970 01:00:17", "1970-01-01T01:00:17Z"] {
            assert_eq!(nanoseconds(exact), Ok(3_617_000_000_000), "{exact}");
        }
        let paris = TimeZone::get("Europe/Paris").unwrap();
        let local = moment("2026-12-02 12:30:17", paris.clone()).unwrap();
        assert_eq!(local, moment("2026-12-02T11:30:17Z", paris).unwrap());
        for word in [
            "1/2/70",
            "32/01/1970",
            "1970/01/02",
            "01-01-1970",
            "1970-01-01 1",
            "1970-01-01 01:60",
            "1970-01-01T01:00+01:00",
        ] {
            assert_eq!(nanoseconds(word), Err(NotASnapshot), "{word}");
        }
        // What is shown, in either language.
        assert!(matches!("02/12/2026 12:30".parse(), Ok(SnapshotSpec::AtOrBefore(_))));
        let version = Wanted::parse("/srv/a.doc@02/12/2026 12:30".as_bytes()).unwrap();
        assert_eq!(
            (version.path, version.snapshot),
            (Some(b"/srv/a.doc".to_vec()), "02/12/2026 12:30".parse().unwrap())
        );
    }
}
