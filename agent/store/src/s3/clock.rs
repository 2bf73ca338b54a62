//! The server's clock.
//!
//! For: signing with the server's time, so that a PC an hour off still backs up, and telling how far off
//! it is. Learned from the `Date` header of every answer, refusals included. Never: changes the system's
//! clock, or trusts the header for anything but signing and display.

use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use aws_sdk_s3::config::interceptors::BeforeDeserializationInterceptorContextRef;
use aws_sdk_s3::config::{ConfigBag, Intercept, RuntimeComponents};
use aws_sdk_s3::error::BoxError;
use aws_smithy_async::time::{SharedTimeSource, TimeSource};
use aws_smithy_types::DateTime;
use aws_smithy_types::date_time::Format;

/// The header counts in whole seconds and travels: smaller differences are noise.
const NOISE_MS: i64 = 2_000;

/// What is known of the server's clock, shared by all requests of one store.
#[derive(Debug, Default)]
pub(super) struct ServerClock {
    /// Server minus local, milliseconds.
    offset_ms: AtomicI64,
    known: AtomicBool,
    /// The last `Date` seen and when.
    last: Mutex<Option<(SystemTime, Instant)>>,
    /// Tests only: how wrong the local clock is made to be.
    local_skew_ms: i64,
}

impl ServerClock {
    /// A clock whose local time is wrong by `local_skew_ms`; 0 outside tests.
    pub(super) fn new(local_skew_ms: i64) -> Self {
        Self { local_skew_ms, ..Self::default() }
    }

    /// Server minus local in milliseconds, 0 until an answer came.
    pub(super) fn offset_ms(&self) -> i64 {
        self.offset_ms.load(Ordering::Relaxed)
    }

    /// Whether any answer told the time yet.
    pub(super) fn is_known(&self) -> bool {
        self.known.load(Ordering::Relaxed)
    }

    /// The server's time now, from the last answer and the time that passed since.
    pub(super) fn server_now(&self) -> Option<SystemTime> {
        let last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        last.map(|(server, at)| server + at.elapsed())
    }

    fn local_now(&self) -> SystemTime {
        shifted(SystemTime::now(), self.local_skew_ms)
    }

    fn learn(&self, server: SystemTime) {
        *self.last.lock().unwrap_or_else(PoisonError::into_inner) = Some((server, Instant::now()));
        let observed = millis(server).saturating_sub(millis(self.local_now()));
        let first = !self.known.swap(true, Ordering::Relaxed);
        if first || observed.abs_diff(self.offset_ms()) > NOISE_MS.unsigned_abs() {
            self.offset_ms.store(observed, Ordering::Relaxed);
        }
    }

    pub(super) fn time_source(self: Arc<Self>) -> SharedTimeSource {
        SharedTimeSource::new(SigningTime(self))
    }

    pub(super) fn interceptor(self: Arc<Self>) -> DateReader {
        DateReader(self)
    }
}

/// Moves `at` by `by_ms`, staying put where the result cannot be told.
fn shifted(at: SystemTime, by_ms: i64) -> SystemTime {
    let by = Duration::from_millis(by_ms.unsigned_abs());
    if by_ms < 0 { at.checked_sub(by) } else { at.checked_add(by) }.unwrap_or(at)
}

fn millis(at: SystemTime) -> i64 {
    let signed = |span: Duration| i64::try_from(span.as_millis()).unwrap_or(i64::MAX);
    match at.duration_since(UNIX_EPOCH) {
        Ok(after) => signed(after),
        Err(before) => -signed(before.duration()),
    }
}

/// The time requests are signed with.
#[derive(Debug)]
struct SigningTime(Arc<ServerClock>);

impl TimeSource for SigningTime {
    fn now(&self) -> SystemTime {
        shifted(self.0.local_now(), self.0.offset_ms())
    }
}

/// Reads the `Date` header of every answer.
#[derive(Debug)]
pub(super) struct DateReader(Arc<ServerClock>);

impl Intercept for DateReader {
    fn name(&self) -> &'static str {
        "ServerDate"
    }

    fn read_after_transmit(
        &self,
        context: &BeforeDeserializationInterceptorContextRef<'_>,
        _components: &RuntimeComponents,
        _config: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let headers = context.response().headers();
        // An answer out of a cache has an old date.
        let date = headers.get("date").filter(|_| headers.get("age").is_none());
        let date = date.and_then(|date| DateTime::from_str(date, Format::HttpDate).ok());
        if let Some(server) = date.and_then(|date| SystemTime::try_from(date).ok()) {
            self.0.learn(server);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_an_hour_slow_signs_with_the_servers_time() {
        let clock = Arc::new(ServerClock::new(-3_600_000));
        assert!(!clock.is_known());
        let server = SystemTime::now();
        clock.learn(server);
        assert!((clock.offset_ms() - 3_600_000).abs() < NOISE_MS, "{}", clock.offset_ms());
        let signing = SigningTime(Arc::clone(&clock)).now();
        let error = millis(signing) - millis(server);
        assert!(error.abs() < NOISE_MS, "{error}");
    }

    #[test]
    fn noise_moves_nothing_and_a_jump_does() {
        let clock = ServerClock::new(0);
        clock.learn(SystemTime::now());
        let before = clock.offset_ms();
        clock.learn(SystemTime::now() + Duration::from_millis(900));
        assert_eq!(clock.offset_ms(), before);
        clock.learn(SystemTime::now() + Duration::from_secs(600));
        assert!(clock.offset_ms() > 590_000);
    }
}
