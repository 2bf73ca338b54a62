//! The one place where the agent takes random bytes from: instances, nonces, keys and names of trial objects.
//!
//! They come from the operating system or, in tests, from a source that the test gives, and go to whoever seals or names
//! something. Never: a source of its own making.

use std::sync::Arc;

use parking_lot::Mutex;
use scelle_format::random::{OsRandom, Random};

/// Where random bytes come from. Clones draw from the same source.
#[derive(Clone)]
pub struct Chance(ChanceSource);

#[derive(Clone)]
enum ChanceSource {
    /// The operating system, which no two threads wait for.
    System,
    Given(Arc<Mutex<dyn Random>>),
}

impl Chance {
    /// The operating system's: the only source for real keys.
    pub fn system() -> Self {
        Self(ChanceSource::System)
    }

    /// A source of somebody's own.
    pub fn given(random: impl Random + 'static) -> Self {
        Self(ChanceSource::Given(Arc::new(Mutex::new(random))))
    }
}

impl Random for Chance {
    fn fill(&mut self, out: &mut [u8]) {
        match &self.0 {
            ChanceSource::System => OsRandom.fill(out),
            ChanceSource::Given(random) => random.lock().fill(out),
        }
    }
}

#[cfg(test)]
mod tests {
    use scelle_format::random::SeededRandom;

    use super::*;

    #[test]
    fn clones_draw_from_one_source() {
        let (mut all, mut first, mut second) = ([0; 64], [0; 32], [0; 32]);
        SeededRandom::new(b"one").fill(&mut all);
        let mut chance = Chance::given(SeededRandom::new(b"one"));
        chance.clone().fill(&mut first);
        chance.fill(&mut second);
        assert_eq!([first, second].concat(), all);
    }
}
