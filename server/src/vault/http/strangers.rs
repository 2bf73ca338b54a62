//! How many lines of the trace those may cause who have not proven who they are.
//!
//! Whoever reaches the port could otherwise fill the disk, or hide among millions of lines. Each chain takes
//! [`LINES_A_MINUTE`] of them; what comes beyond is counted, and the count stands in the next line. Requests that prove
//! who they are are never counted here.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use parking_lot::Mutex;

/// Lines a chain takes in a minute from requests without a right signature.
pub const LINES_A_MINUTE: u32 = 600;
const MINUTE: Duration = Duration::from_secs(60);

#[derive(Debug)]
struct Minute {
    began: Instant,
    lines: u32,
    left_out: u64,
}

/// The count of each chain.
#[derive(Debug, Default)]
pub struct Strangers(Mutex<HashMap<String, Minute>>);

impl Strangers {
    /// Whether the chain takes one more line; then also how many were left out since its last.
    pub fn admit(&self, chain: &str) -> Option<u64> {
        let mut chains = self.0.lock();
        let minute = chains.entry(chain.to_owned()).or_insert_with(|| Minute {
            began: Instant::now(),
            lines: 0,
            left_out: 0,
        });
        if minute.began.elapsed() >= MINUTE {
            (minute.began, minute.lines) = (Instant::now(), 0);
        }
        if minute.lines >= LINES_A_MINUTE {
            minute.left_out += 1;
            return None;
        }
        minute.lines += 1;
        Some(std::mem::take(&mut minute.left_out))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_left_out_is_counted_in_the_next_line() {
        let strangers = Strangers::default();
        for _ in 0..LINES_A_MINUTE {
            assert_eq!(strangers.admit("-"), Some(0));
        }
        assert_eq!((strangers.admit("-"), strangers.admit("-")), (None, None));
        assert_eq!(strangers.admit("other"), Some(0), "each chain for itself");
        strangers.0.lock().get_mut("-").unwrap().began -= MINUTE;
        assert_eq!((strangers.admit("-"), strangers.admit("-")), (Some(2), Some(0)));
    }
}
