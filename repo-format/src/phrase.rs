//! The everyday phrase: nine words that a person can read aloud, type and remember.
//!
//! For: opening yesterday's file without the paper kit. Data comes from a [`Random`] and leaves as words of
//! the BIP-39 lists (2048 words each, 11 bits a word: 99 bits). Never: accepts that a person invents one;
//! never keeps or shows a word that was typed.

use std::collections::HashSet;
use std::sync::OnceLock;

use secrecy::SecretString;
use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::is_combining_mark;
use zeroize::Zeroizing;

use crate::random::Random;

/// Words in a phrase.
pub const PHRASE_WORDS: usize = 9;
const BITS_PER_WORD: usize = 11;

/// Which list words are taken from. On entry both are understood.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Language {
    /// BIP-39 French list.
    French,
    /// BIP-39 English list.
    English,
}

impl Language {
    /// Word number `index` (11 bits), accents composed.
    pub(crate) fn word(self, index: u16) -> String {
        let list = match self {
            Self::French => bip39::Language::French,
            Self::English => bip39::Language::English,
        };
        list.word_list()[usize::from(index) % 2048].nfc().collect()
    }
}

/// A new phrase: nine words joined by single spaces.
pub fn generate_phrase(random: &mut dyn Random, language: Language) -> SecretString {
    let mut bytes = Zeroizing::new([0; 13]);
    random.fill(bytes.as_mut_slice());
    SecretString::from(words_of(bytes.as_slice(), PHRASE_WORDS, language))
}

/// The first `count` 11-bit groups of `bytes`, as words joined by spaces.
pub(crate) fn words_of(bytes: &[u8], count: usize, language: Language) -> String {
    let bit = |at: usize| bytes.get(at / 8).map_or(0, |byte| u16::from(byte >> (7 - at % 8) & 1));
    let index =
        |word: usize| (0..BITS_PER_WORD).fold(0, |index, at| index << 1 | bit(word * BITS_PER_WORD + at));
    // Room for the longest words, so that no copy of a secret phrase is left behind by growth.
    let mut text = String::with_capacity(count * 40);
    for word in 0..count {
        if word > 0 {
            text.push(' ');
        }
        text.push_str(&language.word(index(word)));
    }
    text
}

/// The form a phrase is used in: lower case, no accents, one hyphen between words. Applied when a phrase is
/// made and when it is typed, so that capitals, accents, line breaks and word separators never matter.
#[must_use]
pub fn normalize(typed: &str) -> SecretString {
    let mut text = String::with_capacity(typed.len() * 2);
    for word in words(typed) {
        if !text.is_empty() {
            text.push('-');
        }
        fold_into(word, &mut text);
    }
    SecretString::from(text)
}

/// Positions, from 1, of the typed words that are in neither list, so that a mistyped word can be pointed at
/// without being shown.
#[must_use]
pub fn unknown_words(typed: &str) -> Vec<usize> {
    let unknown = |word: &str| {
        let mut folded = Zeroizing::new(String::with_capacity(word.len() * 2));
        fold_into(word, &mut folded);
        !known_words().contains(folded.as_str())
    };
    words(typed).enumerate().filter(|(_, word)| unknown(word)).map(|(at, _)| at + 1).collect()
}

fn words(typed: &str) -> impl Iterator<Item = &str> {
    // Word processors turn hyphens into other dashes (U+2010 to U+2015) and paste the odd byte-order mark.
    let separates =
        |c: char| c.is_whitespace() || matches!(c, '-' | '_' | '\u{2010}'..='\u{2015}' | '\u{feff}');
    typed.split(separates).filter(|word| !word.is_empty())
}

fn fold_into(word: &str, out: &mut String) {
    out.extend(word.nfd().filter(|&c| !is_combining_mark(c)).flat_map(char::to_lowercase));
}

fn known_words() -> &'static HashSet<String> {
    static KNOWN: OnceLock<HashSet<String>> = OnceLock::new();
    KNOWN.get_or_init(|| {
        [bip39::Language::French, bip39::Language::English]
            .iter()
            .flat_map(|list| list.word_list())
            .map(|word| {
                let mut folded = String::new();
                fold_into(word, &mut folded);
                folded
            })
            .collect()
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::{OsRandom, SeededRandom};
    use secrecy::ExposeSecret;

    fn normalized(typed: &str) -> String {
        normalize(typed).expose_secret().to_owned()
    }

    #[test]
    fn golden_phrases() {
        let phrase = |language| {
            generate_phrase(&mut SeededRandom::new(b"phrase"), language).expose_secret().to_owned()
        };
        assert_eq!(
            phrase(Language::French),
            "laisser février graduel égarer région annuel ruser débrider aciduler"
        );
        assert_eq!(phrase(Language::English), "melt grass input exhaust ski athlete stadium disease adult");
    }

    #[test]
    fn eleven_bits_a_word_from_the_high_end() {
        // 0b00000000001_00000000010_… : indexes 1, 2 of the English list.
        assert_eq!(words_of(&[0b0000_0000, 0b0010_0000, 0b0000_1000], 2, Language::English), "ability able");
    }

    #[test]
    fn how_it_is_typed_does_not_matter() {
        let expected = "eleve-abaisser-zoologie";
        for typed in [
            "élève abaisser zoologie",
            "e\u{301}le\u{300}ve abaisser zoologie",
            "  ELEVE\r\nAbaisser\t--  Zoologie \n",
            "ÉLÈVE-abaisser\u{2013}zoologie",
        ] {
            assert_eq!(normalized(typed), expected);
        }
        assert_ne!(normalized("eleve abaisser zoologi"), expected);
        assert_eq!(normalized(&normalized("Élève ABAISSER")), "eleve-abaisser");
    }

    #[test]
    fn generated_phrases_are_known_words_and_survive_folding() {
        for language in [Language::French, Language::English] {
            for _ in 0..50 {
                let phrase = generate_phrase(&mut OsRandom, language);
                let words: Vec<&str> = phrase.expose_secret().split(' ').collect();
                assert_eq!(words.len(), PHRASE_WORDS);
                assert!(unknown_words(phrase.expose_secret()).is_empty());
            }
        }
    }

    /// Folding must not merge two words of one list, or a phrase would hold less than 99 bits.
    #[test]
    fn each_list_keeps_2048_different_words_without_accents() {
        for language in [Language::French, Language::English] {
            let folded: HashSet<String> = (0..2048).map(|index| normalized(&language.word(index))).collect();
            assert_eq!(folded.len(), 2048);
            assert!(folded.iter().all(|word| word.bytes().all(|byte| byte.is_ascii_lowercase())));
        }
    }

    #[test]
    fn a_mistyped_word_is_pointed_at_by_position() {
        assert_eq!(unknown_words("abaisser zzzz Élève\nabout qwerty"), [2, 5]);
        assert!(unknown_words("").is_empty());
    }
}
