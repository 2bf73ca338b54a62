//! A time zone: which moment a wall time is.
//!
//! The rules are the system's database of zones; on Windows the one that comes with `jiff`. Never: the zone of this computer,
//! which nobody set on purpose.

use jiff::civil::DateTime;
use jiff::tz::{AmbiguousOffset, TimeZone};
use scelle_format::timestamp::Timestamp;

/// The zone where none is said.
const PARIS: &str = "Europe/Paris";
/// Its rules since 1996, for a system without a database of zones.
const PARIS_RULES: &str = "CET-1CEST,M3.5.0,M10.5.0/3";

/// A time zone, by its IANA name.
#[derive(Clone, Debug)]
pub struct Zone {
    name: String,
    rules: TimeZone,
}

impl Default for Zone {
    fn default() -> Self {
        Self::named(PARIS).unwrap_or_else(Self::by_rule)
    }
}

impl Zone {
    /// A zone by its IANA name; `None` where this system knows none of that name.
    pub fn named(name: &str) -> Option<Self> {
        match TimeZone::get(name) {
            Ok(rules) => Some(Self { name: name.to_owned(), rules }),
            Err(_) => (name == PARIS).then(Self::by_rule),
        }
    }

    /// Paris without a database.
    pub(super) fn by_rule() -> Self {
        let rules = TimeZone::posix(PARIS_RULES).unwrap_or(TimeZone::UTC);
        Self { name: PARIS.to_owned(), rules }
    }

    /// Its IANA name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What a clock on the wall shows at a moment.
    pub fn wall_time(&self, moment: Timestamp) -> DateTime {
        let moment = jiff::Timestamp::from_second(moment.0).unwrap_or_default();
        self.rules.to_datetime(moment)
    }

    /// The moment at which a clock on the wall first shows `at`; where it never does, the first moment after the clocks were put
    /// forward over it. `None` beyond the years that a calendar has.
    pub fn first_moment(&self, at: DateTime) -> Option<Timestamp> {
        let moment = match self.rules.to_ambiguous_timestamp(at).offset() {
            AmbiguousOffset::Unambiguous { offset } => offset.to_timestamp(at).ok()?,
            AmbiguousOffset::Fold { before, .. } => before.to_timestamp(at).ok()?,
            AmbiguousOffset::Gap { after, .. } => {
                let earlier = after.to_timestamp(at).ok()?;
                self.rules.following(earlier).next()?.timestamp()
            }
        };
        Some(Timestamp(moment.as_second()))
    }
}
