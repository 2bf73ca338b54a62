//! Six words for comparing a key on two screens or over the telephone.
//!
//! For: recipients and owner keys. Data comes as a SHA-256 and leaves as words of the BIP-39 lists (66 bits).
//! Never: a secret; the words are meant to be read aloud.

use crate::phrase::{Language, words_of};

/// Words in a fingerprint.
pub const FINGERPRINT_WORDS: usize = 6;

/// The first 66 bits of `sha256` as six words joined by spaces.
#[must_use]
pub fn six_words(sha256: &[u8; 32], language: Language) -> String {
    words_of(sha256, FINGERPRINT_WORDS, language)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn golden_words() {
        assert_eq!(six_words(&[0; 32], Language::English), "abandon abandon abandon abandon abandon abandon");
        assert_eq!(
            six_words(&[0xff; 32], Language::French),
            "zoologie zoologie zoologie zoologie zoologie zoologie"
        );
    }

    #[test]
    fn bits_beyond_the_sixty_sixth_do_not_count() {
        let mut sha256 = [0; 32];
        sha256[9..].fill(0xff);
        assert_eq!(six_words(&sha256, Language::English), six_words(&[0; 32], Language::English));
        sha256[8] = 0b0100_0000;
        assert_ne!(six_words(&sha256, Language::English), six_words(&[0; 32], Language::English));
    }
}
