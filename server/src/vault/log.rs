//! What the operator reads on standard error: one JSON object a line.
//!
//! Never: a bucket, a key, a secret, or an address of a client; those are in the tenant's own trace.

use std::io::Write as _;
use std::time::{Duration, Instant};

use parking_lot::Mutex;

use super::clock;

/// What was last said, and when. The same again is said once a minute.
static LAST: Mutex<Option<(String, Instant)>> = Mutex::new(None);
const MINUTE: Duration = Duration::from_secs(60);

/// Says that something went wrong inside the vault. A full disk fails every request: the operator reads it once a minute.
pub fn problem(what: &str) {
    {
        let mut last = LAST.lock();
        if last.as_ref().is_some_and(|(said, at)| said == what && at.elapsed() < MINUTE) {
            return;
        }
        *last = Some((what.to_owned(), Instant::now()));
    }
    line("problem", what);
}

/// Says what the vault is doing.
pub fn notice(what: &str) {
    line("notice", what);
}

fn line(level: &str, what: &str) {
    let line = serde_json::json!({ "time": clock::text(clock::now_ms()), "level": level, "what": what });
    // Nobody left to read it is no reason to stop.
    let _ = writeln!(std::io::stderr().lock(), "{line}");
}
