//! Where random bytes come from, as an argument.
//!
//! For: keys, file keys, nonces and phrases. Data comes from the operating system ([`OsRandom`]) or, in
//! tests and golden vectors, from a seed ([`SeededRandom`]). Never: a hidden global source; whoever needs
//! random bytes takes a `&mut dyn Random`, so that every output of this crate can be reproduced in a test.

/// A source of random bytes.
pub trait Random: Send {
    /// Fills all of `out`.
    fn fill(&mut self, out: &mut [u8]);
}

/// The operating system's generator itself: aws-lc-rs would first spend some 30 ms of processor time on a
/// generator of its own. The only source for real keys.
pub struct OsRandom;

impl Random for OsRandom {
    /// # Panics
    /// When the operating system has no random bytes to give. Going on would mean sealing medical records
    /// under a key that someone can guess, so stopping is the only safe answer.
    fn fill(&mut self, out: &mut [u8]) {
        if getrandom::fill(out).is_err() {
            panic!("the operating system's random generator failed; refusing to make keys without it");
        }
    }
}

/// A reproducible stream: the BLAKE3 output stream of a seed. For tests and golden vectors only.
pub struct SeededRandom {
    stream: blake3::OutputReader,
}

impl SeededRandom {
    /// The stream of `seed`; equal seeds give equal streams.
    #[must_use]
    pub fn new(seed: &[u8]) -> Self {
        let mut hasher = blake3::Hasher::new_derive_key("scelle 2026-11 seeded random, tests only");
        hasher.update(seed);
        Self { stream: hasher.finalize_xof() }
    }
}

impl Random for SeededRandom {
    fn fill(&mut self, out: &mut [u8]) {
        self.stream.fill(out);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seeded_stream_is_reproducible_and_depends_on_the_seed() {
        let take = |seed: &[u8]| {
            let mut out = [0u8; 40];
            SeededRandom::new(seed).fill(&mut out);
            out
        };
        assert_eq!(take(b"a"), take(b"a"));
        assert_ne!(take(b"a"), take(b"b"));
    }

    #[test]
    fn seeded_stream_goes_on_from_where_it_stopped() {
        let (mut whole, mut first, mut second) = ([0u8; 64], [0u8; 32], [0u8; 32]);
        SeededRandom::new(b"x").fill(&mut whole);
        let mut random = SeededRandom::new(b"x");
        random.fill(&mut first);
        random.fill(&mut second);
        assert_eq!([first, second].concat(), whole);
    }

    #[test]
    fn os_random_fills_everything() {
        let mut out = [0u8; 64];
        OsRandom.fill(&mut out);
        assert_ne!(out[..32], [0u8; 32]);
        assert_ne!(out[32..], [0u8; 32]);
        assert_ne!(out[..32], out[32..]);
    }
}
