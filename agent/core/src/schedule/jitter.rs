//! A delay after each slot, so that the practices of one host do not all begin in the same second.
//!
//! From a seed of this computer (drawn once, kept) to a delay that is the same each time it is asked for. Never: a delay that
//! reaches the next slot.

use scelle_format::timestamp::Timestamp;

/// Where the delays come from.
#[derive(Clone, Copy, Debug)]
pub struct Jitter {
    seed: [u8; 32],
    most_s: u32,
}

impl Jitter {
    /// Delays of at most so many seconds, from a seed that is this computer's own.
    pub fn new(seed: [u8; 32], most_s: u32) -> Self {
        Self { seed, most_s }
    }

    /// When the run of a slot begins: `next` is the slot after it.
    pub fn start(&self, plan: &str, slot: Timestamp, next: Option<Timestamp>) -> Timestamp {
        let room = next.map_or(u64::MAX, |next| next.0.saturating_sub(slot.0).max(1).unsigned_abs());
        let choices = (u64::from(self.most_s) + 1).min(room);
        let mut hasher = blake3::Hasher::new_keyed(&self.seed);
        hasher.update(&slot.0.to_le_bytes()).update(plan.as_bytes());
        let mut drawn = [0; 8];
        drawn.copy_from_slice(&hasher.finalize().as_bytes()[..8]);
        Timestamp(slot.0 + i64::try_from(u64::from_le_bytes(drawn) % choices).unwrap_or(0))
    }
}
