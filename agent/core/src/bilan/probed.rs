//! What the store was found to do, brought up to date at the end of a run.
//!
//! From `probe.json` and, where it does not say whether the bucket locks, from the store itself: rights may have been given
//! since `init`, and a file that was lost must not leave a bilan grey for ever. Goes to the bilan. Never: fails a run, or tries
//! anything on an object of a backup (they are asked for their lock, no more).

use std::time::{Duration, SystemTime};

use scelle_format::random::Random as _;
use scelle_store::probe::{ProbeReport, ask_again, probe};
use scelle_store::{Key, Store};

use super::run::{load_probe, save_probe};
use crate::around::Around;
use crate::repo::state::State;

/// The probe kept in the state folder; what it lacks is asked of `store`, whose answers are not tried again. `newest` is an
/// object of the run, `clock_offset_ms` what the server's clock is ahead of `around`'s.
pub async fn probed(
    state: &State,
    store: &dyn Store,
    newest: Option<Key>,
    around: &Around,
    clock_offset_ms: i64,
) -> Option<ProbeReport> {
    let now = around.clock.now();
    let kept = load_probe(state);
    let found = match (&kept, newest) {
        (Some(kept), Some(newest)) => ask_again(store, &newest, shifted(now, clock_offset_ms), kept).await,
        (Some(kept), None) => kept.clone(),
        (None, _) => {
            let mut nonce = [0; 8];
            around.random().fill(&mut nonce);
            probe(store, &hex::encode(nonce), now).await.ok()?
        }
    };
    if kept.as_ref() != Some(&found) {
        // Not to have it kept is to be asked again.
        let _ = save_probe(state, &found);
    }
    Some(found)
}

fn shifted(time: SystemTime, by_ms: i64) -> SystemTime {
    let by = Duration::from_millis(by_ms.unsigned_abs());
    let shifted = if by_ms < 0 { time.checked_sub(by) } else { time.checked_add(by) };
    shifted.unwrap_or(time)
}
