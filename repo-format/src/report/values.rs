//! The values a bilan record may hold. Each refuses what must never be in a record (names, paths, sentences).
//!
//! For: [`super::Record`]. Data comes from the agent. Never: free text.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::error::{Result, malformed};
use crate::id::{DeviceId, RepositoryId, Sha256};
use crate::padme::padme;
use crate::text::{closed_words, is_word};

closed_words! {
    /// Why a fact is not known.
    UnknownWhy, "reason for not knowing" {
        /// Nothing measures it yet.
        NotMeasured = "not-measured",
        /// It is measured later; its delay counts from init.
        NotDue = "not-due",
        /// Nobody configured it.
        NotConfigured = "not-configured",
        /// The store, the server or the clock source did not answer.
        NotReachable = "not-reachable",
        /// The store or the system cannot tell.
        NotSupported = "not-supported",
        /// The credentials do not allow asking.
        Denied = "denied",
        /// The run ended before it was measured.
        Interrupted = "interrupted",
    }
}

/// A value, or why there is none. In JSON the value itself, or `{"unknown":"<reason>"}`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Measured<T> {
    /// Not known.
    Unknown {
        /// Why.
        unknown: UnknownWhy,
    },
    /// Known.
    Known(T),
}

impl<T> Measured<T> {
    /// Not known, and why.
    pub fn unknown(why: UnknownWhy) -> Self {
        Self::Unknown { unknown: why }
    }

    /// The value, where known.
    pub fn known(&self) -> Option<&T> {
        match self {
            Self::Known(value) => Some(value),
            Self::Unknown { .. } => None,
        }
    }
}

impl<T> From<T> for Measured<T> {
    fn from(value: T) -> Self {
        Self::Known(value)
    }
}

/// A byte count rounded up on the Padmé ladder (FORMAT.md §3): exact sizes stay in the seal.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(transparent)]
pub struct RoundedBytes(u64);

impl RoundedBytes {
    /// Rounds an exact count up.
    pub fn from_exact(bytes: u64) -> Self {
        Self(padme(bytes))
    }

    /// The rounded count.
    pub fn bytes(self) -> u64 {
        self.0
    }
}

impl<'de> Deserialize<'de> for RoundedBytes {
    fn deserialize<D: Deserializer<'de>>(from: D) -> std::result::Result<Self, D::Error> {
        let bytes = u64::deserialize(from)?;
        if padme(bytes) == bytes {
            Ok(Self(bytes))
        } else {
            Err(serde::de::Error::custom("not on the ladder"))
        }
    }
}

macro_rules! screened_text {
    ($(#[$meta:meta])* $Name:ident, $what:literal, $sound:ident, $expected:literal) => {
        $(#[$meta])*
        #[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
        #[serde(transparent)]
        pub struct $Name(String);

        impl $Name {
            /// Checks and wraps a text.
            pub fn parse(text: &str) -> Result<Self> {
                if $sound(text) { Ok(Self(text.to_owned())) } else { Err(malformed($what, $expected)) }
            }

            /// The text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $Name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result { f.write_str(&self.0) }
        }

        impl<'de> Deserialize<'de> for $Name {
            fn deserialize<D: Deserializer<'de>>(from: D) -> std::result::Result<Self, D::Error> {
                Self::parse(&String::deserialize(from)?).map_err(serde::de::Error::custom)
            }
        }
    };
}

screened_text! {
    /// A stable code: `a-z`, `0-9`, single `-` between, at most 64 bytes.
    Code, "code", is_code, "lower-case words joined by - expected"
}
screened_text! {
    /// A version, cipher or certificate number: letters, digits and `-_.+`, at most 64 bytes.
    VersionText, "version", is_version, "letters, digits and -_.+ expected"
}
screened_text! {
    /// A neutral label that an operator chose: at most 60 characters, none of `/\@:"<>|?*`, at most six digits (no
    /// path, address, date of birth or social-security number passes).
    Label, "label", is_label, "a neutral label is expected"
}

fn is_code(text: &str) -> bool {
    let parts = || text.split('-');
    text.len() <= 64
        && parts().all(|p| !p.is_empty() && p.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit()))
}

fn is_version(text: &str) -> bool {
    is_word(&text.replace('+', "."))
}

fn is_label(text: &str) -> bool {
    let count = text.chars().count();
    let digits = text.chars().filter(char::is_ascii_digit).count();
    let trimmed = text.trim() == text;
    (1..=60).contains(&count)
        && trimmed
        && digits <= 6
        && text.chars().all(|c| !c.is_control() && !"/\\@:\"<>|?*".contains(c))
}

/// An identifier of this crate, written in JSON as its text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AsText<T>(pub T);

/// Identifiers that [`AsText`] can read.
pub trait FromText: Sized {
    /// Reads the text form.
    fn from_text(text: &str) -> Result<Self>;
}

impl FromText for Sha256 {
    fn from_text(text: &str) -> Result<Self> {
        Self::parse(text)
    }
}

impl FromText for RepositoryId {
    fn from_text(text: &str) -> Result<Self> {
        Self::parse(text)
    }
}

impl FromText for DeviceId {
    fn from_text(text: &str) -> Result<Self> {
        Self::parse(text)
    }
}

impl<T> From<T> for AsText<T> {
    fn from(value: T) -> Self {
        Self(value)
    }
}

impl<T: fmt::Display> Serialize for AsText<T> {
    fn serialize<S: Serializer>(&self, to: S) -> std::result::Result<S::Ok, S::Error> {
        to.collect_str(&self.0)
    }
}

impl<'de, T: FromText> Deserialize<'de> for AsText<T> {
    fn deserialize<D: Deserializer<'de>>(from: D) -> std::result::Result<Self, D::Error> {
        T::from_text(&String::deserialize(from)?).map(Self).map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::{Code, Label, VersionText};

    #[test]
    fn what_could_name_a_person_or_a_path_is_refused() {
        for text in
            ["C:\\Users\\x", "partage/dossier", "a@b.fr", "1 85 05 78 006 084 36", "12.03.1961", "", " x"]
        {
            assert!(Label::parse(text).is_err(), "{text}");
        }
        assert!(Label::parse("Logiciel médical 2026").is_ok());
        assert!(Code::parse("access-denied").is_ok());
        for text in ["Access denied", "-x", "a--b", "é", ""] {
            assert!(Code::parse(text).is_err(), "{text}");
        }
        assert!(VersionText::parse("0.1.0+g12ab").is_ok());
        assert!(VersionText::parse("0.1 beta").is_err());
    }
}
