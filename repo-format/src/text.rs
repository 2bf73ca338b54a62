//! The line grammar that descriptors, notes, refs and FORMAT.txt share.
//!
//! For: reading `key value` lines strictly, so that a text has one form only. Data comes as `&str` from a
//! verified note or a stored attachment and leaves as borrowed words. Never: guesses, trims, or skips a line.

use crate::error::{FormatError, Result, malformed};
use crate::id::parse_decimal;

/// Highest sequence or revision number (object names carry 10¹² minus it).
pub const NUMBER_MAX: u64 = 1_000_000_000_000;
/// Features of version 1 that a descriptor or FORMAT.txt may require: none yet.
pub const KNOWN_FEATURES: &[&str] = &[];
/// Most bytes of one word.
const WORD_MAX_BYTES: usize = 64;
/// Most features on one line.
const FEATURES_MAX: usize = 64;

/// A text being read line by line.
pub(crate) struct Lines<'a> {
    what: &'static str,
    rest: &'a str,
}

impl<'a> Lines<'a> {
    /// Checks size, the last newline and control characters before anything is read.
    pub(crate) fn open(what: &'static str, text: &'a str, max_bytes: usize) -> Result<Self> {
        if text.len() > max_bytes {
            return Err(FormatError::TooLarge { what });
        }
        if !text.ends_with('\n') {
            return Err(FormatError::Truncated { what });
        }
        if text.chars().any(|c| c.is_control() && c != '\n') {
            return Err(malformed(what, "a control character"));
        }
        Ok(Self { what, rest: text })
    }

    /// The next line, without its newline; it stays unread.
    pub(crate) fn peek(&self) -> Option<&'a str> {
        self.rest.split_once('\n').map(|(line, _)| line)
    }

    /// Takes the next line.
    pub(crate) fn take(&mut self) -> Result<&'a str> {
        let (line, rest) = self.rest.split_once('\n').ok_or(FormatError::Truncated { what: self.what })?;
        self.rest = rest;
        Ok(line)
    }

    /// Takes the version line, `<prefix>1`.
    pub(crate) fn version(&mut self, prefix: &str) -> Result<()> {
        let magic = FormatError::BadMagic { what: self.what };
        let version = self.take()?.strip_prefix(prefix).and_then(parse_decimal).ok_or(magic)?;
        if version == 1 {
            return Ok(());
        }
        Err(FormatError::Unsupported { what: self.what, found: format!("version {version}") })
    }

    /// Takes the line `<key> <value>` and gives the value.
    pub(crate) fn field(&mut self, key: &'static str) -> Result<&'a str> {
        let what = self.what;
        value_of(self.take()?, key).ok_or(malformed(what, key))
    }

    /// Takes all lines `<key> <value>` that stand here, at most `max`.
    pub(crate) fn repeated<T>(
        &mut self,
        key: &'static str,
        max: usize,
        mut read: impl FnMut(&'a str) -> Result<T>,
    ) -> Result<Vec<T>> {
        let mut out = Vec::new();
        while let Some(value) = self.peek().and_then(|line| value_of(line, key)) {
            if out.len() == max {
                return Err(FormatError::TooLarge { what: self.what });
            }
            out.push(read(value)?);
            self.take()?;
        }
        Ok(out)
    }

    /// Takes a number that fits `T`, in canonical decimal.
    pub(crate) fn number<T: TryFrom<u64>>(&mut self, key: &'static str) -> Result<T> {
        let what = self.what;
        number(self.field(key)?).ok_or(malformed(what, "a number is expected"))
    }

    /// Nothing may follow.
    pub(crate) fn end(self) -> Result<()> {
        if self.rest.is_empty() { Ok(()) } else { Err(malformed(self.what, "an unknown line")) }
    }
}

fn value_of<'a>(line: &'a str, key: &str) -> Option<&'a str> {
    line.strip_prefix(key)?.strip_prefix(' ').filter(|value| !value.is_empty())
}

/// Canonical decimal that fits `T`.
pub(crate) fn number<T: TryFrom<u64>>(text: &str) -> Option<T> {
    parse_decimal(text).and_then(|n| T::try_from(n).ok())
}

/// A sequence or revision number: 1 to 10¹².
pub(crate) fn ordinal(what: &'static str, text: &str) -> Result<u64> {
    parse_decimal(text)
        .filter(|n| (1..=NUMBER_MAX).contains(n))
        .ok_or(malformed(what, "a number from 1 to 10^12 is expected"))
}

