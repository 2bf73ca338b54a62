//! The one place where the agent asks what time it is.
//!
//! Time comes from the operating system ([`SystemClock`]) or, in tests, from a value the test sets
//! ([`FixedClock`]), and goes to the notes, the schedule and the status rules. Never: reads an environment
//! variable, and never corrects the time (offsets to the server's time are facts of a note, not of a clock).

use std::sync::Mutex;
use std::time::{Duration, SystemTime};

use scelle_format::timestamp::Timestamp;

/// Wall-clock time as the agent sees it.
pub trait Clock: Send + Sync {
    /// The present moment. May go backwards between two calls: the operating system's clock can be set.
    fn now(&self) -> SystemTime;
}

/// The clock's time in whole seconds.
pub fn now(clock: &dyn Clock) -> Timestamp {
    let since = clock.now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    Timestamp(i64::try_from(since.as_secs()).unwrap_or(0))
}

/// The operating system's clock.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> SystemTime {
        SystemTime::now()
    }
}

/// The time by which this system stamps files: what their ages are told by, whatever clock a run has.
pub fn of_files() -> SystemTime {
    SystemTime::now()
}

/// A clock that stands still until told otherwise.
#[derive(Debug)]
pub struct FixedClock(Mutex<SystemTime>);

impl FixedClock {
    /// A clock that shows `now`.
    pub fn at(now: SystemTime) -> Self {
        Self(Mutex::new(now))
    }

    /// Sets the clock, forwards or backwards.
    pub fn set(&self, now: SystemTime) {
        *self.0.lock().unwrap_or_else(|poisoned| poisoned.into_inner()) = now;
    }

    /// Lets `step` go by.
    pub fn advance(&self, step: Duration) {
        *self.0.lock().unwrap_or_else(|poisoned| poisoned.into_inner()) += step;
    }
}

impl Clock for FixedClock {
    fn now(&self) -> SystemTime {
        *self.0.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }
}

/// The clock's time in nanoseconds since 1970.
pub fn nanoseconds(clock: &dyn Clock) -> i64 {
    let since = clock.now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_nanos()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fixed_clock_moves_only_when_told() {
        let clock = FixedClock::at(SystemTime::UNIX_EPOCH);
        assert_eq!(clock.now(), SystemTime::UNIX_EPOCH);
        clock.advance(Duration::from_secs(3600));
        assert_eq!(clock.now(), SystemTime::UNIX_EPOCH + Duration::from_secs(3600));
    }
}