/// Exactly `N` words parted by single spaces.
pub(crate) fn words<'a, const N: usize>(what: &'static str, value: &'a str) -> Result<[&'a str; N]> {
    let wrong = malformed(what, "wrong number of words");
    let mut out = [""; N];
    let mut parts = value.split(' ');
    for slot in &mut out {
        *slot = parts.next().filter(|part| !part.is_empty()).ok_or(wrong.clone())?;
    }
    if parts.next().is_some() { Err(wrong) } else { Ok(out) }
}

/// One word: ASCII letters, digits, `-`, `_`, `.`; begins with a letter or digit; at most 64 bytes.
pub(crate) fn is_word(text: &str) -> bool {
    text.len() <= WORD_MAX_BYTES
        && text.as_bytes().first().is_some_and(u8::is_ascii_alphanumeric)
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.'))
}

/// Reads a [word](is_word).
pub(crate) fn word(what: &'static str, text: &str) -> Result<String> {
    if is_word(text) { Ok(text.to_owned()) } else { Err(malformed(what, "a word is expected")) }
}

/// Reads `-` or space-separated feature names, each once.
pub(crate) fn features(what: &'static str, value: &str) -> Result<Vec<String>> {
    if value == "-" {
        return Ok(Vec::new());
    }
    let mut out: Vec<String> = Vec::new();
    for part in value.split(' ') {
        if out.len() == FEATURES_MAX {
            return Err(FormatError::TooLarge { what });
        }
        if out.iter().any(|known| known == part) {
            return Err(malformed(what, "a feature twice"));
        }
        out.push(word(what, part)?);
    }
    Ok(out)
}

/// Reads the `required` line's features and stops at the first one this program does not know (FORMAT.md §2).
pub(crate) fn required_features(what: &'static str, value: &str) -> Result<Vec<String>> {
    let required = features(what, value)?;
    match required.iter().find(|name| !KNOWN_FEATURES.contains(&name.as_str())) {
        Some(unknown) => Err(FormatError::Unsupported { what, found: unknown.clone() }),
        None => Ok(required),
    }
}

/// Writes features as [`features`] reads them.
pub(crate) fn show_features(features: &[String]) -> String {
    if features.is_empty() { "-".to_owned() } else { features.join(" ") }
}

/// Writes an absent value as `-`.
pub(crate) fn or_dash<T: std::fmt::Display>(value: Option<T>) -> String {
    value.map_or_else(|| "-".to_owned(), |value| value.to_string())
}

/// Reads `-` as absent.
pub(crate) fn dash_or<T>(value: &str, read: impl FnOnce(&str) -> Result<T>) -> Result<Option<T>> {
    if value == "-" { Ok(None) } else { read(value).map(Some) }
}

/// Exactly `N` bytes in lower-case hexadecimal.
pub(crate) fn lower_hex<const N: usize>(text: &str) -> Option<[u8; N]> {
    let lower = text.len() == 2 * N && text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
    let mut out = [0; N];
    (lower && hex::decode_to_slice(text, &mut out).is_ok()).then_some(out)
}

/// Whether no item occurs twice.
pub(crate) fn all_differ<T: Ord>(items: impl Iterator<Item = T>) -> bool {
    let mut seen = std::collections::BTreeSet::new();
    items.into_iter().all(|item| seen.insert(item))
}

/// A closed vocabulary: an enum whose variants are written as fixed words, in texts and in JSON.
macro_rules! closed_words {
    ($(#[$meta:meta])* $Name:ident, $what:literal { $($(#[$doc:meta])* $Variant:ident = $word:literal),* $(,)? }) => {
        $(#[$meta])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum $Name { $($(#[$doc])* $Variant),* }

        impl $Name {
            /// Every variant, in order of declaration.
            pub const ALL: &'static [Self] = &[$(Self::$Variant),*];

            /// The word that stands for it.
            pub fn word(self) -> &'static str {
                match self { $(Self::$Variant => $word),* }
            }

            /// Reads the word.
            pub fn parse(text: &str) -> $crate::error::Result<Self> {
                match text {
                    $($word => Ok(Self::$Variant),)*
                    _ => Err($crate::error::malformed($what, "an unknown word")),
                }
            }
        }

        impl std::fmt::Display for $Name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result { f.write_str(self.word()) }
        }

        impl serde::Serialize for $Name {
            fn serialize<S: serde::Serializer>(&self, to: S) -> std::result::Result<S::Ok, S::Error> {
                to.serialize_str(self.word())
            }
        }

        impl<'de> serde::Deserialize<'de> for $Name {
            fn deserialize<D: serde::Deserializer<'de>>(from: D) -> std::result::Result<Self, D::Error> {
                let text = <String as serde::Deserialize>::deserialize(from)?;
                Self::parse(&text).map_err(serde::de::Error::custom)
            }
        }
    };
}
pub(crate) use closed_words;
